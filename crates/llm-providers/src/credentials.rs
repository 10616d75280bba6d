//! Credentials that are made for each request, by the kind that a vendor's row names.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "aws")]
mod kept;

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
        #[cfg(feature = "aws")]
        Auth::AwsSigv4 => aws::of(vendor, spec),
        #[cfg(not(feature = "aws"))]
        Auth::AwsSigv4 => Err(llm_core::Error::unsupported(
            "this program was built without signatures of AWS: build it with the feature `aws`",
        )),
        Auth::Bearer | Auth::XApiKey | Auth::ApiKey | Auth::Both | Auth::None => Ok(None),
    }
}
