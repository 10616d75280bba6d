//! What administrators are shown of the gateway as a whole: its last hours, how its router is set, whom it tells of calls.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use http::request::Parts;
use serde_json::{Value, json};

use crate::app::App;
use crate::routes::{json_text, refusal};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/activity/recent", get(recent))
        .route("/router/settings", get(routing))
        .route("/get/config/callbacks", get(callbacks))
}

type Shared = State<Arc<App>>;

/// The last hours, from memory.
async fn recent(State(app): Shared, head: Parts) -> Response {
    shown(&app, &head, || json!(app.gateway.recently())).await
}

/// The router's settings in force, in the place where LiteLLM's clients look for them.
async fn routing(State(app): Shared, head: Parts) -> Response {
    shown(&app, &head, || json!({"current_values": app.gateway.routing()})).await
}

/// Who is told of calls, and how many of them.
async fn callbacks(State(app): Shared, head: Parts) -> Response {
    shown(&app, &head, || {
        let one = |(name, [arrived, failed, dropped]): (String, [u64; 3])| {
            json!({"name": name, "type": "success_and_failure", "arrived": arrived, "failed": failed, "dropped": dropped})
        };
        let all: Vec<Value> = app.gateway.callbacks().into_iter().map(one).collect();
        json!({"status": "success", "callbacks": all, "router_settings": app.gateway.routing()})
    })
    .await
}

async fn shown(app: &App, head: &Parts, show: impl FnOnce() -> Value) -> Response {
    match app.authorise(head).await {
        Ok(_) => json_text(StatusCode::OK, show().to_string()),
        Err(error) => refusal(app, &error),
    }
}
