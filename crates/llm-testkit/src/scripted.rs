//! A vendor on this machine that answers what a test tells it, and remembers what it was asked.
//!
//! ```no_run
//! # async fn example() {
//! use llm_testkit::scripted::{Answer, ScriptedVendor};
//!
//! let vendor = ScriptedVendor::start([Answer::json(200, r#"{"ok":true}"#)]).await;
//! // … a call to `vendor.url()` …
//! assert_eq!(vendor.requests().len(), 1);
//! # }
//! ```

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A vendor that answers from a script: each answer once, in order, the last one again and again.
///
/// Dropping it closes its door; connections that stand are closed with their clients.
#[derive(Debug)]
pub struct ScriptedVendor {
    address: SocketAddr,
    state: Arc<State>,
    door: JoinHandle<()>,
}

/// A request that came in, whole.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Received {
    /// The body as JSON; `Null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// One answer of the script.
#[derive(Clone, Debug)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    steps: VecDeque<Step>,
    whole: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Chunk(Bytes),
    Wait(Arc<Notify>),
    /// Lets what was written reach the wire first.
    Flush,
    Break,
    Hang,
}

impl Answer {
    /// An answer of one piece, with its length in the head.
    ///
    /// # Panics
    /// When the status is none.
    pub fn whole(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let status = StatusCode::from_u16(status).expect("a status from 100 to 999");
        let answer = Self { status, headers: HeaderMap::new(), steps: VecDeque::new(), whole: true };
        answer.header("content-type", content_type).chunk(body)
    }

    /// A JSON answer of one piece.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self::whole(status, "application/json", body)
    }

    /// A stream of server-sent events with no chunk yet.
    pub fn events() -> Self {
        let answer =
            Self { status: StatusCode::OK, headers: HeaderMap::new(), steps: VecDeque::new(), whole: false };
        answer.header("content-type", "text/event-stream")
    }

    /// Adds a header; the same name may be given several times. `content-type` replaces the one before.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        if name == http::header::CONTENT_TYPE {
            self.headers.insert(name, value);
        } else {
            self.headers.append(name, value);
        }
        self
    }

    /// Sends a chunk.
    #[must_use]
    pub fn chunk(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Chunk(bytes.into()))
    }

    /// Sends a body in chunks of so many bytes.
    #[must_use]
    pub fn chunks_of(self, bytes: &[u8], size: usize) -> Self {
        bytes.chunks(size.max(1)).fold(self, |answer, chunk| answer.chunk(chunk.to_vec()))
    }

    /// Waits until the test lets it go on.
    #[must_use]
    pub fn wait(self, gate: &Arc<Notify>) -> Self {
        self.step(Step::Wait(gate.clone()))
    }

    /// Breaks the connection off.
    #[must_use]
    pub fn broken(mut self) -> Self {
        if self.whole {
            // The head promises more than comes.
            let promised = self.length() + 100;
            self.headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(promised));
            self.whole = false;
        }
        self.step(Step::Flush).step(Step::Break)
    }

    /// Never ends.
    #[must_use]
    pub fn hanging(mut self) -> Self {
        self.whole = false;
        self.step(Step::Hang)
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }

    fn length(&self) -> u64 {
        let length = |step: &Step| if let Step::Chunk(bytes) = step { bytes.len() as u64 } else { 0 };
        self.steps.iter().map(length).sum()
    }
}

#[derive(Debug, Default)]
struct State {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Received>>,
    hung_up: Notify,
}

impl ScriptedVendor {
    /// Opens the door on a free port of this machine.
    ///
    /// # Panics
    /// When there is no free port, or no answer.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: VecDeque<Answer> = answers.into_iter().collect();
        assert!(!answers.is_empty(), "a scripted vendor needs an answer");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(State { answers: Mutex::new(answers), ..State::default() });
        let door = tokio::spawn(keep_door(listener, state.clone()));
        Self { address, state, door }
    }

    /// Its address, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked so far, in order.
    pub fn requests(&self) -> Vec<Received> {
        self.state.requests.lock().clone()
    }

    /// Waits until a client goes away before the end of its answer.
    pub async fn hung_up(&self) {
        self.state.hung_up.notified().await;
    }
}

impl Drop for ScriptedVendor {
    fn drop(&mut self) {
        self.door.abort();
    }
}

async fn keep_door(listener: TcpListener, state: Arc<State>) {
    while let Ok((socket, _)) = listener.accept().await {
        // Small chunks must not wait for acknowledgements.
        socket.set_nodelay(true).expect("a fresh socket takes options");
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| serve(request, state.clone()));
            // A client that hangs up is no fault of the test's.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await;
        });
    }
}

async fn serve(request: Request<Incoming>, state: Arc<State>) -> Result<Response<Script>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let received = Received { method: head.method, target, headers: head.headers, body };
    state.requests.lock().push(received);
    let answer = next_answer(&state);
    let mut response = Response::new(Script {
        length: answer.whole.then(|| answer.length()),
        steps: answer.steps,
        waiting: None,
        state,
    });
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

fn next_answer(state: &State) -> Answer {
    let mut answers = state.answers.lock();
    let next = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
    next.expect("there is one from the start, and the last one stays")
}

/// The rest of an answer on its way.
struct Script {
    steps: VecDeque<Step>,
    length: Option<u64>,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    state: Arc<State>,
}

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(gate) = &mut self.waiting {
                std::task::ready!(gate.as_mut().poll(context));
                self.waiting = None;
            }
            return Poll::Ready(match self.steps.front() {
                Some(Step::Hang) => return Poll::Pending,
                Some(Step::Wait(gate)) => {
                    let gate = gate.clone();
                    self.waiting = Some(Box::pin(async move { gate.notified().await }));
                    self.steps.pop_front();
                    continue;
                }
                Some(Step::Flush) => {
                    self.steps.pop_front();
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Break) => {
                    self.steps.clear();
                    Some(Err(io::Error::other("the script breaks off here")))
                }
                Some(Step::Chunk(bytes)) => {
                    let chunk = bytes.clone();
                    self.steps.pop_front();
                    Some(Ok(Frame::data(chunk)))
                }
                None => None,
            });
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            self.state.hung_up.notify_one();
        }
    }
}
