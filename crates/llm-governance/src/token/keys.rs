//! The keys of an identity provider in memory: fetched when they are needed, and again when they are old or changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use llm_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;

use super::key_set::{Document, KeySet};

/// How often a token with an unknown key may make the gateway ask.
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Where documents of identity providers come from.
pub trait KeySource: Send + Sync + 'static {
    /// The document at this address, which the configuration names. An error says why there is none.
    fn fetch<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>>;
}

/// The keys at one address.
pub(super) struct Keys {
    address: String,
    known: ArcSwapOption<Known>,
    /// When somebody asked last; held by the one that asks.
    asked: Mutex<Option<Instant>>,
    time_to_live: Duration,
}

struct Known {
    keys: Arc<KeySet>,
    since: Instant,
}

impl Keys {
    pub(super) fn new(address: String, time_to_live: Duration) -> Self {
        Self { address, known: ArcSwapOption::empty(), asked: Mutex::new(None), time_to_live }
    }

    /// Keys among which one has this id, where there is such a key: a provider that changes its keys is asked again,
    /// but not by every token that somebody invents. Old keys serve while it cannot be asked.
    ///
    /// # Errors
    /// [`ErrorKind::Overloaded`] when there are no keys at all.
    pub(super) async fn with(&self, key_id: Option<&str>, source: &dyn KeySource) -> Result<Arc<KeySet>> {
        if let Some(keys) = self.good(key_id) {
            return Ok(keys);
        }
        let mut asked = self.asked.lock().await;
        if let Some(keys) = self.good(key_id) {
            return Ok(keys);
        }
        let old = self.known.load_full();
        if let Some(old) = &old
            && asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN)
        {
            return Ok(Arc::clone(&old.keys));
        }
        *asked = Some(Instant::now());
        match (fetch(&self.address, source).await, old) {
            (Ok(keys), _) => {
                let keys = Arc::new(keys);
                self.known.store(Some(Arc::new(Known { keys: Arc::clone(&keys), since: Instant::now() })));
                Ok(keys)
            }
            (Err(reason), Some(old)) => {
                tracing::warn!(
                    address = self.address,
                    reason,
                    "keys of an identity provider are not renewed"
                );
                Ok(Arc::clone(&old.keys))
            }
            (Err(reason), None) => {
                // The next token asks again: nothing is known that could be used.
                *asked = None;
                let message =
                    "the keys of the identity provider cannot be fetched now: try again in a moment";
                let detail = format!("{}: {reason}", self.address);
                Err(Error::new(ErrorKind::Overloaded, message).with_type("auth_error").with_detail(detail))
            }
        }
    }

    fn good(&self, key_id: Option<&str>) -> Option<Arc<KeySet>> {
        let known = self.known.load();
        let known = known.as_ref()?;
        let is_good = known.since.elapsed() < self.time_to_live && known.keys.has(key_id);
        is_good.then(|| Arc::clone(&known.keys))
    }
}

async fn fetch(address: &str, source: &dyn KeySource) -> Result<KeySet, String> {
    let document = source.fetch(address).await?;
    let elsewhere = match KeySet::read(&document)? {
        Document::Keys(keys) => return Ok(keys),
        Document::Elsewhere(address) => address,
    };
    if address.starts_with("https:") && !elsewhere.starts_with("https:") {
        return Err("its `jwks_uri` is no `https` address".to_owned());
    }
    let document = source.fetch(&elsewhere).await?;
    match KeySet::read(&document)? {
        Document::Keys(keys) => Ok(keys),
        Document::Elsewhere(_) => Err("its `jwks_uri` leads to another one".to_owned()),
    }
}
