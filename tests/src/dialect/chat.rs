//! Chat completions, as vendors write and SDKs read them.

use serde_json::{Value, json};

use crate::said::{Call, Finish, Heard, Said, count, frames, list, pieces, word};
use crate::vendors::VENDOR_MODEL;

fn finish(said: &Said) -> &'static str {
    match said.finish {
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        _ => "stop",
    }
}

fn usage(said: &Said) -> Value {
    let tokens = said.tokens;
    let (prompt, completion) = (tokens.input + tokens.cached, tokens.output + tokens.reasoning);
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    })
}

pub(super) fn whole(said: &Said) -> Value {
    let content = if said.text.is_empty() { Value::Null } else { json!(said.text) };
    let mut message = json!({"role": "assistant", "content": content, "refusal": said.refusal});
    if let Some(thought) = said.thought {
        message["reasoning_content"] = json!(thought.text);
    }
    if !said.calls.is_empty() {
        let call = |call: &Call| {
            let function = json!({"name": call.name, "arguments": call.arguments});
            json!({"id": call.id, "type": "function", "function": function})
        };
        message["tool_calls"] = said.calls.iter().map(call).collect();
    }
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": VENDOR_MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(said)}],
        "usage": usage(said),
    })
}

fn chunk(delta: &Value, finish: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": VENDOR_MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": null,
    })
}

pub(super) fn stream(said: &Said) -> String {
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    let thought = said.thought.map_or("", |thought| thought.text);
    deltas.extend(pieces(thought).iter().map(|piece| json!({"reasoning_content": piece})));
    deltas.extend(pieces(said.text).iter().map(|piece| json!({"content": piece})));
    deltas.extend(pieces(said.refusal.unwrap_or("")).iter().map(|piece| json!({"refusal": piece})));
    for (index, call) in said.calls.iter().enumerate() {
        let function = json!({"name": call.name, "arguments": ""});
        let first = json!({"index": index, "id": call.id, "type": "function", "function": function});
        deltas.push(json!({"tool_calls": [first]}));
        deltas.extend(
            pieces(&call.arguments)
                .iter()
                .map(|piece| json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})),
        );
    }
    let mut chunks: Vec<Value> = deltas.iter().map(|delta| chunk(delta, None)).collect();
    chunks.push(chunk(&json!({}), Some(finish(said))));
    let mut last = chunk(&json!({}), None);
    (last["choices"], last["usage"]) = (json!([]), usage(said));
    chunks.push(last);
    let frames = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
    frames.collect::<String>() + "data: [DONE]\n\n"
}

fn tokens(usage: &Value) -> Option<(u64, u64, u64)> {
    let cached = count(&usage["prompt_tokens_details"]["cached_tokens"]);
    Some((usage["prompt_tokens"].as_u64()?, cached, usage["completion_tokens"].as_u64()?))
}

pub(super) fn hear_whole(body: &Value) -> Heard {
    assert_eq!(body["object"], "chat.completion", "{body}");
    let choice = &body["choices"][0];
    let message = &choice["message"];
    assert_eq!(message["role"], "assistant", "{body}");
    let call = |call: &Value| {
        assert_eq!(call["type"], "function", "{body}");
        let function = &call["function"];
        Call::new(&word(&call["id"]), &word(&function["name"]), &word(&function["arguments"]))
    };
    Heard {
        model: word(&body["model"]),
        text: word(&message["content"]),
        thought: word(&message["reasoning_content"]),
        refusal: word(&message["refusal"]),
        calls: list(&message["tool_calls"]).iter().map(call).collect(),
        finish: word(&choice["finish_reason"]),
        tokens: tokens(&body["usage"]),
        complete: true,
        turn: vec![message.clone()],
        ..Heard::default()
    }
}

pub(super) fn hear_stream(stream: &str) -> Heard {
    let mut heard = Heard::default();
    let mut done = false;
    let mut blocks: Vec<Value> = Vec::new();
    for (event, data) in frames(stream) {
        assert!(!done, "nothing comes after [DONE]: {data}");
        assert_eq!(event, "", "chunks have no event name: {data}");
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(&data).expect("chunks are JSON");
        if !chunk["error"].is_null() {
            heard.error = Some(chunk);
            continue;
        }
        assert!(heard.error.is_none(), "no chunk comes after an error: {data}");
        assert_eq!(chunk["object"], "chat.completion.chunk", "{chunk}");
        heard.model = word(&chunk["model"]);
        heard.tokens = tokens(&chunk["usage"]).or(heard.tokens);
        for choice in list(&chunk["choices"]) {
            hear_choice(&mut heard, choice, &mut blocks);
        }
    }
    heard.complete = done && !heard.finish.is_empty() && heard.error.is_none();
    heard.turn = vec![turn(&heard, &blocks)];
    heard
}

fn hear_choice(heard: &mut Heard, choice: &Value, blocks: &mut Vec<Value>) {
    let delta = &choice["delta"];
    heard.text += &word(&delta["content"]);
    heard.thought += &word(&delta["reasoning_content"]);
    heard.refusal += &word(&delta["refusal"]);
    blocks.extend_from_slice(list(&delta["thinking_blocks"]));
    for call in list(&delta["tool_calls"]) {
        let index = call["index"]
            .as_u64()
            .and_then(|index| usize::try_from(index).ok())
            .expect("calls have an index");
        let function = &call["function"];
        if index == heard.calls.len() {
            heard.calls.push(Call::new(&word(&call["id"]), &word(&function["name"]), ""));
        }
        let known = heard.calls.get_mut(index).expect("calls are numbered in order");
        known.arguments += &word(&function["arguments"]);
    }
    if let Some(reason) = choice["finish_reason"].as_str() {
        assert_eq!(heard.finish, "", "a choice ends once");
        reason.clone_into(&mut heard.finish);
    }
}

/// The message that a client makes of a stream's deltas.
fn turn(heard: &Heard, blocks: &[Value]) -> Value {
    let call = |call: &Call| {
        let function = json!({"name": call.name, "arguments": call.arguments});
        json!({"id": call.id, "type": "function", "function": function})
    };
    let mut message = json!({"role": "assistant", "content": heard.text});
    if !heard.calls.is_empty() {
        message["tool_calls"] = heard.calls.iter().map(call).collect();
    }
    if !blocks.is_empty() {
        message["thinking_blocks"] = json!(blocks);
    }
    message
}
