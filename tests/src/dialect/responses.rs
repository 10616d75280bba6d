//! OpenAI Responses, as vendors write and SDKs read them.

use serde_json::{Value, json};

use crate::said::{Call, Finish, Heard, Said, count, frames, list, named, pieces, word};
use crate::vendors::VENDOR_MODEL;

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

fn message(status: &str, content: &Value) -> Value {
    json!({"type": "message", "id": "msg_1", "status": status, "role": "assistant", "content": content})
}

/// The items of an answer, whole.
fn items(said: &Said) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(thought) = said.thought {
        let summary = json!([{"type": "summary_text", "text": thought.text}]);
        items.push(json!({
            "type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": thought.signature,
        }));
    }
    if let Some(refusal) = said.refusal {
        items.push(message("completed", &json!([{"type": "refusal", "refusal": refusal}])));
    } else if !said.text.is_empty() {
        items.push(message("completed", &json!([text_part(said.text)])));
    }
    for (number, call) in said.calls.iter().enumerate() {
        items.push(json!({
            "type": "function_call", "id": format!("fc_{number}"), "call_id": call.id, "name": call.name,
            "arguments": call.arguments, "status": "completed",
        }));
    }
    items
}

fn response(status: &str, output: &[Value], usage: &Value, details: &Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": status, "error": null,
        "incomplete_details": details, "model": VENDOR_MODEL, "output": output, "parallel_tool_calls": true,
        "tool_choice": "auto", "tools": [], "usage": usage, "metadata": {},
    })
}

pub(super) fn whole(said: &Said) -> Value {
    let tokens = said.tokens;
    let (input, output) = (tokens.input + tokens.cached, tokens.output + tokens.reasoning);
    let usage = json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": tokens.cached},
        "output_tokens": output, "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": input + output,
    });
    match said.finish {
        Finish::Length => {
            response("incomplete", &items(said), &usage, &json!({"reason": "max_output_tokens"}))
        }
        _ => response("completed", &items(said), &usage, &Value::Null),
    }
}

pub(super) fn stream(said: &Said) -> String {
    let started = response("in_progress", &[], &Value::Null, &Value::Null);
    let mut events = vec![
        json!({"type": "response.created", "response": started}),
        json!({"type": "response.in_progress", "response": started}),
    ];
    for (index, item) in items(said).iter().enumerate() {
        let from = events.len();
        match item["type"].as_str() {
            Some("reasoning") => reasoning_events(item, &mut events),
            Some("message") => message_events(item, &mut events),
            _ => call_events(item, &mut events),
        }
        for event in events.iter_mut().skip(from) {
            event["output_index"] = json!(index);
        }
    }
    let whole = whole(said);
    let last = if said.finish == Finish::Length { "response.incomplete" } else { "response.completed" };
    events.push(json!({"type": last, "response": whole}));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    named(events)
}

fn reasoning_events(item: &Value, events: &mut Vec<Value>) {
    let (id, part) = (&item["id"], &item["summary"][0]);
    let at = |kind: &str| json!({"type": kind, "item_id": id, "summary_index": 0});
    let with = |mut event: Value, name: &str, value: &Value| {
        event[name] = value.clone();
        event
    };
    let begun = json!({"type": "reasoning", "id": id, "summary": []});
    events.push(json!({"type": "response.output_item.added", "item": begun}));
    let empty = json!({"type": "summary_text", "text": ""});
    events.push(with(at("response.reasoning_summary_part.added"), "part", &empty));
    for piece in pieces(&word(&part["text"])) {
        events.push(with(at("response.reasoning_summary_text.delta"), "delta", &json!(piece)));
    }
    events.push(with(at("response.reasoning_summary_text.done"), "text", &part["text"]));
    events.push(with(at("response.reasoning_summary_part.done"), "part", part));
    events.push(json!({"type": "response.output_item.done", "item": item}));
}

fn message_events(item: &Value, events: &mut Vec<Value>) {
    let part = &item["content"][0];
    let (kind, member) = match part["type"].as_str() {
        Some("refusal") => ("refusal", "refusal"),
        _ => ("output_text", "text"),
    };
    let at = |event: &str, name: &str, value: &Value| json!({"type": format!("response.{event}"), "item_id": item["id"], "content_index": 0, name: value});
    let mut empty = part.clone();
    empty[member] = json!("");
    let begun = message("in_progress", &json!([]));
    events.push(json!({"type": "response.output_item.added", "item": begun}));
    events.push(at("content_part.added", "part", &empty));
    for piece in pieces(&word(&part[member])) {
        events.push(at(&format!("{kind}.delta"), "delta", &json!(piece)));
    }
    events.push(at(&format!("{kind}.done"), member, &part[member]));
    events.push(at("content_part.done", "part", part));
    events.push(json!({"type": "response.output_item.done", "item": item}));
}

fn call_events(item: &Value, events: &mut Vec<Value>) {
    let mut begun = item.clone();
    (begun["arguments"], begun["status"]) = (json!(""), json!("in_progress"));
    events.push(json!({"type": "response.output_item.added", "item": begun}));
    for piece in pieces(&word(&item["arguments"])) {
        let kind = "response.function_call_arguments.delta";
        events.push(json!({"type": kind, "item_id": item["id"], "delta": piece}));
    }
    let kind = "response.function_call_arguments.done";
    events.push(json!({"type": kind, "item_id": item["id"], "arguments": item["arguments"]}));
    events.push(json!({"type": "response.output_item.done", "item": item}));
}

pub(super) fn hear_whole(body: &Value) -> Heard {
    assert_eq!(body["object"], "response", "{body}");
    let mut heard = Heard { model: word(&body["model"]), complete: true, ..Heard::default() };
    heard.finish = match body["incomplete_details"]["reason"].as_str() {
        Some(reason) => reason.to_owned(),
        None => word(&body["status"]),
    };
    heard.tokens = tokens(&body["usage"]);
    for item in list(&body["output"]) {
        hear_item(&mut heard, item);
    }
    heard
}

fn tokens(usage: &Value) -> Option<(u64, u64, u64)> {
    let cached = count(&usage["input_tokens_details"]["cached_tokens"]);
    Some((usage["input_tokens"].as_u64()?, cached, usage["output_tokens"].as_u64()?))
}

fn hear_item(heard: &mut Heard, item: &Value) {
    match item["type"].as_str() {
        Some("message") => {
            for part in list(&item["content"]) {
                heard.text += &word(&part["text"]);
                heard.refusal += &word(&part["refusal"]);
            }
        }
        Some("reasoning") => {
            let texts = list(&item["summary"]).iter().chain(list(&item["content"]));
            heard.thought.extend(texts.map(|part| word(&part["text"])));
        }
        Some("function_call") => {
            let call = Call::new(&word(&item["call_id"]), &word(&item["name"]), &word(&item["arguments"]));
            heard.calls.push(call);
        }
        _ => panic!("no known item: {item}"),
    }
    heard.turn.push(item.clone());
}

pub(super) fn hear_stream(stream: &str) -> Heard {
    let mut heard = Heard::default();
    let (mut text, mut arguments) = (String::new(), String::new());
    let mut items: Vec<Value> = Vec::new();
    for (number, (name, data)) in frames(stream).into_iter().enumerate() {
        // Both are sent: the error, and the response that failed.
        let may_follow = heard.error.is_none() || name == "response.failed";
        assert!(!heard.complete && may_follow, "nothing comes after the end: {data}");
        let event: Value = serde_json::from_str(&data).expect("events are JSON");
        assert_eq!(event["type"], name, "the event's name is its type");
        // An error of the gateway's own among a vendor's frames does not know their numbers.
        let is_own = name == "error" || heard.error.is_some();
        assert!(event["sequence_number"] == number || is_own, "events are numbered: {data}");
        match name.as_str() {
            "response.output_text.delta" | "response.refusal.delta" => text += &word(&event["delta"]),
            "response.function_call_arguments.delta" => arguments += &word(&event["delta"]),
            "response.output_item.done" => items.push(event["item"].clone()),
            "response.completed" | "response.incomplete" => heard = hear_whole(&event["response"]),
            "response.failed" => {
                assert!(!event["response"]["error"].is_null(), "a failure says why: {data}");
                heard.error = Some(json!({"error": event["response"]["error"]}));
                heard.tokens = tokens(&event["response"]["usage"]);
            }
            "error" => heard.error = Some(event),
            _ => assert!(name.starts_with("response."), "no known event: {data}"),
        }
    }
    if heard.complete {
        let all: String = heard.calls.iter().map(|call| call.arguments.as_str()).collect();
        assert_eq!((text, arguments), (heard.text.clone() + &heard.refusal, all), "deltas tell the whole");
        assert_eq!(items, heard.turn, "the items are those of the whole");
    } else {
        heard.text = text;
    }
    heard
}
