//! Google Cloud's tokens: of a service account, of a person's own login, or of the machine that this runs on.
//!
//! After <https://developers.google.com/identity/protocols/oauth2/service-account> and
//! <https://cloud.google.com/compute/docs/access/authenticate-workloads>, read 2026-11-21.

mod key;
mod source;

use std::borrow::Cow;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use llm_core::wire::WireRequest;
use llm_core::{Authenticator, BoxFuture, Error, ErrorKind, Result, Secret};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::parameters::Parameters;
use source::Source;

/// The parameter that holds a credentials file's JSON.
pub(super) const CREDENTIALS: &str = "vertex_credentials";

const PROJECT: &str = "vertex_project";
const USER_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// Tokens are renewed this long before they expire, so that none expires on its way.
const EARLY: Duration = Duration::from_secs(4 * 60);

/// Puts a token on each request.
pub(super) struct Google {
    source: Source,
    /// Who pays for calls of a person's own login.
    user_project: Option<HeaderValue>,
    token: Mutex<Option<Token>>,
    /// One fetches, all others wait for it.
    fetching: tokio::sync::Mutex<()>,
}

/// A token with the end of its life.
#[derive(Clone)]
struct Token {
    header: HeaderValue,
    expires: Instant,
}

impl Token {
    fn new(token: &Secret, life: Duration) -> Result<Self> {
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| refused("its answer holds no token that a header can carry"))?;
        header.set_sensitive(true);
        // A life from outside is believed for a day.
        let life = life.min(Duration::from_secs(24 * 60 * 60));
        Ok(Self { header, expires: Instant::now() + life })
    }

    fn lasts(&self, long: Duration) -> bool {
        self.expires > Instant::now() + long
    }
}

impl Google {
    /// Credentials of a file's JSON; without one, those of the machine.
    ///
    /// # Errors
    /// When the JSON is no credentials of a known kind.
    pub(super) fn new(credentials: Option<&str>) -> Result<Self> {
        let (source, user_project) = Source::read(credentials)?;
        let user_project = user_project.and_then(|project| HeaderValue::from_str(&project).ok());
        Ok(Self { source, user_project, token: Mutex::default(), fetching: tokio::sync::Mutex::default() })
    }

    fn cached(&self, lasts: Duration) -> Option<HeaderValue> {
        self.token.lock().as_ref().filter(|token| token.lasts(lasts)).map(|token| token.header.clone())
    }

    async fn header(&self) -> Result<HeaderValue> {
        if let Some(header) = self.cached(EARLY) {
            return Ok(header);
        }
        let _one = self.fetching.lock().await;
        if let Some(header) = self.cached(EARLY) {
            return Ok(header);
        }
        match self.source.token().await.and_then(|(token, life)| Token::new(&token, life)) {
            Ok(token) => {
                let header = token.header.clone();
                *self.token.lock() = Some(token);
                Ok(header)
            }
            // The old one still works.
            Err(error) => self.cached(Duration::ZERO).ok_or(error),
        }
    }
}

impl Authenticator for Google {
    fn authenticate<'a>(
        &'a self,
        request: &'a mut WireRequest,
        _base_url: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            request.headers.insert(AUTHORIZATION, self.header().await?);
            if let Some(project) = &self.user_project {
                request.headers.insert(USER_PROJECT, project.clone());
            }
            Ok(())
        })
    }

    fn refused(&self) {
        *self.token.lock() = None;
    }
}

/// The parameters with the project that the credentials name, where nobody names one.
pub(super) fn with_project(parameters: &Parameters) -> Cow<'_, Parameters> {
    let named = || {
        let file: serde_json::Value = serde_json::from_str(parameters.get(CREDENTIALS)?).ok()?;
        let project = file.get("project_id").or_else(|| file.get("quota_project_id"))?;
        project.as_str().map(str::to_owned)
    };
    match parameters.get(PROJECT).map_or_else(named, |_| None) {
        Some(project) => {
            let mut completed = parameters.clone();
            completed.set(PROJECT, Secret::new(project));
            Cow::Owned(completed)
        }
        None => Cow::Borrowed(parameters),
    }
}

/// The error of credentials that do not work. It never shows them.
fn refused(why: &str) -> Error {
    Error::new(ErrorKind::UpstreamAuth, format!("no token for the vendor: {why}"))
}

#[cfg(test)]
mod tests;
