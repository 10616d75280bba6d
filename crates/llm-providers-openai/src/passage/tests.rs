//! What metering reads of pictures, sound and moderation.

use llm_core::{ErrorKind, Seen};
use serde_json::{Value, json};

use super::*;

fn peeked(body: &Value) -> Peek {
    Api::default().peek(body.to_string().as_bytes()).expect("an answer")
}

#[test]
fn pictures_are_counted_where_tokens_are_not() {
    let data = json!([{"b64_json": "AAAA"}, {"url": "https://a.example/1"}]);
    let usage = peeked(&json!({"created": 1, "data": data})).usage;
    assert_eq!(usage, Usage { images: Some(2), ..Usage::default() });
    let usage = json!({
        "total_tokens": 100, "input_tokens": 50, "output_tokens": 50,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
        "output_tokens_details": {"text_tokens": 0, "image_tokens": 50},
    });
    let usage = peeked(&json!({"created": 1, "data": data, "usage": usage})).usage;
    let expected = Usage {
        input: Some(10),
        image_in: Some(40),
        output: Some(0),
        image_out: Some(50),
        ..Usage::default()
    };
    assert_eq!(usage, expected);
}

#[test]
fn sound_is_measured_in_tokens_or_seconds() {
    let tokens = json!({
        "type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
        "output_tokens": 45, "total_tokens": 59,
    });
    let expected = Usage { input: Some(4), audio_in: Some(10), output: Some(45), ..Usage::default() };
    assert_eq!(peeked(&json!({"text": "hi", "usage": tokens})).usage, expected);
    let seconds = |seconds| Usage { audio_seconds: Some(seconds), ..Usage::default() };
    assert_eq!(peeked(&json!({"text": "hi", "usage": {"type": "duration", "seconds": 3}})).usage, seconds(3));
    assert_eq!(peeked(&json!({"task": "transcribe", "duration": 8.47, "text": "hi"})).usage, seconds(9));
    assert_eq!(peeked(&json!({"duration": "8.47", "text": "hi"})).usage, seconds(9));
    assert!(peeked(&json!({"duration": -1, "text": "hi", "data": {}})).usage.is_empty());
}

#[test]
fn the_model_of_a_moderation_is_found_and_errors_are_seen() {
    let body = json!({"id": "modr-1", "model": "omni", "results": [{"flagged": false}]}).to_string();
    let place = Api::default().peek(body.as_bytes()).expect("an answer").model.expect("a model");
    assert_eq!(body.get(place), Some("\"omni\""));
    for body in [r#"{"error":{"message":"no","type":"invalid_request_error"}}"#, "[]", "\"\"", "{"] {
        assert!(Api::default().peek(body.as_bytes()).is_err(), "{body}");
    }
}

const TRANSCRIPT: &str = concat!(
    "data: {\"type\":\"transcript.text.delta\",\"delta\":\"I\"}\n\n",
    "data: {\"type\":\"transcript.text.delta\",\"delta\":\" \\\"error\\\" see\"}\n\n",
    "data: {\"type\":\"transcript.text.done\",\"text\":\"I see\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,",
    "\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":14},\"output_tokens\":45,\"total_tokens\":59}}\n\n",
);

fn tapped(stream: &str) -> (Result<()>, Seen) {
    let mut seen = Seen::default();
    let mut tap = Api::default().tap();
    for frame in stream.split_inclusive("\n\n") {
        let verdict = tap.frame(frame.as_bytes(), &mut seen).expect("a frame");
        assert_eq!(verdict == llm_core::Verdict::Drop, seen.error.is_some());
    }
    (tap.finish(&mut seen).map(drop), seen)
}

#[test]
fn a_stream_is_watched_to_its_end() {
    let (end, seen) = tapped(TRANSCRIPT);
    assert!(end.is_ok() && seen.content);
    assert_eq!((seen.usage.audio_in, seen.usage.output), (Some(14), Some(45)));
    let (end, seen) = tapped("data: {\"object\":\"transcription.chunk\"}\n\ndata: [DONE]\n\n");
    assert!(end.is_ok() && seen.ended);
    let (end, _) = tapped(&TRANSCRIPT[..TRANSCRIPT.rfind("data:").expect("a frame")]);
    assert_eq!(end.expect_err("it was cut").kind(), ErrorKind::Truncated);
    for failure in [
        "event: error\ndata: {\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\"}}\n\n",
        "data: {\"type\":\"error\",\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\"}}\n\n",
    ] {
        let (end, seen) = tapped(failure);
        assert_eq!(end.expect_err("it failed").kind(), ErrorKind::RateLimited);
        assert!(!seen.content);
    }
}
