//! Signing in and out, and who is signed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{OriginalUri, Request, State};
use axum::response::Response;
use http::StatusCode;
use http::header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, HeaderMap, HeaderValue, ORIGIN, SET_COOKIE};
use http::request::Parts;
use llm_core::{Error, ErrorKind, Result, Secret};
use llm_governance::Principal;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::pages::guard;
use super::same_page::of_own_page;
use super::seal::{Opened, SessionId};
use super::{Scene, Ui};
use crate::app::App;
use crate::client_address::peer;
use crate::routes::{json_text, refusal};

/// What the cookie is called.
const NAME: &str = "llm_session";

/// How long a session lasts, in seconds: a long day of work.
const LASTS: u64 = 12 * 60 * 60;

/// The most bytes of a request to sign in.
const BODY: usize = 16 << 10;

/// The longest key: a browser keeps 4 KiB of a cookie, and sealing makes it longer.
const LONGEST: usize = 2_800;

/// The path that a key must be good for, to sign in with it.
const PATH: &str = "/ui/session";

/// Sessions that were ended before their time, until then. Other gateways do not know of it; the browser has forgotten
/// them anyhow.
#[derive(Default)]
pub(crate) struct Ended(Mutex<HashMap<SessionId, u64>>);

/// How many of them are remembered.
const ENDED: usize = 10_000;

impl Ended {
    fn end(&self, session: &Opened) {
        let mut ended = self.0.lock();
        if ended.len() >= ENDED {
            let now = now();
            ended.retain(|_, until| *until > now);
        }
        if ended.len() < ENDED {
            ended.insert(session.id, session.until);
        }
    }

    fn has(&self, id: &SessionId) -> bool {
        self.0.lock().contains_key(id)
    }
}

impl Ui {
    /// The session that a request belongs to.
    pub(super) fn session(&self, headers: &HeaderMap) -> Option<Opened> {
        let seal = self.seal.as_ref()?;
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut sessions =
            pairs.filter(|(name, _)| *name == NAME).filter_map(|(_, text)| seal.open(text, now()));
        sessions.find(|session| !self.ended.has(&session.id))
    }

    /// The key of whoever a session is of, as a header.
    pub(super) fn key_of(&self, session: &Opened) -> Option<HeaderValue> {
        let key = session.key.as_ref().or(self.settings.master_key.as_ref())?;
        bearer(key.expose())
    }
}

/// What somebody signs in with.
#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    password: Option<String>,
}

/// Who is signed in, and how one signs in.
pub(crate) async fn show(State(scene): State<Scene>, head: Parts) -> Response {
    let Scene { app, ui, .. } = &scene;
    let caller = match &ui.seal {
        None => app
            .gateway
            .identify(&HeaderMap::new(), address(app, &head), (PATH, true))
            .await
            .ok()
            .zip(Some(None)),
        Some(_) => match ui.session(&head.headers) {
            Some(session) => {
                identified(app, ui, &session, address(app, &head)).await.zip(Some(Some(session.until)))
            }
            None => None,
        },
    };
    told(&about(app, ui, caller.as_ref().map(|(caller, until)| (&**caller, *until))))
}

/// Signs in.
pub(crate) async fn begin(State(scene): State<Scene>, request: Request) -> Response {
    let Scene { app, ui, .. } = &scene;
    let (head, body) = request.into_parts();
    let from = address(app, &head);
    match signed_in(app, ui, &head, from, body).await {
        Ok((caller, cookie, until)) => {
            let mut response = told(&about(app, ui, Some((&caller, Some(until)))));
            response.headers_mut().append(SET_COOKIE, cookie);
            response
        }
        Err(error) => refusal(app, &error),
    }
}

/// Signs out.
pub(crate) async fn end(State(scene): State<Scene>, head: Parts) -> Response {
    let Scene { app, ui, .. } = &scene;
    if let Err(error) = of_own_page(&head.headers) {
        return refusal(app, &error);
    }
    if let Some(session) = ui.session(&head.headers) {
        ui.ended.end(&session);
    }
    let mut response = told(&about(app, ui, None));
    if let Some(gone) = cookie("", 0, &head) {
        response.headers_mut().append(SET_COOKIE, gone);
    }
    response
}

async fn signed_in(
    app: &App,
    ui: &Ui,
    head: &Parts,
    from: Option<IpAddr>,
    body: axum::body::Body,
) -> Result<(Arc<Principal>, HeaderValue, u64)> {
    of_own_page(&head.headers)?;
    let Some(seal) = &ui.seal else {
        return Err(Error::invalid("this gateway wants no key: there is nothing to sign in to"));
    };
    ui.logins.attempt(from)?;
    let body = axum::body::to_bytes(body, BODY).await.unwrap_or_default();
    let shown = serde_json::from_slice(&body);
    let shown: Shown =
        shown.map_err(|_| Error::invalid("expected JSON with `key`, or `username` and `password`"))?;
    let key = ui.shown_key(shown)?;
    let master = ui.settings.master_key.as_ref().map(Secret::expose);
    let key = key.filter(|key| Some(key) != master);
    if key.as_ref().is_some_and(|key| key.len() > LONGEST) {
        return Err(Error::invalid("this key is too long for a session: sign in with a shorter one"));
    }
    let until = now() + LASTS;
    let session = Opened { id: SessionId::default(), until, key: key.map(Secret::new) };
    let shown = ui.key_of(&session).ok_or_else(wrong)?;
    let shown = HeaderMap::from_iter([(AUTHORIZATION, shown)]);
    let caller = app.gateway.identify(&shown, from, (PATH, true)).await.map_err(refused)?;
    ui.logins.succeeded(from);
    let key = session.key.as_ref().map(|key| key.expose().as_bytes());
    let sealed = seal.seal(until, key).and_then(|text| cookie(&text, LASTS, head));
    let sealed = sealed.ok_or_else(|| Error::internal("the session could not be made"))?;
    Ok((caller, sealed, until))
}

impl Ui {
    /// The key that somebody signs in with; `None` stands for the master key.
    fn shown_key(&self, shown: Shown) -> Result<Option<String>> {
        let key = shown.key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        if key.is_some() {
            return Ok(key);
        }
        let password = shown.password.filter(|password| !password.is_empty());
        let (Some(username), Some(password)) = (shown.username, password) else {
            return Err(Error::invalid(
                "nothing to sign in with: give a `key`, or `username` and `password`",
            ));
        };
        let own = self.settings.password.as_ref().or(self.settings.master_key.as_ref()).ok_or_else(wrong)?;
        let name = self.settings.username.as_deref().unwrap_or("admin");
        // Both are compared whatever the first one says.
        let good = [is_same(&username, name), is_same(&password, own.expose())];
        if good == [true, true] { Ok(None) } else { Err(wrong()) }
    }
}

/// Whether two texts are the same, in a time that says nothing of where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let hash = |text: &str| digest(&SHA256, text.as_bytes());
    verify_slices_are_equal(hash(one).as_ref(), hash(other).as_ref()).is_ok()
}

fn wrong() -> Error {
    Error::new(ErrorKind::Unauthenticated, "this name or password is wrong")
}

/// What whoever shows a wrong key is told.
#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`")]
fn refused(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unauthenticated => {
            Error::new(ErrorKind::Unauthenticated, "this key is unknown, expired or blocked")
        }
        kind => Error::new(kind, error.message().to_owned()),
    }
}

/// Whoever a session is of, while its key is good.
async fn identified(app: &App, ui: &Ui, session: &Opened, from: Option<IpAddr>) -> Option<Arc<Principal>> {
    let shown = HeaderMap::from_iter([(AUTHORIZATION, ui.key_of(session)?)]);
    app.gateway.identify(&shown, from, (PATH, true)).await.ok()
}

fn about(app: &App, ui: &Ui, caller: Option<(&Principal, Option<u64>)>) -> Value {
    let caller = caller.map(|(caller, until)| {
        json!({
            "role": caller.role.name(),
            "user_id": caller.user_id(),
            "team_id": caller.team_id(),
            "team_alias": caller.team_alias(),
            "key_name": caller.key_name,
            "key_alias": caller.key_alias(),
            "key_hash": caller.key().map(|key| key.hex()),
            "until": until,
        })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "wants_key": ui.seal.is_some(),
        "has_password": ui.settings.password.is_some() || ui.settings.username.is_some(),
        "has_store": app.management.is_some(),
        "caller": caller,
    })
}

fn told(about: &Value) -> Response {
    let mut response = json_text(StatusCode::OK, about.to_string());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    guard(response.headers_mut());
    response
}

/// A cookie that scripts cannot read, that no other page can have sent, and that the rest of the gateway does not get.
fn cookie(text: &str, lasts: u64, head: &Parts) -> Option<HeaderValue> {
    let secure = if is_encrypted(&head.headers) { "; Secure" } else { "" };
    // A server around this one may have put something before the path.
    let path = head.extensions.get::<OriginalUri>().map_or(head.uri.path(), |uri| uri.0.path());
    let place = path.strip_suffix("/session").unwrap_or("/ui");
    let cookie = format!("{NAME}={text}; Path={place}; Max-Age={lasts}; HttpOnly; SameSite=Strict{secure}");
    let mut cookie = HeaderValue::try_from(cookie).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

/// Whether the browser came over TLS: the page says so itself, or a proxy does. Who lies about it harms themselves.
fn is_encrypted(headers: &HeaderMap) -> bool {
    let begins =
        |name: &str, with: &[u8]| headers.get(name).is_some_and(|value| value.as_bytes().starts_with(with));
    begins(ORIGIN.as_str(), b"https://") || begins("x-forwarded-proto", b"https")
}

fn address(app: &App, head: &Parts) -> Option<IpAddr> {
    app.address(peer(&head.extensions), &head.headers)
}

fn bearer(key: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
