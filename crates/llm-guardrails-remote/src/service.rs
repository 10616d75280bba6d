//! A service that is asked over HTTP, its connections kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::provider::Deadlines;
use llm_core::wire::WireRequest;
use llm_core::{Authenticator, Error, ErrorKind, Result};
use llm_transport::{Options, Upstream};
use serde_json::{Map, Value};

/// The most bytes of a verdict.
const LARGEST: usize = 16 << 20;

/// A service, with what every request to it has.
pub(crate) struct Service {
    upstream: Arc<Upstream>,
    path: String,
    headers: HeaderMap,
    timeout: Duration,
    signer: Option<Arc<dyn Authenticator>>,
}

impl Service {
    /// A service that takes POST requests at a path below an address.
    pub(crate) fn new(base: &str, path: &str, timeout: Duration) -> Result<Self, String> {
        let options = Options { max_body: LARGEST, connect_timeout: timeout, ..Options::default() };
        let upstream = Upstream::new(base, &options).map_err(|error| error.message().to_owned())?;
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Ok(Self { upstream, path: path.to_owned(), headers, timeout, signer: None })
    }

    #[must_use]
    pub(crate) fn signed(self, signer: Arc<dyn Authenticator>) -> Self {
        Self { signer: Some(signer), ..self }
    }

    pub(crate) fn bearer(self, key: &str) -> Result<Self, String> {
        self.header(AUTHORIZATION, &format!("Bearer {key}"))
    }

    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, String> {
        let mut value = HeaderValue::try_from(value).map_err(|_| format!("`{name}` cannot be a header"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Headers of the configuration.
    pub(crate) fn headers(mut self, headers: Map<String, Value>) -> Result<Self, String> {
        for (name, value) in headers {
            let wrong = || format!("`headers` has one that is none: `{}`", name.escape_debug());
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            self = self.header(parsed, value.as_str().ok_or_else(wrong)?)?;
        }
        Ok(self)
    }

    /// What the service says to a question.
    ///
    /// # Errors
    /// When it could not be asked, did not answer in time, refused, or did not answer with JSON.
    pub(crate) async fn ask(&self, question: &Value) -> Result<Value> {
        let mut request = WireRequest {
            method: Method::POST,
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: Bytes::from(question.to_string()).into(),
        };
        if let Some(signer) = &self.signer {
            signer.authenticate(&mut request, self.upstream.base_url()).await?;
        }
        let total = Instant::now().checked_add(self.timeout);
        let deadlines = Deadlines { total, ..Deadlines::default() };
        let reply = self.upstream.send(request, &deadlines).await?;
        let status = reply.status;
        let body = reply.body.collect().await?;
        if !(200..300).contains(&status) {
            let message = format!("the service answered with status {status}");
            return Err(Error::new(ErrorKind::UpstreamFailure, message));
        }
        serde_json::from_slice(&body).map_err(|_| strange())
    }
}

/// An answer that is none.
pub(crate) fn strange() -> Error {
    Error::new(ErrorKind::BadUpstreamAnswer, "the service's answer is not what its contract says")
}
