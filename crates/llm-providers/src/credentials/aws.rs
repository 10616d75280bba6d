//! AWS: signatures (version 4) of each request, with keys that are given, or fetched and renewed: of a container, of the
//! machine, of a web identity, of a person's login, of a program, of an assumed role. A Bedrock API key is a bearer token and needs none of this.

mod metadata;
mod sigv4;
mod sources;
mod sso;
mod sts;

use std::sync::Arc;
use std::time::SystemTime;

use llm_core::wire::WireRequest;
use llm_core::{Authenticator, BoxFuture, Error, Result};

use super::kept::Kept;
use crate::files::Files;
use crate::parameters::{Parameters, Settled};
use crate::programs::Programs;
use crate::providers::DeploymentSpec;
use crate::vendor::Vendor;
use sigv4::Keys;
use sources::Source;

/// Signs with the keys of one deployment.
struct Aws {
    region: String,
    service: String,
    keys: Kept<Arc<Keys>>,
}

/// The signer of a deployment; `None`: it has an API key.
///
/// # Errors
/// When the region or a part of the credentials is missing.
pub(super) fn of(vendor: &Vendor, spec: &DeploymentSpec) -> Result<Option<Arc<dyn Authenticator>>> {
    if spec.api_key.as_ref().is_some_and(|key| !key.expose().trim().is_empty()) {
        return Ok(None);
    }
    let settled = Settled::new(vendor, &spec.parameters);
    let service = settled.get("aws_service").ok_or_else(|| {
        Error::invalid(format!("vendor `{}` signs requests and names no `aws_service`", vendor.name))
    })?;
    let base = spec.api_base.as_deref();
    let base = base.or_else(|| settled.get(vendor.base_parameter.as_deref()?));
    let region = settled.get("aws_region_name").or_else(|| region_of(base?)).ok_or_else(|| {
        let what = "needs `aws_region_name`: set it or `AWS_REGION`";
        Error::invalid(format!("vendor `{}` {what}", vendor.name)).with_param("aws_region_name")
    })?;
    let source = Source::of(&spec.parameters, &spec.files, &spec.programs, region)?;
    let keys = Kept::new(move || {
        let source = source.clone();
        Box::pin(async move { source.keys().await })
    });
    Ok(Some(Arc::new(Aws { region: region.to_owned(), service: service.to_owned(), keys })))
}

/// A signer of requests to a service of AWS that is no vendor's, with the credentials that `parameters` name, or those of
/// this machine.
///
/// # Errors
/// When a part of the credentials is missing.
pub(crate) fn signer(
    service: &str,
    region: &str,
    parameters: &Parameters,
    (files, programs): (&Files, &Programs),
) -> Result<Arc<dyn Authenticator>> {
    let source = Source::of(parameters, files, programs, region)?;
    let keys = Kept::new(move || {
        let source = source.clone();
        Box::pin(async move { source.keys().await })
    });
    Ok(Arc::new(Aws { region: region.to_owned(), service: service.to_owned(), keys }))
}

/// The region in a host of AWS (`bedrock-runtime.eu-west-1.amazonaws.com`).
fn region_of(base: &str) -> Option<&str> {
    let host = crate::base_url::host(base)?;
    let (before, _) = host.split_once(".amazonaws.com")?;
    before.rsplit_once('.').map(|(_, region)| region)
}

impl Authenticator for Aws {
    fn authenticate<'a>(
        &'a self,
        request: &'a mut WireRequest,
        base_url: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let keys = self.keys.get().await?;
            let scope = sigv4::Scope { region: &self.region, service: &self.service };
            sigv4::sign(request, base_url, &keys, scope, SystemTime::now())
        })
    }

    fn refused(&self) {
        self.keys.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_read_off_hosts() {
        assert_eq!(region_of("https://bedrock-runtime.eu-west-1.amazonaws.com"), Some("eu-west-1"));
        assert_eq!(region_of("https://runtime.sagemaker.us-east-1.amazonaws.com/x"), Some("us-east-1"));
        assert_eq!(region_of("http://127.0.0.1:9000"), None);
    }
}
