//! What administrators are shown of the gateway as a whole: its last hours, how its router is set, whom it tells of calls.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use http::request::Parts;
use llm_core::{Error, ErrorKind, Fault, Result};
use serde_json::{Value, json};

use crate::app::App;
use crate::routes::{json_text, refusal};

/// The most bytes of a request.
const BODY: usize = 64 << 10;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/activity/recent", get(recent))
        .route("/router/settings", get(routing))
        .route("/get/config/callbacks", get(callbacks))
        .route("/health/test_connection", post(test))
}

type Shared = State<Arc<App>>;

/// The last hours, from memory.
async fn recent(State(app): Shared, head: Parts) -> Response {
    shown(&app, &head, || json!(app.gateway.recently())).await
}

/// The router's settings in force, in the place where LiteLLM's clients look for them; what each is, and where it comes
/// from, where it can be changed.
async fn routing(State(app): Shared, head: Parts) -> Response {
    shown(&app, &head, || {
        let mut shown =
            app.management.as_ref().and_then(|management| management.router()).unwrap_or_default();
        shown["current_values"] = app.gateway.routing();
        shown
    })
    .await
}

/// Who is told of calls, and how many of them.
async fn callbacks(State(app): Shared, head: Parts) -> Response {
    shown(&app, &head, || {
        let named = app.management.as_ref().and_then(|management| management.callbacks()).unwrap_or_default();
        let all = with_counts(named, app.gateway.callbacks());
        json!({"status": "success", "callbacks": all, "router_settings": app.gateway.routing()})
    })
    .await
}

/// Everybody who is named, with what became of their calls; then those who are told without it: of keys and teams, and the
/// store that keeps what was said.
fn with_counts(mut named: Vec<Value>, counts: Vec<(String, [u64; 3])>) -> Vec<Value> {
    for (name, [arrived, failed, dropped]) in counts {
        let counts = json!({"arrived": arrived, "failed": failed, "dropped": dropped});
        let Value::Object(counts) = counts else { continue };
        match named.iter_mut().find(|one| one["name"] == name.as_str()).and_then(Value::as_object_mut) {
            Some(one) => one.extend(counts),
            None => {
                let mut one = json!({"name": name, "type": "success_and_failure"});
                one.as_object_mut().into_iter().for_each(|one| one.extend(counts.clone()));
                named.push(one);
            }
        }
    }
    named
}

/// A deployment that is served, asked for one token now: `{"model_info": {"id": …}}`.
async fn test(State(app): Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match tested(&app, &head, body).await {
        Ok(value) => json_text(StatusCode::OK, value.to_string()),
        Err(error) => refusal(&app, &error),
    }
}

async fn tested(app: &App, head: &Parts, body: Body) -> Result<Value> {
    if !app.authorise(head).await?.is_admin() {
        let message = "only an administrator may test deployments: it makes a call that is paid";
        return Err(Error::new(ErrorKind::PermissionDenied, message));
    }
    let body = axum::body::to_bytes(body, BODY).await.unwrap_or_default();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(id) = asked["model_info"]["id"].as_str() else {
        let message =
            "`model_info.id` must name a deployment that is served: add it with `/model/new`, then test it";
        return Err(Error::invalid(message).with_param("model_info"));
    };
    Ok(match app.gateway.test_deployment(id).await {
        Ok(took) => json!({"status": "success", "result": {"took_ms": took.as_secs_f64() * 1_000.0}}),
        Err(error) if error.kind() == ErrorKind::NotFound && error.fault() == Fault::Client => {
            return Err(error);
        }
        Err(error) => {
            json!({"status": "error", "result": {"error": error.message(), "kind": error.kind().name()}})
        }
    })
}

async fn shown(app: &App, head: &Parts, show: impl FnOnce() -> Value) -> Response {
    match app.authorise(head).await {
        Ok(_) => json_text(StatusCode::OK, show().to_string()),
        Err(error) => refusal(app, &error),
    }
}
