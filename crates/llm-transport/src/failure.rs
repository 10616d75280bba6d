//! What the network's errors mean to the layers above. Messages are for clients; the cause goes to the detail.

use std::error::Error as StdError;
use std::io;

use http::HeaderValue;
use llm_core::{Error, ErrorKind, Retry};

/// A connection that could not be made; `step` says how far it came.
pub(crate) fn connecting(step: &str, cause: &io::Error) -> Error {
    let why = match cause.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            "the connection was closed"
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no way there",
        io::ErrorKind::TimedOut => "nobody answered",
        io::ErrorKind::UnexpectedEof => "the connection was closed",
        _ => "the network failed",
    };
    Error::new(ErrorKind::Connection, format!("{step}: {why}")).with_detail(chain(cause))
}

/// A host name without an address.
pub(crate) fn resolving(who: &str, cause: &str) -> Error {
    Error::new(
        ErrorKind::Connection,
        format!("{who} could not be reached: its host name could not be resolved"),
    )
    .with_detail(cause)
}

/// A TLS handshake that failed.
pub(crate) fn securing(who: &str, cause: &io::Error) -> Error {
    let tls = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let why = match tls {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "its certificate is not trusted; add its authority to the trusted ones if it is your own"
        }
        Some(rustls::Error::AlertReceived(_)) => "it refused",
        Some(rustls::Error::NoApplicationProtocol) => "it does not speak the HTTP version that was set",
        Some(_) => "it does not speak TLS as it should",
        None => return connecting(&format!("the TLS handshake with {who} failed"), cause),
    };
    Error::new(ErrorKind::Connection, format!("the TLS handshake with {who} failed: {why}"))
        .with_detail(chain(cause))
}

/// A request that got no head of an answer.
pub(crate) fn exchanging(cause: &hyper::Error) -> Error {
    if cause.is_parse() {
        return Error::bad_answer("the vendor's answer is not HTTP as it should be")
            .with_detail(chain(cause));
    }
    Error::new(ErrorKind::Connection, "the connection to the vendor broke before it answered")
        .with_detail(chain(cause))
}

/// An answer that broke off: never to be taken for a complete one.
pub(crate) fn receiving(cause: &hyper::Error) -> Error {
    let kind = source::<io::Error>(cause).map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => {
            Error::bad_answer("the vendor's answer is malformed in the middle").with_detail(chain(cause))
        }
        _ => Error::new(
            ErrorKind::Connection,
            "the connection to the vendor broke in the middle of its answer, which is incomplete",
        )
        .with_detail(chain(cause)),
    }
}

/// A redirect: following it would let the vendor choose where keys and prompts go.
pub(crate) fn redirected(status: u16, location: Option<&HeaderValue>) -> Error {
    let host = location
        .and_then(|location| location.to_str().ok())
        .and_then(|location| location.parse::<http::Uri>().ok())
        .and_then(|location| location.host().map(str::to_owned))
        .map_or_else(|| "another path".to_owned(), |host| format!("`{host}`"));
    Error::bad_answer(format!(
        "the vendor redirects to {host} (status {status}) and redirects are not followed; \
         set the base url to the final address"
    ))
    .with_retry(Retry::Elsewhere)
}

fn source<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    causes(error).find_map(|cause| cause.downcast_ref::<T>())
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// All levels of an error in one line.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_names_the_host_and_nothing_more() {
        let location = HeaderValue::from_static("https://other.example/login?token=secret");
        let error = redirected(302, Some(&location));
        assert!(error.message().contains("`other.example`"), "{error}");
        assert!(!error.message().contains("secret"), "{error}");
        assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer);
    }

    #[test]
    fn a_redirect_to_nowhere_is_still_an_error() {
        assert!(redirected(304, None).message().contains("304"));
    }
}
