//! A store of answers that is asked over HTTP. One that could not be reached is left alone for a while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Method};
use llm_core::provider::Deadlines;
use llm_core::wire::WireRequest;
use llm_core::{Authenticator, Error, Result};
use llm_transport::{Options, Upstream};
use parking_lot::Mutex;
use tokio::time::timeout;

/// How long a store that could not be reached is not asked.
const REST: Duration = Duration::from_secs(5);

/// The most bytes of an answer of it: some answers of vendors, spelled in base64.
const LARGEST: usize = 80 << 20;

/// A store, with what every request to it has.
pub(super) struct Service {
    name: &'static str,
    upstream: Arc<Upstream>,
    headers: HeaderMap,
    signer: Option<Arc<dyn Authenticator>>,
    timeout: Duration,
    /// Until then nobody asks it.
    rests: Mutex<Option<Instant>>,
}

/// What the store says.
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Service {
    /// A store at an address; no connection is made.
    ///
    /// # Errors
    /// When the address is none.
    pub(super) fn new(name: &'static str, url: &str, timeout: Duration) -> Result<Self> {
        let options = Options { max_body: LARGEST, connect_timeout: timeout, ..Options::default() };
        let upstream = Upstream::new(url, &options)?;
        Ok(Self { name, upstream, headers: HeaderMap::new(), signer: None, timeout, rests: Mutex::default() })
    }

    /// With headers for every request.
    #[cfg(feature = "qdrant")]
    pub(super) fn with_headers(self, headers: HeaderMap) -> Self {
        Self { headers, ..self }
    }

    /// With somebody who signs every request.
    #[cfg(feature = "s3")]
    pub(super) fn signed(self, signer: Arc<dyn Authenticator>) -> Self {
        Self { signer: Some(signer), ..self }
    }

    /// What the store says to a request, whatever its status.
    ///
    /// # Errors
    /// When it did not answer in time, or a moment ago did not.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: String,
        kind: &'static str,
        body: Bytes,
    ) -> Result<Said> {
        if self.rests.lock().is_some_and(|until| Instant::now() < until) {
            return Err(self.gone());
        }
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let request = WireRequest { method, path, headers, body: body.into() };
        let said = timeout(self.timeout, self.exchange(request)).await.unwrap_or_else(|_| Err(self.gone()));
        if said.is_err() {
            *self.rests.lock() = Instant::now().checked_add(REST);
        }
        said
    }

    async fn exchange(&self, mut request: WireRequest) -> Result<Said> {
        if let Some(signer) = &self.signer {
            signer.authenticate(&mut request, self.upstream.base_url()).await?;
        }
        let reply =
            self.upstream.send(request, &Deadlines::default()).await.map_err(|error| self.failed(&error))?;
        let status = reply.status;
        let body = reply.body.collect().await.map_err(|error| self.failed(&error))?;
        if status == 403
            && let Some(signer) = &self.signer
        {
            signer.refused();
        }
        Ok(Said { status, body })
    }

    /// What a status that should not be means.
    pub(super) fn refused(&self, said: &Said) -> Error {
        Error::internal(format!("{} answered with status {}", self.name, said.status))
    }

    fn gone(&self) -> Error {
        Error::internal(format!("{} does not answer", self.name))
    }

    fn failed(&self, error: &Error) -> Error {
        let gone = self.gone();
        match error.detail() {
            Some(detail) => gone.with_detail(detail.to_owned()),
            None => gone,
        }
    }
}
