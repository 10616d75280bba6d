//! A Qdrant that does what <https://api.qdrant.tech/api-reference> says of the few calls that gateways make (seen
//! 2026-11-22): collections, indexes of payloads, points by id and by nearness, filters of `match` and `range`.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::fake_server::{Asked, FakeServer};

/// A Qdrant, until it is dropped.
pub struct FakeQdrant {
    server: FakeServer,
    collections: Arc<Mutex<Collections>>,
}

type Collections = BTreeMap<String, Collection>;

struct Collection {
    /// As it was asked for.
    made: Value,
    indexes: Vec<String>,
    points: BTreeMap<String, Value>,
}

impl FakeQdrant {
    /// One that wants this key in `api-key`.
    pub fn start(key: Option<&'static str>) -> Self {
        let collections = Arc::new(Mutex::new(Collections::new()));
        let all = Arc::clone(&collections);
        let server = FakeServer::start(move |asked| {
            let (status, result) = match key.is_some_and(|key| asked.header("api-key") != Some(key)) {
                true => (401, Value::Null),
                false => answer(&mut all.lock(), asked),
            };
            let words = if status == 200 { json!("ok") } else { json!({"error": "as a test wants it"}) };
            (status, json!({"result": result, "status": words, "time": 0.001}).to_string().into_bytes())
        });
        Self { server, collections }
    }

    /// Its address.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How a collection was asked for; `Null`: there is none.
    pub fn made(&self, collection: &str) -> Value {
        self.collections.lock().get(collection).map(|found| found.made.clone()).unwrap_or_default()
    }

    /// The points of a collection: id, vector and payload.
    pub fn points(&self, collection: &str) -> Vec<Value> {
        let all = self.collections.lock();
        all.get(collection).map(|found| found.points.values().cloned().collect()).unwrap_or_default()
    }

    /// Makes a collection beforehand.
    pub fn make(&self, collection: &str, body: Value) {
        let made = Collection { made: body, indexes: Vec::new(), points: BTreeMap::new() };
        self.collections.lock().insert(collection.to_owned(), made);
    }

    /// Puts a point of somebody else in.
    pub fn put(&self, collection: &str, point: Value) {
        let id = point["id"].to_string();
        if let Some(found) = self.collections.lock().get_mut(collection) {
            found.points.insert(id, point);
        }
    }
}

fn answer(all: &mut Collections, asked: &Asked) -> (u16, Value) {
    let path = asked.target.split('?').next().unwrap_or_default();
    let mut parts = path.trim_start_matches("/collections/").splitn(2, '/');
    let (name, below) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    if (asked.method.as_str(), below) == ("PUT", "") {
        return match all.contains_key(name) {
            true => (409, Value::Null),
            false => {
                let made = Collection { made: body, indexes: Vec::new(), points: BTreeMap::new() };
                all.insert(name.to_owned(), made);
                (200, json!(true))
            }
        };
    }
    let Some(collection) = all.get_mut(name) else { return (404, Value::Null) };
    match (asked.method.as_str(), below) {
        ("GET", "") => {
            (200, json!({"status": "green", "config": {"params": {"vectors": collection.made["vectors"]}}}))
        }
        ("PUT", "index") => {
            collection.indexes.extend(body["field_name"].as_str().map(str::to_owned));
            (200, json!({"status": "completed"}))
        }
        ("PUT", "points") => collection.upsert(&body),
        ("POST", "points") => (200, collection.retrieved(&body)),
        ("POST", "points/query") => collection.nearest(&body),
        ("POST", "points/delete") => collection.delete(&body),
        _ => (404, Value::Null),
    }
}

impl Collection {
    fn size(&self) -> Option<usize> {
        usize::try_from(self.made["vectors"]["size"].as_u64()?).ok()
    }

    fn upsert(&mut self, body: &Value) -> (u16, Value) {
        for point in body["points"].as_array().into_iter().flatten() {
            if point["vector"].as_array().map(Vec::len) != self.size() || !is_uuid(&point["id"]) {
                return (400, Value::Null);
            }
            self.points.insert(point["id"].to_string(), point.clone());
        }
        (200, json!({"status": "completed"}))
    }

    fn retrieved(&self, body: &Value) -> Value {
        let ids = body["ids"].as_array().into_iter().flatten();
        let found = ids.filter_map(|id| self.points.get(&id.to_string()));
        found.map(|point| shown(point, body, None)).collect()
    }

    fn nearest(&self, body: &Value) -> (u16, Value) {
        let query = numbers(&body["query"]);
        if Some(query.len()) != self.size() || !self.is_indexed(&body["filter"]) {
            return (400, Value::Null);
        }
        let least = body["score_threshold"].as_f64().unwrap_or(f64::MIN);
        let fitting = self.points.values().filter(|point| fits(point, &body["filter"]));
        let mut scored: Vec<(f64, &Value)> =
            fitting.map(|point| (cosine(&query, &numbers(&point["vector"])), point)).collect();
        scored.retain(|(score, _)| *score >= least);
        scored.sort_by(|one, other| other.0.total_cmp(&one.0));
        let most = body["limit"].as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or(10);
        let points: Vec<Value> =
            scored.into_iter().take(most).map(|(score, point)| shown(point, body, Some(score))).collect();
        (200, json!({"points": points}))
    }

    fn delete(&mut self, body: &Value) -> (u16, Value) {
        if !self.is_indexed(&body["filter"]) {
            return (400, Value::Null);
        }
        for id in body["points"].as_array().into_iter().flatten() {
            self.points.remove(&id.to_string());
        }
        if body["filter"].is_object() {
            self.points.retain(|_, point| !fits(point, &body["filter"]));
        }
        (200, json!({"status": "completed"}))
    }

    /// A Qdrant in strict mode looks for nothing in a field without an index.
    fn is_indexed(&self, filter: &Value) -> bool {
        let mut wanted =
            filter["must"].as_array().into_iter().flatten().filter_map(|one| one["key"].as_str());
        wanted.all(|field| self.indexes.iter().any(|index| index == field))
    }
}

fn shown(point: &Value, body: &Value, score: Option<f64>) -> Value {
    let mut shown = json!({"id": point["id"]});
    if body["with_payload"] == true {
        shown["payload"] = point["payload"].clone();
    }
    if let Some(score) = score {
        shown["score"] = json!(score);
        shown["version"] = json!(1);
    }
    shown
}

fn fits(point: &Value, filter: &Value) -> bool {
    filter["must"].as_array().into_iter().flatten().all(|condition| {
        let value = &point["payload"][condition["key"].as_str().unwrap_or_default()];
        let range = &condition["range"];
        let bound = |name: &str, holds: fn(f64, f64) -> bool| match range[name].as_f64() {
            Some(bound) => value.as_f64().is_some_and(|value| holds(value, bound)),
            None => true,
        };
        let is_match = condition["match"].is_null() || condition["match"]["value"] == *value;
        is_match
            && bound("gt", |value, bound| value > bound)
            && bound("gte", |value, bound| value >= bound)
            && bound("lt", |value, bound| value < bound)
            && bound("lte", |value, bound| value <= bound)
    })
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn cosine(one: &[f64], other: &[f64]) -> f64 {
    let product =
        |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(left, right)| left * right).sum::<f64>();
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

fn is_uuid(id: &Value) -> bool {
    let parts: Vec<usize> = id.as_str().unwrap_or_default().split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12]
}
