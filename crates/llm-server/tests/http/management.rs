//! The management API over the wire, and what its keys can do with the model APIs.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use llm_core::Secret;
use llm_governance::{Changed, Governance, GovernanceParts, MemoryStore};
use llm_management::{Changes, Management, ManagementParts, Settings};
use llm_server::{Options, Running, Server, listen};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::fixture::{Fixture, gateway_of, limits};
use crate::vendor::Vendor;

struct Forgets(Arc<Governance>);

impl Changes for Forgets {
    fn changed(&self, what: Changed) {
        self.0.forget(&what);
    }
}

/// A server whose keys are kept in memory.
fn managed() -> Running {
    let store = Arc::<MemoryStore>::default();
    let governance = Arc::new(Governance::new(GovernanceParts {
        master_key: Some(Secret::new("sk-master".to_owned())),
        directory: Arc::clone(&store) as _,
        ..GovernanceParts::default()
    }));
    let changes = Arc::new(Forgets(Arc::clone(&governance)));
    let parts = ManagementParts {
        store,
        changes,
        settings: Settings::default(),
        reports: None,
        sealing: None,
        serving: None,
        alarms: None,
    };
    let management = Management::new(parts);
    let options = Options {
        workers: NonZeroUsize::new(2),
        limits: limits(),
        management: Some(Arc::new(management)),
        ..Options::default()
    };
    let gateway = gateway_of(&Arc::<Vendor>::default(), governance);
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    Server::new(gateway, options).start(listener).expect("the server starts")
}

/// A request with a key and a body.
fn request(method: &str, path: &str, key: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn post(client: &mut Client, path: &str, key: &str, body: Value) -> Answer {
    client.call(request("POST", path, key, &body.to_string())).await
}

fn read(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.body))
}

#[tokio::test]
async fn a_key_that_is_made_asks_until_it_is_blocked_or_deleted() {
    let server = managed();
    let mut client = Client::connect(server.address()).await;
    let body = json!({"models": ["one"], "rpm_limit": 50, "unheard_of": 1, "policies": ["p"]});
    let made = post(&mut client, "/key/generate", "sk-master", body).await;
    assert_eq!((made.status, made.header("content-type")), (200, Some("application/json")), "{}", made.body);
    assert_eq!(made.header("x-llm-ignored"), Some("unheard_of"));
    assert_eq!(made.header("x-llm-without-effect"), Some("policies"));
    let key = read(&made)["key"].as_str().expect("a key").to_owned();
    let ask = |key: &str, model: &str| request("POST", "/v1/chat", key, &json!({"model": model}).to_string());
    assert_eq!(client.call(ask(&key, "one")).await.status, 200);
    assert_eq!(client.call(ask(&key, "two")).await.status, 403, "not its model");
    let info = client.call(request("GET", "/key/info", &key, "")).await;
    assert_eq!((info.status, &read(&info)["info"]["rpm_limit"]), (200, &json!(50)));
    assert_eq!(post(&mut client, "/key/block", &key, json!({"key": key})).await.status, 403);
    assert_eq!(post(&mut client, "/key/block", "sk-master", json!({"key": key})).await.status, 200);
    assert_eq!(client.call(ask(&key, "one")).await.status, 401, "from the next call on");
    assert_eq!(post(&mut client, "/key/unblock", "sk-master", json!({"key": key})).await.status, 200);
    assert_eq!(client.call(ask(&key, "one")).await.status, 200);
    assert_eq!(post(&mut client, "/key/delete", "sk-master", json!({"keys": [key]})).await.status, 200);
    assert_eq!(client.call(ask(&key, "one")).await.status, 401);
}

#[tokio::test]
async fn strangers_and_odd_requests_are_refused() {
    let server = managed();
    let mut client = Client::connect(server.address()).await;
    for key in ["", "sk-nobody"] {
        assert_eq!(post(&mut client, "/key/generate", key, json!({})).await.status, 401, "{key}");
    }
    let answer = client.call(request("PUT", "/key/generate", "sk-master", "")).await;
    assert_eq!((answer.status, read(&answer)["detail"].is_string()), (405, true));
    let answer = client.call(request("POST", "/key/generate", "sk-master", "{")).await;
    assert_eq!((answer.status, &read(&answer)["detail"][0]["loc"]), (422, &json!(["body"])));
    let answer = client.call(request("PATCH", "/team/nobodys", "sk-master", "{}")).await;
    assert_eq!(answer.status, 404);
    let large = format!("{{\"metadata\": {{\"a\": \"{}\"}}}}", "x".repeat(2 << 20));
    assert_eq!(client.call(request("POST", "/key/generate", "sk-master", &large)).await.status, 413);
}

#[tokio::test]
async fn without_a_store_the_answer_names_the_key_to_set() {
    let fixture = Fixture::with_key("sk-test");
    let mut client = fixture.client().await;
    let answer = post(&mut client, "/key/generate", "sk-test", json!({})).await;
    assert_eq!((answer.status, &read(&answer)["error"]["type"]), (501, &json!("no_db_connection")));
    assert!(answer.body.contains("general_settings.database_url"), "{}", answer.body);
    assert_eq!(post(&mut client, "/key/generate", "sk-wrong", json!({})).await.status, 401);
}
