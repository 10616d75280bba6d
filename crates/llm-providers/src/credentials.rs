//! Credentials that are made for each request, by the kind that a vendor's row names.

#[cfg(feature = "aws")]
mod aws;
mod entra;
mod form;
#[cfg(feature = "gemini")]
mod google;
mod kept;
#[cfg(any(feature = "aws", feature = "gemini"))]
mod time;

use std::borrow::Cow;
use std::sync::Arc;

use llm_core::{Authenticator, Result};

use crate::files::Files;
use crate::parameters::Parameters;
use crate::programs::Programs;
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
        Auth::Azure => entra::of(spec),
        Auth::Bearer | Auth::XApiKey | Auth::ApiKey | Auth::XGoogApiKey | Auth::Both | Auth::None => Ok(None),
        #[cfg(feature = "gemini")]
        Auth::Google if !crate::providers::has_key(spec) => {
            google::Google::new(spec.parameters.get(google::CREDENTIALS), &spec.files)
                .map(|made| Some(Arc::new(made) as _))
        }
        Auth::Google => Ok(None),
    }
}

/// What signs requests to a service of AWS that is no vendor's, such as the store of objects, with the credentials that
/// `parameters` name (`aws_access_key_id` …), or those of this machine.
///
/// # Errors
/// When a part of the credentials is missing, or this program was built without signatures.
pub fn aws_signer(
    service: &str,
    region: &str,
    parameters: &Parameters,
    hands: (&Files, &Programs),
) -> Result<Arc<dyn Authenticator>> {
    #[cfg(feature = "aws")]
    return aws::signer(service, region, parameters, hands);
    #[cfg(not(feature = "aws"))]
    {
        let _ = (service, region, parameters, hands);
        Err(llm_core::Error::unsupported(
            "this program was built without signatures of AWS: build it with the feature `aws`",
        ))
    }
}

/// The parameters with what the credentials among them tell.
pub(crate) fn completed<'a>(vendor: &Vendor, parameters: &'a Parameters) -> Cow<'a, Parameters> {
    #[cfg(feature = "gemini")]
    if vendor.auth == Auth::Google {
        return google::with_project(parameters);
    }
    let _ = vendor;
    Cow::Borrowed(parameters)
}

/// How keys are shown to a host, where hosts of one vendor differ.
pub(crate) fn way_of_keys(auth: Auth, host: &str) -> Auth {
    if auth == Auth::Azure && entra::takes_bearer_keys(host) { Auth::Bearer } else { auth }
}
