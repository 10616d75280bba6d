//! The management API over HTTP: its own table of routes, mounted.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use futures_util::{StreamExt as _, stream};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use llm_core::order;
use llm_core::{Error, ErrorKind};
use llm_governance::Export;
use llm_management::{Management, Method, Reply, Rows};
use serde_json::json;

use crate::app::App;
use crate::client_address::peer;
use crate::routes::{json_text, refusal};

/// The most bytes of a request: it holds a few hundred keys, or a list of them.
const BODY: usize = 4 << 20;

/// On whose behalf an administrator's program asks.
const CHANGED_BY: HeaderName = HeaderName::from_static("litellm-changed-by");

/// Fields that nobody knows.
const IGNORED: HeaderName = HeaderName::from_static("x-llm-ignored");

/// Fields that are kept and do nothing.
const WITHOUT_EFFECT: HeaderName = HeaderName::from_static("x-llm-without-effect");

/// The most names in a header, and the most bytes of one.
const NAMES: (usize, usize) = (20, 64);

/// Every path of the management API. Its methods are judged where its table is.
pub(crate) fn routes() -> Router<Arc<App>> {
    let paths = order::set_of(llm_management::routes().map(|route| route.path));
    paths.into_iter().fold(Router::new(), |router, path| router.route(path, any(manage)))
}

async fn manage(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let Some(method) = Method::named(head.method.as_str()) else {
        let message = format!("`{}` is not possible here", head.method);
        return refusal(&app, &Error::new(ErrorKind::MethodNotAllowed, message));
    };
    let address = app.address(peer(&head.extensions), &head.headers);
    let looks = llm_management::looks(method, path);
    let caller = match app.gateway.identify(&head.headers, address, (path, looks)).await {
        Ok(caller) => caller,
        Err(error) => return refusal(&app, &error),
    };
    let Some(management) = &app.management else { return no_store() };
    let Ok(body) = axum::body::to_bytes(body, BODY.min(app.limits.body)).await else {
        let message = "the body is larger than 4 MiB, or was broken off: send fewer entries at a time";
        return refusal(&app, &Error::new(ErrorKind::PayloadTooLarge, message));
    };
    let changed_by = head.headers.get(CHANGED_BY).and_then(|value| value.to_str().ok());
    let query = head.uri.query().unwrap_or_default();
    let request = llm_management::Request { method, path, query, body: &body, changed_by };
    let mut reply = management.answer(&caller, request).await;
    match reply.rows.take() {
        Some(rows) => exported(&app, management, rows).await,
        None => response(&reply),
    }
}

/// LiteLLM's clients know this type; the status says that it does not come back by itself.
fn no_store() -> Response {
    let message = "DB not connected: this gateway has no store of keys, teams and users. Set \
                   `general_settings.database_url` to have the management API";
    let error = json!({"message": message, "type": "no_db_connection", "param": null, "code": "501"});
    json_text(StatusCode::NOT_IMPLEMENTED, json!({"error": error}).to_string())
}

/// Rows as a file. It is sent as it is read; what breaks off in its middle has no end, so that nobody takes it for whole.
async fn exported(app: &App, management: &Management, rows: Rows) -> Response {
    let format = rows.format;
    let Some(mut export) = management.export(rows) else { return no_store() };
    let first = match export.next().await {
        Ok(first) => first.map(Ok),
        Err(error) => {
            let message = "the ledger cannot be read now: try again in a moment";
            let error = Error::new(ErrorKind::Overloaded, message).with_detail(error.to_string());
            return refusal(app, &error);
        }
    };
    let rest = stream::unfold(Some(export), piece);
    let mut response = Response::new(Body::from_stream(stream::iter(first).chain(rest)));
    let (kind, ending) = (format.content_type(), format.ending());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(name) = HeaderValue::try_from(format!("attachment; filename=\"calls.{ending}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    response
}

/// The next piece of an export; nothing comes behind one that failed.
async fn piece(export: Option<Export>) -> Option<(io::Result<Vec<u8>>, Option<Export>)> {
    let mut export = export?;
    match export.next().await {
        Ok(piece) => Some((Ok(piece?), Some(export))),
        Err(error) => {
            tracing::error!(%error, "an export of the ledger broke off");
            Some((Err(io::Error::other(error)), None))
        }
    }
}

fn response(reply: &Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_text(status, reply.body.to_string());
    put(response.headers_mut(), IGNORED, &reply.ignored);
    put(response.headers_mut(), WITHOUT_EFFECT, &reply.without_effect);
    response
}

/// Names of fields as a header: they are the client's words, and may be anything.
fn put(headers: &mut HeaderMap, name: HeaderName, fields: &[String]) {
    if fields.is_empty() {
        return;
    }
    let (most, longest) = NAMES;
    let plain = |letter: char| if letter.is_ascii_graphic() && letter != ',' { letter } else { '?' };
    let shown =
        fields.iter().take(most).map(|field| field.chars().take(longest).map(plain).collect::<String>());
    let shown = shown.collect::<Vec<_>>().join(", ");
    if let Ok(value) = HeaderValue::try_from(shown) {
        headers.insert(name, value);
    }
}
