//! A tape between an upstream and the network: whole exchanges are kept, and told again in time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use llm_core::provider::{BoxFuture, Deadlines};
use llm_core::relay::RelayBody;
use llm_core::{Error, ErrorKind, Result};
use llm_transport::{Asked, Chunk, Options, Proxy, Tape, Told, Upgraded, Upstream};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::server::{CHUNKED, OK, Server, request};

const SECOND: Duration = Duration::from_secs(1);

/// Keeps exchanges in memory, and answers what it was given.
#[derive(Default)]
struct Memory {
    answer: Option<Told>,
    kept: Mutex<Vec<(Asked, Told)>>,
}

impl Tape for Memory {
    fn play<'a>(&'a self, _: &'a Asked) -> BoxFuture<'a, Result<Option<Told>>> {
        Box::pin(std::future::ready(Ok(self.answer.clone())))
    }

    fn keep(&self, asked: Asked, told: Told) {
        self.kept.lock().push((asked, told));
    }
}

fn taped(tape: &Arc<Memory>, address: &str) -> Arc<Upstream> {
    let options = Options { proxy: Proxy::None, ..Options::default() };
    let tape: Arc<dyn Tape> = tape.clone();
    Upstream::taped(&format!("http://{address}/v1"), &options, tape).expect("good settings")
}

async fn recording(server: &Server) -> (Arc<Memory>, Arc<Upstream>) {
    let tape = Arc::new(Memory::default());
    let upstream = taped(&tape, &server.address.to_string());
    (tape, upstream)
}

/// An answer of two pieces, the second one after nine seconds.
fn told() -> Told {
    let chunk = |seconds: u32, bytes: &'static [u8]| Chunk { after: seconds * SECOND, bytes: bytes.into() };
    let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from_static("7"))]);
    Told { status: 429, headers, head_after: 4 * SECOND, chunks: vec![chunk(0, b"one, "), chunk(9, b"two")] }
}

#[tokio::test]
async fn an_exchange_is_kept_when_it_was_read_to_its_end() {
    let server = Server::answering(OK).await;
    let (tape, upstream) = recording(&server).await;
    let mut asked = request();
    asked.path.push_str("?beta=true");
    asked.headers.insert("x-key", HeaderValue::from_static("k"));
    let reply = upstream.send(asked, &Deadlines::default()).await.expect("an answer");
    assert!(tape.kept.lock().is_empty(), "not yet");
    assert_eq!(reply.body.collect().await.expect("a body"), "ok");
    let kept = tape.kept.lock();
    let (asked, told) = kept.first().expect("one exchange");
    assert_eq!((&asked.method, asked.path.as_str()), (&Method::POST, "/v1/chat/completions?beta=true"));
    assert_eq!(
        (&asked.body[..], &asked.headers["x-key"]),
        (&b"{\"model\":\"m\"}"[..], &HeaderValue::from_static("k"))
    );
    assert_eq!((told.status, told.chunks.len()), (200, 1));
}

#[tokio::test]
async fn the_end_that_nobody_reads_is_read_for_the_tape() {
    let server = Server::start(|_, mut connection| async move {
        connection.request().await;
        connection.send(CHUNKED).await;
        connection.chunk(b"data: [DONE]\n\n").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        connection.send(b"0\r\n\r\n").await;
        connection.closed().await;
    });
    let (tape, upstream) = recording(&server.await).await;
    let mut reply = upstream.send(request(), &Deadlines::default()).await.expect("an answer");
    assert_eq!(reply.body.chunk().await, Some(Ok(Bytes::from_static(b"data: [DONE]\n\n"))));
    drop(reply);
    let kept = async {
        while tape.kept.lock().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(10 * SECOND, kept).await.expect("it is kept");
}

#[tokio::test]
async fn what_breaks_or_is_given_up_is_not_kept() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf";
    let (tape, upstream) = recording(&Server::answering_once(half).await).await;
    let reply = upstream.send(request(), &Deadlines::default()).await.expect("a head");
    assert!(reply.body.collect().await.is_err());
    let server = Server::start(|_, mut connection| async move {
        connection.request().await;
        connection.send(CHUNKED).await;
        connection.chunk(b"data: 1\n\n").await;
        connection.closed().await;
    });
    let (other, upstream) = recording(&server.await).await;
    let mut reply = upstream.send(request(), &Deadlines::default()).await.expect("a head");
    assert!(matches!(reply.body.chunk().await, Some(Ok(_))));
    drop(reply);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(tape.kept.lock().is_empty() && other.kept.lock().is_empty());
}

#[tokio::test]
async fn a_body_that_is_still_arriving_is_kept_whole() {
    let server = Server::answering(OK).await;
    let (tape, upstream) = recording(&server).await;
    let chunks =
        futures_util::stream::iter(["one, ", "two"].map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))));
    let body = RelayBody::Arriving { length: None, chunks: Box::pin(chunks) };
    let reply = upstream.relay(request(), body, &Deadlines::default()).await.expect("an answer");
    reply.body.collect().await.expect("a body");
    assert_eq!(tape.kept.lock().first().map(|(asked, _)| asked.body.clone()), Some("one, two".into()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_told_again_at_its_own_times_without_a_network() {
    let tape = Arc::new(Memory { answer: Some(told()), ..Memory::default() });
    let upstream = taped(&tape, "127.0.0.1:1");
    let began = Instant::now();
    let mut reply = upstream.send(request(), &Deadlines::default()).await.expect("an answer");
    assert_eq!((reply.status, &reply.headers["retry-after"]), (429, &HeaderValue::from_static("7")));
    assert_eq!(began.elapsed().as_secs(), 4);
    assert_eq!(reply.body.chunk().await, Some(Ok("one, ".into())));
    assert_eq!(reply.body.chunk().await, Some(Ok("two".into())));
    assert_eq!(reply.body.chunk().await, None);
    assert_eq!(began.elapsed().as_secs(), 4 + 9);
}

#[tokio::test(start_paused = true)]
async fn deadlines_hold_for_what_is_told_again() {
    let tape = Arc::new(Memory { answer: Some(told()), ..Memory::default() });
    let upstream = taped(&tape, "127.0.0.1:1");
    let hasty = Deadlines { headers: Some(SECOND), ..Deadlines::default() };
    let kind = |error: Option<Error>| error.map(|error| error.kind());
    assert_eq!(kind(upstream.send(request(), &hasty).await.err()), Some(ErrorKind::Timeout));
    let idle = Deadlines { idle: Some(2 * SECOND), ..Deadlines::default() };
    let reply = upstream.send(request(), &idle).await.expect("a head");
    assert_eq!(kind(reply.body.collect().await.err()), Some(ErrorKind::Timeout));
}

#[tokio::test]
async fn a_conversation_is_refused_rather_than_made_up() {
    let tape = Arc::new(Memory { answer: Some(told()), ..Memory::default() });
    let refused = taped(&tape, "127.0.0.1:1").upgrade(request(), &Deadlines::default()).await;
    assert!(matches!(refused, Err(error) if error.message().contains("not recorded")));
    let server = Server::answering(OK).await;
    let (_, upstream) = recording(&server).await;
    assert!(matches!(upstream.upgrade(request(), &Deadlines::default()).await, Ok(Upgraded::Refused(_))));
}
