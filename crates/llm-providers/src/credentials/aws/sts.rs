//! Temporary keys of the Security Token Service: `AssumeRole` and `AssumeRoleWithWebIdentity`, after its API reference
//! (read November 2026).

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::scrub::scrub;
use llm_core::wire::{WireRequest, WireResponse};
use llm_core::{Error, ErrorKind, Result, Secret};
use llm_transport::ColdCall;
use serde::Deserialize;

use super::sigv4::{self, Keys, Scope};
use crate::credentials::kept::Fetched;
use crate::credentials::time;
use crate::files::Files;
use crate::parameters::Parameters;

const DEADLINE: Duration = Duration::from_secs(20);
const MOST: usize = 256 * 1024;
const SESSION: &str = "llm-gateway";

/// The service, in one region.
#[derive(Clone)]
pub(super) struct Sts {
    endpoint: String,
    region: String,
}

/// A role to assume. Its names are those of profiles.
#[derive(Clone, Deserialize)]
pub(super) struct Role {
    #[serde(rename = "role_arn")]
    pub(super) arn: String,
    #[serde(rename = "role_session_name", default = "session")]
    session: String,
    external_id: Option<Secret>,
}

fn session() -> String {
    SESSION.to_owned()
}

impl Role {
    /// The roles that a deployment assumes, each with the keys of the one before: those of its profile
    /// (`aws_role_chain`, a list of JSON), then its own.
    ///
    /// # Errors
    /// When the list is none.
    pub(super) fn all_of(parameters: &Parameters) -> Result<Vec<Self>> {
        let mut roles: Vec<Self> = match parameters.get("aws_role_chain") {
            Some(chain) => serde_json::from_str(chain).map_err(|_| {
                Error::invalid("`aws_role_chain` is no list of roles").with_param("aws_role_chain")
            })?,
            None => Vec::new(),
        };
        roles.extend(parameters.get("aws_role_name").map(|arn| Self::named(arn, parameters)));
        Ok(roles)
    }

    /// A role by its ARN.
    pub(super) fn named(arn: &str, parameters: &Parameters) -> Self {
        Self {
            arn: arn.to_owned(),
            session: parameters.get("aws_session_name").unwrap_or(SESSION).to_owned(),
            external_id: parameters.get("aws_external_id").map(|id| Secret::new(id.to_owned())),
        }
    }
}

/// A token of another identity provider, and the role that it is for.
#[derive(Clone)]
pub(super) struct WebIdentity {
    token: Token,
    role: Role,
    files: Files,
}

#[derive(Clone)]
enum Token {
    Given(Secret),
    /// Read each time: whoever writes it replaces it before it expires.
    File(String),
}

impl WebIdentity {
    /// A token, or the file that holds it.
    pub(super) fn new(token: &str, role: Role, files: &Files) -> Self {
        if token.starts_with(['/', '.', '~']) {
            return Self::of_file(token, role, files);
        }
        Self { token: Token::Given(Secret::new(token.to_owned())), role, files: files.clone() }
    }

    /// The file that holds a token.
    pub(super) fn of_file(file: &str, role: Role, files: &Files) -> Self {
        Self { token: Token::File(file.to_owned()), role, files: files.clone() }
    }

    fn token(&self) -> Result<Secret> {
        match &self.token {
            Token::Given(token) => Ok(token.clone()),
            Token::File(file) => self.files.text(file, "aws_web_identity_token"),
        }
    }
}

impl Sts {
    pub(super) fn new(endpoint: Option<&str>, region: &str) -> Self {
        let zone = if region.starts_with("cn-") { ".cn" } else { "" };
        let own = || format!("https://sts.{region}.amazonaws.com{zone}");
        let endpoint = endpoint.map_or_else(own, |endpoint| endpoint.trim_end_matches('/').to_owned());
        Self { endpoint, region: region.to_owned() }
    }

    /// Keys of a role, for those who may assume it.
    pub(super) async fn assume(&self, role: &Role, keys: &Keys) -> Result<Fetched<Arc<Keys>>> {
        let mut form = Form::new("AssumeRole", role);
        if let Some(id) = &role.external_id {
            form.field("ExternalId", id.expose());
        }
        let mut request = form.request();
        let scope = Scope { region: &self.region, service: "sts" };
        sigv4::sign(&mut request, &self.endpoint, keys, scope, SystemTime::now())?;
        self.ask(request).await
    }

    /// Keys of a role, for the holder of a token. Nothing is signed.
    pub(super) async fn with_web_identity(&self, identity: &WebIdentity) -> Result<Fetched<Arc<Keys>>> {
        let mut form = Form::new("AssumeRoleWithWebIdentity", &identity.role);
        form.field("WebIdentityToken", identity.token()?.expose());
        self.ask(form.request()).await
    }

    async fn ask(&self, request: WireRequest) -> Result<Fetched<Arc<Keys>>> {
        let call = ColdCall {
            method: request.method,
            url: format!("{}{}", self.endpoint, request.path),
            headers: request.headers,
            body: request.body.joined(),
            size: MOST,
            deadline: DEADLINE,
        };
        let answer = llm_transport::ask(call).await.map_err(|fault| {
            Error::new(ErrorKind::UpstreamAuth, format!("no AWS credentials from STS: {}", fault.message()))
        })?;
        read(&answer)
    }
}

/// The body of a call.
struct Form(String);

impl Form {
    fn new(action: &str, role: &Role) -> Self {
        let mut form = Self(format!("Action={action}&Version=2011-06-15"));
        form.field("RoleArn", &role.arn);
        form.field("RoleSessionName", &role.session);
        form
    }

    fn field(&mut self, name: &str, value: &str) {
        write!(self.0, "&{name}=").expect("a string takes all");
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                self.0.push(char::from(byte));
            } else {
                write!(self.0, "%{byte:02X}").expect("a string takes all");
            }
        }
    }

    fn request(self) -> WireRequest {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, form)]);
        WireRequest { method: Method::POST, path: "/".to_owned(), headers, body: self.0.into_bytes().into() }
    }
}

/// Reads the answer, whose names stand once in it.
fn read(answer: &WireResponse) -> Result<Fetched<Arc<Keys>>> {
    let text = String::from_utf8_lossy(&answer.body);
    let refused = |why: &str| {
        Error::new(ErrorKind::UpstreamAuth, format!("no AWS credentials from STS: {}", scrub(why)))
            .with_detail(format!("status {}", answer.status))
    };
    if answer.status != 200 {
        let code = element(&text, "Code").unwrap_or("it refused");
        return Err(refused(&format!("{code}: {}", element(&text, "Message").unwrap_or_default())));
    }
    let needed = |name| element(&text, name).ok_or_else(|| refused("its answer holds none"));
    let keys = Keys {
        id: needed("AccessKeyId")?.to_owned(),
        secret: Secret::new(needed("SecretAccessKey")?.to_owned()),
        token: Some(Secret::new(needed("SessionToken")?.to_owned())),
    };
    let end = time::read(needed("Expiration")?).ok_or_else(|| refused("its answer has no end"))?;
    let life = end.duration_since(SystemTime::now()).unwrap_or_default();
    Ok((Arc::new(keys), Some(life)))
}

/// What stands between the tags of a name. Keys and tokens have no letters that XML escapes.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(value, _)| value.trim())
}
