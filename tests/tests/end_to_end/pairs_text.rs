//! Every client dialect in front of every vendor dialect: text, instructions, history, ends and tokens.

use end_to_end::client::Answer;
use end_to_end::dialect::{Dialect, pairs};
use end_to_end::request::Request;
use end_to_end::said::{Finish, Heard, Said, Tokens};
use end_to_end::stage::Stage;
use end_to_end::vendors::{Deployment, VENDOR_KEY, VENDOR_MODEL};
use llm_testkit::scripted::{Received, ScriptedVendor};
use serde_json::{Value, json};

/// A text whose escapes and letters break careless code: quotes, line ends, emoji, a frame's end, a terminator.
const AWKWARD: &str = "Grüße \"friend\" 你好 👩‍👩‍👧\n\n- a\\b\tdata: [DONE]\r\n\u{2028}\u{0}end";

/// One question and its answer, seen from both ends.
pub(crate) struct Exchange {
    /// What the client understood.
    pub(crate) heard: Heard,
    /// What the vendor was asked.
    pub(crate) received: Received,
    /// What the client got.
    pub(crate) answer: Answer,
}

/// Asks through a gateway whose vendor says this.
pub(crate) async fn exchange(
    pair @ (client, vendor, stream): (Dialect, Dialect, bool),
    said: &Said,
    body: &Value,
) -> Exchange {
    let mut body = body.clone();
    (body["model"], body["stream"]) = (json!("public"), json!(stream));
    let (answer, received) = send(pair, said, &body.to_string()).await;
    assert_eq!(answer.status, 200, "{client:?} to {vendor:?}: {}", answer.text());
    Exchange { heard: client.hear(&answer, stream), received, answer }
}

/// Sends a body as it is.
pub(crate) async fn send(
    (client, vendor, stream): (Dialect, Dialect, bool),
    said: &Said,
    body: &str,
) -> (Answer, Received) {
    let server = ScriptedVendor::start([vendor.answer(said, stream)]).await;
    let stage = Stage::of(&[Deployment::new("public", vendor, &server.url())]);
    let answer = stage.call(&Request::post(client.path(), body)).await;
    let received = server.requests().into_iter().next();
    let received = received.unwrap_or_else(|| panic!("the vendor was not asked: {}", answer.text()));
    assert_eq!(received.target, vendor.path());
    (answer, received)
}

#[tokio::test]
async fn every_client_hears_what_every_vendor_says() {
    let said = Said { text: AWKWARD, ..Said::text("") };
    for pair @ (client, vendor, stream) in pairs() {
        let Exchange { heard, received, .. } =
            exchange(pair, &said, &client.ask("public", AWKWARD, stream)).await;
        let name = format!("{pair:?}");
        assert_eq!((heard.text.as_str(), heard.model.as_str()), (AWKWARD, "public"), "{name}");
        assert!(heard.complete, "{name}");
        assert_eq!(heard.finish, client.finish_word(Finish::Stop), "{name}");
        assert_eq!(heard.tokens, Some((12, 0, 5)), "{name}");
        let body = received.json();
        assert_eq!(body["model"], VENDOR_MODEL, "{name}");
        assert_eq!(turns(vendor, &body), [("user".to_owned(), AWKWARD.to_owned())], "{name}");
        let shown = match vendor {
            Dialect::Messages => received.header("x-api-key").map(str::to_owned),
            _ => received.header("authorization").map(|value| value.replace("Bearer ", "")),
        };
        assert_eq!(shown.as_deref(), Some(VENDOR_KEY), "{name}");
    }
}

#[tokio::test]
async fn instructions_and_history_keep_their_roles_and_order() {
    let turns_of = |roles: [&str; 3]| {
        let texts = ["One?", "Two.", "Three?"];
        let turn = |(role, text)| json!({"role": role, "content": text});
        roles.into_iter().zip(texts).map(turn).collect::<Vec<_>>()
    };
    let turns_there = turns_of(["user", "assistant", "user"]);
    for pair @ (client, vendor, _) in pairs() {
        let body = match client {
            Dialect::Chat => {
                let mut messages = vec![json!({"role": "system", "content": "Be kind."})];
                messages.extend(turns_there.clone());
                json!({"messages": messages, "max_completion_tokens": 77})
            }
            Dialect::Responses => {
                json!({"instructions": "Be kind.", "input": turns_there, "max_output_tokens": 77})
            }
            Dialect::Messages => json!({"system": "Be kind.", "messages": turns_there, "max_tokens": 77}),
        };
        let Exchange { received, .. } = exchange(pair, &Said::text("ok"), &body).await;
        let body = received.json();
        let expected = [("system", "Be kind."), ("user", "One?"), ("assistant", "Two."), ("user", "Three?")];
        let expected = expected.map(|(role, text)| (role.to_owned(), text.to_owned()));
        assert_eq!(turns(vendor, &body), expected, "{pair:?}: {body}");
        let limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
        let limits: Vec<&Value> = limits.iter().filter_map(|name| body.get(name)).collect();
        assert_eq!(limits, [&json!(77)], "{pair:?}: {body}");
    }
}

/// Role and text of each turn of a vendor's request, instructions first, however its dialect writes them.
fn turns(vendor: Dialect, body: &Value) -> Vec<(String, String)> {
    let (instructions, list) = match vendor {
        Dialect::Chat => (&Value::Null, &body["messages"]),
        Dialect::Responses => (&body["instructions"], &body["input"]),
        Dialect::Messages => (&body["system"], &body["messages"]),
    };
    let mut turns = Vec::new();
    if !instructions.is_null() {
        turns.push(("system".to_owned(), text_of(instructions)));
    }
    turns.extend(list.as_array().into_iter().flatten().map(|turn| {
        let role = turn["role"].as_str().unwrap_or_default().replace("developer", "system");
        (role, text_of(&turn["content"]))
    }));
    turns
}

/// A text that is written as one string or in parts.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => parts.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str()).collect(),
    }
}

#[tokio::test]
async fn every_end_is_told_in_the_clients_words() {
    for pair @ (client, vendor, stream) in pairs() {
        let ends = match vendor {
            Dialect::Messages => vec![Finish::Stop, Finish::Length, Finish::StopSequence("END")],
            _ => vec![Finish::Stop, Finish::Length],
        };
        for finish in ends {
            let said = Said { finish, ..Said::text("Hello") };
            let Exchange { heard, .. } = exchange(pair, &said, &client.ask("public", "Hi", stream)).await;
            assert!(heard.complete && heard.text == "Hello", "{pair:?}: {heard:?}");
            assert_eq!(heard.finish, client.finish_word(finish), "{pair:?} {finish:?}");
            if let (Dialect::Messages, Finish::StopSequence(met)) = (client, finish) {
                assert_eq!(heard.stop.as_deref(), Some(met), "{pair:?}");
            }
        }
    }
}

#[tokio::test]
async fn cached_and_thinking_tokens_are_counted_once() {
    let tokens = Tokens { input: 60, cached: 40, output: 12, reasoning: 8 };
    for pair @ (client, _, stream) in pairs() {
        let said = Said { tokens, ..Said::text("Hello") };
        let Exchange { heard, .. } = exchange(pair, &said, &client.ask("public", "Hi", stream)).await;
        assert_eq!(heard.tokens, Some((100, 40, 20)), "{pair:?}");
    }
}

#[tokio::test]
async fn a_chat_stream_has_usage_only_for_clients_that_asked() {
    for vendor in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        let mut body = Dialect::Chat.ask("public", "Hi", true);
        body["stream_options"] = Value::Null;
        let Exchange { heard, received, .. } =
            exchange((Dialect::Chat, vendor, true), &Said::text("Hello"), &body).await;
        assert_eq!((heard.tokens, heard.complete), (None, true), "{vendor:?}");
        if vendor == Dialect::Chat {
            assert_eq!(received.json()["stream_options"]["include_usage"], true, "metering needs it");
        }
    }
}

#[tokio::test]
async fn sampling_reaches_the_vendor_in_its_own_words() {
    for pair @ (client, vendor, _) in pairs() {
        let mut body = client.ask("public", "Hi", false);
        (body["temperature"], body["top_p"]) = (json!(0.5), json!(0.25));
        let with_stop = client != Dialect::Responses && vendor != Dialect::Responses;
        if with_stop {
            let name = if client == Dialect::Chat { "stop" } else { "stop_sequences" };
            body[name] = json!(["END", "STOP"]);
        }
        let Exchange { received, .. } = exchange(pair, &Said::text("Hello"), &body).await;
        let body = received.json();
        assert_eq!((&body["temperature"], &body["top_p"]), (&json!(0.5), &json!(0.25)), "{pair:?}: {body}");
        if with_stop {
            let name = if vendor == Dialect::Chat { "stop" } else { "stop_sequences" };
            assert_eq!(body[name], json!(["END", "STOP"]), "{pair:?}: {body}");
        }
    }
}
