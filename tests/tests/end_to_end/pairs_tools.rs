//! Tools between every client dialect and every vendor dialect: definitions, parallel calls, results.

use end_to_end::dialect::{Dialect, pairs};
use end_to_end::said::{Call, Finish, Said};
use serde_json::{Value, json};

use crate::pairs_text::{Exchange, exchange, send};

/// Members out of alphabetical order, a number that no float holds, letters that need escapes.
const ARGUMENTS: &str = r#"{"zone":"Île","id":9007199254740993,"note":"a \"b\"\n","days":[1,2.50]}"#;

/// A schema whose order matters to models.
const SCHEMA: &str = r#"{"type":"object","properties":{"zone":{"type":"string"},"id":{"type":"integer"},"days":{"type":"array","items":{"type":"number"}}},"required":["zone"]}"#;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

fn calls() -> [Call; 2] {
    [Call::new("call_a1", "weather", ARGUMENTS), Call::new("call_b2", "clock", "{}")]
}

/// Two tools, a question, and that one tool must be called.
fn question(client: Dialect) -> Value {
    let turn = json!([{"role": "user", "content": "Weather and time?"}]);
    let names = ["weather", "clock"];
    match client {
        Dialect::Chat => {
            let function = |name| json!({"name": name, "description": "It tells.", "parameters": schema()});
            let tools = names.map(|name| json!({"type": "function", "function": function(name)}));
            json!({"messages": turn, "tools": tools, "tool_choice": "required", "parallel_tool_calls": true})
        }
        Dialect::Responses => {
            let tools = names.map(|name| {
                json!({
                    "type": "function", "name": name, "description": "It tells.", "parameters": schema(),
                    "strict": false,
                })
            });
            json!({"input": turn, "tools": tools, "tool_choice": "required", "parallel_tool_calls": true})
        }
        Dialect::Messages => {
            let tools =
                names.map(|name| json!({"name": name, "description": "It tells.", "input_schema": schema()}));
            json!({"messages": turn, "max_tokens": 99, "tools": tools, "tool_choice": {"type": "any"}})
        }
    }
}

/// Name, description and schema of each tool in a vendor's request.
fn tools_of(vendor: Dialect, body: &Value) -> Vec<(String, String, String)> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tool = |tool: &Value| {
        let (tool, schema) = match vendor {
            Dialect::Chat => (&tool["function"], &tool["function"]["parameters"]),
            Dialect::Responses => (tool, &tool["parameters"]),
            Dialect::Messages => (tool, &tool["input_schema"]),
        };
        (word(&tool["name"]), word(&tool["description"]), schema.to_string())
    };
    body["tools"].as_array().into_iter().flatten().map(tool).collect()
}

#[tokio::test]
async fn parallel_calls_arrive_with_their_ids_and_exact_arguments() {
    for pair @ (client, vendor, _) in pairs() {
        let said = Said { text: "Let me see.", ..Said::calls(calls()) };
        let Exchange { heard, received, .. } = exchange(pair, &said, &question(client)).await;
        assert!(heard.complete && heard.text == "Let me see.", "{pair:?}: {heard:?}");
        assert_eq!(heard.finish, client.finish_word(Finish::Calls), "{pair:?}");
        let value = |call: &Call| {
            let arguments: Value = serde_json::from_str(&call.arguments).expect("arguments are JSON");
            (call.id.clone(), call.name.clone(), arguments)
        };
        let heard: Vec<_> = heard.calls.iter().map(value).collect();
        assert_eq!(heard, calls().each_ref().map(value), "{pair:?}");

        let body = received.json();
        let expected =
            ["weather", "clock"].map(|name| (name.to_owned(), "It tells.".to_owned(), schema().to_string()));
        assert_eq!(tools_of(vendor, &body), expected, "{pair:?}: {body}");
        let required = match vendor {
            Dialect::Messages => json!("any"),
            _ => json!("required"),
        };
        let choice = body["tool_choice"].get("type").unwrap_or(&body["tool_choice"]);
        assert_eq!(*choice, required, "{pair:?}: {body}");
    }
}

#[tokio::test]
async fn arguments_and_schemas_keep_their_order_byte_for_byte() {
    for pair @ (client, vendor, stream) in pairs() {
        let mut body = question(client);
        (body["model"], body["stream"]) = (json!("public"), json!(stream));
        // Values of this test's own would put members into another order.
        let text = body.to_string().replace(&schema().to_string(), SCHEMA);
        let (answer, received) = send(pair, &Said::calls(calls()), &text).await;
        let sent = String::from_utf8_lossy(&received.body).into_owned();
        assert_eq!(sent.matches(SCHEMA).count(), 2, "{pair:?}: {sent}");
        if vendor == Dialect::Messages && !stream {
            continue; // There the arguments are an object, whose order this test's vendor does not keep.
        }
        if client == Dialect::Messages && !stream {
            assert!(answer.text().contains(&format!("\"input\":{ARGUMENTS}")), "{pair:?}: {}", answer.text());
        } else if client != Dialect::Messages {
            let heard = client.hear(&answer, stream);
            let arguments = heard.calls.first().map(|call| call.arguments.as_str());
            assert_eq!(arguments, Some(ARGUMENTS), "{pair:?}");
        }
    }
}

/// The second request of a client: its calls and their results, the second of which failed.
fn results(client: Dialect) -> Value {
    let first = json!({"type": "text", "text": "sunny"});
    let [one, two] = calls();
    match client {
        Dialect::Chat => {
            let call = |call: &Call| {
                let function = json!({"name": call.name, "arguments": call.arguments});
                json!({"id": call.id, "type": "function", "function": function})
            };
            json!({"messages": [
                {"role": "user", "content": "Weather and time?"},
                {"role": "assistant", "content": null, "tool_calls": [call(&one), call(&two)]},
                {"role": "tool", "tool_call_id": one.id, "content": "sunny"},
                {"role": "tool", "tool_call_id": two.id, "content": "no clock here"},
                {"role": "user", "content": "And now?"},
            ]})
        }
        Dialect::Responses => {
            let call = |call: &Call| json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments});
            let result = |id: &str, output: &str| json!({"type": "function_call_output", "call_id": id, "output": output});
            json!({"input": [
                {"role": "user", "content": "Weather and time?"},
                call(&one), call(&two),
                result(&one.id, "sunny"), result(&two.id, "no clock here"),
                {"role": "user", "content": "And now?"},
            ]})
        }
        Dialect::Messages => {
            let call = |call: &Call| {
                let input: Value = serde_json::from_str(&call.arguments).expect("arguments are JSON");
                json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
            };
            let failed = json!({
                "type": "tool_result", "tool_use_id": two.id, "content": "no clock here", "is_error": true,
            });
            json!({"max_tokens": 99, "messages": [
                {"role": "user", "content": "Weather and time?"},
                {"role": "assistant", "content": [call(&one), call(&two)]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": one.id, "content": [first]}, failed,
                    {"type": "text", "text": "And now?"},
                ]},
            ]})
        }
    }
}

/// The turns of a vendor's request as words: `user …`, `call id name`, `result id text`.
fn story(vendor: Dialect, body: &Value) -> Vec<String> {
    let list = if vendor == Dialect::Responses { &body["input"] } else { &body["messages"] };
    list.as_array().into_iter().flatten().flat_map(|turn| told(vendor, turn)).collect()
}

fn told(vendor: Dialect, turn: &Value) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let text = |content: &Value| match content {
        Value::String(text) => text.clone(),
        parts => parts.as_array().into_iter().flatten().map(|part| word(&part["text"])).collect(),
    };
    match (vendor, turn["type"].as_str(), turn["role"].as_str()) {
        (Dialect::Chat, _, Some("tool")) => {
            vec![format!("result {} {}", word(&turn["tool_call_id"]), text(&turn["content"]))]
        }
        (Dialect::Chat, _, Some("assistant")) => {
            let calls = turn["tool_calls"].as_array().into_iter().flatten();
            calls
                .map(|call| format!("call {} {}", word(&call["id"]), word(&call["function"]["name"])))
                .collect()
        }
        (Dialect::Responses, Some("function_call"), _) => {
            vec![format!("call {} {}", word(&turn["call_id"]), word(&turn["name"]))]
        }
        (Dialect::Responses, Some("function_call_output"), _) => {
            vec![format!("result {} {}", word(&turn["call_id"]), text(&turn["output"]))]
        }
        (Dialect::Messages, ..) if turn["content"].is_array() => {
            let blocks = turn["content"].as_array().into_iter().flatten();
            let block = |block: &Value| match block["type"].as_str() {
                Some("tool_use") => format!("call {} {}", word(&block["id"]), word(&block["name"])),
                Some("tool_result") => {
                    format!("result {} {}", word(&block["tool_use_id"]), text(&block["content"]))
                }
                _ => format!("{} {}", word(&turn["role"]), word(&block["text"])),
            };
            blocks.map(block).collect()
        }
        _ => vec![format!("{} {}", word(&turn["role"]), text(&turn["content"]))],
    }
}

#[tokio::test]
async fn results_go_back_to_their_calls_in_order() {
    for pair @ (client, vendor, _) in pairs() {
        let Exchange { heard, received, answer } =
            exchange(pair, &Said::text("It is sunny."), &results(client)).await;
        assert!(heard.complete && heard.text == "It is sunny.", "{pair:?}");
        let body = received.json();
        let expected = [
            "user Weather and time?",
            "call call_a1 weather",
            "call call_b2 clock",
            "result call_a1 sunny",
            "result call_b2 no clock here",
            "user And now?",
        ];
        assert_eq!(story(vendor, &body), expected, "{pair:?}: {body}");
        let flagged = body.to_string().contains("\"is_error\":true");
        let reported =
            answer.header("x-llm-dropped").is_some_and(|list| list.contains("tool_result.is_error"));
        // Only one dialect has the flag; no other loses it without a word.
        let expected = (client == Dialect::Messages).then_some(vendor == Dialect::Messages);
        assert_eq!((flagged || reported).then_some(flagged), expected, "{pair:?}: {body}");
    }
}

#[tokio::test]
async fn a_picture_in_a_result_reaches_the_vendor() {
    let picture = "iVBORw0KGgo=";
    for vendor in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        for client in [Dialect::Messages, Dialect::Responses] {
            let content = match client {
                Dialect::Messages => json!([
                    {"type": "text", "text": "a map"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": picture}},
                ]),
                _ => json!([
                    {"type": "input_text", "text": "a map"},
                    {"type": "input_image", "image_url": format!("data:image/png;base64,{picture}")},
                ]),
            };
            let mut body = results(client);
            match client {
                Dialect::Messages => body["messages"][2]["content"][0]["content"] = content,
                _ => body["input"][3]["output"] = content,
            }
            let Exchange { received, .. } = exchange((client, vendor, false), &Said::text("ok"), &body).await;
            let sent = received.json().to_string();
            assert!(sent.contains(picture) && sent.contains("a map"), "{client:?} to {vendor:?}: {sent}");
        }
    }
}
