//! The gateway's routes, asked as whoever is signed in: the session's key is put where programs put theirs.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, COOKIE};
use http::{Extensions, HeaderName};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use llm_core::{Error, ErrorKind, Result};

use super::pages::guard;
use super::same_page::of_own_page;
use super::{Scene, Ui};
use crate::routes::refusal;

/// Headers that SDKs show keys in.
static KEYS: [HeaderName; 5] = [
    AUTHORIZATION,
    HeaderName::from_static("x-litellm-api-key"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// Passes a request of the dashboard on to the route that it is for; what stood before its path is gone already.
pub(crate) async fn forward(State(scene): State<Scene>, mut request: Request) -> Response {
    let Scene { app, ui, api } = scene;
    if let Err(error) = as_signed_in(&ui, &mut request) {
        return refusal(&app, &error);
    }
    let Ok(mut response) = TowerToHyperService::new(api).call(request).await;
    guard(response.headers_mut());
    response
}

/// Gives a request the key of whoever is signed in. One that shows a key has that.
fn as_signed_in(ui: &Ui, request: &mut Request) -> Result<()> {
    let shows_key = KEYS.iter().any(|name| request.headers().contains_key(name));
    if !shows_key {
        of_own_page(request.headers())?;
        if ui.seal.is_some() {
            let key = ui.session(request.headers()).and_then(|session| ui.key_of(&session));
            request.headers_mut().insert(AUTHORIZATION, key.ok_or_else(signed_out)?);
        }
    }
    // From here on nothing knows of the session, nor of the way to here.
    request.headers_mut().remove(COOKIE);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().copied();
    *request.extensions_mut() = Extensions::new();
    peer.map(|peer| request.extensions_mut().insert(peer));
    Ok(())
}

fn signed_out() -> Error {
    Error::new(ErrorKind::Unauthenticated, "nobody is signed in, or the session is over: sign in again")
}
