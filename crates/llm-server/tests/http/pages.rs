//! Requests of web pages.

use crate::client::{ask, bare};
use crate::fixture::Fixture;

fn from(origin: &str, request: &str) -> String {
    request.replacen("\r\n", &format!("\r\norigin: {origin}\r\n"), 1)
}

fn preflight(origin: &str) -> String {
    let asked =
        "access-control-request-method: POST\r\naccess-control-request-headers: authorization,x-app\r\n";
    from(origin, &bare("OPTIONS", "/v1/chat")).replacen("\r\n", &format!("\r\n{asked}"), 1)
}

#[tokio::test]
async fn with_a_key_any_page_may_ask_and_read() {
    let fixture = Fixture::with_key("sk-test");
    let mut client = fixture.client().await;
    let before = client.call(preflight("https://app.example")).await;
    assert_eq!(before.status, 204);
    assert_eq!(before.header("access-control-allow-origin"), Some("*"));
    assert_eq!(before.header("access-control-allow-headers"), Some("authorization,x-app"));

    let with_key = ask("a").replacen("\r\n", "\r\nauthorization: Bearer sk-test\r\n", 1);
    let answer = client.call(from("https://app.example", &with_key)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
    let refused = client.call(from("https://app.example", &ask("a"))).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (401, Some("*")));
}

#[tokio::test]
async fn without_a_key_foreign_pages_cannot_spend_money() {
    let fixture = Fixture::start();
    let mut client = fixture.client().await;
    for origin in ["https://evil.example", "null"] {
        assert_eq!(client.call(preflight(origin)).await.status, 403);
        assert_eq!(client.call(from(origin, &ask("a"))).await.status, 403);
        assert_eq!(client.call(from(origin, &bare("GET", "/v1/models"))).await.status, 403);
    }
    let local = client.call(from("http://localhost:3000", &ask("a"))).await;
    assert_eq!(local.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(local.header("vary"), Some("origin"));
}
