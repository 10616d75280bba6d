//! A client and a vendor of the same dialect: bytes pass as they are, except for what must not.

use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::request::{CLIENT_KEY, Request};
use end_to_end::said::{Call, Finish, Heard, Said, Thought, Tokens};
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY, VENDOR_MODEL};
use llm_testkit::scripted::{Answer, Received, ScriptedVendor};
use serde_json::json;

/// Spaces, escapes, spellings of numbers and members that nobody knows: all of it is the client's own business.
fn odd_request(client: Dialect, stream: bool) -> String {
    let list = if client == Dialect::Responses { "input" } else { "messages" };
    let limit = if client == Dialect::Messages { "\"max_tokens\": 1e2,\n " } else { "" };
    let usage =
        if client == Dialect::Chat && stream { ", \"stream_options\": {\"include_usage\":true}" } else { "" };
    format!(
        "{{ \"x_first\": [1.0, 1e400, 18446744073709551616, -0],\n {limit}\"model\" : \"public\",\t\"{list}\":\n  \
         [{{\"role\":\"user\",\"content\":\"a\\u00e9\\/b \\ud83d\\ude00\",\"x_inner\":{{\"b\":1,\"a\":2}}}}],\n \
         \"stream\":{stream}{usage},\"x_last\" : null }}\n"
    )
}

/// The body with another model.
fn renamed(body: &str) -> String {
    body.replace("\"public\"", &format!("\"{VENDOR_MODEL}\""))
}

async fn pass(client: Dialect, answer: Answer, request: &Request) -> (end_to_end::client::Answer, Received) {
    let server = ScriptedVendor::start([answer]).await;
    let stage = Stage::of(&[Deployment::new("public", client, &server.url())]);
    let answer = stage.call(request).await;
    assert_eq!(answer.status, 200, "{client:?}: {}", answer.text());
    (answer, server.requests().into_iter().next().expect("the vendor was asked"))
}

#[tokio::test]
async fn a_request_passes_byte_for_byte_but_for_its_model() {
    for client in DIALECTS {
        for stream in [false, true] {
            let body = odd_request(client, stream);
            let answer = client.answer(&Said::text("ok"), stream);
            let (_, received) = pass(client, answer, &Request::post(client.path(), body.clone())).await;
            assert_eq!(String::from_utf8_lossy(&received.body), renamed(&body), "{client:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_passes_byte_for_byte_but_for_its_model() {
    for client in DIALECTS {
        let mut whole = client.whole(&Said::text("ok"));
        whole["x_new"] = json!({"kept": [1, {"deep": true}]});
        let whole = format!(" {}\n", whole.to_string().replace(":12,", ": 12.0 ,").replace("ok", "o\\u006b"));
        let request = Request::json(client.path(), &client.ask("public", "Hi", false));
        let (answer, _) = pass(client, Answer::json(200, whole.clone()), &request).await;
        assert_eq!(answer.text(), whole.replace(VENDOR_MODEL, "public"), "{client:?}");
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    }
}

#[tokio::test]
async fn frames_pass_byte_for_byte_but_for_their_model() {
    for client in DIALECTS {
        let stream = client.stream(&Said::text("Hello there, friend."));
        let frames = stream.replace("\"Hello\"", "\"Hello\",\"x_new\":{\"kept\":[1.50]}").replacen(
            "\n\n",
            "\n\n: comment\n\n",
            2,
        );
        let frames = if client == Dialect::Chat {
            frames
        } else {
            frames.replacen(
                "event: ",
                "event: x.unheard_of\ndata: {\"type\":\"x.unheard_of\",\"a\":1}\n\nevent: ",
                1,
            )
        };
        for size in [1, 7, 100_000] {
            let answer = Answer::events().chunks_of(frames.as_bytes(), size);
            let request = Request::json(client.path(), &client.ask("public", "Hi", true));
            let (answer, _) = pass(client, answer, &request).await;
            assert_eq!(
                answer.text(),
                frames.replace(VENDOR_MODEL, "public"),
                "{client:?} in pieces of {size}"
            );
        }
    }
}

#[tokio::test]
async fn what_speaks_to_the_gateway_does_not_reach_the_vendor() {
    let fields = json!({
        "api_key": "sk-body-777", "api_base": "http://127.0.0.1:9/evil", "base_url": "http://127.0.0.1:9/evil",
        "num_retries": 1, "timeout": 20, "fallbacks": [], "drop_params": true, "tags": ["a"], "cache": {"ttl": 1},
        "litellm_metadata": {"a": "b"}, "mock_response": "I am a mock", "extra_headers": {"x-evil": "1"},
        "custom_llm_provider": "evil", "priority": 1,
    });
    for client in DIALECTS {
        for vendor in DIALECTS {
            let server = ScriptedVendor::start([vendor.answer(&Said::text("I am real."), false)]).await;
            let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
            let mut body = client.ask("public", "Hi", false);
            body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
            let request = Request::json(client.path(), &body)
                .header("x-api-key", CLIENT_KEY)
                .header("cookie", "session=777")
                .header("x-litellm-tags", "a,b")
                .header("x-forwarded-for", "10.7.7.7")
                .header("openai-organization", "org-evil");
            let answer = stage.call(&request).await;
            let pair = format!("{client:?} to {vendor:?}");
            assert_eq!(client.hear(&answer, false).text, "I am real.", "{pair}");
            let received = server.requests().into_iter().next().expect("the vendor was asked");
            let sent = received.json();
            for name in fields.as_object().expect("an object").keys() {
                assert!(sent.get(name).is_none(), "{pair}: {name}");
            }
            for (name, value) in &received.headers {
                let value = value.to_str().unwrap_or_default();
                for secret in [CLIENT_KEY, "sk-body", "session=", "10.7.7.7", "evil"] {
                    assert!(!value.contains(secret), "{pair}: {name}: {value}");
                }
            }
            // Fields that are not acted on are told as dropped.
            let dropped = answer.header("x-llm-dropped").unwrap_or_default().to_owned();
            for name in ["mock_response", "api_base", "cache"] {
                assert!(dropped.split(',').any(|field| field == name), "{pair}: {name} in {dropped}");
            }
        }
    }
}

#[tokio::test]
async fn headers_of_the_dialect_pass_and_the_gateways_win() {
    let request = Request::json("/v1/messages", &Dialect::Messages.ask("public", "Hi", false))
        .header("anthropic-beta", "files-api-2025-04-14")
        .header("anthropic-version", "2023-06-01")
        .header("user-agent", "some-sdk/1.0");
    let (_, received) =
        pass(Dialect::Messages, Dialect::Messages.answer(&Said::text("ok"), false), &request).await;
    assert_eq!(received.header("anthropic-beta"), Some("files-api-2025-04-14"));
    assert_eq!(received.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(received.header("x-api-key"), Some(VENDOR_KEY));
    assert!(received.header("user-agent").is_some_and(|agent| agent.starts_with("llm-gateway/")));
}

/// Asks a vendor of the client's dialect: as it is, or through a second gateway that speaks another dialect between.
async fn heard(client: Dialect, between: Option<Dialect>, said: &Said, stream: bool) -> Heard {
    let server = ScriptedVendor::start([client.answer(said, stream)]).await;
    let inner = Stage::of(&[Deployment::new(VENDOR_MODEL, client, &server.url())]);
    let inner_url = format!("http://{}", inner.address);
    let outer = match between {
        Some(dialect) => Deployment::new("public", dialect, &inner_url).key(CLIENT_KEY),
        None => Deployment::new("public", client, &server.url()),
    };
    let answer = Stage::of(&[outer]).post(client.path(), &client.ask("public", "Hi", stream)).await;
    assert_eq!(answer.status, 200, "{client:?} through {between:?}: {}", answer.text());
    Heard { turn: Vec::new(), ..client.hear(&answer, stream) }
}

#[tokio::test]
async fn passing_through_and_translating_there_and_back_tell_the_same() {
    let call = Call::new("call_1", "weather", r#"{"city":"Paris"}"#);
    let tokens = Tokens { input: 60, cached: 40, output: 12, reasoning: 0 };
    let answers = [
        Said { tokens, ..Said::text("Grüße, \"friend\" 你好\n\n- a\\b") },
        Said { finish: Finish::Length, ..Said::text("Cut off") },
        Said { text: "Let me see.", ..Said::calls([call.clone(), Call::new("call_2", "clock", "{}")]) },
        Said { thought: Some(Thought { text: "Hm.", signature: "c2lnbmF0dXJl" }), ..Said::calls([call]) },
    ];
    for client in DIALECTS {
        for between in DIALECTS.into_iter().filter(|between| *between != client) {
            for (number, said) in answers.iter().enumerate() {
                for stream in [false, true] {
                    let direct = heard(client, None, said, stream).await;
                    let around = heard(client, Some(between), said, stream).await;
                    assert_eq!(
                        around, direct,
                        "{client:?} through {between:?}, answer {number}, stream {stream}"
                    );
                }
            }
        }
    }
}
