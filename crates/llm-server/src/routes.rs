//! All routes: what probes, monitors and people ask for, and behind them the model APIs.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use llm_core::guard::Side;
use llm_core::inquiry::About;
use llm_core::operation::Operation;
use llm_core::{Error, ErrorKind, Ingress, Result};
use llm_gateway::Gateway;
use llm_governance::Principal;
use llm_management::Management;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::answer::answer;
use crate::app::App;
use crate::cache;
use crate::client_address::peer;
use crate::insight;
use crate::limits::Limits;
use crate::management;
use crate::openapi;
use crate::outgoing::response;
use crate::prompts;
use crate::query_key;
use crate::realtime::converse;
use crate::relay::{elsewhere, is_elsewhere, relay};

type Shared = State<Arc<App>>;

/// All routes of the gateway as a router that mounts in another axum application, under a prefix or not.
///
/// The application around decides about CORS, compression, TLS and time limits. Leave middleware that buffers whole
/// bodies or limits the time of an answer away from it: answers stream for minutes.
///
/// ```no_run
/// # fn mount(gateway: std::sync::Arc<llm_gateway::Gateway>) -> axum::Router {
/// axum::Router::new().nest("/llm", llm_server::router(gateway))
/// # }
/// ```
pub fn router(gateway: Arc<Gateway>) -> Router {
    router_with(gateway, Limits::default())
}

/// [`router`] with limits of your own. Of them only those about request bodies apply: connections belong to the
/// application around.
pub fn router_with(gateway: Arc<Gateway>, limits: Limits) -> Router {
    routes(Arc::new(App::new(gateway, limits)))
}

/// [`router_with`] and the management API.
pub fn router_managed(gateway: Arc<Gateway>, limits: Limits, management: Arc<Management>) -> Router {
    let mut app = App::new(gateway, limits);
    app.management = Some(management);
    routes(Arc::new(app))
}

pub(crate) fn routes(app: Arc<App>) -> Router {
    let router = without_pages(Arc::clone(&app));
    #[cfg(feature = "dashboard")]
    let router = crate::ui::beside(router, app);
    router
}

fn without_pages(app: Arc<App>) -> Router {
    Router::new()
        // Anybody.
        .route("/", get(root))
        .route("/health/liveliness", get(alive))
        .route("/health/liveness", get(alive))
        .route("/health/readiness", get(ready))
        // Whoever shows the key.
        .route("/v1/models", get(models))
        .route("/models", get(models))
        .route("/v1beta/models", get(models))
        // Some dialects name the model, and what is asked of it, in paths below these.
        .route("/v1/models/{*id}", get(model).post(model_api))
        .route("/v1beta/models/{*id}", get(model).post(model_api))
        .route("/models/{*id}", get(model))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/v1/providers/status", get(providers))
        .route("/v1/route/explain", post(explain))
        .route("/guardrails/list", get(guardrails))
        .route("/v2/guardrails/list", get(guardrails))
        .route("/guardrails/hits", get(guardrail_hits))
        .route("/guardrails/apply_guardrail", post(apply_guardrail))
        .route("/apply_guardrail", post(apply_guardrail))
        .merge(cache::routes())
        .merge(prompts::routes())
        .merge(insight::routes())
        .route("/spend/calculate", post(calculate))
        .route("/utils/token_counter", post(count_tokens))
        .merge(management::routes())
        .method_not_allowed_fallback(wrong_method)
        // The model APIs: their paths are the dialects' business.
        .fallback(model_api)
        .with_state(app)
}

async fn root(State(app): Shared) -> Response {
    let about = json!({
        "name": "llm-server",
        "version": env!("CARGO_PKG_VERSION"),
        "about": "a gateway to large language models: point an SDK's base URL here",
        "models": "/v1/models",
        "health": "/health/readiness",
        "metrics": "/metrics",
        "status": "/v1/providers/status",
        "docs": "/docs",
        "dashboard": app.has_dashboard().then_some("/ui"),
    });
    json_text(StatusCode::OK, format!("{about:#}\n"))
}

async fn alive() -> Response {
    json_text(StatusCode::OK, "\"I'm alive!\"")
}

async fn ready(State(app): Shared) -> Response {
    if app.is_leaving() {
        return json_text(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"shutting_down"}"#);
    }
    // A gateway that counts for itself serves, and so does one whose rows wait in the journal: both stay ready.
    let database = match &app.database {
        None => "Not connected",
        Some(database) if database.is_connected().await => "connected",
        Some(_) => "disconnected",
    };
    let redis = app.gateway.shared_link().map(|link| format!(r#","redis":"{}""#, link.name()));
    let redis = redis.unwrap_or_default();
    json_text(StatusCode::OK, format!(r#"{{"status":"healthy","db":"{database}"{redis}}}"#))
}

async fn models(State(app): Shared, mut head: Parts) -> Response {
    let ingress = app.gateway.list_ingress(head.uri.path(), &head.headers);
    query_key::take(&*ingress, &head.uri, &mut head.headers);
    match app.authorise(&head).await {
        Ok(caller) => {
            let list = app.gateway.model_list(&caller, head.uri.path(), &head.headers);
            json_text(StatusCode::OK, list)
        }
        Err(error) => refusal_in(&app, &*ingress, &error),
    }
}

async fn model(State(app): Shared, Path(id): Path<String>, mut head: Parts) -> Response {
    let ingress = app.gateway.list_ingress(head.uri.path(), &head.headers);
    query_key::take(&*ingress, &head.uri, &mut head.headers);
    let caller = match app.authorise(&head).await {
        Ok(caller) => caller,
        Err(error) => return refusal_in(&app, &*ingress, &error),
    };
    match app.gateway.model(&caller, head.uri.path(), &head.headers, &id) {
        Some(card) => json_text(StatusCode::OK, card),
        None => {
            let message = format!("unknown model `{id}`: `/v1/models` lists what is served");
            let error = Error::new(ErrorKind::NotFound, message).with_code("model_not_found");
            refusal_in(&app, &*ingress, &error)
        }
    }
}

async fn health(State(app): Shared, head: Parts) -> Response {
    match app.authorise(&head).await {
        Ok(_) => json_of(&app, &app.gateway.health()),
        Err(error) => refusal(&app, &error),
    }
}

async fn providers(State(app): Shared, head: Parts) -> Response {
    match app.authorise(&head).await {
        Ok(_) => json_of(&app, &app.gateway.status()),
        Err(error) => refusal(&app, &error),
    }
}

async fn metrics(State(app): Shared, head: Parts) -> Response {
    match app.authorise(&head).await {
        Ok(_) => {
            text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", app.gateway.render_metrics())
        }
        Err(error) => refusal(&app, &error),
    }
}

/// What the router would do with a chat request, without asking a vendor.
async fn explain(State(app): Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let caller = match app.authorise(&head).await {
        Ok(caller) => caller,
        Err(error) => return refusal(&app, &error),
    };
    let Ok(body) = axum::body::to_bytes(body, app.limits.body).await else {
        let message = "the body is too large, or was broken off: send a chat request as a model would get it";
        return refusal(&app, &Error::new(ErrorKind::PayloadTooLarge, message));
    };
    match app.gateway.explain(Some(&caller), head.headers, body) {
        Ok(explanation) => json_of(&app, &explanation),
        Err(error) => refusal(&app, &error),
    }
}

/// Which guardrails there are, and what they did.
async fn guardrails(State(app): Shared, head: Parts) -> Response {
    match app.authorise(&head).await {
        Ok(_) => json_of(&app, &json!({"guardrails": app.gateway.guardrails()})),
        Err(error) => refusal(&app, &error),
    }
}

/// What guardrails found last.
async fn guardrail_hits(State(app): Shared, head: Parts) -> Response {
    match app.authorise(&head).await {
        Ok(_) => json_of(&app, &json!({"hits": app.gateway.guardrail_hits()})),
        Err(error) => refusal(&app, &error),
    }
}

/// What is tried on a guardrail.
#[derive(Deserialize)]
struct ApplyGuardrail {
    guardrail_name: String,
    text: String,
    #[serde(default)]
    input_type: Option<String>,
}

/// What a guardrail makes of a text.
async fn apply_guardrail(State(app): Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if let Err(error) = app.authorise(&head).await {
        return refusal(&app, &error);
    }
    let body = axum::body::to_bytes(body, app.limits.body).await.unwrap_or_default();
    let Ok(asked) = serde_json::from_slice::<ApplyGuardrail>(&body) else {
        return refusal(&app, &Error::invalid("expected JSON with `guardrail_name` and `text`"));
    };
    let is_answer = matches!(asked.input_type.as_deref(), Some("response" | "output"));
    let side = if is_answer { Side::Answer } else { Side::Request };
    match app.gateway.apply_guardrail(&asked.guardrail_name, &asked.text, side).await {
        Ok(text) => json_of(&app, &json!({"response_text": text})),
        Err(error) => refusal(&app, &error),
    }
}

/// What a call would cost, or did cost.
async fn calculate(State(app): Shared, request: Request) -> Response {
    let (caller, body, _) = match asked(&app, request).await {
        Ok(asked) => asked,
        Err(error) => return refusal(&app, &error),
    };
    match app.gateway.calculate_cost(&caller, &body) {
        Ok(cost) => json_of(&app, &cost),
        Err(error) => refusal(&app, &error),
    }
}

/// How many tokens a prompt has.
async fn count_tokens(State(app): Shared, request: Request) -> Response {
    let (caller, body, query) = match asked(&app, request).await {
        Ok(asked) => asked,
        Err(error) => return refusal(&app, &error),
    };
    let ask_vendor = query.split('&').any(|pair| pair.eq_ignore_ascii_case("call_endpoint=true"));
    match app.gateway.count(&caller, &body, ask_vendor).await {
        Ok(counted) => json_of(&app, &counted),
        Err(error) => refusal(&app, &error),
    }
}

/// Who asks a question that changes nothing, its body and its query.
async fn asked(app: &App, request: Request) -> Result<(Arc<Principal>, Bytes, String)> {
    let (head, body) = request.into_parts();
    let address = app.address(peer(&head.extensions), &head.headers);
    let path = head.uri.path();
    let caller = app.gateway.authorise(&head.headers, address, (path, true)).await?;
    let body = axum::body::to_bytes(body, app.limits.body).await.map_err(|_| {
        Error::new(ErrorKind::PayloadTooLarge, "the body is too large, or was broken off: send it again")
    })?;
    Ok((caller, body, head.uri.query().unwrap_or_default().to_owned()))
}

async fn model_api(State(app): Shared, request: Request) -> Response {
    let from = peer(request.extensions());
    match app.gateway.route(request.uri().path(), request.uri().query()) {
        Some(route) if route.1.operation == Operation::Realtime => {
            converse(&app, route, request, from).await.map(axum::body::Body::new)
        }
        Some(route) => answer(&app, route, request, from).await.map(axum::body::Body::new),
        None => match app.gateway.inquiry(request.uri().path(), request.method() == Method::POST) {
            Some((ingress, about)) => inquiry(&app, &*ingress, about, request).await,
            None => no_model_api(&app, request).await,
        },
    }
}

/// The most bytes of a question about models; it holds a name and some flags.
const QUESTION: usize = 64 << 10;

/// Answers what clients of a dialect ask about models.
async fn inquiry(app: &App, ingress: &dyn Ingress, about: About, request: Request) -> Response {
    let refused = |error: &Error| response(app.gateway.refusal(ingress, error)).map(axum::body::Body::new);
    let (head, body) = request.into_parts();
    let caller = match app.authorise(&head).await {
        Ok(caller) => caller,
        Err(error) => return refused(&error),
    };
    let Ok(body) = axum::body::to_bytes(body, QUESTION).await else {
        let message = "the question is larger than 64 KiB, or was broken off: send the model's name alone";
        return refused(&Error::new(ErrorKind::PayloadTooLarge, message));
    };
    match app.gateway.inquire(&caller, ingress, about, &body) {
        Ok(told) => json_text(StatusCode::OK, told),
        Err(error) => refused(&error),
    }
}

/// What is behind the model APIs: paths that pass to a vendor as they are.
async fn no_model_api(app: &App, request: Request) -> Response {
    let path = request.uri().path();
    if app.gateway.relays(path) {
        return relay(app, request).await;
    }
    if let Some(page) = openapi::answer(app, request.method(), path) {
        return page;
    }
    if is_elsewhere(path) {
        return refusal(app, &elsewhere(path));
    }
    not_found(app, &request)
}

async fn wrong_method(State(app): Shared, method: Method) -> Response {
    let other = if method == Method::GET { "POST" } else { "GET" };
    let message = format!("`{method}` is not possible here: send a {other}");
    refusal(&app, &Error::new(ErrorKind::MethodNotAllowed, message))
}

fn not_found(app: &App, request: &Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let hint = match meant(app, path) {
        Some(meant) => format!("did you mean `{meant}`? Check the base URL of your client"),
        None => "see `/` for what is here".to_owned(),
    };
    let message = format!("no route for `{method} {path}`: {hint}");
    let error = json!({"message": message, "type": "invalid_request_error", "param": null, "code": "404"});
    json_text(StatusCode::NOT_FOUND, json!({"detail": "Not Found", "error": error}).to_string())
}

/// A path that exists and ends like this one: base URLs have `/v1` twice, or a vendor's own prefix.
fn meant<'a>(app: &App, path: &'a str) -> Option<&'a str> {
    let path = path.trim_end_matches('/');
    let ends = path.match_indices('/').filter_map(|(at, _)| path.get(at..));
    ends.take(8).find(|end| app.gateway.route(end, None).is_some())
}

pub(crate) fn refusal(app: &App, error: &Error) -> Response {
    refusal_in(app, &*app.gateway.default_ingress(), error)
}

fn refusal_in(app: &App, ingress: &dyn Ingress, error: &Error) -> Response {
    response(app.gateway.refusal(ingress, error)).map(axum::body::Body::new)
}

fn json_of(app: &App, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => json_text(StatusCode::OK, bytes),
        Err(error) => refusal(app, &Error::internal(format!("the answer could not be written: {error}"))),
    }
}

pub(crate) fn json_text(status: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    text(status, "application/json", body)
}

fn text(status: StatusCode, kind: &'static str, body: impl Into<axum::body::Body>) -> Response {
    (status, [(CONTENT_TYPE, HeaderValue::from_static(kind))], body.into()).into_response()
}
