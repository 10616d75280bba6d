//! Heads that are wrong or unusual, from clients of every dialect: keys, methods, paths, types, lengths, versions.

use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::logs;
use end_to_end::request::{CLIENT_KEY, Request};
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, configuration};
use llm_testkit::scripted::ScriptedVendor;
use serde_json::json;

use crate::bad_bodies::{House, model};

fn question(client: Dialect) -> Request {
    Request::json(client.path(), &client.ask(model(client), "Hi", false))
}

#[tokio::test]
async fn no_key_and_a_wrong_key_are_refused_and_never_repeated() {
    let house = House::open().await;
    let wrong = "sk-wrong-9119-guess";
    for client in DIALECTS {
        let none = question(client).without("authorization");
        let headers = ["authorization", "x-api-key", "api-key", "x-goog-api-key", "x-litellm-api-key"];
        let mut cases = vec![
            none.clone(),
            none.clone().header("authorization", ""),
            none.clone().header("authorization", "Bearer "),
        ];
        cases.extend(headers.map(|name| none.clone().header(name, wrong)));
        cases.push(none.clone().header("authorization", &format!("Bearer {CLIENT_KEY}x")));
        cases.push(
            none.clone().header("authorization", &format!("Bearer {}", &CLIENT_KEY[..CLIENT_KEY.len() - 1])),
        );
        for request in cases {
            let answer = house.stage.call(&request).await;
            assert_eq!(answer.status, 401, "{client:?}: {}", answer.text());
            let message = client.error_message(&answer.json());
            assert!(message.starts_with("Authentication Error"), "{client:?}: {message}");
            assert!(!answer.everything().contains(wrong) && !answer.everything().contains(CLIENT_KEY));
            if client == Dialect::Messages {
                assert_eq!(answer.json()["error"]["type"], "authentication_error");
            }
        }
        for name in headers {
            let answer = house.stage.call(&none.clone().header(name, CLIENT_KEY)).await;
            assert_eq!(answer.status, 200, "{client:?}: {name}");
        }
    }
    assert_eq!(house.asked(), DIALECTS.len() * 5, "strangers do not reach a vendor");
    assert_eq!((logs::lines_with(wrong), logs::lines_with(CLIENT_KEY)), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn keys_guard_the_pages_of_operators_too() {
    let house = House::open().await;
    for path in ["/v1/models", "/models", "/v1/models/chat", "/health", "/metrics", "/v1/providers/status"] {
        let request = Request::get(path);
        assert_eq!(house.stage.call(&request).await.status, 200, "{path}");
        assert_eq!(house.stage.call(&request.without("authorization")).await.status, 401, "{path}");
    }
    for path in ["/", "/health/liveliness", "/health/liveness", "/health/readiness"] {
        let answer = house.stage.call(&Request::get(path).without("authorization")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.everything().contains("127.0.0.1"), "{path} tells strangers nothing");
    }
}

#[tokio::test]
async fn wrong_methods_and_paths_are_told_with_the_remedy() {
    let house = House::open().await;
    for client in DIALECTS {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = house.stage.call(&question(client).method(method)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{client:?} {method}");
            assert!(client.error_message(&answer.json()).contains("POST"));
        }
        let twice = format!("/v1{}", client.path());
        let answer = house.stage.call(&Request::post(&twice, "{}")).await;
        assert_eq!(answer.status, 404, "{twice}");
        let message = Dialect::Chat.error_message(&answer.json());
        assert!(message.contains(&format!("did you mean `{}`", client.path())), "{message}");
    }
    for path in
        ["/v1/nothing", "//", "/v1/chat/completions/", "/%2e%2e/etc/passwd", "/v1/models/no-such-model"]
    {
        let answer = house.stage.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        Dialect::Chat.error_message(&answer.json());
    }
    assert_eq!(house.asked(), 0);
    house.assert_alive("after wrong paths").await;
}

#[tokio::test]
async fn json_is_read_whatever_its_content_type() {
    let house = House::open().await;
    for client in DIALECTS {
        let kinds =
            ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", "", "*"];
        for kind in kinds {
            let answer = house.stage.call(&question(client).header("content-type", kind)).await;
            assert_eq!(answer.status, 200, "{client:?}: {kind}: {}", answer.text());
        }
        assert_eq!(house.stage.call(&question(client).without("content-type")).await.status, 200);
        let answer = house.stage.call(&question(client).header("content-encoding", "gzip")).await;
        assert_eq!(answer.status, 415, "{client:?}");
        assert!(client.error_message(&answer.json()).contains("content-encoding"));
    }
    let received = house.vendors.iter().flat_map(ScriptedVendor::requests);
    for request in received {
        assert_eq!(request.header("content-type"), Some("application/json"), "what the vendor sees is ours");
    }
}

#[tokio::test]
async fn bodies_in_chunks_and_old_versions_are_served() {
    let house = House::open().await;
    for client in DIALECTS {
        for size in [1, 7, 4096] {
            let answer = house.stage.call(&question(client).chunked(size)).await;
            assert_eq!(answer.status, 200, "{client:?} in chunks of {size}");
        }
        let answer = house.stage.call(&question(client).version("HTTP/1.0")).await;
        assert_eq!(answer.status, 200, "{client:?}");
        assert_eq!(answer.header("transfer-encoding"), None, "HTTP/1.0 knows no chunks");
        assert!(client.hear(&answer, false).complete);
    }
}

#[tokio::test]
async fn a_stream_over_http_1_0_ends_with_the_connection() {
    for client in DIALECTS {
        let vendor = ScriptedVendor::start([client.answer(&Said::text("Hello there."), true)]).await;
        let stage = Stage::of(&[Deployment::new("public", client, &vendor.url())]);
        let request = Request::json(client.path(), &client.ask("public", "Hi", true)).version("HTTP/1.0");
        let answer = stage.call(&request).await;
        assert_eq!((answer.status, answer.header("transfer-encoding")), (200, None));
        let heard = client.hear(&answer, true);
        assert_eq!((heard.text.as_str(), heard.complete), ("Hello there.", true), "{client:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_before_it_comes() {
    let house = House::open().await;
    let too_large = (100 << 20) + 1;
    for client in DIALECTS {
        let mut connection = house.stage.connect().await;
        let request = Request::post(client.path(), "{\"model\":").announcing(too_large);
        let answer = connection.call(&request).await;
        assert_eq!(answer.status, 413, "{client:?}: {}", answer.text());
        let message = client.error_message(&answer.json());
        assert!(message.contains("104857600"), "{message}");
        if client == Dialect::Messages {
            assert_eq!(answer.json()["error"]["type"], "request_too_large");
        }
    }
    house.assert_alive("after large bodies").await;
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused_on_the_way() {
    let house = House::open().await;
    let mut connection = house.stage.connect().await;
    let head = Request::post("/v1/messages", "").chunked(1).bytes();
    let head = head.strip_suffix(b"0\r\n\r\n").expect("the last chunk").to_vec();
    assert!(connection.send(head).await);
    let piece = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    for _ in 0..101 {
        if !connection.send(&piece).await {
            break;
        }
    }
    let answer = connection.answer().await;
    assert_eq!(answer.status, 413);
    Dialect::Messages.error_message(&answer.json());
    house.assert_alive("after a body of 101 MB").await;
}

#[tokio::test]
async fn the_limit_is_the_configurations() {
    let vendor = ScriptedVendor::start([Dialect::Chat.answer(&Said::text("Fine."), false)]).await;
    let deployments = [Deployment::new("public", Dialect::Chat, &vendor.url())];
    let text = configuration(&deployments, "num_retries: 0") + "server: {max_request_size_mb: 1}\n";
    let stage = Stage::start(&text);
    for client in DIALECTS {
        let padded = |size: usize| {
            let mut body = client.ask("public", "Hi", false);
            body["metadata"] = json!({"user_id": ""});
            let padding = size - body.to_string().len();
            body.to_string().replace("\"user_id\":\"\"", &format!("\"user_id\":\"{}\"", "x".repeat(padding)))
        };
        for (size, status) in [(1 << 20, 200), ((1 << 20) + 1, 413)] {
            for request in [
                Request::post(client.path(), padded(size)),
                Request::post(client.path(), padded(size)).chunked(60_000),
            ] {
                let answer = stage.call(&request).await;
                assert_eq!(answer.status, status, "{client:?}, {size} bytes: {}", answer.text());
            }
        }
    }
}

#[tokio::test]
async fn heads_that_smuggle_are_refused() {
    let house = House::open().await;
    let body = Dialect::Chat.ask("chat", "Hi", false).to_string();
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {CLIENT_KEY}\r\n");
    let two_lengths = format!("{head}content-length: {}\r\ncontent-length: 3\r\n\r\n{body}", body.len());
    let no_version = "GET /v1/models\r\n\r\n".to_owned();
    let bad_length = format!("{head}content-length: -1\r\n\r\n{body}");
    let bad_name = format!("{head}bad name: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let folded = format!("{head}x-a: 1\r\n 2\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    for request in [two_lengths, no_version, bad_length, bad_name, folded] {
        let mut connection = house.stage.connect().await;
        connection.send(&request).await;
        assert_eq!(connection.answer().await.status, 400, "{request}");
    }
    assert_eq!(house.asked(), 0);
    house.assert_alive("after broken heads").await;
}
