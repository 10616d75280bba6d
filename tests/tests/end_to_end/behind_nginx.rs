//! Requests in requests, through nginx: what two servers in a row could read in two ways. Whoever comes next on the
//! connection that they share gets its own answer, and nothing of what was hidden reaches a vendor.

use std::net::SocketAddr;
use std::time::Duration;

use end_to_end::client::call;
use end_to_end::dialect::Dialect;
use end_to_end::nginx::Nginx;
use end_to_end::request::{CLIENT_KEY, Request};
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A request that must not arrive as one: for a model whose vendor notes it.
fn hidden() -> String {
    let body = r#"{"model":"hidden","messages":[{"role":"user","content":"let me in"}]}"#;
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {CLIENT_KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request that somebody sends who wants the hidden one to be taken for another's: head lines and a body.
fn carrier(lines: &str, body: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {CLIENT_KEY}\r\n\
         content-type: application/json\r\n{lines}\r\n{body}"
    )
}

/// What each tries, and its bytes. Where nginx takes the hidden request for one of its own, on the connection that it
/// came on, nothing is smuggled; so lengths here always reach past it, or there is none that is right.
fn attempts() -> Vec<(&'static str, String)> {
    let hidden = hidden();
    let ended = format!("0\r\n\r\n{hidden}");
    let all = format!("content-length: {}\r\n", ended.len());
    let chunk = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let with = |line: &str| carrier(&format!("{all}{line}\r\n"), &ended);
    vec![
        ("a length, then chunks", with("transfer-encoding: chunked")),
        ("chunks, then a length", carrier(&format!("transfer-encoding: chunked\r\n{all}"), &ended)),
        ("an unknown encoding", with("transfer-encoding: xchunked")),
        ("chunks among others", with("transfer-encoding: identity, chunked")),
        ("chunks, then others", with("transfer-encoding: chunked, identity")),
        ("chunks in capitals", with("Transfer-Encoding: CHUNKED")),
        ("a blank before the colon", with("transfer-encoding : chunked")),
        ("a tab behind the colon", with("transfer-encoding:\tchunked")),
        ("a control in the name", with("\u{b}transfer-encoding: chunked")),
        ("a folded line", with("x-one: two\r\n transfer-encoding: chunked")),
        ("an underscore", with("transfer_encoding: chunked")),
        ("a bare carriage return", with("x-one: two\rtransfer-encoding: chunked")),
        ("a bare line feed", with("x-one: two\ntransfer-encoding: chunked")),
        ("a zero byte", with("x-one: two\0transfer-encoding: chunked")),
        ("two encodings", with("transfer-encoding: chunked\r\ntransfer-encoding: identity")),
        ("two lengths", with("content-length: 5")),
        ("two lengths in one", carrier(&format!("content-length: 5, {}\r\n", ended.len()), &ended)),
        ("a length with a sign", carrier(&format!("content-length: +{}\r\n", ended.len()), &ended)),
        ("a length in hexadecimal", carrier(&format!("content-length: {:#x}\r\n", ended.len()), &ended)),
        ("a negative length", carrier("content-length: -1\r\n", &ended)),
        ("an old version with chunks", with("transfer-encoding: chunked").replacen("1.1", "1.0", 1)),
        ("a length that the connection owns", with("connection: content-length")),
        ("a body of a GET", carrier(&all, &ended).replacen("POST", "GET", 1)),
        ("a body that is waited for", with("expect: 100-continue")),
        ("another protocol", with("connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__")),
        ("a hidden request in a chunk", carrier("transfer-encoding: chunked\r\n", &chunk)),
        ("a chunk with an extension", carrier("transfer-encoding: chunked\r\n", &extended(&hidden))),
        ("a size that is too large", carrier("transfer-encoding: chunked\r\n", &wrapped(&hidden))),
        ("a size with a sign", carrier("transfer-encoding: chunked\r\n", &format!("+{chunk}"))),
        ("a length behind the body", carrier("transfer-encoding: chunked\r\n", &trailing(&hidden))),
    ]
}

/// An extension of a chunk that has a line feed of its own.
fn extended(hidden: &str) -> String {
    format!("2;x=\n{{}}\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len())
}

/// A size that is small again where only its last 64 bits are kept.
fn wrapped(hidden: &str) -> String {
    format!("10000000000000002\r\n{{}}\r\n0\r\n\r\n{hidden}")
}

/// Trailers that say something of the body.
fn trailing(hidden: &str) -> String {
    format!("{:x}\r\n{hidden}\r\n0\r\ncontent-length: 5\r\ntransfer-encoding: identity\r\n\r\n", hidden.len())
}

/// Sends bytes and reads whatever comes, for a while.
async fn try_it(at: SocketAddr, bytes: &str) -> String {
    let mut socket = TcpStream::connect(at).await.expect("nginx listens");
    // It may have refused before all is written.
    let _ = socket.write_all(bytes.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_millis(150), socket.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn no_request_is_smuggled_through_nginx() {
    let vendor = ScriptedVendor::start([Answer::json(200, "{}")]).await;
    let deployments =
        [Deployment::mock("echo", "echo"), Deployment::new("hidden", Dialect::Chat, &vendor.url())];
    let stage = Stage::start(&configuration(&deployments, "num_retries: 0"));
    let Some(nginx) = Nginx::start("no_request_is_smuggled_through_nginx", stage.address) else { return };
    for (name, bytes) in attempts() {
        for at in [nginx.reads_first, nginx.passes_at_once] {
            let answer = try_it(at, &bytes).await;
            let answers = answer.matches("HTTP/1.1 ").count();
            assert!(answers <= 1 || answer.starts_with("HTTP/1.1 100"), "{name}: {answer}");
            for number in 0..3 {
                let word = format!("visitor-{number}");
                let body = Dialect::Chat.ask("echo", &word, false);
                let answer = call(at, &Request::json(Dialect::Chat.path(), &body)).await;
                assert_eq!(answer.status, 200, "after {name}: {}", answer.text());
                assert!(answer.text().contains(&word), "after {name}: {}", answer.text());
            }
            assert_eq!(vendor.requests().len(), 0, "{name}: what was hidden arrived: {answer}");
        }
    }
    let seen = try_it(nginx.passes_at_once, &hidden()).await;
    assert_eq!(vendor.requests().len(), 1, "shown openly, it arrives: {seen}");
}
