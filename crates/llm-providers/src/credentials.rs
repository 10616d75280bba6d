//! Credentials that are made for each request, by the kind that a vendor's row names.

mod entra;
mod tokens;

use std::sync::Arc;

use llm_core::{Authenticator, Result};

use crate::providers::DeploymentSpec;
use crate::vendor::{Auth, Vendor};

/// What makes the credentials of a deployment; `None`: its key in a header is all.
///
/// # Errors
/// When the deployment's parameters name no credentials that could work.
pub(crate) fn authenticator(
    vendor: &Vendor,
    spec: &DeploymentSpec,
) -> Result<Option<Arc<dyn Authenticator>>> {
    match spec.auth.unwrap_or(vendor.auth) {
        Auth::Azure => entra::of(spec),
        Auth::Bearer | Auth::XApiKey | Auth::ApiKey | Auth::Both | Auth::None => Ok(None),
    }
}

/// How keys are shown to a host, where hosts of one vendor differ.
pub(crate) fn way_of_keys(auth: Auth, host: &str) -> Auth {
    if auth == Auth::Azure && entra::takes_bearer_keys(host) { Auth::Bearer } else { auth }
}
