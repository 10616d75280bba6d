//! What a deployment of AWS is signed with: its own keys, a profile of `~/.aws`, or the variables of the process. The
//! first of them that says anything counts alone, so that nobody signs with one's key and another's token.

mod profiles;

use llm_core::Secret;
use llm_providers::{Parameters, aws_region_of};

use super::Draft;
use crate::environment::Environment;
use profiles::Profiles;

/// Keys, which belong together.
const KEYS: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];

/// Keys of a configuration that choose credentials: then no key of the process's is shown in their place.
pub(super) const CHOICES: [&str; 5] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_profile_name",
    "aws_role_name",
    "aws_web_identity_token",
];

/// Settles the parameters of a deployment.
///
/// # Errors
/// A message, when the profile that it names is none, or one that only AWS's own tools can use.
pub(super) fn settle(
    draft: &Draft<'_>,
    model: &str,
    environment: &Environment,
    parameters: &mut Parameters,
) -> Result<(), String> {
    // A model that lives in one region is asked there.
    if let Some(region) = aws_region_of(model) {
        parameters.set("aws_region_name", Secret::new(region.to_owned()));
    }
    let own = |name: &str| draft.text(name).is_some();
    if KEYS.iter().take(2).any(|name| own(name)) {
        KEYS.iter().filter(|name| !own(name)).for_each(|name| parameters.remove(name));
        return Ok(());
    }
    let identity = own("aws_web_identity_token");
    let profile = draft.text("aws_profile_name");
    if identity || profile.is_some() {
        KEYS.iter().for_each(|name| parameters.remove(name));
    }
    let has_keys = parameters.get("aws_access_key_id").is_some();
    let has_identity = identity || parameters.get("aws_web_identity_token_file").is_some();
    if has_keys || identity || profile.is_none() && has_identity {
        return Ok(());
    }
    let named = parameters.get("aws_profile_name").map(str::to_owned);
    Profiles::read(environment).apply(named.as_deref(), environment, parameters)
}
