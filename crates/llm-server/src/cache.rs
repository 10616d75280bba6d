//! The cache of answers, for administrators: whether it answers, and what it is to forget. In LiteLLM's shapes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;
use llm_core::{Error, ErrorKind, Result};
use llm_gateway::AnswerCache;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::routes::{json_text, refusal};

/// The most bytes of a request.
const BODY: usize = 1 << 20;

/// The key that a ping writes and reads.
const PING: &str = "ping";

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/cache/ping", get(ping))
        .route("/cache/delete", post(delete))
        .route("/cache/flushall", post(flush))
        .route("/cache/redis/info", get(info))
}

type Shared = State<Arc<App>>;

async fn ping(State(app): Shared, head: Parts) -> Response {
    answered(&app, pinged(&app, &head).await)
}

async fn delete(State(app): Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    answered(&app, deleted(&app, &head, body).await)
}

async fn flush(State(app): Shared, head: Parts) -> Response {
    answered(&app, flushed(&app, &head).await)
}

async fn info(State(app): Shared, head: Parts) -> Response {
    answered(&app, told(&app, &head).await)
}

fn answered(app: &App, outcome: Result<Value>) -> Response {
    match outcome {
        Ok(value) => json_text(StatusCode::OK, value.to_string()),
        Err(error) => refusal(app, &error),
    }
}

/// The cache, for an administrator.
async fn cache(app: &App, head: &Parts) -> Result<Arc<AnswerCache>> {
    if !app.authorise(head).await?.is_admin() {
        let message = "only an administrator may look into the cache: show the master key";
        return Err(Error::new(ErrorKind::PermissionDenied, message));
    }
    app.gateway.cache().ok_or_else(|| {
        let message = "this gateway keeps no answers: set `cache: true` in `litellm_settings`";
        Error::new(ErrorKind::Overloaded, message).with_code("no_cache")
    })
}

async fn pinged(app: &App, head: &Parts) -> Result<Value> {
    let cache = cache(app, head).await?;
    let store = cache.store();
    let life = Some(std::time::Duration::from_secs(1));
    store.put(PING, bytes::Bytes::from_static(b"pong"), life).await.map_err(gone)?;
    store.get(PING).await.map_err(gone)?;
    let settings = cache.settings();
    Ok(json!({
        "status": "healthy",
        "cache_type": kind(&cache),
        "ping_response": true,
        "set_cache_response": "success",
        "litellm_cache_params": json!({
            "mode": if settings.default_on { "default_on" } else { "default_off" },
            "namespace": settings.namespace,
            "ttl": settings.life.map(|life| life.as_secs_f64()),
            "supported_call_types":
                settings.operations.iter().map(|operation| operation.name()).collect::<Vec<_>>(),
        })
        .to_string(),
        "health_check_cache_params": {"namespace": settings.namespace},
    }))
}

/// The type, in the words of a configuration.
fn kind(cache: &AnswerCache) -> &'static str {
    match cache.store().kind() {
        "memory" => "local",
        "qdrant" => "qdrant-semantic",
        kind => kind,
    }
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

async fn deleted(app: &App, head: &Parts, body: axum::body::Body) -> Result<Value> {
    let cache = cache(app, head).await?;
    let body = axum::body::to_bytes(body, BODY).await;
    let keys: Option<Keys> = body.ok().and_then(|body| serde_json::from_slice(&body).ok());
    let Some(Keys { keys }) = keys else {
        let message = "`keys` must be a list of keys: those of the header `x-litellm-cache-key`";
        return Err(Error::invalid(message).with_param("keys"));
    };
    cache.store().delete(&keys).await.map_err(gone)?;
    Ok(json!({"status": "success"}))
}

async fn flushed(app: &App, head: &Parts) -> Result<Value> {
    cache(app, head).await?.store().clear().await.map_err(gone)?;
    Ok(json!({"status": "success"}))
}

async fn told(app: &App, head: &Parts) -> Result<Value> {
    let cache = cache(app, head).await?;
    let pairs = cache.store().server().await.map_err(gone)?;
    if pairs.is_empty() {
        let message = format!("a cache of the type `{}` has no server behind it", kind(&cache));
        return Err(Error::unsupported(message));
    }
    let clients = pairs.iter().find(|(name, _)| name == "connected_clients");
    let clients = clients.map(|(_, count)| Value::from(count.as_str()));
    let info: Map<String, Value> = pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
    Ok(json!({"num_clients": clients, "info": info}))
}

/// What the store says may name hosts and folders: that is for the log.
#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`")]
fn gone(error: Error) -> Error {
    tracing::warn!(error = error.message(), "the cache of answers does not answer");
    Error::new(ErrorKind::Overloaded, "the cache does not answer: the log of the gateway says why")
}
