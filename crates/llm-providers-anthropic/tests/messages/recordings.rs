//! Properties that hold for every recorded exchange.

use llm_core::dialect::TapOptions;
use llm_core::event::Fold;
use llm_core::{ChatRequest, Dialect, Envelope, ErrorKind, Event, Ingress, Target, Usage};
use llm_providers_anthropic::MessagesIngress;
use llm_testkit::{Recording, recordings, replay};
use serde_json::{Map, Value, json};

use crate::{ask, body_for, dialect, json as parse, stream_for};

fn streams() -> Vec<Recording> {
    let all = recordings("anthropic-messages").into_iter();
    all.filter(|recording| recording.is_success() && recording.is_sse()).collect()
}

fn wholes() -> Vec<Recording> {
    let all = recordings("anthropic-messages").into_iter();
    all.filter(|recording| recording.is_success() && !recording.is_sse()).collect()
}

/// What the vendor counted, from the last report of each number.
fn counted(recording: &Recording) -> Map<String, Value> {
    let mut counts = Map::new();
    let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
    let bodies: Vec<Value> = match recording.is_sse() {
        true => {
            text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok()).collect()
        }
        false => vec![parse(text.as_bytes())],
    };
    for body in &bodies {
        let usage = if body["usage"].is_object() { &body["usage"] } else { &body["message"]["usage"] };
        for (name, value) in usage.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            counts.insert(name.clone(), value.clone());
        }
    }
    counts
}

fn assert_adds_up(usage: &Usage, recording: &Recording) {
    let counts = counted(recording);
    let count = |name: &str| counts.get(name).and_then(Value::as_u64).unwrap_or(0);
    let prompt =
        count("input_tokens") + count("cache_read_input_tokens") + count("cache_creation_input_tokens");
    assert_eq!(usage.prompt_total(), Some(prompt), "{}", recording.case);
    assert_eq!(usage.completion_total(), Some(count("output_tokens")), "{}", recording.case);
}

#[test]
fn whole_answers_decode_and_their_usage_adds_up() {
    for recording in wholes() {
        let response =
            dialect().decode(&recording.reply).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        assert_eq!(response.choices.len(), 1, "{}", recording.case);
        assert_eq!(
            response.choices.first().is_some_and(llm_core::Choice::wants_tools),
            recording.finish.iter().any(|finish| finish == "tool_use"),
            "{}",
            recording.case
        );
        assert_adds_up(&response.usage, &recording);
        let peek = dialect().peek(&recording.reply.body).expect("an answer");
        assert_eq!(peek.usage, response.usage, "{}", recording.case);
        assert_eq!(peek.finish, response.choices[0].finish, "{}", recording.case);
        let model = &recording.reply.body[peek.model.expect("answers name their model")];
        assert_eq!(model, format!("\"{}\"", response.model).as_bytes(), "{}", recording.case);
    }
}

/// Explained differences: the direct caller is the default, null is absent.
#[test]
fn whole_answers_come_back_whole() {
    for recording in wholes() {
        let response = dialect().decode(&recording.reply).expect("decodes");
        let request = ChatRequest::default();
        let encoded = MessagesIngress.encode(&response, &request);
        assert_eq!(plain(parse(&encoded)), plain(parse(&recording.reply.body)), "{}", recording.case);
    }
}

fn plain(mut value: Value) -> Value {
    match &mut value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            if members.get("caller") == Some(&json!({"type": "direct"})) && members["type"] == "tool_use" {
                members.remove("caller");
            }
            if members.get("usage").is_some() {
                // Without an hour's cache the split says no more than the sum.
                members["usage"].as_object_mut().map(|usage| usage.remove("cache_creation"));
            }
            for value in members.values_mut() {
                *value = plain(value.take());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = plain(item.take())),
        _ => {}
    }
    value
}

#[test]
fn streams_fold_and_their_usage_adds_up() {
    for recording in streams() {
        let response = replay::folded(&dialect(), &recording.reply.body)
            .unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        assert!(!response.model.is_empty() && !response.id.is_empty(), "{}", recording.case);
        let choice = response.choices.first().expect("a choice");
        assert!(choice.finish.is_some(), "{}", recording.case);
        let calls = recording.finish.iter().any(|finish| finish == "tool_use");
        assert_eq!(choice.wants_tools(), calls, "{}", recording.case);
        for call in choice.message.tool_calls() {
            assert!(call.arguments_object().is_some(), "{}", recording.case);
        }
        assert_adds_up(&response.usage, &recording);
    }
}

#[test]
fn streams_may_be_cut_into_chunks_anywhere() {
    for recording in streams() {
        replay::assert_cuts_do_not_matter(&dialect(), &recording.reply.body, &recording.case);
    }
}

#[test]
fn streams_that_stop_early_are_an_error() {
    for recording in streams() {
        let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
        let last = text.find("event: message_delta").expect("every answer ends with its reason");
        for (at, _) in text.match_indices("\n\n").filter(|(at, _)| *at < last) {
            let cut = &text.as_bytes()[..at + 2];
            let fault = replay::folded(&dialect(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
            let fault = replay::tapped(&dialect(), TapOptions::default(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
        }
    }
}

#[test]
fn streams_without_their_last_frame_are_completed() {
    for recording in streams() {
        let text = std::str::from_utf8(&recording.reply.body).expect("UTF-8");
        let cut = &text.as_bytes()[..text.find("event: message_stop").expect("ends")];
        let whole = replay::folded(&dialect(), text.as_bytes()).expect("folds");
        assert_eq!(replay::folded(&dialect(), cut).as_ref(), Ok(&whole), "{}", recording.case);
        let (bytes, seen) = replay::tapped(&dialect(), TapOptions::default(), cut).expect("complete");
        assert!(seen.ended);
        assert_eq!(replay::folded(&dialect(), &bytes).as_ref(), Ok(&whole), "{}", recording.case);
        let (bytes, _) =
            replay::tapped(&dialect(), TapOptions::default(), cut.trim_ascii_end()).expect("complete");
        assert_eq!(replay::folded(&dialect(), &bytes), Ok(whole), "{}", recording.case);
    }
}

#[test]
fn the_tap_keeps_every_byte_and_sees_what_the_decoder_sees() {
    for recording in streams() {
        let body = &recording.reply.body;
        let (bytes, seen) = replay::tapped(&dialect(), TapOptions::default(), body).expect("a stream");
        assert!(bytes == *body, "{}", recording.case);
        let response = replay::folded(&dialect(), body).expect("folds");
        assert_eq!(seen.usage, response.usage, "{}", recording.case);
        assert_eq!(seen.finish, response.choices[0].finish, "{}", recording.case);
        assert!(seen.ended && seen.content && seen.error.is_none(), "{}", recording.case);
    }
}

#[test]
fn the_tap_changes_the_models_name_and_nothing_else() {
    for recording in streams() {
        let options = TapOptions { public_model: Some("my \"model\"".to_owned()), include_usage: true };
        let (bytes, _) = replay::tapped(&dialect(), options, &recording.reply.body).expect("a stream");
        let mut expected = replay::folded(&dialect(), &recording.reply.body).expect("folds");
        let before = expected.model.len();
        "my \"model\"".clone_into(&mut expected.model);
        let after = r#"my \"model\""#.len();
        assert_eq!(replay::folded(&dialect(), &bytes), Ok(expected), "{}", recording.case);
        assert_eq!(bytes.len() + before, recording.reply.body.len() + after, "{}", recording.case);
    }
}

#[test]
fn streams_written_for_clients_tell_the_same_answer() {
    for recording in streams() {
        let events = replay::events(&dialect(), &[&recording.reply.body]).expect("a stream");
        let expected = fold(&events);
        let text = stream_for(&ChatRequest::default(), &events);
        let again = replay::folded(&dialect(), text.as_bytes()).expect("folds");
        assert_eq!(again, expected, "{}", recording.case);
    }
}

fn fold(events: &[Event]) -> llm_core::ChatResponse {
    let mut fold = Fold::default();
    events.iter().cloned().for_each(|event| fold.push(event));
    fold.finish().expect("complete")
}

#[test]
fn errors_are_classified() {
    for recording in recordings("anthropic-messages").into_iter().filter(|recording| !recording.is_success())
    {
        let error = dialect().decode(&recording.reply).expect_err("an error");
        let text = String::from_utf8_lossy(&recording.reply.body).into_owned();
        let expected = match recording.reply.status {
            400 if text.contains("credit balance") => ErrorKind::QuotaExhausted,
            401 => ErrorKind::UpstreamAuth,
            404 => ErrorKind::UpstreamNotFound,
            _ => ErrorKind::InvalidRequest,
        };
        assert_eq!(error.kind(), expected, "{}", recording.case);
        let body = parse(&MessagesIngress.error(&error));
        assert_eq!(body["error"], parse(&recording.reply.body)["error"], "{}", recording.case);
    }
}

/// Vertex names the model in the path, and the format's version in the body: that is the row's to add.
fn with_model(recording: &Recording) -> String {
    let mut request: Value = parse(recording.request.as_bytes());
    if let Some(members) = request.as_object_mut() {
        members.entry("model").or_insert_with(|| "claude-3-7-sonnet".into());
        members.remove("anthropic_version");
    }
    request.to_string()
}

#[test]
fn recorded_requests_come_back_as_the_vendor_took_them() {
    for recording in recordings("anthropic-messages") {
        let text = with_model(&recording);
        let request = ask(&text).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let encoded = body_for(&request, &request.model);
        assert_eq!(normal(encoded), normal(parse(text.as_bytes())), "{}", recording.case);
    }
}

/// Two spellings of the same request become one: texts are lists of one block, the default life of a cache and
/// `stream: false` are not said, structured output has its current name.
fn normal(mut body: Value) -> Value {
    if let Some(format) = body.as_object_mut().and_then(|members| members.remove("output_format")) {
        body["output_config"] = json!({ "format": format });
    }
    let members = body.as_object_mut().expect("an object");
    members.retain(|name, value| !(value.is_null() || name == "stream" && *value == json!(false)));
    members.retain(|name, value| !(name == "system" && *value == json!([])));
    normal_value(&mut body);
    body
}

fn normal_value(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for name in ["content", "system"] {
                if let Some(text) = members.get(name).and_then(Value::as_str).map(str::to_owned) {
                    members.insert(name.to_owned(), json!([{ "type": "text", "text": text }]));
                }
            }
            if members.get("ttl") == Some(&json!("5m")) {
                members.remove("ttl");
            }
            members.values_mut().for_each(normal_value);
        }
        Value::Array(items) => items.iter_mut().for_each(normal_value),
        _ => {}
    }
}

#[test]
fn recorded_requests_pass_with_another_model_and_nothing_else() {
    for kind in ["anthropic-messages", "anthropic-count-tokens"] {
        for recording in recordings(kind) {
            let body = bytes::Bytes::from(with_model(&recording));
            let envelope = Envelope::scan(&body).expect("an object");
            let stream = parse(&body)["stream"] == json!(true);
            let target = Target { model: "other".to_owned(), stream, ..Target::default() };
            let forwarded = dialect().forward(&body, &envelope, &target).expect("passes");
            let mut expected = parse(&body);
            expected["model"] = "other".into();
            assert_eq!(parse(&forwarded.request.body.joined()), expected, "{}", recording.case);
            assert!(forwarded.losses.is_empty());
        }
    }
}

#[test]
fn requests_to_count_tokens_decode_without_max_tokens() {
    for recording in recordings("anthropic-count-tokens") {
        let request = ask(&recording.request).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        assert_eq!(request.max_output_tokens, None, "{}", recording.case);
        assert!(!request.messages.is_empty(), "{}", recording.case);
        if recording.is_success() {
            let reply = parse(&recording.reply.body);
            let tokens = reply["input_tokens"].as_u64().expect("a count");
            assert_eq!(parse(&MessagesIngress.encode_token_count(tokens)), reply, "{}", recording.case);
        }
    }
}
