//! Thinking across turns: the vendor that signed it gets it back byte for byte, no other vendor sees it.

use end_to_end::dialect::{DIALECTS, Dialect, pairs};
use end_to_end::said::{Call, Heard, Said, Thought};
use serde_json::{Value, json};

use crate::pairs_text::{Exchange, exchange};

/// Long, with letters that careless code rewrites.
const SIGNATURE: &str = "EqQBCkYIBxgCKkBf+/=é\"sig\\nature==.llm#~_-0123456789";

fn thinking() -> Said {
    let thought = Thought { text: "Paris is far. Let me think.", signature: SIGNATURE };
    let call = Call::new("call_a1", "weather", r#"{"city":"Paris"}"#);
    Said { thought: Some(thought), ..Said::calls([call]) }
}

fn ask(client: Dialect, stream: bool) -> Value {
    let mut body = client.ask("public", "Weather in Paris?", stream);
    match client {
        Dialect::Chat => body["reasoning_effort"] = json!("high"),
        Dialect::Responses => {
            body["reasoning"] = json!({"effort": "high", "summary": "auto"});
            (body["include"], body["store"]) = (json!(["reasoning.encrypted_content"]), json!(false));
        }
        Dialect::Messages => {
            body["thinking"] = json!({"type": "enabled", "budget_tokens": 2000});
            body["max_tokens"] = json!(4000);
        }
    }
    body
}

/// The next request of the client: what it heard, and the result of the call.
fn next(client: Dialect, heard: &Heard, stream: bool) -> Value {
    let mut body = ask(client, stream);
    let (list, result) = match client {
        Dialect::Chat => ("messages", json!({"role": "tool", "tool_call_id": "call_a1", "content": "sunny"})),
        Dialect::Responses => {
            ("input", json!({"type": "function_call_output", "call_id": "call_a1", "output": "sunny"}))
        }
        Dialect::Messages => {
            let result = json!({"type": "tool_result", "tool_use_id": "call_a1", "content": "sunny"});
            ("messages", json!({"role": "user", "content": [result]}))
        }
    };
    let turns = body[list].as_array_mut().expect("there is a list");
    turns.extend(heard.turn.iter().cloned());
    turns.push(result);
    body
}

/// The signature in a vendor's request, where its dialect puts it.
fn signature(vendor: Dialect, body: &Value) -> Option<String> {
    let list = if vendor == Dialect::Responses { &body["input"] } else { &body["messages"] };
    let turns = list.as_array().into_iter().flatten();
    let mut found = turns.flat_map(|turn| match vendor {
        Dialect::Responses => vec![turn["encrypted_content"].clone()],
        _ => {
            let blocks = turn["content"].as_array().into_iter().flatten();
            blocks.map(|block| block["signature"].clone()).collect()
        }
    });
    found.find_map(|value| value.as_str().map(str::to_owned))
}

#[tokio::test]
async fn thinking_is_shown_to_every_client() {
    for pair @ (client, _, stream) in pairs() {
        let Exchange { heard, received, .. } = exchange(pair, &thinking(), &ask(client, stream)).await;
        assert_eq!(heard.thought, "Paris is far. Let me think.", "{pair:?}: {heard:?}");
        assert_eq!(heard.calls.len(), 1, "{pair:?}");
        let body = received.json();
        let asked = match pair.1 {
            Dialect::Chat => body.get("reasoning_effort").is_some(),
            Dialect::Responses => body["reasoning"].get("effort").is_some(),
            Dialect::Messages => {
                body.get("thinking").is_some() || body["output_config"].get("effort").is_some()
            }
        };
        assert!(asked, "{pair:?}: {body}");
    }
}

#[tokio::test]
async fn a_signature_comes_back_to_its_vendor_byte_for_byte() {
    for pair @ (client, vendor, stream) in pairs() {
        if vendor == Dialect::Chat {
            continue; // Its documented format has no signature.
        }
        let Exchange { heard, .. } = exchange(pair, &thinking(), &ask(client, stream)).await;
        let Exchange { received, .. } =
            exchange(pair, &Said::text("Sunny."), &next(client, &heard, stream)).await;
        let body = received.json();
        assert_eq!(signature(vendor, &body).as_deref(), Some(SIGNATURE), "{pair:?}: {body}");
    }
}

#[tokio::test]
async fn no_other_vendor_sees_a_signature() {
    for (client, vendor, stream) in pairs() {
        let Exchange { heard, .. } =
            exchange((client, vendor, stream), &thinking(), &ask(client, stream)).await;
        let body = next(client, &heard, stream);
        for other in DIALECTS.into_iter().filter(|other| *other != vendor) {
            let Exchange { heard, received, .. } =
                exchange((client, other, stream), &Said::text("Sunny."), &body).await;
            assert_eq!(heard.text, "Sunny.");
            let sent = received.json().to_string();
            let pair = format!("{client:?}: {vendor:?} then {other:?}");
            for part in ["llmgw1", "EqQBCkYIBxgCKkBf"] {
                assert!(!sent.contains(part), "{pair}: {sent}");
            }
            assert!(sent.contains("sunny"), "{pair}: the result stays: {sent}");
        }
    }
}
