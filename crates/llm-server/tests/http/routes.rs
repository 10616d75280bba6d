//! Routes beside the model APIs, and paths and methods that are none.

use crate::client::{ask, bare};
use crate::fixture::Fixture;

#[tokio::test]
async fn liveness_needs_no_key() {
    let fixture = Fixture::with_key("sk-test");
    let mut client = fixture.client().await;
    for path in ["/health/liveliness", "/health/liveness"] {
        let answer = client.call(bare("GET", path)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "\"I'm alive!\""));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    assert_eq!(client.call(bare("GET", "/health/readiness")).await.status, 200);
    assert_eq!(client.call(bare("GET", "/")).await.status, 200);
}

#[tokio::test]
async fn everything_else_needs_the_key() {
    let fixture = Fixture::with_key("sk-test");
    let mut client = fixture.client().await;
    for path in ["/v1/models", "/models", "/v1/models/a", "/health", "/metrics", "/v1/providers/status"] {
        let refused = client.call(bare("GET", path)).await;
        assert_eq!(refused.status, 401, "{path}");
        assert!(refused.body.contains("test_error"), "{}", refused.body);
        let key = bare("GET", path).replacen("\r\n", "\r\nauthorization: Bearer sk-test\r\n", 1);
        let answer = client.call(key).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(!answer.body.is_empty());
    }
}

#[tokio::test]
async fn a_models_name_may_have_slashes() {
    let fixture = Fixture::start();
    let answer = fixture.client().await.call(bare("GET", "/v1/models/acme/large")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("acme/large"), "{}", answer.body);
}

#[tokio::test]
async fn other_methods_are_refused_with_the_right_one() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    for method in ["GET", "OPTIONS", "PUT", "DELETE"] {
        let answer = client.call(bare(method, "/v1/chat")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
        assert!(answer.body.contains("method_not_allowed"), "{}", answer.body);
    }
    client.send(bare("HEAD", "/v1/chat")).await;
    assert_eq!(client.head().await.status, 405);
    let answer = client.call(bare("DELETE", "/v1/models")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")));
    assert_eq!(client.call(ask("a")).await.status, 200, "a HEAD has no body");
}

#[tokio::test]
async fn an_unknown_path_says_what_was_meant() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let doubled = client.call(bare("POST", "/v1/v1/chat/")).await;
    assert_eq!(doubled.status, 404);
    assert!(doubled.body.contains(r#""detail":"Not Found""#), "{}", doubled.body);
    assert!(doubled.body.contains("did you mean `/v1/chat`"), "{}", doubled.body);
    let unknown = client.call(bare("GET", "/favicon.ico")).await;
    assert!(unknown.body.contains("no route for `GET /favicon.ico`"), "{}", unknown.body);
}

#[tokio::test]
async fn a_harmless_id_of_the_client_is_kept() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    let named = |id: &str| ask("a").replacen("\r\n", &format!("\r\nx-request-id: {id}\r\n"), 1);
    let kept = client.call(named("call-7")).await;
    assert_eq!(kept.header("x-litellm-call-id"), Some("call-7"));
    let odd = client.call(named("a<b>{{7*7}}")).await;
    assert_ne!(odd.header("x-litellm-call-id"), Some("a<b>{{7*7}}"));
}
