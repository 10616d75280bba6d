//! One connection from its first byte to its last: hyper's HTTP/1, and the one function that answers on it.

use std::future::{Future as _, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::service::TowerToHyperService;
use llm_core::hush::Hushable;
use llm_core::operation::Operation;
use llm_core::{Error, ErrorKind};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::answer;
use crate::app::App;
use crate::caught::{Panicked, caught};
use crate::origins::{Origins, Verdict, allow, is_preflight, preflight};
use crate::outgoing::{Outgoing, response};
use crate::realtime::converse;
use crate::routes::routes;
use crate::server::pulse::{Busy, Order, Pulse};
use crate::server::watched::Watched;
use crate::tls::{Certificate, Wire};
use crate::wire_faults::{Broken, befall};

/// The routes that are seldom asked for, made when the first of them is: one set for all workers.
pub(crate) struct Cold {
    app: Arc<App>,
    router: OnceLock<Router>,
}

impl Cold {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app, router: OnceLock::new() }
    }

    fn router(&self) -> Router {
        self.router.get_or_init(|| routes(Arc::clone(&self.app))).clone()
    }
}

/// What all connections of a worker share.
pub(crate) struct Service {
    app: Arc<App>,
    origins: Arc<Origins>,
    cold: Arc<Cold>,
    http: http1::Builder,
}

impl Service {
    pub(crate) fn new(app: Arc<App>, origins: Arc<Origins>, cold: Arc<Cold>) -> Self {
        let mut http = http1::Builder::new();
        http.max_header_size(app.limits.head);
        Self { cold, app, origins, http }
    }

    /// Serves a connection until it ends or is told to. Dropping the future cuts it.
    pub(crate) async fn serve(self: Arc<Self>, socket: TcpStream, pulse: Arc<Pulse>) {
        // A client that is gone already has none.
        let peer = socket.peer_addr().ok();
        let wire = match &self.app.certificate {
            None => Wire::Plain(socket),
            Some(certificate) => match Box::pin(encrypted(certificate, socket, &pulse)).await {
                Some(wire) => wire,
                None => return,
            },
        };
        let io = Watched::new(wire, Arc::clone(&pulse));
        let service = service_fn(|request| {
            let (service, busy) = (Arc::clone(&self), pulse.begin());
            // Boxed: hyper keeps the room of this future as long as the connection lasts, 3 KiB of each stream that is
            // held and of each connection at rest. So it is given back when the answer begins.
            Box::pin(async move {
                let mut answer = service.answer(request, peer).await;
                if service.app.wire_faults {
                    answer = befall(answer, busy.pulse())?;
                }
                if busy.pulse().is_ending() && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                    // Told in time, a client asks elsewhere next, and not on a connection that closes meanwhile.
                    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Broken>(answer.map(|body| Underway { body, _busy: busy }))
            })
        });
        let mut connection = pin!(self.http.serve_connection(io, service).with_upgrades());
        let mut hushable = Hushable::default();
        let ended = poll_fn(|context| {
            let order = pulse.order(context.waker());
            if order == Some(Order::Close) {
                return Poll::Ready(Ok(()));
            }
            let polled = hushable.poll(context, |context| connection.as_mut().poll(context));
            // A request that waited in the socket has been read now.
            if polled.is_pending() && order == Some(Order::Rest) && pulse.is_at_rest() {
                connection.as_mut().graceful_shutdown();
                let ended = hushable.poll(context, |context| connection.as_mut().poll(context));
                // One that never had a request does not end by this.
                return if ended.is_ready() { ended } else { Poll::Ready(Ok(())) };
            }
            polled
        });
        if let Err(error) = ended.await {
            // Clients hang up all the time; what it meant for a call is told by the gateway.
            tracing::debug!(%error, "connection ended");
        }
    }

    async fn answer(&self, request: Request<Incoming>, peer: Option<SocketAddr>) -> Response<Outgoing> {
        let origin = match self.origins.judge(request.uri(), request.headers()) {
            Verdict::NoPage => return self.dispatch(request, peer).await,
            Verdict::Allowed(origin) => origin,
            Verdict::Refused => return self.foreign_page(&request),
            Verdict::Misnamed => return self.foreign_name(&request),
        };
        if is_preflight(&request) {
            return preflight(request.headers(), origin).map(|()| Outgoing::Whole(Default::default()));
        }
        let mut answer = Box::pin(self.dispatch(request, peer)).await;
        allow(answer.headers_mut(), origin);
        answer
    }

    async fn dispatch(&self, request: Request<Incoming>, peer: Option<SocketAddr>) -> Response<Outgoing> {
        match self.app.gateway.route(request.uri().path(), request.uri().query()) {
            Some(route) if route.1.operation == Operation::Realtime => {
                Box::pin(converse(&self.app, route, request, peer.map(|peer| peer.ip()))).await
            }
            Some(route) => answer(&self.app, route, request, peer.map(|peer| peer.ip())).await,
            None => Box::pin(self.cold(request, peer)).await,
        }
    }

    async fn cold(&self, mut request: Request<Incoming>, peer: Option<SocketAddr>) -> Response<Outgoing> {
        if let Some(peer) = peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let router = TowerToHyperService::new(self.cold.router());
        match caught(router.call(request)).await {
            Ok(Ok(answer)) => answer.map(Outgoing::Cold),
            Err(Panicked) => self.refusal(&Error::internal("the gateway failed at this request")),
        }
    }

    fn foreign_page(&self, request: &Request<Incoming>) -> Response<Outgoing> {
        tracing::info!(path = request.uri().path(), "request of a foreign web page refused");
        let message = "web pages of other origins may not call this gateway: set a master key, or call it from a \
                       program";
        self.refusal(&Error::new(ErrorKind::PermissionDenied, message))
    }

    fn foreign_name(&self, request: &Request<Incoming>) -> Response<Outgoing> {
        tracing::info!(path = request.uri().path(), "request under a public name refused: there is no key");
        let message = "a gateway without a master key answers to addresses and local names alone, since a web page \
                       could let a public name point at it: set a master key, or call it by its address";
        self.refusal(&Error::new(ErrorKind::PermissionDenied, message))
    }

    fn refusal(&self, error: &Error) -> Response<Outgoing> {
        response(self.app.gateway.refusal(&*self.app.gateway.default_ingress(), error))
    }
}

/// How long a client may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The connection when keys are agreed on; `None`: they are not, or the server has to end.
async fn encrypted(certificate: &Certificate, socket: TcpStream, pulse: &Arc<Pulse>) -> Option<Wire> {
    let mut handshake = pin!(timeout(HANDSHAKE, certificate.handshake(socket)));
    let ended = poll_fn(|context| {
        if pulse.order(context.waker()) == Some(Order::Close) {
            return Poll::Ready(None);
        }
        handshake.as_mut().poll(context).map(Some)
    });
    let busy = pulse.begin();
    let ended = ended.await;
    // Its rest begins now.
    drop(busy);
    match ended? {
        Ok(Ok(wire)) => Some(wire),
        Ok(Err(error)) => {
            // Scanners and clients that speak without TLS do this all the time.
            tracing::debug!(%error, "no keys were agreed on");
            None
        }
        Err(_) => None,
    }
}

/// The body of an answer, with the mark that its connection is busy.
struct Underway {
    body: Outgoing,
    _busy: Busy,
}

impl Body for Underway {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
