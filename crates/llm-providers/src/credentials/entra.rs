//! Tokens of Microsoft Entra: given as they are, for a client's secret, for a workload's token of another identity
//! provider, or for the identity of the machine.
//!
//! - <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
//! - <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
//! - <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>

mod workload;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use llm_core::wire::{WireRequest, WireResponse};
use llm_core::{Authenticator, BoxFuture, Error, ErrorKind, Result, Secret};
use llm_transport::ColdCall;
use serde::Deserialize;

use super::form::{escaped, pairs};
use super::kept::{Fetched, Kept};
use crate::parameters::Parameters;
use crate::providers::DeploymentSpec;
use workload::Workload;

const AUTHORITY: &str = "https://login.microsoftonline.com";
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
const MACHINE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

const DEADLINE: Duration = Duration::from_secs(20);
const MOST: usize = 64 * 1024;

/// Whether keys go to this host as bearer tokens.
#[cfg(feature = "azure")]
pub(super) use llm_providers_azure::place::takes_bearer_keys;
#[cfg(not(feature = "azure"))]
pub(super) fn takes_bearer_keys(_host: &str) -> bool {
    false
}

/// The credential of a deployment; `None`: its key is all, or something in front of the vendor knows one.
pub(super) fn of(spec: &DeploymentSpec) -> Result<Option<Arc<dyn Authenticator>>> {
    let has_key = spec.api_key.as_ref().is_some_and(|key| !key.expose().trim().is_empty());
    if has_key {
        return Ok(None);
    }
    let parameters = &spec.parameters;
    if let Some(token) = parameters.get("azure_ad_token") {
        return Ok(Some(Arc::new(Given(bearer(token)?))));
    }
    let Some(source) = Source::of(spec)? else { return Ok(None) };
    let fetch = move || -> BoxFuture<'static, Result<Fetched<Secret>>> {
        let source = source.clone();
        Box::pin(async move { fetched(source.call()?).await })
    };
    Ok(Some(Arc::new(Asked(Kept::new(fetch)))))
}

/// Where tokens are asked for.
#[derive(Clone)]
enum Source {
    /// By the same call each time.
    Call(ColdCall),
    /// With the token of the day.
    Workload(Workload),
}

impl Source {
    fn of(spec: &DeploymentSpec) -> Result<Option<Self>> {
        let parameters = &spec.parameters;
        let workload = || Workload::of(parameters, &spec.files);
        let chosen = parameters.get("azure_credential").map(str::to_ascii_lowercase);
        match chosen.as_deref() {
            Some("managedidentitycredential") => Ok(Some(Self::Call(of_machine(parameters)?))),
            Some("workloadidentitycredential") => match workload()? {
                Some(workload) => Ok(Some(Self::Workload(workload))),
                None => Err(Error::invalid(
                    "`WorkloadIdentityCredential` needs `azure_federated_token_file`, the file of the workload's token",
                )
                .with_param("azure_federated_token_file")),
            },
            Some("clientsecretcredential") => Ok(of_client(parameters)?.map(Self::Call)),
            Some(kind) => {
                let shown: String = kind.chars().take(64).collect();
                let what = "use `ClientSecretCredential`, `ManagedIdentityCredential` or `WorkloadIdentityCredential`";
                Err(Error::invalid(format!("unknown `azure_credential` `{shown}`: {what}")))
            }
            None => match of_client(parameters)? {
                Some(call) => Ok(Some(Self::Call(call))),
                None => Ok(workload()?.map(Self::Workload)),
            },
        }
    }

    fn call(&self) -> Result<ColdCall> {
        match self {
            Self::Call(call) => Ok(call.clone()),
            Self::Workload(workload) => workload.call(),
        }
    }
}

/// A token that somebody else looks after.
struct Given(HeaderValue);

impl Authenticator for Given {
    fn authenticate<'a>(&'a self, request: &'a mut WireRequest, _: &'a str) -> BoxFuture<'a, Result<()>> {
        request.headers.insert(AUTHORIZATION, self.0.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Tokens that are asked for.
struct Asked(Kept<Secret>);

impl Authenticator for Asked {
    fn authenticate<'a>(&'a self, request: &'a mut WireRequest, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            let token = self.0.get().await?;
            request.headers.insert(AUTHORIZATION, bearer(token.expose())?);
            Ok(())
        })
    }

    fn refused(&self) {
        self.0.forget();
    }
}

fn bearer(token: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| Error::invalid("the token of Microsoft Entra has letters that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The call for a token with a client's secret; `None` when there is no such client.
fn of_client(parameters: &Parameters) -> Result<Option<ColdCall>> {
    let names = ["tenant_id", "client_id", "client_secret"];
    let [tenant, id, secret] = names.map(|name| parameters.get(name));
    let Some(secret) = secret else { return Ok(None) };
    let (Some(tenant), Some(id)) = (tenant, id) else {
        let what = "`client_secret` needs `tenant_id` and `client_id` beside it";
        return Err(Error::invalid(format!("{what}: set them, or set `api_key`")).with_param("client_secret"));
    };
    let scope = parameters.get("azure_scope").unwrap_or(SCOPE);
    let form = pairs(&[
        ("grant_type", "client_credentials"),
        ("client_id", id),
        ("client_secret", secret),
        ("scope", scope),
    ]);
    Ok(Some(posted(parameters.get("azure_authority_host"), tenant, form)))
}

/// A form for the token endpoint of a tenant.
fn posted(host: Option<&str>, tenant: &str, form: String) -> ColdCall {
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    ColdCall {
        method: Method::POST,
        url: format!("{}/{}/oauth2/v2.0/token", authority(host.unwrap_or(AUTHORITY)), escaped(tenant)),
        headers: HeaderMap::from_iter([(CONTENT_TYPE, form_type)]),
        body: Bytes::from(form),
        size: MOST,
        deadline: DEADLINE,
    }
}

/// Azure's own clients take a host without a scheme, too.
fn authority(written: &str) -> String {
    let written = written.trim_end_matches('/');
    if written.contains("://") { written.to_owned() } else { format!("https://{written}") }
}

/// The call for a token of the machine: of its metadata service, or of the service that the platform names.
fn of_machine(parameters: &Parameters) -> Result<ColdCall> {
    let scope = parameters.get("azure_scope").unwrap_or(SCOPE);
    let resource = scope.strip_suffix("/.default").unwrap_or(scope);
    let platform = parameters.get("identity_endpoint").zip(parameters.get("identity_header"));
    let (endpoint, version, name, value) = match platform {
        Some((endpoint, secret)) => (endpoint, "2019-08-01", "x-identity-header", secret),
        None => (MACHINE, "2018-02-01", "metadata", "true"),
    };
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Error::invalid("`identity_header` has letters that no header can carry"))?;
    value.set_sensitive(true);
    let mut query = vec![("api-version", version), ("resource", resource)];
    query.extend(parameters.get("client_id").map(|id| ("client_id", id)));
    Ok(ColdCall {
        method: Method::GET,
        url: format!("{endpoint}?{}", pairs(&query)),
        headers: HeaderMap::from_iter([(HeaderName::from_static(name), value)]),
        body: Bytes::new(),
        size: MOST,
        deadline: DEADLINE,
    })
}

async fn fetched(call: ColdCall) -> Result<Fetched<Secret>> {
    let reply = llm_transport::ask(call).await.map_err(|fault| {
        let what = format!("no token of Microsoft Entra: {}", fault.message());
        let error = Error::new(fault.kind(), what);
        match fault.detail() {
            Some(detail) => error.with_detail(detail.to_owned()),
            None => error,
        }
    })?;
    token(&reply)
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    expires_in: Seconds,
}

/// A number from the identity platform, a text of digits from machines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

fn token(reply: &WireResponse) -> Result<Fetched<Secret>> {
    if reply.status != 200 {
        return Err(refusal(reply));
    }
    let granted: Granted = serde_json::from_slice(&reply.body).map_err(|_| {
        Error::new(ErrorKind::UpstreamAuth, "no token of Microsoft Entra: its answer has none")
    })?;
    let seconds = match granted.expires_in {
        Seconds::Number(seconds) => Some(seconds),
        Seconds::Text(text) => text.parse().ok(),
    };
    // A day at most is believed, and a minute where nothing can be read.
    let lifetime = Duration::from_secs(seconds.unwrap_or(60).min(24 * 60 * 60));
    Ok((granted.access_token, Some(lifetime)))
}

/// The words of a refusal that name no one: its kind, and the number that the documentation lists.
fn refusal(reply: &WireResponse) -> Error {
    let refused: Refused = serde_json::from_slice(&reply.body).unwrap_or_default();
    let number = refused.error_description.split([':', ' ']).next().filter(|word| word.starts_with("AADSTS"));
    let words = [Some(refused.error.as_str()), number];
    let plain = |word: &&str| {
        !word.is_empty()
            && word.len() <= 64
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let said: Vec<&str> = words.into_iter().flatten().filter(plain).collect();
    let said = if said.is_empty() { format!("status {}", reply.status) } else { said.join(" ") };
    let kind = if reply.status >= 500 || reply.status == 429 {
        ErrorKind::Overloaded
    } else {
        ErrorKind::UpstreamAuth
    };
    let remedy = "check `tenant_id`, `client_id`, the secret or token and `azure_scope`";
    Error::new(kind, format!("no token of Microsoft Entra ({said}): {remedy}"))
}

#[cfg(test)]
mod tests;
