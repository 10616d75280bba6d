//! What is said to Qdrant, and what it says.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use llm_core::{Error, Question, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::settings::Quantization;

/// What is written beside a vector.
pub(super) struct Payload<'a> {
    pub(super) key: &'a str,
    /// `None`: the answer is not found by its question.
    pub(super) list: Option<&'a str>,
    /// Milliseconds since 1970.
    pub(super) expires: u64,
    pub(super) value: &'a [u8],
}

/// An answer that is good.
pub(super) struct Kept {
    pub(super) key: String,
    pub(super) value: Bytes,
}

/// A point that was found. What others put into the collection has none of these fields.
#[derive(Deserialize)]
pub(super) struct Point {
    #[serde(default)]
    payload: Option<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    key: String,
    #[serde(default)]
    expires: u64,
    #[serde(default)]
    answer: String,
}

impl Point {
    /// The answer, unless it is over or damaged.
    pub(super) fn kept(self, now: u64) -> Option<Kept> {
        let found = self.payload.filter(|found| found.expires > now && !found.key.is_empty())?;
        let value = STANDARD_NO_PAD.decode(found.answer).ok()?.into();
        Some(Kept { key: found.key, value })
    }
}

/// A collection to be made.
pub(super) fn collection(size: usize, quantization: Quantization) -> Value {
    let quantization = match quantization {
        Quantization::Binary => json!({"binary": {"always_ram": false}}),
        Quantization::Scalar => json!({"scalar": {"type": "int8", "quantile": 0.99, "always_ram": false}}),
        Quantization::Product => json!({"product": {"compression": "x16", "always_ram": false}}),
    };
    json!({"vectors": {"size": size, "distance": "Cosine"}, "quantization_config": quantization})
}

/// The id of the point of a key.
pub(super) fn id(key: &str) -> String {
    let mut id = [0; 16];
    id.iter_mut().zip(digest(&SHA256, key.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
    Uuid::from_bytes(id).to_string()
}

/// A point to be put in, in the place of the one with this key.
pub(super) fn point(payload: &Payload<'_>, vector: &[f32]) -> Value {
    let mut written = json!({
        "key": payload.key,
        "expires": payload.expires,
        "answer": STANDARD_NO_PAD.encode(payload.value),
    });
    if let Some(list) = payload.list {
        written["list"] = list.into();
    }
    json!({"points": [{"id": id(payload.key), "vector": vector, "payload": written}]})
}

/// A question for what is near. What is kept small is compared again with the whole vectors.
pub(super) fn query(question: Question<'_>, least: f32, most: usize, now: u64) -> Value {
    json!({
        "query": question.vector,
        "filter": {"must": [
            {"key": "list", "match": {"value": question.list}},
            {"key": "expires", "range": {"gt": now}},
        ]},
        "params": {"quantization": {"rescore": true, "oversampling": 3.0}},
        "score_threshold": least,
        "limit": most,
        "with_payload": true,
        "with_vector": false,
    })
}

/// All points that are over.
pub(super) fn expired(now: u64) -> Value {
    json!({"filter": {"must": [{"key": "expires", "range": {"lte": now}}]}})
}

/// All points that gateways put in: nobody else's have the field.
pub(super) fn ours() -> Value {
    json!({"filter": {"must": [{"key": "expires", "range": {"gte": 0}}]}})
}

#[derive(Deserialize)]
struct Answer<R> {
    result: R,
}

/// Points by their ids.
pub(super) fn points(said: &[u8]) -> Result<Vec<Point>> {
    read::<Vec<Point>>(said)
}

/// Points by their nearness.
pub(super) fn scored(said: &[u8]) -> Result<Vec<(f32, Point)>> {
    #[derive(Deserialize)]
    struct All {
        points: Vec<Scored>,
    }
    #[derive(Deserialize)]
    struct Scored {
        score: f32,
        #[serde(flatten)]
        point: Point,
    }
    Ok(read::<All>(said)?.points.into_iter().map(|scored| (scored.score, scored.point)).collect())
}

fn read<R: DeserializeOwned>(said: &[u8]) -> Result<R> {
    let answer = serde_json::from_slice::<Answer<R>>(said);
    answer.map(|answer| answer.result).map_err(|_| Error::internal("qdrant's answer is none of its own"))
}

/// What a collection is.
pub(super) struct Collection;

impl Collection {
    /// How many numbers a vector of it has.
    ///
    /// # Errors
    /// When it is no place for answers.
    pub(super) fn read(said: &[u8], name: &str) -> Result<usize> {
        let result: Value = read(said)?;
        let vectors = &result["config"]["params"]["vectors"];
        let size = vectors["size"].as_u64().and_then(|size| usize::try_from(size).ok());
        match (size, vectors["distance"].as_str()) {
            (Some(size), Some("Cosine")) if size > 0 => Ok(size),
            _ => Err(Error::internal(format!(
                "the collection `{name}` of qdrant has not one kind of vectors that are compared by their cosine: name \
                 another collection"
            ))),
        }
    }
}
