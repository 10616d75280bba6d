//! One vendor's base URL: requests go out here, and the heads of answers come back.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};
use hyper::body::Incoming;
use llm_core::provider::Deadlines;
use llm_core::wire::WireRequest;
use llm_core::{Error, Result};
use tokio::time::timeout_at;

use crate::body::{Network, UpstreamBody};
use crate::connect::Connector;
use crate::connection::Sent;
use crate::deadline::Watch;
use crate::decode::Decoder;
use crate::failure;
use crate::options::Options;
use crate::outgoing::{Outgoing, RequestBody};
use crate::pool::{Lease, Pool};
use crate::tape::Tape;
use crate::target::Target;

/// A pooled connection that was closed while it lay idle fails within a round trip. One that fails later was alive,
/// and the vendor may have worked (and charged) for the request: whether to repeat that is for the router to decide.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// A vendor's base URL with its connections. Dropping it closes the idle ones; calls in flight go on.
pub struct Upstream {
    pub(crate) target: Target,
    pub(crate) connector: Connector,
    pool: Pool,
    max_body: usize,
    tape: Option<Arc<dyn Tape>>,
}

/// An answer whose head is there and whose body is on its way.
pub struct UpstreamReply {
    /// HTTP status: anything but a redirect.
    pub status: u16,
    /// Headers; those of an encoding that is undone are taken out.
    pub headers: HeaderMap,
    /// The body.
    pub body: UpstreamBody,
}

/// A request that got no answer.
struct Failure {
    error: Error,
    /// The connection was closed before the request came in: on another one it may be sent again.
    stale: bool,
}

impl Upstream {
    /// Takes a base URL (`https://api.example.com/v1`, a query is kept) and prepares its pool; no connection is made.
    ///
    /// # Errors
    /// When the URL, the proxy or the TLS settings cannot be used.
    pub fn new(base_url: &str, options: &Options) -> Result<Arc<Self>> {
        Self::with(base_url, options, None)
    }

    /// The same with a tape between it and the network.
    ///
    /// # Errors
    /// As [`Upstream::new`].
    pub fn taped(base_url: &str, options: &Options, tape: Arc<dyn Tape>) -> Result<Arc<Self>> {
        Self::with(base_url, options, Some(tape))
    }

    fn with(base_url: &str, options: &Options, tape: Option<Arc<dyn Tape>>) -> Result<Arc<Self>> {
        let target = Target::parse(base_url)?;
        let connector = Connector::new(&target, options)?;
        Ok(Arc::new(Self { tape, ..Self::over(target, connector, options) }))
    }

    /// One whose connections are made like this.
    pub(crate) fn over(target: Target, connector: Connector, options: &Options) -> Self {
        Self { target, connector, pool: Pool::new(options), max_body: options.max_body, tape: None }
    }

    pub(crate) fn tape(&self) -> Option<&Arc<dyn Tape>> {
        self.tape.as_ref()
    }

    pub(crate) fn max_body(&self) -> usize {
        self.max_body
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The base URL without a trailing slash.
    pub fn base_url(&self) -> &str {
        &self.target.base_url
    }

    /// Sends a request and waits for the answer's head. Dropping the future cancels the call. Needs a Tokio runtime
    /// with I/O and time.
    ///
    /// # Errors
    /// When no head of an answer came, in time and well-formed, or it is a redirect. A status such as 429 or 500 is
    /// an answer, not an error.
    pub async fn send(&self, request: WireRequest, deadlines: &Deadlines) -> Result<UpstreamReply> {
        let path = self.target.path(&request.path)?;
        self.send_to(path, request, deadlines).await
    }

    /// [`Upstream::send`] to a path that is already whole.
    pub(crate) async fn send_to(
        &self,
        path: PathAndQuery,
        request: WireRequest,
        deadlines: &Deadlines,
    ) -> Result<UpstreamReply> {
        match &self.tape {
            Some(tape) => Box::pin(self.by_tape(tape, path, request, deadlines)).await,
            None => self.by_network(path, Outgoing::new(request), deadlines).await,
        }
    }

    pub(crate) async fn by_network(
        &self,
        path: PathAndQuery,
        outgoing: Outgoing,
        deadlines: &Deadlines,
    ) -> Result<UpstreamReply> {
        let mut watch = Watch::begin(deadlines);
        // Opening is rare and large: boxed, so that the future of the usual call stays small.
        let mut lease = match self.pool.idle() {
            Some(lease) => lease,
            None => Box::pin(self.open(deadlines, &watch, false)).await?,
        };
        match self.exchange(&mut lease, &outgoing, &path, &mut watch).await {
            Ok(head) => return self.reply(head, lease, watch),
            Err(Failure { error, stale: false }) => return Err(error),
            Err(Failure { stale: true, .. }) => {}
        }
        // Rarer still.
        let again = Box::pin(async {
            lease = self.open(deadlines, &watch, true).await?;
            self.exchange(&mut lease, &outgoing, &path, &mut watch).await.map_err(|failure| failure.error)
        });
        let head = again.await?;
        self.reply(head, lease, watch)
    }

    pub(crate) async fn open(&self, deadlines: &Deadlines, watch: &Watch, fresh: bool) -> Result<Lease> {
        if !fresh {
            // On a work-stealing runtime a connection's driver may need a moment to see that its answer was read.
            tokio::task::yield_now().await;
            if let Some(lease) = self.pool.idle() {
                return Ok(lease);
            }
        }
        let opening = self.pool.open(&self.connector, deadlines.connect);
        match watch.total() {
            Some(total) => timeout_at(total, opening).await.map_err(|_| watch.total_expired())?,
            None => opening.await,
        }
    }

    async fn exchange(
        &self,
        lease: &mut Lease,
        outgoing: &Outgoing,
        path: &PathAndQuery,
        watch: &mut Watch,
    ) -> Result<Response<Incoming>, Failure> {
        let began = watch.sending();
        let sent = match lease {
            Lease::Http1(http1) => {
                let request = self.http1_request(outgoing, path, watch).map_err(fatal)?;
                wait(pin!(http1.connection().map_err(fatal)?.send(request)), watch).await
            }
            Lease::Http2(http2) => {
                let target = self.target.absolute_form(path.clone()).map_err(fatal)?;
                wait(pin!(http2.send(outgoing.request(target, None, watch.progress()))), watch).await
            }
        };
        match sent.map_err(fatal)? {
            Ok(head) => Ok(head),
            Err(refused) => {
                let unsent = refused.message().is_some();
                let stale = lease.may_be_stale(unsent) && (unsent || began.elapsed() < STALE_WITHIN);
                Err(Failure { error: failure::exchanging(refused.error()), stale })
            }
        }
    }

    fn http1_request(
        &self,
        outgoing: &Outgoing,
        path: &PathAndQuery,
        watch: &Watch,
    ) -> Result<Request<RequestBody>> {
        let (target, extra) = self.http1_head(path)?;
        Ok(outgoing.request(target, extra, watch.progress()))
    }

    /// What an HTTP/1 request line and its headers say of the way.
    pub(crate) fn http1_head(
        &self,
        path: &PathAndQuery,
    ) -> Result<(Uri, impl Iterator<Item = (HeaderName, HeaderValue)>)> {
        let route = self.connector.route();
        let target = if route.wants_whole_url() {
            self.target.absolute_form(path.clone())?
        } else {
            Target::origin_form(path.clone())
        };
        let host = (header::HOST, self.target.host_header.clone());
        let proxy = route.authorization().map(|value| (header::PROXY_AUTHORIZATION, value.clone()));
        Ok((target, std::iter::once(host).chain(proxy)))
    }

    pub(crate) fn reply(
        &self,
        head: Response<Incoming>,
        lease: Lease,
        watch: Watch,
    ) -> Result<UpstreamReply> {
        let status = head.status().as_u16();
        match status {
            200.. if !(300..400).contains(&status) => self.answer(head, lease, watch),
            300..400 => Err(failure::redirected(status, head.headers().get(header::LOCATION))),
            _ => Err(Error::bad_answer(format!("the vendor answered with status {status}, which is none"))),
        }
    }

    /// The same for any status.
    pub(crate) fn answer(
        &self,
        head: Response<Incoming>,
        lease: Lease,
        mut watch: Watch,
    ) -> Result<UpstreamReply> {
        let (head, incoming) = head.into_parts();
        let status = head.status.as_u16();
        let mut headers = head.headers;
        let decoder = Decoder::of(&headers)?;
        if decoder.is_some() {
            headers.remove(header::CONTENT_ENCODING);
            headers.remove(header::CONTENT_LENGTH);
        }
        watch.answered();
        let body = UpstreamBody::new(Network::new(incoming, lease, watch, decoder), self.max_body);
        Ok(UpstreamReply { status, headers, body })
    }
}

/// Waits for the answer's head or a deadline, whichever is first. What is waited for is pinned by the caller: taken by
/// value it would be copied on the way.
pub(crate) async fn wait(mut sent: Pin<&mut impl Future<Output = Sent>>, watch: &mut Watch) -> Result<Sent> {
    poll_fn(|context| match sent.as_mut().poll(context) {
        Poll::Ready(sent) => Poll::Ready(Ok(sent)),
        Poll::Pending => watch.poll_expired(context).map(Err),
    })
    .await
}

fn fatal(error: Error) -> Failure {
    Failure { error, stale: false }
}
