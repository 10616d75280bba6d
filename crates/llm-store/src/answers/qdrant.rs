//! Answers in Qdrant, for all gateways that share it: a point for each answer, with the vector of its question. Qdrant
//! lets nothing go by itself: what is over is taken out by those who put something in.
//!
//! Its API as of 1.10, where `points/query` came: <https://api.qdrant.tech/api-reference> (seen 2026-11-22).

mod wire;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use llm_core::{AnswerStore, BoxFuture, Error, NearAnswer, Question, QuestionIndex, Questions, Result};
use serde_json::{Value, json};

use super::service::{Said, Service};
use crate::settings::QdrantSettings;
use wire::{Collection, Payload};

/// How often what is over is taken out, in milliseconds.
const SWEEP: u64 = 60_000;

/// What ends never: the largest whole number that every reader of JSON has.
const NEVER: u64 = (1 << 53) - 1;

/// Answers in Qdrant.
pub struct QdrantAnswers {
    service: Service,
    settings: QdrantSettings,
    /// How many numbers a vector of the collection has; 0: nobody looked yet.
    size: AtomicU64,
    /// When what is over was taken out last.
    swept: AtomicU64,
}

impl fmt::Debug for QdrantAnswers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("QdrantAnswers").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl QdrantAnswers {
    /// Prepares to ask Qdrant; no connection is made.
    ///
    /// # Errors
    /// When its address is none, or its key cannot be a header.
    pub fn new(settings: QdrantSettings) -> Result<Self> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &settings.key {
            let mut key = HeaderValue::from_str(key.expose())
                .map_err(|_| Error::invalid("`qdrant_api_key` has letters that no header can carry"))?;
            key.set_sensitive(true);
            headers.insert(HeaderName::from_static("api-key"), key);
        }
        let service = Service::new("qdrant", &settings.url, settings.timeout)?.with_headers(headers);
        Ok(Self { service, settings, size: AtomicU64::new(0), swept: AtomicU64::new(now()) })
    }

    async fn ask(&self, method: Method, below: &str, body: &Value) -> Result<Said> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let path = format!("/collections/{}{below}", self.settings.collection);
        self.service.ask(method, path, "application/json", body).await
    }

    /// The same where a good answer is the only one that will do; `None`: there is no such collection.
    async fn told(&self, method: Method, below: &str, body: &Value) -> Result<Option<Bytes>> {
        let said = self.ask(method, below, body).await?;
        match said.status {
            200 => Ok(Some(said.body)),
            404 => {
                self.size.store(0, Ordering::Relaxed);
                Ok(None)
            }
            _ => Err(self.service.refused(&said)),
        }
    }

    /// How many numbers a vector of the collection has; `None`: it is not there.
    async fn size(&self) -> Result<Option<usize>> {
        let known = self.size.load(Ordering::Relaxed);
        if known > 0 {
            return Ok(usize::try_from(known).ok());
        }
        let Some(said) = self.told(Method::GET, "", &Value::Null).await? else { return Ok(None) };
        let size = Collection::read(&said, &self.settings.collection)?;
        // A Qdrant that is strict looks for nothing in a field without an index.
        for (field, kind) in [("list", "keyword"), ("expires", "integer")] {
            let index = json!({"field_name": field, "field_schema": kind});
            self.told(Method::PUT, "/index?wait=true", &index).await?;
        }
        self.size.store(size as u64, Ordering::Relaxed);
        Ok(Some(size))
    }

    /// The same, for a vector of this length; the collection is made where there is none.
    async fn made(&self, wanted: usize) -> Result<usize> {
        if let Some(size) = self.size().await? {
            return Ok(size);
        }
        let said = self.ask(Method::PUT, "", &wire::collection(wanted, self.settings.quantization)).await?;
        // Another gateway may have been quicker.
        if !matches!(said.status, 200 | 400 | 409) {
            return Err(self.service.refused(&said));
        }
        self.size().await?.ok_or_else(|| self.service.refused(&said))
    }

    fn fitting(&self, size: usize, vector: &[f32]) -> Result<()> {
        if size == vector.len() {
            return Ok(());
        }
        Err(Error::internal(format!(
            "the collection `{}` of qdrant is for vectors of {size} numbers, and the embedding model makes {}: name another \
             collection",
            self.settings.collection,
            vector.len()
        )))
    }

    async fn keep(&self, key: &str, value: &[u8], life: Option<Duration>, question: Asked<'_>) -> Result<()> {
        let (list, vector) = question;
        let payload = Payload { key, list, expires: ends(life), value };
        self.told(Method::PUT, "/points?wait=true", &wire::point(&payload, vector))
            .await?
            .ok_or_else(|| Error::internal("the collection of qdrant is gone"))?;
        self.sweep().await
    }

    /// Takes out what is over, now and then.
    async fn sweep(&self) -> Result<()> {
        let (now, before) = (now(), self.swept.load(Ordering::Relaxed));
        let is_mine = || self.swept.compare_exchange(before, now, Ordering::Relaxed, Ordering::Relaxed);
        if now.saturating_sub(before) < SWEEP || is_mine().is_err() {
            return Ok(());
        }
        self.told(Method::POST, "/points/delete", &wire::expired(now)).await.map(|_| ())
    }

    async fn find(&self, key: &str) -> Result<Option<Bytes>> {
        let body = json!({"ids": [wire::id(key)], "with_payload": true, "with_vector": false});
        let Some(said) = self.told(Method::POST, "/points", &body).await? else { return Ok(None) };
        let kept = wire::points(&said)?.into_iter().find_map(|point| point.kept(now()));
        Ok(kept.filter(|kept| kept.key == key).map(|kept| kept.value))
    }

    async fn put_plain(&self, key: &str, value: &[u8], life: Option<Duration>) -> Result<()> {
        let size = match (self.size().await?, self.settings.vector_size) {
            (Some(size), _) => size,
            (None, Some(size)) => self.made(size).await?,
            // How many numbers a vector has is known with the first question; what comes before is not kept.
            (None, None) => return Ok(()),
        };
        // A point must have a vector. It is in no list, so that nothing is ever compared with it.
        let mut vector = vec![0.0; size];
        vector.first_mut().into_iter().for_each(|first| *first = 1.0);
        self.keep(key, value, life, (None, &vector)).await
    }

    async fn put_asked(
        &self,
        question: Question<'_>,
        key: &str,
        value: &[u8],
        life: Option<Duration>,
    ) -> Result<()> {
        let size = self.made(self.settings.vector_size.unwrap_or(question.vector.len())).await?;
        self.fitting(size, question.vector)?;
        self.keep(key, value, life, (Some(question.list), question.vector)).await
    }

    async fn nearest(&self, question: Question<'_>, least: f32, most: usize) -> Result<Vec<NearAnswer>> {
        let Some(size) = self.size().await? else { return Ok(Vec::new()) };
        self.fitting(size, question.vector)?;
        let now = now();
        let body = wire::query(question, least, most, now);
        let Some(said) = self.told(Method::POST, "/points/query", &body).await? else {
            return Ok(Vec::new());
        };
        let found = wire::scored(&said)?.into_iter().filter_map(|(similarity, point)| {
            let kept = point.kept(now).filter(|_| similarity >= least)?;
            Some(NearAnswer { key: kept.key, value: kept.value, similarity })
        });
        Ok(found.take(most).collect())
    }

    async fn forget(&self, keys: &[String]) -> Result<u64> {
        let ids: Vec<String> = keys.iter().map(|key| wire::id(key)).collect();
        let body = json!({"ids": ids, "with_payload": false, "with_vector": false});
        let Some(said) = self.told(Method::POST, "/points", &body).await? else { return Ok(0) };
        let count = wire::points(&said)?.len();
        self.told(Method::POST, "/points/delete?wait=true", &json!({"points": ids})).await?;
        Ok(count as u64)
    }
}

/// The list of a question, where it is in one, and its vector.
type Asked<'a> = (Option<&'a str>, &'a [f32]);

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(NEVER)
}

fn ends(life: Option<Duration>) -> u64 {
    let life = life.map_or(NEVER, |life| u64::try_from(life.as_millis()).unwrap_or(NEVER));
    now().saturating_add(life).min(NEVER)
}

impl AnswerStore for QdrantAnswers {
    fn kind(&self) -> &'static str {
        "qdrant"
    }

    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(self.find(key))
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes, life: Option<Duration>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.put_plain(key, &value, life).await })
    }

    fn delete<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Result<u64>> {
        if keys.is_empty() {
            return Box::pin(std::future::ready(Ok(0)));
        }
        Box::pin(self.forget(keys))
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async {
            self.told(Method::POST, "/points/delete?wait=true", &wire::ours()).await.map(|_| ())
        })
    }

    fn questions(&self) -> Questions<'_> {
        Questions::Index(self)
    }
}

impl QuestionIndex for QdrantAnswers {
    fn put_answer<'a>(
        &'a self,
        question: Question<'a>,
        key: &'a str,
        value: Bytes,
        life: Option<Duration>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.put_asked(question, key, &value, life).await })
    }

    fn near<'a>(
        &'a self,
        question: Question<'a>,
        least: f32,
        most: usize,
    ) -> BoxFuture<'a, Result<Vec<NearAnswer>>> {
        Box::pin(self.nearest(question, least, most))
    }
}
