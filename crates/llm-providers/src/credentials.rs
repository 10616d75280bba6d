//! Credentials that are made for each request, by the kind that a vendor's row names.

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
        Auth::Bearer | Auth::XApiKey | Auth::ApiKey | Auth::Both | Auth::None => Ok(None),
    }
}
