//! Google Cloud's tokens: of a service account, of a person's own login, for the token of another identity provider, or
//! of the machine that this runs on.
//!
//! After <https://developers.google.com/identity/protocols/oauth2/service-account> and
//! <https://cloud.google.com/compute/docs/access/authenticate-workloads>.

mod federation;
mod key;
mod source;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use llm_core::wire::WireRequest;
use llm_core::{Authenticator, BoxFuture, Error, ErrorKind, Result, Secret};

use super::kept::Kept;
use crate::files::Files;
use crate::parameters::Parameters;
use source::Source;

/// The parameter that holds a credentials file's JSON.
pub(super) const CREDENTIALS: &str = "vertex_credentials";

const PROJECT: &str = "vertex_project";
const USER_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// A life from outside is believed for a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Puts a token on each request.
pub(super) struct Google {
    token: Kept<HeaderValue>,
    /// Who pays, where the credentials are of no project.
    user_project: Option<HeaderValue>,
}

fn bearer(token: &Secret) -> Result<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        .map_err(|_| refused("its answer holds no token that a header can carry"))?;
    header.set_sensitive(true);
    Ok(header)
}

impl Google {
    /// Credentials of a file's JSON; without one, those of the machine.
    ///
    /// # Errors
    /// When the JSON is no credentials of a known kind.
    pub(super) fn new(credentials: Option<&str>, files: &Files) -> Result<Self> {
        let (source, user_project) = Source::read(credentials, files)?;
        let user_project = user_project.and_then(|project| HeaderValue::from_str(&project).ok());
        let source = Arc::new(source);
        let token = Kept::new(move || {
            let source = Arc::clone(&source);
            Box::pin(async move {
                let (token, life) = source.token().await?;
                Ok((bearer(&token)?, Some(life.min(LONGEST))))
            })
        });
        Ok(Self { token, user_project })
    }
}

impl Authenticator for Google {
    fn authenticate<'a>(
        &'a self,
        request: &'a mut WireRequest,
        _base_url: &'a str,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            request.headers.insert(AUTHORIZATION, self.token.get().await?);
            if let Some(project) = &self.user_project {
                request.headers.insert(USER_PROJECT, project.clone());
            }
            Ok(())
        })
    }

    fn refused(&self) {
        self.token.forget();
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
