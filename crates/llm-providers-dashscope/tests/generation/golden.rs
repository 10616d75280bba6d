//! Own examples after <https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope>, compared whole.

use llm_core::dialect::TapOptions;
use llm_core::{Delta, Dialect, ErrorKind, Event, FinishReason, Part};
use llm_testkit::replay;

use crate::{dialect, reply};

const ANSWER: &str = include_str!("fixtures/answer.json");

/// Each event tells what is new.
const PIECES: &str = include_str!("fixtures/pieces.sse");

/// The same answer; each event repeats all that was said.
const REPEATS: &str = include_str!("fixtures/repeats.sse");

#[test]
fn a_full_answer_reads_as_canonical() {
    insta::assert_debug_snapshot!(dialect().decode(&reply(200, ANSWER)).expect("an answer"));
}

#[test]
fn a_full_stream_reads_as_events() {
    insta::assert_debug_snapshot!(replay::events(&dialect(), &[PIECES.as_bytes()]).expect("a stream"));
}

#[test]
fn a_stream_that_repeats_tells_the_same_answer() {
    let pieces = replay::folded(&dialect(), PIECES.as_bytes()).expect("a stream");
    let repeats = replay::folded(&dialect(), REPEATS.as_bytes()).expect("a stream");
    assert_eq!(pieces, repeats);
    assert_eq!(pieces.choices[0].finish, Some(FinishReason::ToolCalls));
    assert_eq!(pieces.choices[0].message.tool_calls().count(), 2);
}

#[test]
fn streams_may_be_cut_into_chunks_anywhere() {
    replay::assert_cuts_do_not_matter(&dialect(), PIECES.as_bytes(), "pieces");
    replay::assert_cuts_do_not_matter(&dialect(), REPEATS.as_bytes(), "repeats");
}

#[test]
fn streams_that_stop_early_are_an_error() {
    for stream in [PIECES, REPEATS] {
        let ends: Vec<usize> = stream.match_indices("\n\n").map(|(at, _)| at + 2).collect();
        for end in &ends[..ends.len() - 1] {
            let cut = &stream.as_bytes()[..*end];
            let fault = replay::folded(&dialect(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated);
            let fault = replay::tapped(&dialect(), TapOptions::default(), cut).expect_err("cut short");
            assert_eq!(fault.kind(), ErrorKind::Truncated);
        }
    }
}

#[test]
fn an_error_event_ends_the_stream_with_what_was_used() {
    let first = PIECES.split_inclusive("\n\n").take(3).collect::<String>();
    let stream = first
        + "id:4\nevent:error\n:HTTP_STATUS/400\ndata:{\"code\":\"DataInspectionFailed\",\"message\":\"Output data may \
           contain inappropriate content.\",\"request_id\":\"r\"}\n\n";
    let events = replay::events(&dialect(), &[stream.as_bytes()]).expect("the error is an event");
    let Some(Event::Error(error)) = events.last() else { panic!("no error at the end") };
    assert_eq!((error.kind(), error.code()), (ErrorKind::ContentFilter, Some("DataInspectionFailed")));
    assert!(
        events.iter().any(|event| matches!(event, Event::Usage(usage) if usage.prompt_total() == Some(100)))
    );
    let (bytes, seen) =
        replay::tapped(&dialect(), TapOptions::default(), stream.as_bytes()).expect("watched");
    assert_eq!(bytes, stream.as_bytes());
    assert_eq!(seen.error.map(|error| error.kind()), Some(ErrorKind::ContentFilter));
    assert_eq!(seen.usage.prompt_total(), Some(100));
}

#[test]
fn an_error_in_place_of_an_answer_is_one() {
    let body = r#"{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded","request_id":"r"}"#;
    let error = dialect().decode(&reply(200, body)).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(dialect().peek(body.as_bytes()), Err(error));
    for wrong in ["", "[]", "<html>", r#"{"output":7}"#, r#"{"output":null}"#, "{}"] {
        let error = dialect().decode(&reply(200, wrong)).expect_err(wrong);
        assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer, "{wrong}");
    }
}

#[test]
fn choices_of_a_stream_keep_apart() {
    let frame = |choices: &str| {
        format!("event:result\ndata:{{\"output\":{{\"choices\":[{choices}]}},\"request_id\":\"r\"}}\n\n")
    };
    let choice = |index: u32, text: &str, finish: &str| {
        format!(r#"{{"index":{index},"message":{{"content":"{text}"}},"finish_reason":"{finish}"}}"#)
    };
    let stream = [
        frame(&choice(0, "one", "null")),
        frame(&choice(1, "two", "null")),
        frame(&choice(0, "", "stop")),
        frame(&choice(1, "!", "null")),
        frame(&choice(0, "", "stop")),
        frame(&choice(1, "", "length")),
    ]
    .concat();
    let response = replay::folded(&dialect(), stream.as_bytes()).expect("a stream");
    let told: Vec<_> =
        response.choices.iter().map(|choice| (choice.message.joined_text(), choice.finish.clone())).collect();
    assert_eq!(told, [("one".into(), Some(FinishReason::Stop)), ("two!".into(), Some(FinishReason::Length))]);
    let cut = &stream.as_bytes()[..stream.rfind("event").expect("frames")];
    assert_eq!(replay::folded(&dialect(), cut).expect_err("one is missing").kind(), ErrorKind::Truncated);
}

#[test]
fn a_call_without_id_gets_the_same_one_streamed_or_not() {
    let whole = dialect().decode(&reply(200, ANSWER)).expect("an answer");
    let ids: Vec<_> = whole.choices[0].message.tool_calls().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["call_1", "call_a1b2c3d4-0000-4000-8000-000000000001_1"]);
    let data = crate::json(ANSWER.as_bytes()).to_string();
    let whole = dialect().decode(&reply(200, &data)).expect("an answer");
    let stream = format!("event:result\ndata:{data}\n\n");
    assert_eq!(replay::folded(&dialect(), stream.as_bytes()), Ok(whole));
}

#[test]
fn pictures_in_answers_are_parts() {
    let body = r#"{"output":{"choices":[{"message":{"role":"assistant","content":[{"text":"Here"},
        {"image":"https://img.example/1.png"},{"result_box":[1,2]},{"text":" it is"}]},"finish_reason":"stop"}]},
        "usage":{"image_count":1},"request_id":"r"}"#;
    let whole = dialect().decode(&reply(200, body)).expect("an answer");
    let kinds: Vec<_> = whole.choices[0].message.parts.iter().map(Part::kind_name).collect();
    assert_eq!(kinds, ["text", "image", "unknown block"]);
    assert_eq!(whole.choices[0].message.joined_text(), "Here it is");
    let stream = format!("data:{}\n\n", body.replace('\n', " "));
    assert_eq!(replay::folded(&dialect(), stream.as_bytes()).as_ref(), Ok(&whole));
}

#[test]
fn log_probabilities_are_told_once_whichever_way_the_stream_goes() {
    let token = |text: &str| format!(r#"{{"token":"{text}","logprob":-0.5}}"#);
    let frame = |text: &str, tokens: &[&str], finish: &str| {
        let tokens = tokens.iter().map(|text| token(text)).collect::<Vec<_>>().join(",");
        format!(
            "data:{{\"output\":{{\"choices\":[{{\"message\":{{\"content\":\"{text}\"}},\"logprobs\":{{\"content\":\
             [{tokens}]}},\"finish_reason\":\"{finish}\"}}]}}}}\n\n"
        )
    };
    let pieces = [frame("I", &["I"], "null"), frame(" am", &["am"], "null"), frame("", &[], "stop")].concat();
    let repeats = [
        frame("I", &["I"], "null"),
        frame("I am", &["I", "am"], "null"),
        frame("I am", &["I", "am"], "stop"),
    ]
    .concat();
    let of = |stream: &str| {
        let response = replay::folded(&dialect(), stream.as_bytes()).expect("a stream");
        response.choices[0].logprobs.as_ref().map(|raw| raw.get().to_owned())
    };
    assert_eq!(of(&pieces), of(&repeats));
    assert_eq!(of(&pieces), Some(format!("{{\"content\":[{},{}]}}", token("I"), token("am"))));
}

#[test]
fn deltas_come_as_soon_as_they_can() {
    let first = PIECES.split_inclusive("\n\n").next().expect("a frame");
    let mut decoder = dialect().decoder();
    let mut out = Vec::new();
    let parsed = llm_core::framing::parse(llm_core::wire::Framing::Sse, first.as_bytes());
    decoder.push(parsed.expect("UTF-8").expect("data").frame(), &mut out).expect("a frame");
    assert!(out.iter().any(
        |event| matches!(event, Event::Delta { delta: Delta::Reasoning(text), .. } if text == "The user")
    ));
}
