//! The token that `aws sso login` left in its cache, renewed while the login lasts (`CreateToken` of IAM Identity Center's
//! OIDC API) and written back, as AWS's own tools do. After "SSO token provider configuration" of the SDKs' reference
//! guide and <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>.

use std::time::{Duration, SystemTime};

use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::{Result, Secret};
use llm_transport::ColdCall;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::{DEADLINE, MOST, none};
use crate::credentials::time;
use crate::files::Files;
use crate::parameters::Parameters;

/// A token is renewed this long before its end.
const EARLY: Duration = Duration::from_secs(5 * 60);

/// One renewal at a time: what renews a token may be good for one time only.
static TURN: Mutex<()> = Mutex::const_new(());

/// Where a login's token is.
#[derive(Clone)]
pub(super) struct Login {
    /// Read each time: people log in again.
    file: String,
    address: String,
    files: Files,
}

/// What the file holds. Members that only other tools know are written back as they were.
struct Cached(Map<String, Value>);

/// What the API answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    access_token: Secret,
    expires_in: u64,
    refresh_token: Option<Secret>,
}

impl Login {
    pub(super) fn new(file: String, region: &str, parameters: &Parameters, files: &Files) -> Self {
        let zone = if region.starts_with("cn-") { ".cn" } else { "" };
        let own = || format!("https://oidc.{region}.amazonaws.com{zone}");
        let endpoint = parameters.get("aws_sso_oidc_endpoint");
        let endpoint = endpoint.map_or_else(own, |endpoint| endpoint.trim_end_matches('/').to_owned());
        Self { file, address: format!("{endpoint}/token"), files: files.clone() }
    }

    /// The token, renewed when it is about to end.
    pub(super) async fn token(&self) -> Result<Secret> {
        if let Some(token) = self.cached()?.token(EARLY)? {
            return Ok(token);
        }
        let _turn = TURN.lock().await;
        // Somebody may have renewed it, or logged in, in the meantime.
        let cached = self.cached()?;
        if let Some(token) = cached.token(EARLY)? {
            return Ok(token);
        }
        match (self.renewed(&cached).await, cached.token(Duration::ZERO)?) {
            (Ok(token), _) | (Err(_), Some(token)) => Ok(token),
            (Err(error), None) => Err(error),
        }
    }

    fn cached(&self) -> Result<Cached> {
        let text =
            self.files.text(&self.file, "sso_session").map_err(|_| none("nobody is logged in here"))?;
        serde_json::from_str(text.expose())
            .map(Cached)
            .map_err(|_| none("what the login left cannot be read"))
    }

    async fn renewed(&self, cached: &Cached) -> Result<Secret> {
        let body = cached.renewal()?.to_string();
        let json = HeaderValue::from_static("application/json");
        let call = ColdCall {
            method: Method::POST,
            url: self.address.clone(),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            body: body.into(),
            size: MOST,
            deadline: DEADLINE,
        };
        let answer = llm_transport::ask(call).await.map_err(|fault| none(fault.message()))?;
        if answer.status != 200 {
            let status = answer.status;
            return Err(none(&format!(
                "the login has ended, and renewing it was answered with status {status}"
            )));
        }
        let given: Given = serde_json::from_slice(&answer.body)
            .map_err(|_| none("the login has ended, and renewing it gave no token"))?;
        // Who cannot write it back has it all the same.
        drop(self.files.replace(&self.file, &cached.with(&given)));
        Ok(given.access_token)
    }
}

impl Cached {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The token, when it lasts for this long.
    fn token(&self, least: Duration) -> Result<Option<Secret>> {
        let (Some(token), Some(end)) = (self.text("accessToken"), self.text("expiresAt")) else {
            return Err(none("what the login left cannot be read"));
        };
        let end = time::read(end).ok_or_else(|| none("the login has no end"))?;
        let lasts = end.duration_since(SystemTime::now()).is_ok_and(|left| left > least);
        Ok(lasts.then(|| Secret::new(token.to_owned())))
    }

    /// The request for a new token: with what the tool that logged in was registered with.
    fn renewal(&self) -> Result<Value> {
        let needed = |name: &str| self.text(name).ok_or_else(|| none("the login has ended"));
        let registered = self.text("registrationExpiresAt").and_then(time::read);
        if registered.is_some_and(|end| end <= SystemTime::now()) {
            return Err(none("the login has ended, and so has the registration that could renew it"));
        }
        Ok(serde_json::json!({
            "clientId": needed("clientId")?,
            "clientSecret": needed("clientSecret")?,
            "grantType": "refresh_token",
            "refreshToken": needed("refreshToken")?,
        }))
    }

    /// The file with a new token.
    fn with(&self, given: &Given) -> String {
        let mut members = self.0.clone();
        let end = SystemTime::now() + Duration::from_secs(given.expires_in.min(u64::from(u32::MAX)));
        members.insert("accessToken".to_owned(), given.access_token.expose().as_str().into());
        members.insert("expiresAt".to_owned(), time::text(end).into());
        if let Some(next) = &given.refresh_token {
            members.insert("refreshToken".to_owned(), next.expose().as_str().into());
        }
        Value::Object(members).to_string()
    }
}
