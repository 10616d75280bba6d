//! Keys that the surroundings give: of a container (ECS, EKS Pod Identity), of the machine (EC2, by version 2 of its
//! metadata service) and of a program that a profile names. After the pages "Container credential provider" and "IMDS credential provider" of the SDKs'
//! reference guide (read November 2026).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::Method;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use llm_core::{Error, ErrorKind, Result, Secret};
use llm_transport::ColdCall;
use serde::Deserialize;

use super::sigv4::Keys;
use crate::credentials::kept::Fetched;
use crate::credentials::time;
use crate::files::Files;
use crate::parameters::Parameters;
use crate::programs::Programs;

const CONTAINER: &str = "http://169.254.170.2";
const MACHINE: &str = "http://169.254.169.254";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_LIFE: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");

const SERVICE: &str = "the machine's service";

const DEADLINE: Duration = Duration::from_secs(5);
const MOST: usize = 64 * 1024;

const REMEDY: &str = "set `aws_access_key_id` and `aws_secret_access_key`, `aws_profile_name`, `aws_role_name` with \
                      `aws_web_identity_token`, or a Bedrock API key as `api_key`";

/// The credentials of a container.
#[derive(Clone)]
pub(super) struct Container {
    url: String,
    token: Option<Secret>,
    token_file: Option<String>,
    files: Files,
}

impl Container {
    /// When the surroundings say that there are some.
    pub(super) fn of(parameters: &Parameters, files: &Files) -> Option<Self> {
        let relative = parameters.get("aws_container_credentials_relative_uri");
        let url = relative.map(|path| format!("{CONTAINER}{path}"));
        let url = url.or_else(|| parameters.get("aws_container_credentials_full_uri").map(str::to_owned))?;
        let token = parameters.get("aws_container_authorization_token");
        Some(Self {
            url,
            token: token.map(|token| Secret::new(token.to_owned())),
            token_file: parameters.get("aws_container_authorization_token_file").map(str::to_owned),
            files: files.clone(),
        })
    }

    pub(super) async fn keys(&self) -> Result<Fetched<Arc<Keys>>> {
        let mut headers = HeaderMap::new();
        let token = match &self.token_file {
            Some(file) => Some(self.files.text(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?),
            None => self.token.clone(),
        };
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, secret(token.expose())?);
        }
        read(&ask(Method::GET, self.url.clone(), headers).await?, SERVICE)
    }
}

/// The credentials of the machine's role.
#[derive(Clone)]
pub(super) struct Machine {
    endpoint: String,
}

impl Machine {
    /// # Errors
    /// When the machine is not to be asked, and nothing else gives keys.
    pub(super) fn of(parameters: &Parameters) -> Result<Self> {
        let disabled = parameters.get("aws_ec2_metadata_disabled");
        if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(Error::invalid(format!("there are no AWS credentials: {REMEDY}")));
        }
        let endpoint = parameters.get("aws_ec2_metadata_service_endpoint").unwrap_or(MACHINE);
        Ok(Self { endpoint: endpoint.trim_end_matches('/').to_owned() })
    }

    pub(super) async fn keys(&self) -> Result<Fetched<Arc<Keys>>> {
        let life = HeaderMap::from_iter([(TOKEN_LIFE, HeaderValue::from_static("21600"))]);
        let url = |path: &str| format!("{}{path}", self.endpoint);
        let token = ask(Method::PUT, url("/latest/api/token"), life).await?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let headers = HeaderMap::from_iter([(TOKEN, secret(&token)?)]);
        let roles = ask(Method::GET, url(ROLES), headers.clone()).await?;
        let roles = String::from_utf8_lossy(&roles).into_owned();
        let role = roles.lines().next().map(str::trim).filter(|role| !role.is_empty());
        let role = role.ok_or_else(|| none("the machine has no role"))?;
        read(&ask(Method::GET, url(&format!("{ROLES}{role}")), headers).await?, SERVICE)
    }
}

/// A program of the operator's that writes keys (`credential_process` of a profile).
#[derive(Clone)]
pub(super) struct Process {
    command: Secret,
    programs: Programs,
}

impl Process {
    /// When a profile names one.
    pub(super) fn of(parameters: &Parameters, programs: &Programs) -> Option<Self> {
        let command = Secret::new(parameters.get("aws_credential_process")?.to_owned());
        Some(Self { command, programs: programs.clone() })
    }

    pub(super) async fn keys(&self) -> Result<Fetched<Arc<Keys>>> {
        let written = self.programs.output(self.command.expose(), "credential_process").await?;
        read(written.expose().as_bytes(), "the program of `credential_process`")
    }
}

fn secret(text: &str) -> Result<HeaderValue> {
    let value =
        HeaderValue::from_str(text.trim()).map_err(|_| none("the token for them is no header's value"));
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}

fn none(why: &str) -> Error {
    Error::new(ErrorKind::UpstreamAuth, format!("there are no AWS credentials ({why}): {REMEDY}"))
}

async fn ask(method: Method, url: String, headers: HeaderMap) -> Result<Bytes> {
    let call = ColdCall { method, url, headers, body: Bytes::new(), size: MOST, deadline: DEADLINE };
    let answer = llm_transport::ask(call).await.map_err(|fault| none(fault.message()))?;
    if answer.status != 200 {
        return Err(none(&format!("{SERVICE} answered with status {}", answer.status)));
    }
    Ok(answer.body)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    /// A program calls it by its longer name.
    #[serde(alias = "SessionToken")]
    token: Option<String>,
    expiration: Option<String>,
}

fn read(body: &[u8], whose: &str) -> Result<Fetched<Arc<Keys>>> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| none(&format!("{whose} gave none")))?;
    let end = answer.expiration.as_deref().and_then(time::read);
    let life = end.map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
    let keys = Keys {
        id: answer.access_key_id,
        secret: Secret::new(answer.secret_access_key),
        token: answer.token.map(Secret::new),
    };
    Ok((Arc::new(keys), life))
}
