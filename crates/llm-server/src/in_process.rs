//! The gateway of a configuration without a socket: requests are answered in the process that asks.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body as AnyBody;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use llm_config::{Builder, Loaded, Services};
use llm_core::{Error, Result, Secret};
use llm_gateway::Gateway;

use crate::limits::Limits;
use crate::routes::router_managed;

/// The gateway of a configuration, for a program that asks it itself. It has all routes of the server, and the same store:
/// calls are limited, counted and booked. Dropping it books what waits.
pub struct InProcess {
    router: TowerToHyperService<Router>,
    master_key: Option<Secret>,
    warnings: Vec<String>,
    /// Dropped last.
    _services: Services,
}

impl InProcess {
    /// Opens the store that a configuration names, and builds its gateway.
    ///
    /// # Errors
    /// What cannot be used, and what to do, as the program would say it.
    pub async fn open(mut loaded: Loaded) -> std::result::Result<Self, String> {
        let services = Services::open(&loaded).await.map_err(|error| error.to_string())?;
        let mut warnings = services.warnings.clone();
        if let Some(models) = &services.models {
            if let Err(why) = models.read().await {
                warnings.push(format!("models of the store are not served, it cannot be read: {why}"));
            }
            models.put_beside(&mut loaded);
            services.tell_of(&loaded).map_err(|error| error.to_string())?;
        }
        let mut builder: Builder = services.builder();
        let parts = builder.build(&loaded).map_err(|report| report.to_string())?;
        let limits = Limits { body: loaded.config.server.max_request_bytes, ..Limits::default() };
        let master_key = loaded.config.server.master_key.clone();
        if let Some(models) = &services.models {
            models.serves(Arc::new(loaded));
            // Nobody reads the store again: changes of models wait for nobody.
            models.close();
        }
        let gateway = Arc::new(Gateway::new(parts));
        let router = router_managed(gateway, limits, Arc::clone(&services.management));
        Ok(Self { router: TowerToHyperService::new(router), master_key, warnings, _services: services })
    }

    /// The key of its administrator; `None`: nobody needs one.
    pub fn master_key(&self) -> Option<&Secret> {
        self.master_key.as_ref()
    }

    /// What is weak about it, in words.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Answers a request. Dropping the future, or the body of the answer, cancels the work behind it.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<InProcessBody> {
        let request = request.map(AnyBody::from);
        let answer = match self.router.call(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        answer.map(InProcessBody)
    }
}

/// The body of an answer, piece by piece.
pub struct InProcessBody(AnyBody);

impl InProcessBody {
    /// The next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Option<Result<Bytes>> {
        loop {
            let frame = poll_fn(|context| Pin::new(&mut self.0).poll_frame(context)).await?;
            match frame {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => {
                    let error = Error::bad_answer("the answer broke off").with_detail(error.to_string());
                    return Some(Err(error));
                }
            }
        }
    }
}
