//! The gateway inside another axum application.

use std::sync::Arc;

use axum::routing::get;
use llm_config::Options;

use crate::client::{Client, ask, bare, with_body};
use crate::fixture::gateway;
use crate::vendor::Vendor;

#[path = "../../examples/embed.rs"]
#[expect(dead_code, reason = "its `main` is for people")]
mod embed;

#[tokio::test]
async fn the_example_answers_under_its_prefix() {
    let application = embed::application(&Options::default()).expect("the mock models need nothing");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move { axum::serve(listener, application).await });

    let mut client = Client::connect(address).await;
    assert!(client.call(bare("GET", "/")).await.body.contains("under /llm"));
    assert!(client.call(bare("GET", "/llm/v1/models")).await.body.contains("mock/echo"));
    let question = r#"{"model":"mock/echo","messages":[{"role":"user","content":"Hello, axum!"}]}"#;
    let answer = client.call(with_body("POST", "/llm/v1/chat/completions", question)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("Hello, axum!"), "{}", answer.body);
    server.abort();
}

#[tokio::test]
async fn all_routes_work_under_a_prefix() {
    let routes = llm_server::router(gateway(&Arc::default(), None));
    let application = axum::Router::new().route("/", get(|| async { "mine" })).nest("/llm", routes);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move { axum::serve(listener, application).await });

    let mut client = Client::connect(address).await;
    assert_eq!(client.call(bare("GET", "/")).await.body, "mine");
    assert_eq!(client.call(bare("GET", "/llm/health/readiness")).await.status, 200);
    let prefixed = ask("a").replacen("/v1/chat", "/llm/v1/chat", 1);
    assert_eq!(client.call(prefixed).await.body, r#"{"model":"a"}"#);
    assert_eq!(client.call(bare("GET", "/llm/v1/chat")).await.status, 405);
    let unknown = client.call(bare("GET", "/llm/nowhere")).await;
    assert!(unknown.body.contains("no route for"), "{}", unknown.body);
    assert_eq!(client.call(ask("panic").replacen("/v1/chat", "/llm/v1/chat", 1)).await.status, 500);
    server.abort();
}

#[tokio::test]
async fn streams_pass_through_the_application() {
    let vendor = Arc::new(Vendor::default());
    let chunks = vendor.stream("tale");
    let application = axum::Router::new().nest_service("/llm", llm_server::router(gateway(&vendor, None)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move { axum::serve(listener, application).await });

    let mut client = Client::connect(address).await;
    chunks.try_send("one".into()).expect("open");
    client.send(crate::client::ask_stream("tale").replacen("/v1/chat", "/llm/v1/chat", 1)).await;
    client.head().await;
    assert_eq!(client.chunk().await.as_deref(), Some("one"));
    drop(client);
    tokio::time::timeout(std::time::Duration::from_secs(10), chunks.closed()).await.expect("cancelled");
    server.abort();
}
