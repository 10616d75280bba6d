//! Where tokens come from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::RsaKeyPair;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::{Error, Result, Secret};
use llm_transport::ColdCall;
use serde::Deserialize;

use super::federation::Federation;
use super::{key, refused};
use crate::credentials::form;
use crate::files::Files;

pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKENS: &str = "https://oauth2.googleapis.com/token";
const MACHINE: &str =
    "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";
const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

/// How long the wait for a token may be.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where tokens come from.
pub(super) enum Source {
    /// A service account signs for itself.
    Account(Box<Account>),
    /// A person logged in and left a token that others are made of.
    Person { body: Secret, address: String },
    /// The token of another identity provider is exchanged.
    Federated(Box<Federation>),
    /// The machine has an account; its metadata server knows.
    Machine { address: String },
}

/// A service account.
pub(super) struct Account {
    email: String,
    key_id: Option<String>,
    key: RsaKeyPair,
    address: String,
}

/// A credentials file.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    client_email: Option<String>,
    private_key: Option<Secret>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    refresh_token: Option<Secret>,
    quota_project_id: Option<String>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    expires_in: Option<u64>,
}

impl Source {
    /// Reads a credentials file's JSON, with the project that pays for a person's calls.
    ///
    /// # Errors
    /// When it is no credentials of a known kind.
    pub(super) fn read(credentials: Option<&str>, files: &Files) -> Result<(Self, Option<String>)> {
        let Some(text) = credentials else {
            return Ok((Self::Machine { address: MACHINE.to_owned() }, None));
        };
        let wrong = |what: &str| Error::invalid(format!("invalid `vertex_credentials`: {what}"));
        let file: File = serde_json::from_str(text).map_err(|_| {
            wrong("expected the JSON of a service account, a login or an external account")
                .with_param("vertex_credentials")
        })?;
        let address = file.token_uri.clone().unwrap_or_else(|| TOKENS.to_owned());
        match file.kind.as_str() {
            "service_account" => {
                let pem = file.private_key.ok_or_else(|| wrong("it has no `private_key`"))?;
                let email = file.client_email.ok_or_else(|| wrong("it has no `client_email`"))?;
                let key = key::read(pem.expose())?;
                Ok((
                    Self::Account(Box::new(Account { email, key_id: file.private_key_id, key, address })),
                    None,
                ))
            }
            "authorized_user" => {
                let project = file.quota_project_id.clone();
                let body = refresh(file).ok_or_else(|| wrong("it has no `refresh_token`"))?;
                Ok((Self::Person { body, address }, project))
            }
            "external_account" => {
                let federation = Federation::read(text, files)?;
                Ok((Self::Federated(Box::new(federation)), file.quota_project_id))
            }
            _ => Err(Error::unsupported(
                "`vertex_credentials` are of a kind that is not supported: give those of a service account, of a \
                 login (`authorized_user`) or of an external account",
            )),
        }
    }

    /// A new token, and how long it lives.
    pub(super) async fn token(&self) -> Result<(Secret, Duration)> {
        let call = match self {
            Self::Account(account) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let assertion = account.assertion(now)?;
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                posted(&account.address, form::pairs(&[("grant_type", grant), ("assertion", &assertion)]))
            }
            Self::Person { body, address } => posted(address, body.expose().clone()),
            Self::Federated(federation) => return federation.token().await,
            Self::Machine { address } => {
                let headers = HeaderMap::from_iter([(FLAVOR, HeaderValue::from_static("Google"))]);
                call(Method::GET, address, headers, Bytes::new())
            }
        };
        self.granted(call).await
    }

    async fn granted(&self, call: ColdCall) -> Result<(Secret, Duration)> {
        match self {
            Self::Machine { .. } => {
                let none = "this machine has none of its own: set `vertex_credentials` or \
                            `GOOGLE_APPLICATION_CREDENTIALS`";
                granted(&answered(call, |_| refused(none)).await?)
            }
            _ => granted(&asked(call).await?),
        }
    }
}

/// What a token server of Google's answers.
///
/// # Errors
/// When nobody is there, or it refuses.
pub(super) async fn asked(call: ColdCall) -> Result<Bytes> {
    answered(call, |fault| refused(&format!("Google's token server was not reached: {fault}"))).await
}

async fn answered(call: ColdCall, unreached: impl Fn(&Error) -> Error) -> Result<Bytes> {
    let reply = llm_transport::ask(call).await.map_err(|fault| unreached(&fault))?;
    if reply.status != 200 {
        let why = format!("Google's token server answered with status {}", reply.status);
        return Err(refused(&format!("{why}{}", reason(&reply.body))));
    }
    Ok(reply.body)
}

/// The token in an answer, and how long it lives.
pub(super) fn granted(body: &[u8]) -> Result<(Secret, Duration)> {
    let granted: Granted =
        serde_json::from_slice(body).map_err(|_| refused("the answer of Google's token server is none"))?;
    Ok((granted.access_token, Duration::from_secs(granted.expires_in.unwrap_or(3600))))
}

impl Account {
    /// What the account signs to get a token.
    fn assertion(&self, now: u64) -> Result<String> {
        let claims = serde_json::json!({
            "iss": self.email, "scope": SCOPE, "aud": self.address, "iat": now, "exp": now + 3600,
        });
        key::signed(&self.key, self.key_id.as_deref(), &claims)
    }
}

/// The word for what went wrong, where it is a plain one (`invalid_grant`, `PERMISSION_DENIED`).
fn reason(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: Why,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Why {
        Word(String),
        Status { status: String },
    }
    let word = serde_json::from_slice::<Refusal>(body).ok().map(|refusal| match refusal.error {
        Why::Word(word) | Why::Status { status: word } => word,
    });
    let plain = |word: &String| {
        word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
    };
    word.filter(plain).map(|word| format!(" ({word})")).unwrap_or_default()
}

fn refresh(file: File) -> Option<Secret> {
    let fields = [
        ("grant_type", "refresh_token".to_owned()),
        ("client_id", file.client_id?),
        ("client_secret", file.client_secret?.expose().clone()),
        ("refresh_token", file.refresh_token?.expose().clone()),
    ];
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Some(Secret::new(form::pairs(&pairs)))
}

/// A form that is sent to a token server.
pub(super) fn posted(address: &str, body: String) -> ColdCall {
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
    call(Method::POST, address, headers, body.into())
}

/// A call for a token, or for what a token is made of.
pub(super) fn call(method: Method, address: &str, headers: HeaderMap, body: Bytes) -> ColdCall {
    ColdCall { method, url: address.to_owned(), headers, body, size: 1 << 20, deadline: PATIENCE }
}
