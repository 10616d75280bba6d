//! Pages about the API: a document of everything that is served (OpenAPI 3.1), and a page that shows it and tries it out.
//!
//! Paths come from the tables that requests are routed by: the formats of the gateway, the routes of the management API,
//! and `operations.txt` for what this crate serves beside them, which a test holds to the routers. The document is made
//! when somebody asks for it first. The page is our own, of plain modules: the well-kept ones that exist are larger than a
//! twentieth of the program each, and load what they need from elsewhere.

mod document;
mod given;
mod management;
mod operations;
mod schema;

use std::sync::{Arc, OnceLock};

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, Method};

use crate::app::App;

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";

const PAGE: &str = include_str!("openapi/page/docs.html");
const STYLE: &str = include_str!("openapi/page/docs.css");
const PROGRAM: &str = include_str!("openapi/page/docs.js");

/// The page asks this server alone, and nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Which pages about the API are served.
#[derive(Clone, Debug)]
pub struct Docs {
    /// Where the page is: paths, each with a slash before it. Routes that exist come first.
    pub pages: Vec<String>,
    /// Whether `/openapi.json` is served; the page needs it.
    pub document: bool,
    made: Arc<OnceLock<Bytes>>,
}

impl Default for Docs {
    fn default() -> Self {
        Self::at(vec!["/docs".to_owned(), "/redoc".to_owned()], true)
    }
}

impl Docs {
    /// Pages at these paths.
    pub fn at(pages: Vec<String>, document: bool) -> Self {
        Self { pages, document, made: Arc::default() }
    }

    /// As LiteLLM's variables say: `NO_DOCS`, `NO_REDOC`, `NO_OPENAPI`, `DOCS_URL` and `REDOC_URL`.
    pub fn of_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &str| variable(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let path = |name: &str, default: &str| {
            let path = variable(name).filter(|path| path.starts_with('/'));
            path.map_or_else(|| default.to_owned(), |path| path.trim_end_matches('/').to_owned())
        };
        let pages = [("NO_DOCS", "DOCS_URL", "/docs"), ("NO_REDOC", "REDOC_URL", "/redoc")];
        let wanted = pages.into_iter().filter(|(no, ..)| !is_set(no));
        Self::at(wanted.map(|(_, at, default)| path(at, default)).collect(), !is_set("NO_OPENAPI"))
    }
}

/// The answer to a request for one of these pages; `None`: it is for something else.
pub(crate) fn answer(app: &App, method: &Method, path: &str) -> Option<Response> {
    let docs = &app.docs;
    if !docs.document || !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    if path == DOCUMENT {
        let made = docs.made.get_or_init(|| document::document(&app.gateway).to_string().into());
        return Some(file("application/json", made.clone()));
    }
    let (page, rest) = docs.pages.iter().find_map(|page| Some((page, path.strip_prefix(page.as_str())?)))?;
    match rest {
        "" | "/" => Some(file("text/html; charset=utf-8", addressed(page, rest).into())),
        "/docs.css" => Some(file("text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes()))),
        "/docs.js" => Some(file("text/javascript; charset=utf-8", Bytes::from_static(PROGRAM.as_bytes()))),
        _ => None,
    }
}

/// The page with the addresses of its files and the document, seen from where it is: the gateway may be mounted below a
/// path that it does not know.
fn addressed(page: &str, rest: &str) -> String {
    let depth = page.matches('/').count() - 1 + rest.len();
    let name = page.rsplit('/').next().unwrap_or_default();
    let files = if rest.is_empty() { name } else { "." };
    PAGE.replace("%FILES%", files).replace("%ROOT%", &format!("./{}", "../".repeat(depth)))
}

fn file(kind: &'static str, body: Bytes) -> Response {
    const NO_FRAMES: HeaderName = HeaderName::from_static("x-frame-options");
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (NO_FRAMES, "DENY"),
    ];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_say_where_pages_are() {
        let of = |pairs: &[(&str, &str)]| {
            let found = |name: &str| {
                pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            let docs = Docs::of_variables(found);
            (docs.pages.join(" "), docs.document)
        };
        assert_eq!(of(&[]), ("/docs /redoc".to_owned(), true));
        assert_eq!(of(&[("NO_DOCS", "True"), ("NO_OPENAPI", "true")]), ("/redoc".to_owned(), false));
        let moved = of(&[("DOCS_URL", "/help/api/"), ("NO_REDOC", "true"), ("NO_DOCS", "false")]);
        assert_eq!(moved, ("/help/api".to_owned(), true));
    }

    #[test]
    fn the_page_finds_its_files_wherever_it_is() {
        assert!(addressed("/docs", "").contains(r#"src="docs/docs.js""#));
        assert!(addressed("/docs", "").contains(r#"data-root="./""#));
        assert!(addressed("/docs", "/").contains(r#"src="./docs.js""#));
        assert!(addressed("/docs", "/").contains(r#"data-root="./../""#));
        assert!(addressed("/help/api", "").contains(r#"data-root="./../""#));
    }
}
