//! Anthropic Messages, as vendors write and SDKs read them.

use serde_json::{Value, json};

use crate::said::{Call, Finish, Heard, Said, count, frames, list, named, pieces, word};
use crate::vendors::VENDOR_MODEL;

/// The documented types of errors.
pub(super) const ERROR_TYPES: [&str; 10] = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "timeout_error",
    "api_error",
    "overloaded_error",
];

fn stop(said: &Said) -> (&'static str, Option<&'static str>) {
    match said.finish {
        Finish::Stop => ("end_turn", None),
        Finish::StopSequence(met) => ("stop_sequence", Some(met)),
        Finish::Length => ("max_tokens", None),
        Finish::Calls => ("tool_use", None),
        Finish::Refused => ("refusal", None),
    }
}

fn usage(said: &Said) -> Value {
    let tokens = said.tokens;
    json!({
        "input_tokens": tokens.input, "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached, "output_tokens": tokens.output + tokens.reasoning,
    })
}

fn blocks(said: &Said) -> Vec<Value> {
    let mut blocks = Vec::new();
    if let Some(thought) = said.thought {
        let (text, signature) = (thought.text, thought.signature);
        blocks.push(json!({"type": "thinking", "thinking": text, "signature": signature}));
    }
    let text = said.refusal.unwrap_or(said.text);
    if !text.is_empty() {
        blocks.push(json!({"type": "text", "text": text}));
    }
    for call in &said.calls {
        let input: Value = serde_json::from_str(&call.arguments).expect("arguments are JSON");
        blocks.push(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input}));
    }
    blocks
}

pub(super) fn whole(said: &Said) -> Value {
    let (reason, sequence) = stop(said);
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": VENDOR_MODEL, "content": blocks(said),
        "stop_reason": reason, "stop_sequence": sequence, "usage": usage(said),
    })
}

pub(super) fn stream(said: &Said) -> String {
    let mut message = whole(said);
    (message["content"], message["stop_reason"], message["stop_sequence"]) =
        (json!([]), Value::Null, Value::Null);
    message["usage"]["output_tokens"] = json!(1);
    let mut events = vec![json!({"type": "message_start", "message": message})];
    for (index, block) in blocks(said).iter().enumerate() {
        block_events(index, block, said, &mut events);
    }
    events.insert(events.len().min(2), json!({"type": "ping"}));
    let (reason, sequence) = stop(said);
    let delta = json!({"stop_reason": reason, "stop_sequence": sequence});
    let output = said.tokens.output + said.tokens.reasoning;
    events.push(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": output}}));
    events.push(json!({"type": "message_stop"}));
    named(events)
}

fn block_events(index: usize, block: &Value, said: &Said, events: &mut Vec<Value>) {
    let mut begun = block.clone();
    let mut deltas = Vec::new();
    let mut in_pieces = |text: &str, kind: &str, member: &str| {
        deltas.extend(pieces(text).into_iter().map(|piece| json!({"type": kind, member: piece})));
    };
    match block["type"].as_str() {
        Some("thinking") => {
            (begun["thinking"], begun["signature"]) = (json!(""), json!(""));
            in_pieces(&word(&block["thinking"]), "thinking_delta", "thinking");
            deltas.push(json!({"type": "signature_delta", "signature": block["signature"]}));
        }
        Some("text") => {
            begun["text"] = json!("");
            in_pieces(&word(&block["text"]), "text_delta", "text");
        }
        _ => {
            begun["input"] = json!({});
            let call = said.calls.iter().find(|call| block["id"] == call.id).expect("it is one of them");
            in_pieces(&call.arguments, "input_json_delta", "partial_json");
        }
    }
    events.push(json!({"type": "content_block_start", "index": index, "content_block": begun}));
    let event = |delta| json!({"type": "content_block_delta", "index": index, "delta": delta});
    events.extend(deltas.into_iter().map(event));
    events.push(json!({"type": "content_block_stop", "index": index}));
}

pub(super) fn hear_whole(body: &Value) -> Heard {
    assert_eq!((&body["type"], &body["role"]), (&json!("message"), &json!("assistant")), "{body}");
    let usage = &body["usage"];
    let cached = count(&usage["cache_read_input_tokens"]);
    let prompt = count(&usage["input_tokens"]) + cached + count(&usage["cache_creation_input_tokens"]);
    let mut heard = Heard {
        model: word(&body["model"]),
        finish: word(&body["stop_reason"]),
        stop: body["stop_sequence"].as_str().map(str::to_owned),
        tokens: usage["output_tokens"].as_u64().map(|output| (prompt, cached, output)),
        complete: true,
        turn: vec![json!({"role": "assistant", "content": body["content"]})],
        ..Heard::default()
    };
    for block in list(&body["content"]) {
        match block["type"].as_str() {
            Some("text") => heard.text += &word(&block["text"]),
            Some("thinking") => heard.thought += &word(&block["thinking"]),
            Some("redacted_thinking") => assert!(block["data"].is_string(), "{block}"),
            Some("tool_use") => {
                assert!(block["input"].is_object(), "{block}");
                let call = Call::new(&word(&block["id"]), &word(&block["name"]), &block["input"].to_string());
                heard.calls.push(call);
            }
            _ => panic!("no known block: {block}"),
        }
    }
    heard
}

/// The events of a stream put together, as an SDK does it.
pub(super) fn hear_stream(stream: &str) -> Heard {
    let mut message = Value::Null;
    let mut open: Option<(u64, String)> = None;
    let mut heard = Heard::default();
    let mut stopped = false;
    for (name, data) in frames(stream) {
        assert!(!stopped && heard.error.is_none(), "nothing comes after the end: {data}");
        let event: Value = serde_json::from_str(&data).expect("events are JSON");
        assert_eq!(event["type"], name, "the event's name is its type");
        match name.as_str() {
            "message_start" => {
                assert!(message.is_null(), "a message starts once");
                message = event["message"].clone();
            }
            "ping" => {}
            "error" => heard.error = Some(event),
            "message_stop" => stopped = true,
            "message_delta" => {
                assert_eq!(open, None, "blocks are closed before the end: {data}");
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                message["stop_sequence"] = event["delta"]["stop_sequence"].clone();
                for (name, value) in event["usage"].as_object().into_iter().flatten() {
                    message["usage"][name] = value.clone();
                }
            }
            _ => hear_block(&mut message, &mut open, &event),
        }
    }
    if message.is_null() {
        return heard;
    }
    let error = heard.error.take();
    let complete = stopped && error.is_none();
    Heard { complete, error, ..hear_whole(&message) }
}

fn hear_block(message: &mut Value, open: &mut Option<(u64, String)>, event: &Value) {
    let index = event["index"].as_u64().expect("block events have an index");
    let blocks = message["content"].as_array_mut().expect("a message has content");
    match event["type"].as_str() {
        Some("content_block_start") => {
            assert_eq!((open.as_ref(), index), (None, blocks.len() as u64), "one block at a time: {event}");
            blocks.push(event["content_block"].clone());
            *open = Some((index, String::new()));
        }
        Some("content_block_delta") => {
            let (_, json) =
                open.as_mut().filter(|(known, _)| *known == index).expect("deltas are of the open block");
            let block = blocks.last_mut().expect("a block is open");
            hear_delta(block, json, &event["delta"]);
        }
        Some("content_block_stop") => {
            let (known, json) = open.take().expect("only an open block closes");
            assert_eq!(known, index, "{event}");
            let block = blocks.last_mut().expect("a block was open");
            if !json.is_empty() {
                block["input"] = serde_json::from_str(&json).expect("the input is JSON");
            }
        }
        _ => panic!("no known event: {event}"),
    }
}

fn hear_delta(block: &mut Value, json: &mut String, delta: &Value) {
    let member = match delta["type"].as_str() {
        Some("text_delta") => "text",
        Some("thinking_delta") => "thinking",
        Some("signature_delta") => "signature",
        Some("input_json_delta") => return *json += &word(&delta["partial_json"]),
        _ => panic!("no known delta: {delta}"),
    };
    block[member] = json!(word(&block[member]) + &word(&delta[member]));
}
