//! Answers as objects of a store that is asked as S3 is, for all gateways that share the bucket. A rule of the bucket for
//! the life of its objects takes out what is over: nothing else does.

mod listing;

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http::Method;
use llm_core::{AnswerStore, Authenticator, BoxFuture, Result};

use super::service::{Said, Service};
use crate::settings::ObjectSettings;
use listing::Listing;

/// How many objects are taken out at once.
const AT_ONCE: usize = 16;

/// Answers as objects.
pub struct ObjectAnswers {
    service: Service,
    prefix: String,
}

impl fmt::Debug for ObjectAnswers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ObjectAnswers").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl ObjectAnswers {
    /// Prepares to ask for objects; no connection is made.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(settings: &ObjectSettings, signer: Arc<dyn Authenticator>) -> Result<Self> {
        let service = Service::new("the store of objects", &settings.url, settings.timeout)?.signed(signer);
        Ok(Self { service, prefix: format!("{}llm-answers/", settings.prefix) })
    }

    /// The path of an object: letters and digits stand for themselves, so that nobody needs to spell it in another way.
    fn path(&self, key: &str) -> String {
        let mut path = format!("/{}", self.prefix);
        for byte in key.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => path.push(char::from(byte)),
                _ => write!(path, "_{byte:02X}").expect("a string takes all"),
            }
        }
        path
    }

    async fn ask(&self, method: Method, path: String, body: Bytes) -> Result<Said> {
        self.service.ask(method, path, "application/octet-stream", body).await
    }

    async fn find(&self, key: &str) -> Result<Option<Bytes>> {
        let said = self.ask(Method::GET, self.path(key), Bytes::new()).await?;
        match said.status {
            200 => Ok(opened(&said.body)),
            404 => Ok(None),
            _ => Err(self.service.refused(&said)),
        }
    }

    async fn store(&self, key: &str, value: &[u8], life: Option<Duration>) -> Result<()> {
        let ends = life.map_or(u64::MAX, |life| now().saturating_add(milliseconds(life)));
        let mut body = BytesMut::with_capacity(value.len() + 8);
        body.extend_from_slice(&ends.to_le_bytes());
        body.extend_from_slice(value);
        let said = self.ask(Method::PUT, self.path(key), body.freeze()).await?;
        if said.status == 200 { Ok(()) } else { Err(self.service.refused(&said)) }
    }

    /// Whether there was such an object.
    async fn remove(&self, path: String) -> Result<bool> {
        let found = self.ask(Method::HEAD, path.clone(), Bytes::new()).await?;
        if found.status == 404 {
            return Ok(false);
        }
        self.removed(path).await.map(|()| true)
    }

    async fn removed(&self, path: String) -> Result<()> {
        let said = self.ask(Method::DELETE, path, Bytes::new()).await?;
        if matches!(said.status, 200 | 204 | 404) { Ok(()) } else { Err(self.service.refused(&said)) }
    }

    async fn cleared(&self) -> Result<()> {
        let mut after = None;
        loop {
            let query = listing::query(&self.prefix, after.as_deref());
            let said = self.ask(Method::GET, format!("?{query}"), Bytes::new()).await?;
            if said.status != 200 {
                return Err(self.service.refused(&said));
            }
            let listing = Listing::read(&said.body);
            // Names that are not ours are not spelled as ours are, and are left alone.
            let names = listing.keys.into_iter().filter(|name| name.starts_with(&self.prefix));
            let gone = names.map(|name| self.removed(format!("/{name}")));
            stream::iter(gone).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            match listing.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// What an object holds, unless it is over.
fn opened(body: &Bytes) -> Option<Bytes> {
    let ends = u64::from_le_bytes(*body.first_chunk::<8>()?);
    (ends > now()).then(|| body.slice(8..))
}

/// Milliseconds since 1970.
fn now() -> u64 {
    milliseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl AnswerStore for ObjectAnswers {
    fn kind(&self) -> &'static str {
        "s3"
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(self.find(key))
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes, life: Option<Duration>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.store(key, &value, life).await })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut deleted = 0;
            for key in keys {
                deleted += u64::from(self.remove(self.path(key)).await?);
            }
            Ok(deleted)
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.cleared())
    }
}
