//! Streams, written after <https://platform.openai.com/docs/api-reference/responses-streaming>.

use bytes::BytesMut;
use llm_core::dialect::{Seen, TapOptions};
use llm_core::event::{Delta, PartKind, Start, unfold};
use llm_core::{ChatRequest, Dialect, Error, ErrorKind, Event, FinishReason, Ingress, Part};
use llm_testkit::replay;
use serde_json::{Value, json};

use super::golden::foreign_answer;
use super::{frames, reply, request, streamed};
use crate::responses::{Responses, ResponsesIngress};

const RESPONSE: &str = include_str!("fixtures/response.json");

/// A vendor's stream of events without `event:` lines, as several vendors write it.
fn bare(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

fn folded(stream: &str) -> llm_core::Result<llm_core::ChatResponse> {
    replay::folded(&Responses::default(), stream.as_bytes())
}

#[test]
fn a_client_gets_every_event_that_the_api_documents() {
    let response = Responses::default().decode(&reply(RESPONSE)).expect("an answer");
    let stream = streamed(&unfold(response), &request(r#"{"model":"m","input":"hi"}"#));
    insta::assert_snapshot!(stream);
}

#[test]
fn a_client_gets_an_answer_of_another_dialect() {
    let stream = streamed(&unfold(foreign_answer()), &ChatRequest::default());
    insta::assert_snapshot!(stream);
}

#[test]
fn a_stream_of_ours_is_numbered_and_ends_with_the_whole_response() {
    let response = Responses::default().decode(&reply(RESPONSE)).expect("an answer");
    let asked = request(r#"{"model":"m","input":"hi"}"#);
    let events = frames(&streamed(&unfold(response.clone()), &asked));
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(number));
    }
    let mut whole: Value =
        serde_json::from_slice(&ResponsesIngress.encode(&response, &asked)).expect("valid");
    // These events tell log probabilities when the message is long over.
    whole["output"][2]["content"][0]["logprobs"] = json!([]);
    assert_eq!(events.last().map(|event| &event["response"]), Some(&whole));
}

#[test]
fn whole_arguments_and_texts_may_come_only_at_the_end() {
    let stream = bare(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": []}}),
        json!({"type": "response.output_text.done", "output_index": 0, "content_index": 3, "text": "hello"}),
        json!({"type": "response.output_item.done", "output_index": 0,
            "item": {"type": "message", "content": [{"type": "output_text", "text": "hello!"}]}}),
        json!({"type": "response.output_item.added", "output_index": 1,
            "item": {"type": "function_call", "id": "fc", "call_id": "c", "name": "f"}}),
        json!({"type": "response.function_call_arguments.done", "output_index": 1, "arguments": "{\"a\":1}"}),
        json!({"type": "response.output_item.done", "output_index": 2,
            "item": {"type": "function_call", "id": "fc2", "call_id": "c2", "name": "g", "arguments": {"b": 2}}}),
        json!({"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}),
    ]) + "data: [DONE]\n\n";
    let response = folded(&stream).expect("whole");
    let choice = &response.choices[0];
    let calls: Vec<(&str, &str)> =
        choice.message.tool_calls().map(|call| (call.id.as_str(), call.arguments.as_str())).collect();
    assert_eq!(choice.message.joined_text(), "hello!");
    assert_eq!(calls, [("c", "{\"a\":1}"), ("c2", "{\"b\":2}")]);
    assert_eq!(choice.finish, Some(FinishReason::ToolCalls));
}

#[test]
fn deltas_alone_are_enough() {
    let stream = bare(&[
        json!({"type": "response.reasoning_text.delta", "output_index": 0, "delta": "hm"}),
        json!({"type": "response.output_text.delta", "output_index": 1, "delta": "4"}),
        json!({"type": "response.completed", "response": {}}),
    ]);
    let response = folded(&stream).expect("whole");
    let parts = &response.choices[0].message.parts;
    assert!(matches!(&parts[0], Part::Reasoning(thought) if thought.text == "hm"));
    assert_eq!(parts[1].as_text(), Some("4"));
}

#[test]
fn a_stream_without_items_is_read_from_its_last_event() {
    let response: Value = serde_json::from_str(RESPONSE).expect("valid");
    let stream = bare(&[json!({"type": "response.completed", "response": response})]);
    let mut streamed = folded(&stream).expect("whole");
    let mut whole = Responses::default().decode(&reply(&response.to_string())).expect("an answer");
    (streamed.service_tier, whole.service_tier) = (None, None);
    assert_eq!(streamed, whole);
}

#[test]
fn hostile_numbers_cost_nothing() {
    let huge = u64::MAX;
    let stream = bare(&[
        json!({"type": "response.reasoning_summary_text.delta", "output_index": huge, "summary_index": huge, "delta": "x"}),
        json!({"type": "response.output_text.delta", "output_index": huge - 1, "content_index": huge, "delta": "y"}),
        json!({"type": "response.completed", "response": {"created_at": 1e300, "usage": {"input_tokens": -5}}}),
    ]);
    let response = folded(&stream).expect("whole");
    assert!(
        matches!(&response.choices[0].message.parts[0], Part::Reasoning(thought) if thought.summary == ["x"])
    );
}

#[test]
fn failures_are_errors_in_the_decoder_and_the_tap() {
    let failed = json!({"type": "response.failed", "response": {"id": "r", "status": "failed", "output": [],
        "error": {"code": "rate_limit_exceeded", "message": "slow down"}}});
    let flat = json!({"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": null});
    let nested = json!({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "slow down"}});
    let inline = json!({"error": {"code": "rate_limit_exceeded", "message": "slow down"}});
    for event in [failed, flat, nested, inline] {
        let created =
            json!({"type": "response.created", "response": {"id": "r", "output": [], "error": null}});
        let stream = bare(&[created, event.clone()]);
        let error = folded(&stream).expect_err("failed");
        assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimited, "slow down"), "{event}");
        let (out, seen) =
            replay::tapped(&Responses::default(), TapOptions::default(), stream.as_bytes()).expect("told");
        assert_eq!(out, stream.as_bytes());
        assert_eq!(seen.error.map(|error| error.kind()), Some(ErrorKind::RateLimited), "{event}");
        assert!(!seen.content);
    }
}

#[test]
fn frames_that_are_no_events_are_errors() {
    assert_eq!(folded("data: hello\n\n").expect_err("no event").kind(), ErrorKind::BadUpstreamAnswer);
    assert_eq!(folded("").expect_err("nothing").kind(), ErrorKind::Truncated);
    assert_eq!(folded("event: error\ndata: overloaded\n\n").expect_err("told").message(), "overloaded");
}

#[test]
fn a_tap_knows_content_from_its_announcement() {
    let dialect = Responses::default();
    let mut tap = dialect.tap(TapOptions::default());
    let mut seen = Seen::default();
    let quiet = [
        json!({"type": "response.created", "response": {"model": "m"}}),
        json!({"type": "response.in_progress", "response": {"model": "m"}}),
        json!({"type": "response.output_item.added", "item": {"type": "message", "content": []}}),
        json!({"type": "response.content_part.added", "part": {"type": "output_text", "text": ""}}),
    ];
    for event in &quiet {
        tap.frame(format!("data: {event}\n\n").as_bytes(), &mut seen).expect("a frame");
    }
    tap.frame(b": keep-alive\n\n", &mut seen).expect("a comment");
    assert!(!seen.content);
    let delta = json!({"type": "response.output_text.delta", "delta": "response.completed\",\"error\""});
    tap.frame(format!("data: {delta}\n\n").as_bytes(), &mut seen).expect("a frame");
    assert!(seen.content && !seen.ended && seen.error.is_none());
    assert_eq!(tap.finish(&mut seen).expect_err("cut").kind(), ErrorKind::Truncated);
}

#[test]
fn a_failure_in_the_middle_reaches_the_client_twice() {
    let mut encoder = ResponsesIngress.encoder(&ChatRequest::default());
    let mut out = BytesMut::new();
    let events = [
        Event::Start(Start {
            id: "chatcmpl-1".into(),
            model: "m".into(),
            created: Some(5),
            ..Start::default()
        }),
        Event::PartStart { choice: 0, part: 0, kind: PartKind::Text },
        Event::Delta { choice: 0, part: 0, delta: Delta::Text("half".into()) },
        Event::Ping,
        Event::Error(Error::new(ErrorKind::RateLimited, "slow down")),
        Event::End,
    ];
    for event in &events {
        encoder.push(event, &mut out);
    }
    let stream = String::from_utf8(out.to_vec()).expect("UTF-8");
    assert!(stream.contains("\n\n: ping\n\n"));
    let frames = frames(&stream);
    let error = frames.iter().find(|frame| frame["type"] == "error").expect("an error event");
    assert_eq!((&error["message"], &error["error"]["message"]), (&json!("slow down"), &json!("slow down")));
    let last = &frames.last().expect("a last event")["response"];
    assert_eq!((&last["status"], &last["error"]["code"]), (&json!("failed"), &json!("rate_limit_exceeded")));
    assert_eq!(last["output"][0]["content"][0]["text"], "half");
    assert_eq!(last["output"][0]["status"], "incomplete");
    let done = frames.iter().find(|frame| frame["type"].as_str().is_some_and(|name| name.ends_with(".done")));
    assert_eq!(done, None, "what was cut does not look whole");
    assert!((0..).zip(&frames).all(|(number, frame)| frame["sequence_number"] == number));
    assert_eq!(folded(&stream).expect_err("failed").kind(), ErrorKind::RateLimited);
}

#[test]
fn calls_that_grow_side_by_side_keep_apart() {
    let call = |part: u32| Event::PartStart {
        choice: 0,
        part,
        kind: PartKind::ToolCall { id: format!("c{part}"), item_id: None, name: "f".into(), custom: false },
    };
    let more = |part: u32, text: &str| Event::Delta { choice: 0, part, delta: Delta::Arguments(text.into()) };
    let end = |part: u32| Event::PartEnd { choice: 0, part };
    let events = [
        call(0),
        more(0, "{"),
        call(1),
        more(1, "{\"b\""),
        more(0, "}"),
        more(1, ":1}"),
        end(0),
        end(1),
        Event::Finish { choice: 0, reason: FinishReason::ToolCalls },
        Event::End,
    ];
    let response = folded(&streamed(&events, &ChatRequest::default())).expect("whole");
    let calls: Vec<&str> =
        response.choices[0].message.tool_calls().map(|call| call.arguments.as_str()).collect();
    assert_eq!(calls, ["{}", "{\"b\":1}"]);
}
