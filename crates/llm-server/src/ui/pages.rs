//! The dashboard's files: compressed where the browser takes that, asked for again only when they changed.

use axum::body::Body;
use axum::extract::{OriginalUri, Path};
use axum::response::Response;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use llm_dashboard::Asset;

/// Nothing but our own files, and nobody around us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

/// What all answers of the dashboard say to browsers.
const GUARDS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_FRAME_OPTIONS, "DENY"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
];

/// A file that is asked for by its version never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What is not asked for by a version is asked for again each time, which costs no more than a 304.
const ASK_AGAIN: &str = "no-cache";

/// Where the application begins, so that addresses in it can be relative.
pub(crate) async fn home(OriginalUri(uri): OriginalUri) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    if let Ok(place) = HeaderValue::try_from(format!("{}/", uri.path())) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// The application.
pub(crate) async fn page(OriginalUri(uri): OriginalUri, head: Parts) -> Response {
    application(uri.path(), &head.headers)
}

/// A file, or the application at one of its pages.
pub(crate) async fn file(Path(path): Path<String>, OriginalUri(uri): OriginalUri, head: Parts) -> Response {
    match llm_dashboard::find(&path) {
        Some(asset) => of_asset(asset, &head),
        None => application(uri.path(), &head.headers),
    }
}

fn application(path: &str, headers: &HeaderMap) -> Response {
    // A server around this one may have put something before the path.
    let base = path.split_once("/ui/").map_or("/ui/".to_owned(), |(before, _)| format!("{before}/ui/"));
    let page = llm_dashboard::page(&base);
    let tag = llm_dashboard::tag(page.as_bytes());
    let kind = "text/html; charset=utf-8";
    if is_known(headers, &tag) {
        return answer((kind, &tag, ASK_AGAIN), None);
    }
    answer((kind, &tag, ASK_AGAIN), Some(page.into()))
}

fn of_asset(asset: &'static Asset, head: &Parts) -> Response {
    let tag = asset.tag();
    let version = head.uri.query().and_then(|query| query.strip_prefix("v="));
    let keeps = if version.is_some() { FOR_EVER } else { ASK_AGAIN };
    let about = (asset.content_type, tag, keeps);
    if is_known(&head.headers, tag) {
        return answer(about, None);
    }
    if !takes_gzip(&head.headers) {
        return answer(about, Some(asset.bytes().into()));
    }
    let mut response = answer(about, Some(Body::from(asset.gzip)));
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// An answer with a type, a tag and how long to keep it; without a body it says that nothing changed.
fn answer((kind, tag, keeps): (&'static str, &str, &'static str), body: Option<Body>) -> Response {
    let status = if body.is_some() { StatusCode::OK } else { StatusCode::NOT_MODIFIED };
    let mut response = Response::new(body.unwrap_or_default());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keeps));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    guard(headers);
    response
}

/// Puts what browsers are to be strict about.
pub(crate) fn guard(headers: &mut HeaderMap) {
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let tags = headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    tags.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "gzip" && !matches!(quality.trim(), "q=0" | "q=0.0")
    })
}
