//! Refusals that Azure has beside those of the format.

use llm_core::{Error, ErrorKind, Fault, Retry};

/// Puts the remedy to what the format's own reading made of a refusal.
pub(crate) fn explained(error: Error) -> Error {
    let says = |words: &str| error.message().to_ascii_lowercase().contains(words);
    // A wrong path is answered like a missing thing, without saying which part of it is wrong.
    if error.kind() == ErrorKind::UpstreamNotFound && says("resource not found") {
        let message =
            format!("{}: check the deployment's name, `api_base` and `api_version`", error.message());
        return error.with_message(message);
    }
    // The gateway chose the version, not its client; another deployment may have a better one.
    if error.kind() == ErrorKind::InvalidRequest && says("api-version") {
        let message = format!("{}: check `api_version`", error.message());
        return error.with_message(message).with_fault(Fault::Gateway).with_retry(Retry::Elsewhere);
    }
    error
}
