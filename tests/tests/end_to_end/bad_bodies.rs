//! Bodies that are wrong in every way, from clients of every dialect: the right status, the dialect's own error, and a
//! gateway that goes on.

use end_to_end::dialect::{DIALECTS, Dialect};
use end_to_end::logs;
use end_to_end::request::{CLIENT_KEY, Request};
use end_to_end::said::Said;
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

/// Words of prompts: no error, header or log line may repeat them.
const SECRET: &str = "xylophone-prompt-7313";

/// One gateway with a model for each vendor dialect: `chat`, `responses` and `messages`.
pub(crate) struct House {
    pub(crate) stage: Stage,
    pub(crate) vendors: [ScriptedVendor; 3],
}

impl House {
    pub(crate) async fn open() -> Self {
        let answer = |dialect: Dialect| [dialect.answer(&Said::text("Fine."), false)];
        let [chat, responses, messages] = DIALECTS.map(answer);
        let vendors = [
            ScriptedVendor::start(chat).await,
            ScriptedVendor::start(responses).await,
            ScriptedVendor::start(messages).await,
        ];
        let deployments = DIALECTS.into_iter().zip(&vendors);
        let deployments: Vec<_> = deployments
            .map(|(dialect, vendor)| Deployment::new(model(dialect), dialect, &vendor.url()))
            .collect();
        Self { stage: Stage::of(&deployments), vendors }
    }

    pub(crate) fn asked(&self) -> usize {
        self.vendors.iter().map(|vendor| vendor.requests().len()).sum()
    }

    /// The gateway still answers.
    pub(crate) async fn assert_alive(&self, case: &str) {
        let answer = self.stage.post("/v1/messages", &Dialect::Messages.ask("chat", "Hi", false)).await;
        assert_eq!(
            (answer.status, answer.json()["content"][0]["text"].as_str()),
            (200, Some("Fine.")),
            "{case}"
        );
    }
}

/// The model of a vendor of this dialect.
pub(crate) fn model(vendor: Dialect) -> &'static str {
    match vendor {
        Dialect::Chat => "chat",
        Dialect::Responses => "responses",
        Dialect::Messages => "messages",
    }
}

/// A vendor of another dialect: the gateway must understand the request.
fn foreign(client: Dialect) -> &'static str {
    if client == Dialect::Chat { "messages" } else { "chat" }
}

/// A model whose vendor speaks the client's dialect: the request passes through.
fn native(client: Dialect) -> &'static str {
    model(client)
}

fn assert_silent(case: &str, everything: &str) {
    for secret in [SECRET, CLIENT_KEY, VENDOR_KEY] {
        assert!(!everything.contains(secret), "{case}: {secret} leaks: {everything}");
    }
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_by_name() {
    let house = House::open().await;
    let deep = format!(r#"{{"model":"chat","messages":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let deep_objects =
        format!(r#"{{"model":"chat","x":{}1{}}}"#, r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let cases: [(&str, Vec<u8>); 17] = [
        ("empty", Vec::new()),
        ("blank", b" \r\n\t".to_vec()),
        ("words", format!("hello {SECRET}").into()),
        ("array", format!(r#"[{{"model":"chat","x":"{SECRET}"}}]"#).into()),
        ("string", format!("\"{SECRET}\"").into()),
        ("null", b"null".to_vec()),
        ("half", format!(r#"{{"model":"chat","messages":[{{"role":"user","content":"{SECRET}"#).into()),
        ("trailing comma", br#"{"model":"chat",}"#.to_vec()),
        ("two values", br#"{"model":"chat"}{"model":"chat"}"#.to_vec()),
        ("single quotes", b"{'model':'chat'}".to_vec()),
        ("not a number", br#"{"model":"chat","temperature":NaN}"#.to_vec()),
        ("bad escape", br#"{"model":"ch\xat"}"#.to_vec()),
        ("control character", b"{\"model\":\"ch\x01at\"}".to_vec()),
        ("broken UTF-8", [br#"{"model":"chat","user":""#.as_slice(), b"\xff\xfe", b"\"}"].concat()),
        ("deep arrays", deep.into()),
        ("deep objects", deep_objects.into()),
        ("duplicate keys", br#"{"model":"chat","messages":[],"model":"other"}"#.to_vec()),
    ];
    for client in DIALECTS {
        for (case, body) in &cases {
            let case = format!("{client:?}, {case}");
            let answer = house.stage.call(&Request::post(client.path(), body.clone())).await;
            assert_eq!(answer.status, 400, "{case}: {}", answer.text());
            assert_eq!(answer.header("content-type"), Some("application/json"), "{case}");
            let message = client.error_message(&answer.json());
            assert!(message.starts_with("invalid JSON payload"), "{case}: {message}");
            assert_silent(&case, &answer.everything());
        }
        house.assert_alive(&format!("{client:?}")).await;
    }
    assert_eq!(house.asked(), DIALECTS.len(), "only the requests that were right reached a vendor");
    assert_eq!(logs::lines_with(SECRET), [""; 0]);
}

#[tokio::test]
async fn fields_of_a_wrong_type_are_named() {
    let house = House::open().await;
    for client in DIALECTS {
        for (field, value) in wrong_fields(client) {
            let case = format!("{client:?}, {field}: {value}");
            let mut body = client.ask(foreign(client), SECRET, false);
            body[field] = value;
            let answer = house.stage.post(client.path(), &body).await;
            assert_eq!(answer.status, 400, "{case}: {}", answer.text());
            let message = client.error_message(&answer.json());
            let named = message.contains(field) || message.contains(&field.replace('_', " "));
            assert!(named, "{case} is not named: {message}");
            if client != Dialect::Messages {
                let param = answer.json()["error"]["param"].as_str().unwrap_or_default().to_owned();
                assert!(param.starts_with(field), "{case}: param {param}");
            }
            assert_silent(&case, &answer.everything());
        }
        house.assert_alive(&format!("{client:?}")).await;
    }
    assert_eq!(house.asked(), DIALECTS.len());
    assert_eq!(logs::lines_with(SECRET), [""; 0]);
}

fn wrong_fields(client: Dialect) -> Vec<(&'static str, Value)> {
    let list = if client == Dialect::Responses { "input" } else { "messages" };
    let mut fields = vec![
        (list, json!(7)),
        (list, json!([7])),
        (list, json!([{"role": 7, "content": SECRET}])),
        (list, json!([{"role": "user", "content": 7}])),
        ("tools", json!(7)),
        ("tools", json!([SECRET])),
        ("temperature", json!("hot")),
        ("top_p", json!([])),
        ("stream", json!("yes")),
        ("model", json!(7)),
        ("model", json!(["chat"])),
        ("num_retries", json!("many")),
        ("timeout", json!("soon")),
        ("timeout", json!(-1)),
        ("on_loss", json!("cry")),
        ("load_balance_strategy", json!("dice")),
    ];
    fields.extend(match client {
        Dialect::Chat => vec![
            ("messages", json!(SECRET)),
            ("messages", json!([{"role": "wizard", "content": SECRET}])),
            ("max_tokens", json!("all")),
            ("stop", json!(7)),
            ("tool_choice", json!(7)),
            ("response_format", json!("json")),
        ],
        Dialect::Responses => vec![
            ("input", json!([{"type": 7}])),
            ("input", json!([{"role": "wizard", "content": SECRET}])),
            ("instructions", json!(7)),
            ("max_output_tokens", json!("all")),
            ("text", json!("json")),
        ],
        Dialect::Messages => vec![
            ("messages", json!(SECRET)),
            ("messages", json!([{"role": "wizard", "content": SECRET}])),
            ("system", json!(7)),
            ("max_tokens", json!("all")),
            ("stop_sequences", json!("END")),
            ("thinking", json!("hard")),
        ],
    });
    fields
}

#[tokio::test]
async fn a_request_without_what_it_needs_says_what_is_missing() {
    let house = House::open().await;
    for client in DIALECTS {
        let list = if client == Dialect::Responses { "input" } else { "messages" };
        for missing in ["model", list] {
            let mut body = client.ask(foreign(client), SECRET, false);
            body.as_object_mut().expect("an object").remove(missing);
            let answer = house.stage.post(client.path(), &body).await;
            assert_eq!(answer.status, 400, "{client:?} without {missing}: {}", answer.text());
            let message = client.error_message(&answer.json());
            assert!(message.contains(missing), "{client:?} without {missing}: {message}");
            assert_silent(missing, &answer.everything());
        }
        house.assert_alive(&format!("{client:?}")).await;
    }
}

#[tokio::test]
async fn parts_that_nobody_knows_are_refused_and_not_swallowed() {
    let house = House::open().await;
    for client in DIALECTS {
        let list = if client == Dialect::Responses { "input" } else { "messages" };
        let mut body = client.ask(foreign(client), "Hi", false);
        body[list] = json!([{"role": "user", "content": [{"type": "no-such-part", "x": SECRET}]}]);
        let answer = house.stage.post(client.path(), &body).await;
        assert_eq!(answer.status, 400, "{client:?}: {}", answer.text());
        client.error_message(&answer.json());
        assert_silent("unknown part", &answer.everything());
    }
    assert_eq!(house.asked(), 0);
}

#[tokio::test]
async fn an_unknown_model_is_the_clients_mistake() {
    let house = House::open().await;
    for client in DIALECTS {
        for stream in [false, true] {
            let body = client.ask("no-such-model", SECRET, stream);
            let answer = house.stage.post(client.path(), &body).await;
            let status = client.unknown_model();
            assert_eq!(answer.status, status, "{client:?}: {}", answer.text());
            let message = client.error_message(&answer.json());
            assert!(message.contains("unknown model `no-such-model`"), "{client:?}: {message}");
            assert_silent("unknown model", &answer.everything());
        }
    }
    assert_eq!(house.asked(), 0);
}

#[tokio::test]
async fn names_that_would_break_out_of_a_header_or_a_log_line_do_not() {
    let house = House::open().await;
    let evil = "x\r\nset-cookie: owned=1\r\n\r\n<html>\u{1b}[31m\u{202e}";
    for client in DIALECTS {
        let answer = house.stage.post(client.path(), &client.ask(evil, "Hi", false)).await;
        let refused = (client.unknown_model(), None);
        assert_eq!((answer.status, answer.header("set-cookie")), refused, "{client:?}");
        assert!(!client.error_message(&answer.json()).contains(['\r', '\n', '\u{1b}']), "{client:?}");

        for vendor in DIALECTS {
            let mut body = client.ask(model(vendor), "Hi", false);
            let user = if client == Dialect::Messages { "metadata" } else { "user" };
            body[user] = if client == Dialect::Messages { json!({"user_id": evil}) } else { json!(evil) };
            let answer = house.stage.post(client.path(), &body).await;
            assert_eq!((answer.status, answer.header("set-cookie")), (200, None), "{client:?} to {vendor:?}");
            assert!(client.hear(&answer, false).complete, "{client:?}");
        }
    }
    for vendor in &house.vendors {
        assert!(vendor.requests().iter().all(|request| request.header("set-cookie").is_none()));
    }
    assert!(logs::lines_with("owned=1").iter().all(|line| !line.starts_with("set-cookie")));
}

#[tokio::test]
async fn a_mistake_that_only_the_vendor_sees_is_told_in_the_clients_dialect() {
    for client in DIALECTS {
        for vendor in DIALECTS {
            let refusal = vendor.vendor_error("invalid_request_error", "tools: too many of them");
            let server = ScriptedVendor::start([Answer::json(400, refusal.to_string())]).await;
            let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
            for stream in [false, true] {
                let answer = stage.post(client.path(), &client.ask("public", "Hi", stream)).await;
                assert_eq!(answer.status, 400, "{client:?} to {vendor:?}");
                let message = client.error_message(&answer.json());
                assert!(message.contains("tools: too many of them"), "{client:?} to {vendor:?}: {message}");
            }
            assert_eq!(server.requests().len(), 2, "what is wrong is not tried again");
        }
    }
}

#[tokio::test]
async fn stream_must_be_a_truth_value_on_the_way_through_as_well() {
    let house = House::open().await;
    for client in DIALECTS {
        for wrong in [json!("yes"), json!(1), json!([])] {
            let mut body = client.ask(native(client), SECRET, false);
            body["stream"] = wrong;
            let answer = house.stage.post(client.path(), &body).await;
            assert_eq!(answer.status, 400, "{client:?}");
            assert!(client.error_message(&answer.json()).contains("stream"));
        }
    }
    assert_eq!(house.asked(), 0);
}
