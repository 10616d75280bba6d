//! Properties that hold for every recorded exchange.

use bytes::Bytes;
use llm_core::dialect::TapOptions;
use llm_core::{ChatRequest, Choice, Dialect, Envelope, ErrorKind, Ingress, Target, Usage};
use llm_providers_cohere::{Chat, CohereIngress};
use llm_testkit::{Recording, recordings, replay};
use serde_json::{Value, json};

use crate::{ask, body_for, json as parse, stream_for};

fn chats() -> Vec<Recording> {
    recordings("cohere-v2-chat")
}

fn streams() -> Vec<Recording> {
    chats().into_iter().filter(|recording| recording.is_success() && recording.is_sse()).collect()
}

fn wholes() -> Vec<Recording> {
    chats().into_iter().filter(|recording| recording.is_success() && !recording.is_sse()).collect()
}

fn text(recording: &Recording) -> &str {
    std::str::from_utf8(&recording.reply.body).expect("UTF-8")
}

/// Whether the vendor failed in the middle, with a good status.
fn failed(recording: &Recording) -> bool {
    text(recording).contains("\"finish_reason\":\"ERROR\"")
}

fn assert_adds_up(usage: &Usage, recording: &Recording) {
    let end = text(recording).lines().rev().find_map(|line| {
        let body: Value = serde_json::from_str(line.strip_prefix("data:").unwrap_or(line)).ok()?;
        let usage = if body["usage"].is_object() { &body["usage"] } else { &body["delta"]["usage"] };
        usage.is_object().then(|| usage.clone())
    });
    let billed = end.expect("every answer tells its usage")["billed_units"].clone();
    assert_eq!(usage.prompt_total(), billed["input_tokens"].as_u64(), "{}", recording.case);
    assert_eq!(usage.completion_total(), billed["output_tokens"].as_u64(), "{}", recording.case);
}

#[test]
fn whole_answers_decode_and_their_usage_adds_up() {
    for recording in wholes() {
        let response = Chat::default()
            .decode(&recording.reply)
            .unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let body = parse(&recording.reply.body);
        let calls = body["message"]["tool_calls"].is_array();
        assert_eq!(response.choices.first().map(Choice::wants_tools), Some(calls), "{}", recording.case);
        assert_adds_up(&response.usage, &recording);
        let peek = Chat::default().peek(&recording.reply.body).expect("an answer");
        assert_eq!(peek.usage, response.usage, "{}", recording.case);
        assert_eq!(peek.finish, response.choices[0].finish, "{}", recording.case);
        let encoded = CohereIngress.encode(&response, &ChatRequest::default());
        assert_eq!(parse(&encoded), body, "{}", recording.case);
    }
}

#[test]
fn streams_fold_and_their_usage_adds_up() {
    for recording in streams() {
        let folded = replay::folded(&Chat::default(), &recording.reply.body);
        if failed(&recording) {
            assert_eq!(folded.expect_err("failed").kind(), ErrorKind::UpstreamFailure, "{}", recording.case);
            continue;
        }
        let response = folded.unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        assert!(!response.id.is_empty(), "{}", recording.case);
        let choice = response.choices.first().expect("a choice");
        assert_eq!(choice.wants_tools(), text(&recording).contains("tool-call-start"), "{}", recording.case);
        for call in choice.message.tool_calls() {
            assert!(call.arguments_object().is_some() && !call.id.is_empty(), "{}", recording.case);
        }
        assert_adds_up(&response.usage, &recording);
    }
}

#[test]
fn streams_may_be_cut_into_chunks_anywhere() {
    for recording in streams() {
        replay::assert_cuts_do_not_matter(&Chat::default(), &recording.reply.body, &recording.case);
    }
}

#[test]
fn streams_that_stop_early_are_an_error() {
    for recording in streams() {
        let text = text(&recording);
        let last = text.find("event: message-end").expect("every answer ends with its reason");
        for (at, _) in text.match_indices("\n\n").filter(|(at, _)| *at < last) {
            let cut = &text.as_bytes()[..at + 2];
            let fault = replay::folded(&Chat::default(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
            let fault = replay::tapped(&Chat::default(), TapOptions::default(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated, "{}", recording.case);
        }
    }
}

#[test]
fn streams_without_their_last_frame_are_completed() {
    for recording in streams().iter().filter(|recording| !failed(recording)) {
        let text = text(recording);
        let cut = &text.as_bytes()[..text.find("data: [DONE]").expect("ends")];
        let whole = replay::folded(&Chat::default(), text.as_bytes()).expect("folds");
        assert_eq!(replay::folded(&Chat::default(), cut).as_ref(), Ok(&whole), "{}", recording.case);
        for cut in [cut, cut.trim_ascii_end()] {
            let (bytes, seen) =
                replay::tapped(&Chat::default(), TapOptions::default(), cut).expect("complete");
            assert!(seen.ended);
            assert_eq!(replay::folded(&Chat::default(), &bytes).as_ref(), Ok(&whole), "{}", recording.case);
        }
    }
}

#[test]
fn the_tap_keeps_every_byte_and_sees_what_the_decoder_sees() {
    for recording in streams() {
        let body = &recording.reply.body;
        let options = TapOptions { public_model: Some("other".to_owned()), include_usage: true };
        let (bytes, seen) = replay::tapped(&Chat::default(), options, body).expect("a stream");
        assert!(bytes == *body && seen.content, "{}", recording.case);
        match replay::folded(&Chat::default(), body) {
            Ok(response) => {
                assert_eq!(seen.usage, response.usage, "{}", recording.case);
                assert_eq!(seen.finish, response.choices[0].finish, "{}", recording.case);
                assert!(seen.ended && seen.error.is_none(), "{}", recording.case);
            }
            Err(error) => assert_eq!((seen.error, seen.ended), (Some(error), false), "{}", recording.case),
        }
    }
}

#[test]
fn streams_written_for_clients_tell_the_same_answer() {
    for recording in streams() {
        let events = replay::events(&Chat::default(), &[&recording.reply.body]).expect("a stream");
        let written = stream_for(&events);
        let again = replay::folded(&Chat::default(), written.as_bytes());
        assert_eq!(again, replay::fold(events), "{}", recording.case);
        assert!(written.ends_with("data: [DONE]\n\n"), "{}", recording.case);
    }
}

/// The frames themselves, but for the place of citations among the text and for blank pieces.
#[test]
fn streams_written_for_clients_are_framed_as_the_vendors() {
    for recording in streams().iter().filter(|recording| !failed(recording)) {
        let events = replay::events(&Chat::default(), &[&recording.reply.body]).expect("a stream");
        assert_eq!(frames(&stream_for(&events)), frames(text(recording)), "{}", recording.case);
    }
}

/// Every frame's event and data, citations last; a citation's number is its place.
fn frames(text: &str) -> Vec<(String, Value)> {
    let (mut frames, mut cited) = (Vec::new(), Vec::new());
    for frame in text.split("\n\n").filter(|frame| !frame.trim().is_empty()) {
        let event =
            frame.lines().find_map(|line| line.strip_prefix("event: ")).unwrap_or_default().to_owned();
        let data = frame.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
        let data = serde_json::from_str(data).unwrap_or_else(|_| json!(data));
        if event.starts_with("citation") { cited.push((event, data)) } else { frames.push((event, data)) }
    }
    frames.retain(|(event, data)| {
        // Calls and blocks open without their first piece.
        event != "tool-call-delta"
            || data["delta"]["message"]["tool_calls"]["function"]["arguments"] != json!("")
    });
    frames.extend(cited);
    frames
}

#[test]
fn errors_are_classified_and_shown_as_they_came() {
    let failures = chats().into_iter().chain(recordings("cohere-embed"));
    for recording in failures.filter(|recording| !recording.is_success()) {
        let error = Chat::default().classify(&recording.reply);
        let expected = match recording.reply.status {
            401 => ErrorKind::UpstreamAuth,
            404 => ErrorKind::UpstreamNotFound,
            429 => ErrorKind::RateLimited,
            _ => ErrorKind::InvalidRequest,
        };
        assert_eq!(error.kind(), expected, "{}", recording.case);
        let (said, shown) = (parse(&recording.reply.body), parse(&CohereIngress.error(&error)));
        if !said["message"].as_str().is_some_and(|message| message.contains('*')) {
            assert_eq!(shown["message"], said["message"], "{}", recording.case);
        }
    }
}

#[test]
fn recorded_requests_come_back_as_the_vendor_took_them() {
    for recording in chats() {
        let request = ask(&recording.request).unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let (encoded, recorded) = (body_for(&request), parse(recording.request.as_bytes()));
        assert_eq!(normal(encoded), normal(recorded), "{}", recording.case);
    }
}

/// Two spellings of the same request become one: a text is a list of one block, null and empty lists are not said,
/// and neither is `stream: false`; arguments and results are compared as they are.
fn normal(mut body: Value) -> Value {
    let members = body.as_object_mut().expect("an object");
    members.retain(|name, value| !(value.is_null() || name == "stream" && *value == json!(false)));
    members.retain(|name, value| !(name == "documents" && *value == json!([])));
    for message in body["messages"].as_array_mut().into_iter().flatten() {
        let message = message.as_object_mut().expect("an object");
        if let Some(text) = message.get("content").and_then(Value::as_str).map(str::to_owned) {
            message.insert("content".to_owned(), json!([{ "type": "text", "text": text }]));
        }
        message.retain(|_, value| !(value.is_null() || *value == json!([])));
    }
    body
}

#[test]
fn recorded_requests_pass_with_another_model_and_nothing_else() {
    for recording in chats() {
        let body = Bytes::from(recording.request.clone());
        let envelope = Envelope::scan(&body).expect("an object");
        let mut expected = parse(&body);
        let stream = expected["stream"] == json!(true);
        let target = Target { model: "other".to_owned(), stream, ..Target::default() };
        let forwarded = Chat::default().forward(&body, &envelope, &target).expect("passes");
        expected["model"] = "other".into();
        assert_eq!(parse(&forwarded.request.body.joined()), expected, "{}", recording.case);
        assert_eq!((forwarded.request.path.as_str(), forwarded.losses.len()), ("/chat", 0));
    }
}
