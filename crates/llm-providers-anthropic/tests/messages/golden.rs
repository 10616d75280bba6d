//! Own examples after the documentation, compared whole.

use llm_core::ingress::ModelCard;
use llm_core::message::{Opaque, OpaqueKind, Reasoning};
use llm_core::{
    ChatRequest, Delta, Dialect, DialectId, Error, ErrorKind, Event, FinishReason, Ingress, Part, PartKind,
    Usage,
};
use llm_providers_anthropic::MessagesIngress;
use llm_testkit::replay;

use crate::{ask, body_for, dialect, json, reply, stream_for};

/// <https://platform.claude.com/docs/en/api/messages/create>, with the blocks of "Vision", "PDF support",
/// "Citations", "Search results", "Extended thinking" and "Web search tool".
const REQUEST: &str = include_str!("fixtures/request.json");

/// The answer's shape of the same page.
const ANSWER: &str = include_str!("fixtures/answer.json");

/// <https://platform.claude.com/docs/en/build-with-claude/streaming>, with the pieces of "Citations",
/// "Compaction" and "Web search tool", and an event and a delta of kinds to come.
const STREAM: &str = include_str!("fixtures/stream.sse");

#[test]
fn a_full_request_reads_as_canonical() {
    insta::assert_debug_snapshot!(ask(REQUEST).expect("a request"));
}

#[test]
fn a_full_request_is_written_as_it_came() {
    let request = ask(REQUEST).expect("a request");
    assert_eq!(body_for(&request, "claude-opus-4-6"), json(REQUEST.as_bytes()));
}

#[test]
fn a_full_answer_reads_as_canonical() {
    insta::assert_debug_snapshot!(dialect().decode(&reply(200, ANSWER)).expect("an answer"));
}

#[test]
fn a_full_answer_is_written_as_it_came() {
    let response = dialect().decode(&reply(200, ANSWER)).expect("an answer");
    let body = MessagesIngress.encode(&response, &ChatRequest::default());
    assert_eq!(json(&body), json(ANSWER.as_bytes()));
}

#[test]
fn a_full_stream_reads_as_events() {
    insta::assert_debug_snapshot!(replay::events(&dialect(), &[STREAM.as_bytes()]).expect("a stream"));
}

#[test]
fn a_full_stream_is_written_for_a_client() {
    let events = replay::events(&dialect(), &[STREAM.as_bytes()]).expect("a stream");
    insta::assert_snapshot!(stream_for(&ChatRequest::default(), &events));
}

const OTHER: DialectId = DialectId::new("acme.chat");

/// What another vendor's decoder tells: hidden thinking, two calls that grow at the same time, state in a call.
fn events_of_another_vendor() -> Vec<Event> {
    let state = |kind| Opaque { origin: OTHER, kind, data: "abc".to_owned() };
    let open = |part, kind| Event::PartStart { choice: 0, part, kind };
    let add = |part, delta| Event::Delta { choice: 0, part, delta };
    let call = |id: &str| PartKind::ToolCall {
        id: id.to_owned(),
        item_id: None,
        name: "weather".to_owned(),
        custom: false,
    };
    vec![
        Event::Start(llm_core::event::Start {
            id: "chatcmpl-1".into(),
            model: "x-1".into(),
            ..Default::default()
        }),
        open(0, PartKind::Reasoning { id: None }),
        add(0, Delta::ReasoningSummary { index: 0, text: "First.".into() }),
        add(0, Delta::ReasoningSummary { index: 1, text: "Second.".into() }),
        add(0, Delta::Opaque(state(OpaqueKind::Encrypted))),
        open(1, PartKind::Text),
        add(1, Delta::Text("I look ".into())),
        open(2, call("functions.weather:0")),
        open(3, call("call_2")),
        add(2, Delta::Arguments("{\"city\":".into())),
        add(3, Delta::Arguments("nu".into())),
        add(2, Delta::Arguments("\"Rome\"}".into())),
        add(3, Delta::Arguments("ll".into())),
        add(2, Delta::Opaque(state(OpaqueKind::Signature))),
        add(1, Delta::Text("it up.".into())),
        Event::Ping,
        Event::Finish { choice: 0, reason: FinishReason::Stop },
        Event::Usage(Usage { input: Some(7), cache_read: Some(5), output: Some(9), ..Usage::default() }),
        Event::End,
    ]
}

#[test]
fn a_stream_of_another_vendor_is_written_block_by_block() {
    let request = ChatRequest { model: "public-name".into(), ..ChatRequest::default() };
    insta::assert_snapshot!(stream_for(&request, &events_of_another_vendor()));
}

#[test]
fn an_answer_of_another_vendor_is_written_whole() {
    let mut response = replay::fold(events_of_another_vendor()).expect("complete");
    response.choices[0]
        .message
        .parts
        .insert(0, Part::Reasoning(Reasoning { text: "Unsigned.".into(), ..Reasoning::default() }));
    let request = ChatRequest { model: "public-name".into(), ..ChatRequest::default() };
    let body = MessagesIngress.encode(&response, &request);
    insta::assert_json_snapshot!(json(&body));
}

/// <https://platform.claude.com/docs/en/build-with-claude/streaming#error-events>
#[test]
fn an_error_event_ends_the_stream() {
    let text = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{}}}\n\nevent: error\n\
                data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let events = replay::events(&dialect(), &[text.as_bytes()]).expect("a stream");
    let error = Error::new(ErrorKind::Overloaded, "Overloaded");
    assert_eq!(events.last(), Some(&Event::Error(error.clone())));
    let written = stream_for(&ChatRequest::default(), &events);
    assert!(written.ends_with(std::str::from_utf8(&MessagesIngress.stream_error(&error)).expect("UTF-8")));
    let (bytes, seen) = replay::tapped(&dialect(), Default::default(), text.as_bytes()).expect("complete");
    assert_eq!((bytes.as_slice(), seen.error, seen.ended), (text.as_bytes(), Some(error), false));
}

/// Proxies in front of vendors write errors of other shapes into streams.
#[test]
fn an_error_without_a_type_is_an_error_all_the_same() {
    let text = "data: {\"error\":{\"message\":\"no more capacity\"}}\n\n";
    let events = replay::events(&dialect(), &[text.as_bytes()]).expect("a stream");
    assert!(matches!(events.as_slice(), [Event::Error(error)] if error.message() == "no more capacity"));
    let (_, seen) = replay::tapped(&dialect(), Default::default(), text.as_bytes()).expect("a stream");
    assert_eq!(seen.error.map(|error| error.message().to_owned()).as_deref(), Some("no more capacity"));
}

/// <https://platform.claude.com/docs/en/api/models/list>
#[test]
fn models_are_listed() {
    let card = |id: &str| ModelCard {
        id: id.to_owned(),
        mode: None,
        max_input_tokens: Some(200_000),
        max_output_tokens: None,
        abilities: Default::default(),
    };
    insta::assert_json_snapshot!(json(&MessagesIngress.encode_models(&[card("a"), card("b")])));
}

#[test]
fn no_models_are_an_empty_list() {
    let expected = r#"{"data":[],"has_more":false,"first_id":null,"last_id":null}"#;
    assert_eq!(MessagesIngress.encode_models(&[]), expected.as_bytes());
}

#[test]
fn an_error_comes_after_what_was_used_and_a_half_written_call_stays_open() {
    let text = PartKind::Text;
    let call = PartKind::ToolCall { id: "toolu_1".into(), item_id: None, name: "f".into(), custom: false };
    let said = Delta::Text("Hel".into());
    let begun = Delta::Arguments("{\"a\":".into());
    for (kind, delta, told) in
        [(text, said, &["content_block_stop", "message_delta", "error"][..]), (call, begun, &["error"][..])]
    {
        let events = [
            Event::PartStart { choice: 0, part: 0, kind },
            Event::Delta { choice: 0, part: 0, delta },
            Event::Usage(Usage { input: Some(7), output: Some(2), ..Usage::default() }),
            Event::Error(Error::new(ErrorKind::Truncated, "it broke")),
            Event::End,
        ];
        let stream = stream_for(&ChatRequest::default(), &events);
        let names: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert!(names.ends_with(told) && names.len() == told.len() + 3, "{stream}");
        let delta =
            stream.lines().filter_map(|line| line.strip_prefix("data: ")).rev().nth(1).expect("a frame");
        let delta = json(delta.as_bytes());
        if delta["type"] == "message_delta" {
            assert!(delta["delta"]["stop_reason"].is_null(), "{delta}");
            assert_eq!(
                (&delta["usage"]["input_tokens"], &delta["usage"]["output_tokens"]),
                (&7.into(), &2.into())
            );
        }
    }
}
