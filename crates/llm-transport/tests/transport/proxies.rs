//! Proxies between us and the vendor: forwarding, tunnels, SOCKS, and what the environment says.

use std::process::Command;

use llm_core::ErrorKind;
use llm_transport::{Options, Proxy, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, Receiver};

use crate::secure::{acceptor, trusting};
use crate::server::{OK, Server, call, failing_call, upstream};

fn through(url: &str) -> Options {
    Options { proxy: Proxy::Url(url.into()), ..trusting() }
}

/// A proxy that answers forwarded requests itself, and the heads that it saw.
async fn forwarding() -> (Server, Receiver<String>) {
    let (seen, heads) = mpsc::channel(16);
    let server = Server::start(move |_, mut connection| {
        let seen = seen.clone();
        async move {
            while let Some(received) = connection.request().await {
                seen.try_send(received.head).expect("the test waits");
                connection.send(OK).await;
            }
        }
    })
    .await;
    (server, heads)
}

/// A proxy that opens tunnels after this answer, and the heads that it saw.
async fn tunnelling(answer: &'static [u8], to: std::net::SocketAddr) -> (Server, Receiver<String>) {
    let (seen, heads) = mpsc::channel(16);
    let server = Server::start(move |_, mut connection| {
        let seen = seen.clone();
        async move {
            let received = connection.request().await.expect("a request");
            seen.try_send(received.head).expect("the test waits");
            connection.send(answer).await;
            let mut vendor = TcpStream::connect(to).await.expect("the vendor listens");
            let _ended = copy_bidirectional(&mut connection.into_stream(), &mut vendor).await;
        }
    })
    .await;
    (server, heads)
}

/// A vendor that speaks TLS.
async fn secure_vendor() -> Server {
    let acceptor = acceptor(&["http/1.1"], false);
    Server::start(move |_, connection| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(connection.into_stream()).await.expect("a handshake");
            let mut request = Vec::new();
            while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
                if request.ends_with(b"{\"model\":\"m\"}") {
                    request.clear();
                    stream.write_all(OK).await.expect("the client listens");
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn plain_calls_are_forwarded_with_their_whole_url() {
    let (proxy, mut heads) = forwarding().await;
    let url = format!("http://user:p%40ss@{}", proxy.address);
    let upstream = upstream("http://vendor.invalid:8080/v1", through(&url));
    for _ in 0..2 {
        assert_eq!(call(&upstream).await.expect("an answer"), "ok");
        let head = heads.recv().await.expect("a head");
        assert!(
            head.starts_with("POST http://vendor.invalid:8080/v1/chat/completions HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains("host: vendor.invalid:8080\r\n"), "{head}");
        assert!(head.contains("proxy-authorization: Basic dXNlcjpwQHNz\r\n"), "{head}");
    }
    assert_eq!(proxy.accepted(), 1, "the connection is used again");
}

#[tokio::test]
async fn secure_calls_go_through_a_tunnel() {
    let vendor = secure_vendor().await;
    let opened = b"HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n";
    let (proxy, mut heads) = tunnelling(opened, vendor.address).await;
    let url = format!("http://user:word@{}", proxy.address);
    let upstream = upstream("https://localhost:7443/v1", through(&url));
    for _ in 0..2 {
        assert_eq!(call(&upstream).await.expect("an answer"), "ok");
    }
    let head = heads.recv().await.expect("a head");
    assert!(head.starts_with("CONNECT localhost:7443 HTTP/1.1\r\nHost: localhost:7443\r\n"), "{head}");
    assert!(head.contains("Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n"), "{head}");
    assert_eq!((proxy.accepted(), vendor.accepted()), (1, 1), "the tunnel is used again");
}

#[tokio::test]
async fn a_proxy_may_itself_speak_tls() {
    let vendor = secure_vendor().await;
    let (address, acceptor) = (vendor.address, acceptor(&["http/1.1"], false));
    let proxy = Server::start(move |_, connection| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(connection.into_stream()).await.expect("a handshake");
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut head).await.expect("a head");
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("the client listens");
            let mut vendor = TcpStream::connect(address).await.expect("the vendor listens");
            let _ended = copy_bidirectional(&mut stream, &mut vendor).await;
        }
    })
    .await;
    let url = format!("https://localhost:{}", proxy.address.port());
    let upstream = upstream("https://localhost:7443", through(&url));
    assert_eq!(call(&upstream).await.expect("an answer"), "ok");
}

#[tokio::test]
async fn a_proxy_that_refuses_says_why() {
    let refusals: [(&[u8], &str); 4] = [
        (b"HTTP/1.1 407 Asks\r\n\r\n", "user name and password"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "status 403"),
        (b"220 smtp.example\r\n\r\n", "not HTTP"),
        (b"", "the connection was closed"),
    ];
    for (answer, why) in refusals {
        let proxy = Server::answering_once(answer).await;
        let url = format!("http://{}", proxy.address);
        let error = failing_call(&upstream("https://localhost", through(&url))).await;
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.message().contains(why), "{error}");
        assert!(error.message().contains("proxy"), "{error}");
    }
}

#[tokio::test]
async fn a_socks_proxy_is_asked_by_name_and_with_a_login() {
    let vendor = secure_vendor().await;
    let address = vendor.address;
    let (seen, mut asked) = mpsc::channel(16);
    let proxy = Server::start(move |_, connection| {
        let seen = seen.clone();
        async move {
            let mut stream = connection.into_stream();
            let mut greeting = [0; 3];
            stream.read_exact(&mut greeting).await.expect("a greeting");
            stream.write_all(&[5, 2]).await.expect("the client listens");
            let mut login = [0; 1 + 1 + 4 + 1 + 4];
            stream.read_exact(&mut login).await.expect("a login");
            stream.write_all(&[1, 0]).await.expect("the client listens");
            let mut wish = [0; 4 + 1 + 9 + 2];
            stream.read_exact(&mut wish).await.expect("a wish");
            seen.try_send((greeting, login, wish)).expect("the test waits");
            stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).await.expect("the client listens");
            let mut vendor = TcpStream::connect(address).await.expect("the vendor listens");
            let _ended = copy_bidirectional(&mut stream, &mut vendor).await;
        }
    })
    .await;
    let url = format!("socks5h://user:word@{}", proxy.address);
    let upstream = upstream("https://localhost:258", through(&url));
    assert_eq!(call(&upstream).await.expect("an answer"), "ok");
    let (greeting, login, wish) = asked.recv().await.expect("it was asked");
    assert_eq!((&greeting, &login), (&[5, 1, 2], b"\x01\x04user\x04word"));
    assert_eq!(&wish, b"\x05\x01\x00\x03\x09localhost\x01\x02");
}

#[tokio::test]
async fn a_socks_proxy_that_refuses_says_why() {
    let proxy = Server::start(|_, connection| async move {
        let mut stream = connection.into_stream();
        let mut asked = [0; 64];
        for answer in [&[5, 0][..], &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]] {
            let _read = stream.read(&mut asked).await.expect("a question");
            stream.write_all(answer).await.expect("the client listens");
        }
    })
    .await;
    let url = format!("socks5://{}", proxy.address);
    let error = failing_call(&upstream("http://127.0.0.1", through(&url))).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("rules forbid it"), "{error}");
}

/// The environment can only be set for a new process: this test is its own child.
#[tokio::test]
async fn the_environment_names_the_proxy_and_its_exceptions() {
    const NAME: &str = "proxies::the_environment_names_the_proxy_and_its_exceptions";
    if std::env::var_os("TRANSPORT_TEST_CHILD").is_some() {
        let upstream = Upstream::new("http://vendor.invalid", &Options::default()).expect("good settings");
        assert_eq!(call(&upstream).await.expect("through the proxy"), "ok");
        let direct = Upstream::new("http://direct.invalid", &Options::default()).expect("good settings");
        assert_eq!(failing_call(&direct).await.kind(), ErrorKind::Connection);
        return;
    }
    let (proxy, mut heads) = forwarding().await;
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args(["--exact", NAME]).env("TRANSPORT_TEST_CHILD", "1");
    for name in
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "all_proxy", "REQUEST_METHOD"]
    {
        child.env_remove(name);
    }
    child.env("http_proxy", format!("http://{}", proxy.address)).env("no_proxy", "direct.invalid");
    let output =
        tokio::task::spawn_blocking(move || child.output()).await.expect("no panic").expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let head = heads.recv().await.expect("a head");
    assert!(head.starts_with("POST http://vendor.invalid/chat/completions"), "{head}");
    assert!(heads.try_recv().is_err(), "the exception did not come this way");
}

/// What tells a machine who it is would tell it who the proxy is.
#[tokio::test]
async fn cold_calls_to_this_machine_take_no_proxy() {
    const NAME: &str = "proxies::cold_calls_to_this_machine_take_no_proxy";
    const VARIABLE: &str = "TRANSPORT_TEST_BESIDE_US";
    let asked = |url: String| llm_transport::ColdCall {
        method: http::Method::GET,
        url,
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        size: 64,
        deadline: std::time::Duration::from_secs(20),
    };
    if let Ok(address) = std::env::var(VARIABLE) {
        let near = llm_transport::ask(asked(format!("{address}/token"))).await.expect("it is here");
        assert_eq!(near.body, "direct");
        let far =
            llm_transport::ask(asked("http://far.invalid/".to_owned())).await.expect("the proxy is here");
        assert_eq!(far.body, "ok");
        return;
    }
    let mut site = mockito::Server::new_async().await;
    site.mock("GET", "/token").with_body("direct").create_async().await;
    let (proxy, mut heads) = forwarding().await;
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    child.args(["--exact", NAME]).env(VARIABLE, site.url());
    for name in ["HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "no_proxy", "all_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    child.env("http_proxy", format!("http://{}", proxy.address));
    let output =
        tokio::task::spawn_blocking(move || child.output()).await.expect("no panic").expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let head = heads.recv().await.expect("a head");
    assert!(head.starts_with("GET http://far.invalid/"), "{head}");
}
