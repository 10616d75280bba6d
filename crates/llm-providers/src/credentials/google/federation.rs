//! The token of another identity provider, exchanged for one of Google Cloud's (workload and workforce identity
//! federation), after <https://google.aip.dev/auth/4117> as the client libraries of Google Cloud have it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::{Error, Result, Secret};
use serde::Deserialize;

use super::source::{SCOPE, asked, call, granted, posted};
use super::{bearer, refused};
use crate::credentials::{form, time};
use crate::files::Files;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// How an external account gets tokens.
pub(super) struct Federation {
    file: File,
    place: Place,
    files: Files,
}

/// The file that `gcloud iam workload-identity-pools create-cred-config` writes.
#[derive(Deserialize)]
struct File {
    audience: String,
    subject_token_type: String,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Impersonation,
    credential_source: Option<Source>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    workforce_pool_user_project: Option<String>,
}

#[derive(Default, Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct Source {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    #[serde(default)]
    format: Format,
    environment_id: Option<String>,
}

/// How the other provider's token is written.
#[derive(Default, Deserialize)]
struct Format {
    #[serde(default, rename = "type")]
    kind: Kind,
    subject_token_field_name: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Text,
    Json,
}

/// Where the other provider's token is.
struct Place {
    token: Where,
    /// The member that holds it, where it is in JSON.
    member: Option<String>,
}

enum Where {
    File(String),
    Address(String, HeaderMap),
}

impl Federation {
    /// Reads the JSON of an external account.
    ///
    /// # Errors
    /// When something is missing, or the other provider's token is had in a way that is not supported.
    pub(super) fn read(text: &str, files: &Files) -> Result<Self> {
        let mut file: File = serde_json::from_str(text).map_err(|_| {
            wrong("an external account has `audience`, `subject_token_type`, `token_url` and `credential_source`")
        })?;
        let source = file.credential_source.take().ok_or_else(|| wrong("it has no `credential_source`"))?;
        Ok(Self { file, place: Place::of(source)?, files: files.clone() })
    }

    /// A new token, and how long it lives.
    ///
    /// # Errors
    /// When the other provider's token cannot be had, or Google does not take it.
    pub(super) async fn token(&self) -> Result<(Secret, Duration)> {
        let subject = self.place.token(&self.files).await?;
        let federated = self.exchanged(&subject).await?;
        match &self.file.service_account_impersonation_url {
            Some(address) => self.impersonated(address, &federated.0).await,
            None => Ok(federated),
        }
    }

    async fn exchanged(&self, subject: &Secret) -> Result<(Secret, Duration)> {
        let file = &self.file;
        let options = file.workforce_pool_user_project.as_deref().filter(|_| file.client_id.is_none());
        let options = options.map(|project| serde_json::json!({"userProject": project}).to_string());
        let mut fields = vec![
            ("grant_type", EXCHANGE),
            ("audience", file.audience.as_str()),
            ("scope", SCOPE),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", file.subject_token_type.as_str()),
            ("subject_token", subject.expose().as_str()),
        ];
        fields.extend(options.as_deref().map(|options| ("options", options)));
        let mut call = posted(&file.token_url, form::pairs(&fields));
        if let Some(id) = &file.client_id {
            let secret = file.client_secret.as_ref().map(|secret| secret.expose().as_str());
            let login = format!("{id}:{}", secret.unwrap_or_default());
            let login = sensitive(&format!("Basic {}", STANDARD.encode(login)))?;
            call.headers.insert(AUTHORIZATION, login);
        }
        granted(&asked(call).await?)
    }

    /// A service account's token, for whoever may act as it.
    async fn impersonated(&self, address: &str, federated: &Secret) -> Result<(Secret, Duration)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Given {
            access_token: Secret,
            expire_time: String,
        }
        let life = self.file.service_account_impersonation.token_lifetime_seconds.unwrap_or(3600);
        let body = serde_json::json!({"scope": [SCOPE], "lifetime": format!("{life}s")}).to_string();
        let json = HeaderValue::from_static("application/json");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, json), (AUTHORIZATION, bearer(federated)?)]);
        let answer = asked(call(Method::POST, address, headers, body.into())).await?;
        let given: Given = serde_json::from_slice(&answer)
            .map_err(|_| refused("the answer about the service account holds none"))?;
        let end = time::read(&given.expire_time)
            .ok_or_else(|| refused("the service account's token has no end that can be read"))?;
        Ok((given.access_token, end.duration_since(SystemTime::now()).unwrap_or_default()))
    }
}

impl Place {
    fn of(source: Source) -> Result<Self> {
        let member = match (source.format.kind, source.format.subject_token_field_name) {
            (Kind::Json, None) => {
                return Err(wrong("`credential_source` has no `subject_token_field_name`"));
            }
            (Kind::Json, name) => name,
            (Kind::Text, _) => None,
        };
        let token = match (source.file, source.url) {
            (Some(file), _) => Where::File(file),
            (None, Some(url)) if source.environment_id.is_none() => {
                let headers = source.headers.iter().map(|(name, value)| {
                    let name: HeaderName =
                        name.parse().map_err(|_| wrong("`credential_source` has a header that is none"))?;
                    Ok((name, sensitive(value.expose())?))
                });
                Where::Address(url, headers.collect::<Result<_>>()?)
            }
            _ => {
                return Err(Error::unsupported(
                    "`credential_source` of `vertex_credentials` is of a kind that is not supported: give a `file` or \
                     a `url` that holds the token",
                ));
            }
        };
        Ok(Self { token, member })
    }

    async fn token(&self, files: &Files) -> Result<Secret> {
        let text = match &self.token {
            Where::File(file) => files.text(file, "credential_source")?,
            Where::Address(url, headers) => {
                let call = call(Method::GET, url, headers.clone(), Bytes::new());
                let reply = llm_transport::ask(call).await.map_err(|fault| {
                    refused(&format!("the `credential_source` was not reached: {}", fault.message()))
                })?;
                if reply.status != 200 {
                    let status = reply.status;
                    return Err(refused(&format!("the `credential_source` answered with status {status}")));
                }
                Secret::new(String::from_utf8_lossy(&reply.body).trim().to_owned())
            }
        };
        let Some(member) = &self.member else { return Ok(text) };
        let held: Option<serde_json::Value> = serde_json::from_str(text.expose()).ok();
        let token = held.as_ref().and_then(|held| held.get(member)?.as_str());
        let token =
            token.ok_or_else(|| refused("the `credential_source` holds no `subject_token_field_name`"))?;
        Ok(Secret::new(token.to_owned()))
    }
}

fn sensitive(text: &str) -> Result<HeaderValue> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| wrong("a header of it has letters that none can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn wrong(what: &str) -> Error {
    Error::invalid(format!("invalid `vertex_credentials`: {what}")).with_param("vertex_credentials")
}

#[cfg(test)]
mod tests;
