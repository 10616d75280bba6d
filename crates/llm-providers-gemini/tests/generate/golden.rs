//! Our own fixtures, written after <https://ai.google.dev/api/generate-content> and
//! <https://ai.google.dev/gemini-api/docs/function-calling>, as snapshots.

use llm_core::event::unfold;
use llm_core::ingress::ModelCard;
use llm_core::message::{Citation, Opaque, OpaqueKind, Reasoning, Text, ToolCall};
use llm_core::{
    ChatRequest, ChatResponse, Choice, Dialect, DialectId, Error, ErrorKind, Event, FinishReason, Ingress,
    Message, Part, Role, Usage,
};
use llm_providers_gemini::GenerateIngress;
use llm_testkit::replay;
use serde_json::Value;

use crate::{ask, body_for, dialect, json, reply, stream_for};

const REQUEST: &str = include_str!("fixtures/request.json");
const ANSWER: &str = include_str!("fixtures/answer.json");

#[test]
fn a_full_request_reads_as_canonical() {
    insta::assert_debug_snapshot!(ask(REQUEST).expect("a request"));
}

#[test]
fn a_full_request_is_written_for_a_vendor() {
    insta::assert_json_snapshot!(body_for(&ask(REQUEST).expect("a request"), "gemini-3-flash-preview"));
}

#[test]
fn a_full_answer_reads_as_canonical() {
    insta::assert_debug_snapshot!(dialect().decode(&reply(200, ANSWER)).expect("an answer"));
}

/// Of another vendor: what it has in its own words becomes this format's.
fn foreign() -> ChatResponse {
    let origin = DialectId::new("acme.chat");
    let state = |kind, data: &str| Some(Opaque { origin, kind, data: data.to_owned() });
    let citation = Citation {
        url: Some("https://a.example".into()),
        title: Some("A".into()),
        start: Some(0),
        end: Some(3),
        ..Citation::default()
    };
    let parts = vec![
        Part::Reasoning(Reasoning {
            text: "Hm.".into(),
            opaque: state(OpaqueKind::Signature, "sig"),
            ..Reasoning::default()
        }),
        Part::Text(Text { text: "Été.".into(), citations: vec![citation], cache: None }),
        Part::ToolCall(ToolCall {
            opaque: state(OpaqueKind::Signature, "of the call"),
            ..ToolCall::new("call_1", "look", "{\"z\":1,\"a\":2}")
        }),
        Part::ToolCall(ToolCall::new("call_2", "look", "{\"cut")),
        Part::Refusal("No more.".into()),
    ];
    let message = Message::new(Role::Assistant, parts);
    ChatResponse {
        id: "chat-1".into(),
        model: "large".into(),
        choices: vec![Choice { index: 0, message, finish: Some(FinishReason::ToolCalls), logprobs: None }],
        usage: Usage {
            input: Some(10),
            cache_read: Some(5),
            output: Some(7),
            reasoning: Some(3),
            ..Usage::default()
        },
        ..ChatResponse::default()
    }
}

#[test]
fn an_answer_of_another_vendor_is_written_whole() {
    let request = ChatRequest { model: "public".into(), ..ChatRequest::default() };
    let body = GenerateIngress::events().encode(&foreign(), &request);
    insta::assert_json_snapshot!(json(&body));
}

#[test]
fn a_stream_of_another_vendor_is_written_in_both_forms() {
    let request = ChatRequest { model: "public".into(), ..ChatRequest::default() };
    let events = unfold(foreign());
    let text = stream_for(GenerateIngress::events(), &request, &events);
    let array: Value = json(stream_for(GenerateIngress::array(), &request, &events).as_bytes());
    let frames: Vec<Value> = text
        .split("\r\n\r\n")
        .filter_map(|frame| Some(json(frame.strip_prefix("data: ")?.as_bytes())))
        .collect();
    assert_eq!(array.as_array(), Some(&frames));
    insta::assert_snapshot!(text.replace("\r\n", "\n"));
    let folded = replay::folded(&dialect(), text.as_bytes()).expect("complete");
    assert_eq!(folded.usage, foreign().usage);
}

#[test]
fn models_are_listed() {
    let card = |id: &str, mode: &str| ModelCard {
        id: id.to_owned(),
        mode: Some(mode.to_owned()),
        max_input_tokens: Some(1000),
        max_output_tokens: None,
        abilities: Default::default(),
    };
    let list = GenerateIngress::events().encode_models(&[card("a/b", "chat"), card("c", "embedding")]);
    insta::assert_json_snapshot!(json(&list));
}

#[test]
fn an_error_comes_after_what_was_used() {
    let events = [
        Event::Usage(Usage { input: Some(7), output: Some(2), ..Usage::default() }),
        Event::Error(Error::new(ErrorKind::Truncated, "it broke")),
        Event::End,
    ];
    let array: Value =
        json(stream_for(GenerateIngress::array(), &ChatRequest::default(), &events).as_bytes());
    assert_eq!(array.as_array().map(Vec::len), Some(2), "{array}");
    assert_eq!(array[0]["usageMetadata"]["totalTokenCount"], 9, "{array}");
    assert_eq!(array[1]["error"]["message"], "it broke", "{array}");
}
