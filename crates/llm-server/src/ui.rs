//! The dashboard over HTTP: its pages, its sessions, and the gateway's own routes for who is signed in.
//!
//! | path | what |
//! |---|---|
//! | `/ui/…` | pages and files; whatever is no file is a page of the application |
//! | `/ui/session` | who is signed in (GET), sign in (POST), sign out (DELETE) |
//! | `/ui/api/…` | any route of the gateway, asked as whoever is signed in |
//!
//! The cookie is good below `/ui` alone: model APIs and everything else of the gateway neither get nor look at it.

mod forward;
mod logins;
mod pages;
mod same_page;
mod seal;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get};

use crate::app::App;
use crate::dashboard::Dashboard;
use logins::Logins;
use seal::Seal;
use session::Ended;

/// What the dashboard's routes share.
pub(crate) struct Ui {
    settings: Dashboard,
    /// `None`: nobody signs in.
    seal: Option<Seal>,
    logins: Logins,
    ended: Ended,
}

impl Ui {
    pub(crate) fn new(settings: Dashboard) -> Self {
        let seal = settings.master_key.as_ref().map(Seal::new);
        Self { settings, seal, logins: Logins::default(), ended: Ended::default() }
    }
}

/// What a route of the dashboard is given.
#[derive(Clone)]
pub(crate) struct Scene {
    app: Arc<App>,
    ui: Arc<Ui>,
    /// The gateway's other routes.
    api: Router,
}

/// The routes of the dashboard beside those of the gateway; those alone where there is no dashboard.
pub(crate) fn beside(api: Router, app: Arc<App>) -> Router {
    let Some(ui) = app.ui.clone() else { return api };
    let scene = Scene { app, ui, api: api.clone() };
    let own = Router::new()
        .route("/ui", get(pages::home))
        .route("/ui/", get(pages::page))
        .route("/ui/session", get(session::show).post(session::begin).delete(session::end))
        .nest_service("/ui/api", any(forward::forward).with_state(scene.clone()))
        .route("/ui/{*path}", get(pages::file))
        .with_state(scene);
    own.merge(api)
}
