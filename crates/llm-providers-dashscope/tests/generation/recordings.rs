//! Everything that was recorded of the vendor's own API decodes, and requests are written as it took them.

use llm_core::dialect::TapOptions;
use llm_core::message::ToolResult;
use llm_core::request::{FunctionTool, Tool};
use llm_core::{ChatRequest, Dialect, ErrorKind, Message, Part, RawJson, Role, Usage};
use llm_testkit::Recording;
use llm_testkit::{recordings, replay};
use serde_json::{Value, json};

use crate::{body, dialect, encoded, json as parse};

const KIND: &str = "dashscope-native";

fn good(stream: bool) -> impl Iterator<Item = Recording> {
    let all = recordings(KIND).into_iter();
    all.filter(move |recording| recording.is_success() && recording.is_sse() == stream)
}

fn counted(recording: &Recording) -> Value {
    let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
    let last = text.lines().filter_map(|line| line.strip_prefix("data:")).next_back().unwrap_or(text);
    parse(last.as_bytes())["usage"].clone()
}

fn assert_adds_up(usage: &Usage, recording: &Recording) {
    let counts = counted(recording);
    assert_eq!(usage.prompt_total(), counts["input_tokens"].as_u64(), "{}", recording.case);
    assert_eq!(usage.completion_total(), counts["output_tokens"].as_u64(), "{}", recording.case);
    let cached = counts["prompt_tokens_details"]["cached_tokens"].as_u64();
    assert_eq!(usage.cache_read, cached, "{}", recording.case);
}

#[test]
fn whole_answers_decode_and_their_usage_adds_up() {
    for recording in good(false) {
        let response =
            dialect().decode(&recording.reply).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let choice = response.choices.first().expect("a choice");
        assert!(!response.id.is_empty() && choice.finish.is_some(), "{}", recording.case);
        assert!(!choice.message.parts.is_empty(), "{}", recording.case);
        let calls = recording.finish.iter().any(|finish| finish == "tool_calls");
        assert_eq!(choice.wants_tools(), calls, "{}", recording.case);
        assert_adds_up(&response.usage, &recording);
        let peek = dialect().peek(&recording.reply.body).expect("an answer");
        assert_eq!((peek.usage, peek.finish), (response.usage, choice.finish.clone()), "{}", recording.case);
    }
}

#[test]
fn streams_fold_and_their_usage_adds_up() {
    for recording in good(true) {
        let stream = &recording.reply.body;
        let response =
            replay::folded(&dialect(), stream).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let choice = response.choices.first().expect("a choice");
        for call in choice.message.tool_calls() {
            assert!(call.arguments_object().is_some() && !call.id.is_empty(), "{}", recording.case);
        }
        assert_adds_up(&response.usage, &recording);
        let (bytes, seen) = replay::tapped(&dialect(), TapOptions::default(), stream).expect("a stream");
        assert!(bytes == *stream && seen.ended && seen.content, "{}", recording.case);
        assert_eq!((seen.usage, seen.finish), (response.usage, choice.finish.clone()), "{}", recording.case);
        replay::assert_cuts_do_not_matter(&dialect(), stream, &recording.case);
    }
}

#[test]
fn streams_that_stop_early_are_an_error() {
    for recording in good(true) {
        let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
        let ends: Vec<usize> = text.match_indices("\n\n").map(|(at, _)| at + 2).collect();
        let last = text.rfind("id:").expect("frames");
        for end in ends.into_iter().filter(|end| *end <= last) {
            let fault = replay::folded(&dialect(), &text.as_bytes()[..end]).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
        }
    }
}

/// The same streams as a model tells them that does not listen to `incremental_output`.
#[test]
fn streams_rewritten_to_repeat_fold_to_the_same_answer() {
    for recording in good(true) {
        let expected = replay::folded(&dialect(), &recording.reply.body).expect("folds");
        let repeating = repeating(std::str::from_utf8(&recording.reply.body).expect("UTF-8"));
        let folded = replay::folded(&dialect(), repeating.as_bytes());
        assert_eq!(folded, Ok(expected), "{}", recording.case);
    }
}

fn repeating(stream: &str) -> String {
    let (mut text, mut calls, mut out) = (String::new(), Vec::<Value>::new(), String::new());
    for line in stream.lines().filter_map(|line| line.strip_prefix("data:")) {
        let mut frame: Value = serde_json::from_str(line).expect("JSON");
        let message = &mut frame["output"]["choices"][0]["message"];
        text += message["content"].as_str().unwrap_or_default();
        message["content"] = text.clone().into();
        for call in message["tool_calls"].as_array().cloned().unwrap_or_default() {
            let at = usize::try_from(call["index"].as_u64().expect("an index")).expect("small");
            if let Some(known) = calls.get_mut(at) {
                let more = call["function"]["arguments"].as_str().unwrap_or_default();
                let before = known["function"]["arguments"].as_str().unwrap_or_default();
                known["function"]["arguments"] = format!("{before}{more}").into();
            } else {
                calls.push(call);
            }
        }
        if !calls.is_empty() {
            message["tool_calls"] = calls.clone().into();
        }
        out += &format!("event:result\ndata:{frame}\n\n");
    }
    out
}

#[test]
fn errors_are_classified() {
    for recording in recordings(KIND).into_iter().filter(|recording| !recording.is_success()) {
        let error = dialect().decode(&recording.reply).expect_err("an error");
        assert_eq!(recording.reply.status, 401, "{}: a new kind of error", recording.case);
        assert_eq!(error.kind(), ErrorKind::UpstreamAuth, "{}", recording.case);
        assert_eq!(error.code(), parse(&recording.reply.body)["code"].as_str(), "{}", recording.case);
    }
}

/// Explained differences: a prompt is a message of the user; empty content is an empty text; tool results name
/// their call in `tool_call_id` (one client wrote other fields, which the vendor took); parameters are an object in
/// every request, and say `result_format`; only requests for a stream say whether steps are pieces; a stray `stream`
/// is nobody's parameter.
#[test]
fn recorded_requests_are_written_as_the_vendor_took_them() {
    for recording in recordings(KIND) {
        let sent = parse(recording.request.as_bytes());
        let request =
            canonical(&sent, recording.is_sse() || sent["parameters"]["incremental_output"] == true);
        let encoded = encoded(&request, sent["model"].as_str().expect("a model"));
        assert!(recording.path.ends_with(&encoded.request.path), "{}", recording.case);
        let streams = encoded.request.headers.contains_key("x-dashscope-sse");
        assert_eq!(streams, request.stream, "{}", recording.case);
        assert_eq!(plain(body(&encoded)), plain(sent), "{}", recording.case);
        assert!(encoded.losses.is_empty(), "{}: {:?}", recording.case, encoded.losses);
    }
}

fn plain(mut body: Value) -> Value {
    let input = body["input"].as_object_mut().expect("an object");
    if let Some(prompt) = input.remove("prompt") {
        input.insert("messages".into(), json!([{"role": "user", "content": prompt}]));
    }
    for message in body["input"]["messages"].as_array_mut().expect("a list") {
        let message = message.as_object_mut().expect("an object");
        let empty = message.get("content").is_none_or(|content| *content == json!([]));
        if empty {
            message.insert("content".into(), "".into());
        }
        if let Some(id) = message.remove("id") {
            message.remove("extra");
            message.insert("tool_call_id".into(), id);
        }
    }
    let parameters = body["parameters"].as_object_mut().expect("an object");
    parameters.remove("result_format");
    parameters.remove("stream");
    parameters.retain(|name, value| !(name == "incremental_output" && *value == json!(false)));
    body
}

/// A recorded body in canonical form, as far as this collection goes.
fn canonical(sent: &Value, stream: bool) -> ChatRequest {
    let parameters = &sent["parameters"];
    let mut request = ChatRequest { stream, ..ChatRequest::default() };
    request.sampling.temperature = parameters["temperature"].as_f64();
    request.sampling.top_p = parameters["top_p"].as_f64();
    request.sampling.seed = parameters["seed"].as_i64();
    request.max_output_tokens = parameters["max_tokens"].as_u64();
    if let Some(prompt) = sent["input"]["prompt"].as_str() {
        request.messages.push(Message::text(Role::User, prompt));
    }
    for tool in parameters["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        request.tools.push(Tool::Function(FunctionTool {
            name: text(&function["name"]),
            description: function["description"].as_str().map(str::to_owned),
            parameters: RawJson::parse(function["parameters"].to_string()).ok(),
            ..FunctionTool::default()
        }));
    }
    request.messages.extend(sent["input"]["messages"].as_array().into_iter().flatten().map(message));
    request
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn message(sent: &Value) -> Message {
    let content = match &sent["content"] {
        Value::Array(items) => items.iter().map(item).collect(),
        Value::String(words) if words.is_empty() => Vec::new(),
        Value::String(words) => vec![Part::text(words.as_str())],
        _ => Vec::new(),
    };
    let role = match sent["role"].as_str() {
        Some("system") => Role::System,
        Some("assistant") => Role::Assistant,
        Some("tool") => {
            let id = sent["tool_call_id"].as_str().or(sent["id"].as_str()).unwrap_or_default();
            let name = sent["name"].as_str().map(str::to_owned);
            let result = ToolResult {
                call_id: id.to_owned(),
                name,
                content,
                is_error: None,
                custom: false,
                cache: None,
            };
            return Message::new(Role::Tool, vec![Part::ToolResult(result)]);
        }
        _ => Role::User,
    };
    let calls = sent["tool_calls"].as_array().into_iter().flatten().map(|call| {
        let function = &call["function"];
        Part::ToolCall(llm_core::message::ToolCall::new(
            text(&call["id"]),
            text(&function["name"]),
            text(&function["arguments"]),
        ))
    });
    Message::new(role, content.into_iter().chain(calls).collect())
}

fn item(item: &Value) -> Part {
    match item["image"].as_str() {
        Some(url) => {
            Part::Image(llm_core::message::Media::new(llm_core::message::Source::Url(url.to_owned())))
        }
        None => Part::text(text(&item["text"])),
    }
}
