//! One conversation in each dialect, written after the vendors' documentation: a request, its whole answer and
//! its streamed answer, which all say the same.

use std::sync::Arc;

use llm_core::{Dialect, Ingress};
use llm_providers_anthropic::{Messages, MessagesIngress};
use llm_providers_ollama::Chat;
use llm_providers_openai::{
    ChatCompletions, ChatIngress, Completions, CompletionsIngress, Responses, ResponsesIngress,
};
use serde_json::{Value, json};

/// What the samples' vendors call their model.
pub(crate) const VENDOR_MODEL: &str = "vendor-large-2024";
/// What the samples' answers say.
pub(crate) const TEXT: &str = "Hello there, \"friend\".";
/// Prompt and answer tokens of the samples' answers.
pub(crate) const TOKENS: (u64, u64) = (12, 5);

/// A dialect with its samples.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) vendor: &'static str,
    pub(crate) path: &'static str,
    pub(crate) key_header: (&'static str, &'static str),
    pub(crate) ingress: Arc<dyn Ingress>,
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) request: fn(bool) -> Value,
    pub(crate) whole: fn() -> Value,
    pub(crate) stream: fn() -> String,
}

/// All dialects.
pub(crate) fn all() -> [Sample; 5] {
    [chat(), responses(), messages(), lines(), completions()]
}

pub(crate) fn chat() -> Sample {
    Sample {
        name: "chat",
        vendor: "openai",
        path: "/v1/chat/completions",
        key_header: ("authorization", "Bearer sk-vendor"),
        ingress: Arc::new(ChatIngress),
        dialect: Arc::new(ChatCompletions::new(Default::default())),
        request: chat_request,
        whole: chat_whole,
        stream: chat_stream,
    }
}

pub(crate) fn responses() -> Sample {
    Sample {
        name: "responses",
        vendor: "openai_responses",
        path: "/v1/responses",
        key_header: ("authorization", "Bearer sk-vendor"),
        ingress: Arc::new(ResponsesIngress),
        dialect: Arc::new(Responses::new(Default::default())),
        request: responses_request,
        whole: responses_whole,
        stream: responses_stream,
    }
}

pub(crate) fn messages() -> Sample {
    Sample {
        name: "messages",
        vendor: "anthropic",
        path: "/v1/messages",
        key_header: ("x-api-key", "sk-vendor"),
        ingress: Arc::new(MessagesIngress),
        dialect: Arc::new(Messages::new(Default::default())),
        request: messages_request,
        whole: messages_whole,
        stream: messages_stream,
    }
}

pub(crate) fn lines() -> Sample {
    Sample {
        name: "lines",
        vendor: "ollama",
        path: "/api/chat",
        key_header: ("authorization", "Bearer sk-vendor"),
        ingress: Arc::new(llm_providers_ollama::ChatIngress),
        dialect: Arc::new(Chat::new(Default::default())),
        request: lines_request,
        whole: lines_whole,
        stream: lines_stream,
    }
}

pub(crate) fn completions() -> Sample {
    Sample {
        name: "completions",
        vendor: "text-completion-openai",
        path: "/v1/completions",
        key_header: ("authorization", "Bearer sk-vendor"),
        ingress: Arc::new(CompletionsIngress),
        dialect: Arc::new(Completions::new(Default::default())),
        request: completions_request,
        whole: completions_whole,
        stream: completions_stream,
    }
}

fn lines_request(stream: bool) -> Value {
    json!({
        "model": "public",
        "stream": stream,
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "options": {"num_predict": 100},
    })
}

fn line(text: &str) -> Value {
    json!({
        "model": VENDOR_MODEL, "created_at": "2025-10-17T23:14:07.414671Z",
        "message": {"role": "assistant", "content": text}, "done": false,
    })
}

fn lines_whole() -> Value {
    let mut whole = line(TEXT);
    whole["done"] = true.into();
    whole["done_reason"] = "stop".into();
    whole["prompt_eval_count"] = 12.into();
    whole["eval_count"] = 5.into();
    whole
}

fn lines_stream() -> String {
    let mut last = lines_whole();
    last["message"]["content"] = "".into();
    let lines = [line("Hello there, "), line("\"friend\"."), last];
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn completions_request(stream: bool) -> Value {
    json!({"model": "public", "stream": stream, "prompt": "Be kind. Hi", "max_tokens": 100})
}

fn completions_whole() -> Value {
    json!({
        "id": "cmpl-1", "object": "text_completion", "created": 1_700_000_000, "model": VENDOR_MODEL,
        "choices": [{"text": TEXT, "index": 0, "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    })
}

fn completions_stream() -> String {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "cmpl-1", "object": "text_completion", "created": 1_700_000_000, "model": VENDOR_MODEL,
            "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let choice = |text: &str, finish: Option<&str>| json!([{"text": text, "index": 0, "logprobs": null, "finish_reason": finish}]);
    let usage = json!({"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17});
    [
        chunk(choice("Hello there, ", None), Value::Null),
        chunk(choice("\"friend\".", None), Value::Null),
        chunk(choice("", Some("stop")), Value::Null),
        chunk(json!([]), usage),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat()
}

fn chat_request(stream: bool) -> Value {
    json!({
        "model": "public",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hi"},
        ],
        "max_completion_tokens": 100,
        "stream": stream,
    })
}

fn chat_whole() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": VENDOR_MODEL,
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": TEXT, "refusal": null},
            "logprobs": null,
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    })
}

/// A chunk of a chat stream, as a frame.
pub(crate) fn chat_chunk(delta: &Value, finish: Option<&str>) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": VENDOR_MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    });
    format!("data: {chunk}\n\n")
}

fn chat_stream() -> String {
    let usage = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": VENDOR_MODEL,
        "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    });
    [
        chat_chunk(&json!({"role": "assistant", "content": ""}), None),
        chat_chunk(&json!({"content": "Hello there, "}), None),
        chat_chunk(&json!({"content": "\"friend\"."}), None),
        chat_chunk(&json!({}), Some("stop")),
        format!("data: {usage}\n\n"),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat()
}

fn responses_request(stream: bool) -> Value {
    json!({
        "model": "public",
        "instructions": "Be kind.",
        "input": [{"role": "user", "content": "Hi"}],
        "max_output_tokens": 100,
        "stream": stream,
    })
}

fn responses_object(status: &str, output: &Value, usage: &Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": status,
        "error": null, "incomplete_details": null, "model": VENDOR_MODEL, "output": output,
        "parallel_tool_calls": true, "tool_choice": "auto", "tools": [], "usage": usage, "metadata": {},
    })
}

fn responses_message(status: &str, content: &Value) -> Value {
    json!({"type": "message", "id": "msg_1", "status": status, "role": "assistant", "content": content})
}

fn responses_usage() -> Value {
    json!({
        "input_tokens": 12, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 17,
    })
}

fn responses_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": []})
}

fn responses_whole() -> Value {
    let message = responses_message("completed", &json!([responses_text(TEXT)]));
    responses_object("completed", &json!([message]), &responses_usage())
}

fn responses_stream() -> String {
    let started = responses_object("in_progress", &json!([]), &Value::Null);
    let at = |event: &str, rest: Value| {
        let mut event = json!({"type": event, "item_id": "msg_1", "output_index": 0, "content_index": 0});
        let members = event.as_object_mut().expect("an object");
        members.extend(rest.as_object().expect("an object").clone());
        event
    };
    let item = |status: &str, content: Value| json!({"item": responses_message(status, &content)});
    let events = [
        json!({"type": "response.created", "response": started}),
        json!({"type": "response.in_progress", "response": started}),
        at("response.output_item.added", item("in_progress", json!([]))),
        at("response.content_part.added", json!({"part": responses_text("")})),
        at("response.output_text.delta", json!({"delta": "Hello there, "})),
        at("response.output_text.delta", json!({"delta": "\"friend\"."})),
        at("response.output_text.done", json!({"text": TEXT})),
        at("response.content_part.done", json!({"part": responses_text(TEXT)})),
        at("response.output_item.done", item("completed", json!([responses_text(TEXT)]))),
        json!({"type": "response.completed", "response": responses_whole()}),
    ];
    named_events(events)
}

fn messages_request(stream: bool) -> Value {
    json!({
        "model": "public",
        "system": "Be kind.",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 100,
        "stream": stream,
    })
}

fn messages_whole() -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": VENDOR_MODEL,
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 12, "output_tokens": 5},
    })
}

fn messages_stream() -> String {
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": VENDOR_MODEL, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 12, "output_tokens": 1},
    });
    let delta = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    named_events([
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
        delta("Hello there, "),
        delta("\"friend\"."),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 5},
        }),
        json!({"type": "message_stop"}),
    ])
}

/// The custom tool `shell`, as a client of the dialect defines it.
pub(crate) fn custom_tool(client: &Sample) -> Value {
    match client.name {
        "chat" => json!([{"type": "custom", "custom": {"name": "shell"}}]),
        _ => json!([{"type": "custom", "name": "shell"}]),
    }
}

/// A call of the function that `shell` became.
pub(crate) fn messages_call() -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": VENDOR_MODEL,
        "content": [{"type": "tool_use", "id": "toolu_1", "name": "shell", "input": {"input": "ls \"a\""}}],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 12, "output_tokens": 5},
    })
}

/// The same as a stream.
pub(crate) fn messages_call_stream() -> String {
    let message = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": VENDOR_MODEL, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 12, "output_tokens": 1},
    });
    let block = json!({"type": "tool_use", "id": "toolu_1", "name": "shell", "input": {}});
    let delta = |json: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": json}});
    named_events([
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
        delta("{\"input\": \"ls "),
        delta("\\\"a\\\"\"}"),
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null},
            "usage": {"output_tokens": 5},
        }),
        json!({"type": "message_stop"}),
    ])
}

/// Events as frames whose event name is their type; numbered as the Responses API does.
pub(crate) fn named_events(events: impl IntoIterator<Item = Value>) -> String {
    let frame = |(number, mut event): (usize, Value)| {
        let name = event["type"].as_str().expect("events have a type").to_owned();
        if name.starts_with("response.") {
            event["sequence_number"] = json!(number);
        }
        format!("event: {name}\ndata: {event}\n\n")
    };
    events.into_iter().enumerate().map(frame).collect()
}
