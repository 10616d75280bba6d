//! Where tokens come from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::RsaKeyPair;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::{Error, Result, Secret};
use llm_transport::ColdCall;
use serde::Deserialize;

use super::{key, refused};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
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
    pub(super) fn read(credentials: Option<&str>) -> Result<(Self, Option<String>)> {
        let Some(text) = credentials else {
            return Ok((Self::Machine { address: MACHINE.to_owned() }, None));
        };
        let wrong = |what: &str| Error::invalid(format!("invalid `vertex_credentials`: {what}"));
        let file: File = serde_json::from_str(text).map_err(|_| {
            wrong("expected the JSON of a service account or of a login").with_param("vertex_credentials")
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
            _ => Err(Error::unsupported(
                "`vertex_credentials` are of a kind that is not supported: give those of a service account or of a \
                 login (`authorized_user`)",
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
                form(&account.address, &[("grant_type", grant), ("assertion", &assertion)])
            }
            Self::Person { body, address } => posted(address, body.expose().clone()),
            Self::Machine { address } => {
                let headers = HeaderMap::from_iter([(FLAVOR, HeaderValue::from_static("Google"))]);
                let body = Bytes::new();
                ColdCall {
                    method: Method::GET,
                    url: address.clone(),
                    headers,
                    body,
                    size: 1 << 20,
                    deadline: PATIENCE,
                }
            }
        };
        self.granted(call).await
    }

    async fn granted(&self, call: ColdCall) -> Result<(Secret, Duration)> {
        let reply = llm_transport::ask(call).await.map_err(|fault| match self {
            Self::Machine { .. } => refused(
                "this machine has none of its own: set `vertex_credentials` or `GOOGLE_APPLICATION_CREDENTIALS`",
            ),
            _ => refused(&format!("Google's token server was not reached: {fault}")),
        })?;
        if reply.status != 200 {
            let why = format!("Google's token server answered with status {}", reply.status);
            return Err(refused(&format!("{why}{}", reason(&reply.body))));
        }
        let granted: Granted = serde_json::from_slice(&reply.body)
            .map_err(|_| refused("the answer of Google's token server is none"))?;
        Ok((granted.access_token, Duration::from_secs(granted.expires_in.unwrap_or(3600))))
    }
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

/// The word for what went wrong, where it is a plain one (`invalid_grant`).
fn reason(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let word = serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.error);
    let plain = |word: &String| {
        word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
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
    Some(Secret::new(encoded(&pairs)))
}

fn form(address: &str, fields: &[(&str, &str)]) -> ColdCall {
    posted(address, encoded(fields))
}

fn posted(address: &str, body: String) -> ColdCall {
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    ColdCall {
        method: Method::POST,
        url: address.to_owned(),
        headers: HeaderMap::from_iter([(CONTENT_TYPE, kind)]),
        body: body.into(),
        size: 1 << 20,
        deadline: PATIENCE,
    }
}

/// `application/x-www-form-urlencoded`.
fn encoded(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        let shown =
            |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.bytes().map(shown).collect::<String>()
    };
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    pairs.join("&")
}
