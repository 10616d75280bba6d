//! Pictures and speech, after the documentation.

use insta::assert_json_snapshot;
use llm_core::conversion::Progress;
use llm_core::images::{ImageRequest, ImageResponse, ImageSize};
use llm_core::message::Source;
use llm_core::speech::{SpeechFormat, SpeechRequest, SpeechResponse};
use llm_core::{Dialect, ErrorKind, LossPolicy, Operation, RawObject, Result, Target};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{dialect, json as read, reply};

const DRAWS: &str = "gemini-2.5-flash-image";
const IMAGEN: &str = "imagen-4.0-generate-001";

fn target(model: &str) -> Target {
    Target { model: model.to_owned(), ..Target::default() }
}

fn picture(prompt: &str) -> ImageRequest {
    ImageRequest { prompt: prompt.to_owned(), ..ImageRequest::new(Operation::ImageGeneration) }
}

fn png(data: &str) -> Source {
    Source::Base64 { media_type: "image/png".into(), data: data.into() }
}

fn edit(prompt: &str, images: Vec<Source>) -> ImageRequest {
    ImageRequest { images, operation: Operation::ImageEdit, ..picture(prompt) }
}

fn speech(input: &str) -> SpeechRequest {
    SpeechRequest { input: input.to_owned(), format: Some(SpeechFormat::Wav), ..SpeechRequest::default() }
}

fn extras(value: &Value) -> RawObject {
    serde_json::from_str(&value.to_string()).expect("an object")
}

fn shown(encoded: &llm_core::dialect::Encoded) -> Value {
    let lost: Vec<_> = encoded.losses.iter().map(|loss| loss.field.clone()).collect();
    json!({"path": encoded.request.path, "body": read(&encoded.request.body.joined()), "lost": lost})
}

fn drawn(request: &ImageRequest, target: &Target) -> Result<Value> {
    dialect().images().expect("there").encode(request, target).map(|encoded| shown(&encoded))
}

fn said(request: &SpeechRequest, target: &Target) -> Result<Value> {
    dialect().speech().expect("there").encode(request, target).map(|encoded| shown(&encoded))
}

fn pictures(body: &str) -> Result<ImageResponse> {
    match dialect().images().expect("there").decode(&reply(200, body), &picture("x"))? {
        Progress::Done(answer) => Ok(answer),
        Progress::Pending(_) => panic!("nothing is asked twice"),
    }
}

fn sound(body: &str) -> Result<SpeechResponse> {
    match dialect().speech().expect("there").decode(&reply(200, body), &speech("x"))? {
        Progress::Done(answer) => Ok(answer),
        Progress::Pending(_) => panic!("nothing is asked twice"),
    }
}

#[test]
fn pictures_are_asked_for_in_each_models_words() {
    let sized =
        |width, height| ImageRequest { size: Some(ImageSize::new(width, height)), ..picture("a cat") };
    let full = ImageRequest {
        count: 3,
        format: Some("jpeg".to_owned()),
        compression: Some(80),
        quality: Some("high".to_owned()),
        extras: extras(&json!({"negative_prompt": "dogs", "personGeneration": "allow_adult", "zebra": 1})),
        ..sized(2048, 2048)
    };
    let more = json!({"seed": 3, "imageConfig": {"imageSize": "2K"}, "safety_settings": [], "zebra": 1});
    let mask = Some(Source::Base64 { media_type: "image/jpeg".into(), data: "/9j/".into() });
    let stored = Source::Url("https://generativelanguage.googleapis.com/v1beta/files/a".into());
    let all: Vec<Value> = [
        (picture("a cat"), DRAWS),
        (sized(1024, 1024), DRAWS),
        (sized(1792, 1024), DRAWS),
        (ImageRequest { extras: extras(&more), ..sized(2048, 2048) }, "gemini-3-pro-image"),
        (edit("with a hat", vec![png("AAAA"), stored]), DRAWS),
        (sized(1280, 896), IMAGEN),
        (full, IMAGEN),
        (ImageRequest { mask, ..edit("a hat", vec![png("AAAA")]) }, "imagen-3.0-capability-001"),
    ]
    .iter()
    .map(|(request, model)| drawn(request, &target(model)).expect("can be expressed"))
    .collect();
    assert_json_snapshot!(all);
}

#[test]
fn speech_is_asked_for_in_each_models_words() {
    let tts = "gemini-2.5-flash-preview-tts";
    let directed = SpeechRequest {
        voice: Some("alloy".to_owned()),
        instructions: Some("Say cheerfully".to_owned()),
        format: None,
        speed: Some(1.5),
        extras: extras(&json!({"language": "en-US", "zebra": 1})),
        ..speech("Hello")
    };
    let speakers = json!({"speechConfig": {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": []}}});
    let all: Vec<Value> = [
        (SpeechRequest { voice: Some("Kore".to_owned()), ..speech("Hello") }, tts),
        (directed.clone(), tts),
        (directed, "publishers/google/models/gemini-3.8-flash-tts"),
        (
            SpeechRequest { voice: Some("Kore".to_owned()), extras: extras(&speakers), ..speech("Joe: Hi") },
            tts,
        ),
    ]
    .iter()
    .map(|(request, model)| said(request, &target(model)).expect("can be expressed"))
    .collect();
    assert_json_snapshot!(all);
}

#[test]
fn what_cannot_be_expressed_is_refused() {
    let mp3 = SpeechRequest { format: Some(SpeechFormat::Mp3), ..speech("x") };
    let error = said(&mp3, &target("gemini-2.5-flash-tts")).expect_err("refused");
    assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some("response_format")));
    let lenient = Target { policy: LossPolicy::Drop, ..target("gemini-2.5-flash-tts") };
    assert_eq!(said(&mp3, &lenient).expect("WAV instead")["lost"], json!(["response_format"]));
    let masked = ImageRequest { mask: Some(png("AAAA")), ..edit("x", vec![png("AAAA")]) };
    assert_eq!(drawn(&masked, &target(DRAWS)).expect_err("refused").param(), Some("mask"));
    let clear = ImageRequest { background: Some("transparent".to_owned()), ..picture("x") };
    assert_eq!(drawn(&clear, &target(IMAGEN)).expect_err("refused").param(), Some("background"));
}

#[test]
fn a_deployment_sets_and_takes_out_members() {
    let target = Target {
        extra_body: extras(&json!({"generationConfig": {"seed": 7}, "labels": {"a": "b"}})),
        drop_fields: vec!["imageConfig".to_owned()],
        ..target(DRAWS)
    };
    let request = ImageRequest { size: Some(ImageSize::new(1024, 1024)), ..picture("x") };
    let body = drawn(&request, &target).expect("a request")["body"].take();
    assert_eq!(body["generationConfig"], json!({"responseModalities": ["TEXT", "IMAGE"], "seed": 7}));
    assert_eq!(body["labels"], json!({"a": "b"}));
}

#[test]
fn drawn_pictures_are_read_with_their_tokens() {
    let usage = json!({"promptTokenCount": 8, "candidatesTokenCount": 1300, "totalTokenCount": 1308,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}]});
    let parts = json!([{"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]);
    let body = |usage: &Value| {
        let candidate =
            json!({"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0});
        json!({"candidates": [candidate], "usageMetadata": usage}).to_string()
    };
    let answer = pictures(&body(&usage)).expect("a picture");
    assert_eq!(answer.images[0].source, png("AAAA"));
    assert_eq!(
        (answer.usage.input, answer.usage.output, answer.usage.image_out),
        (Some(8), Some(10), Some(1290))
    );
    let plain = json!({"promptTokenCount": 8, "candidatesTokenCount": 1290, "totalTokenCount": 1298});
    let usage = pictures(&body(&plain)).expect("a picture").usage;
    assert_eq!((usage.output, usage.image_out), (None, Some(1290)));
}

#[test]
fn predicted_pictures_are_read_and_counted() {
    let body = json!({"predictions": [
        {"mimeType": "image/jpeg", "bytesBase64Encoded": "/9j/", "prompt": "a cat, drawn"},
        {"raiFilteredReason": "blocked: 58061214"},
        {"mimeType": "image/png", "gcsUri": "gs://bucket/1.png"},
    ]});
    let answer = pictures(&body.to_string()).expect("pictures");
    assert_eq!(answer.usage.images, Some(2));
    assert_eq!(answer.images[0].revised_prompt.as_deref(), Some("a cat, drawn"));
    assert_eq!(answer.images[1].source, Source::Url("gs://bucket/1.png".to_owned()));
}

#[test]
fn answers_without_a_picture_say_why() {
    for (body, kind, word) in [
        (r#"{}"#, ErrorKind::ContentFilter, "filter"),
        (
            r#"{"predictions":[{"raiFilteredReason":"violates usage guidelines"}]}"#,
            ErrorKind::ContentFilter,
            "guidelines",
        ),
        (r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#, ErrorKind::ContentFilter, "filter"),
        (
            r#"{"candidates":[{"finishReason":"IMAGE_SAFETY","index":0}],"usageMetadata":{"promptTokenCount":1}}"#,
            ErrorKind::ContentFilter,
            "filter",
        ),
        (
            r#"{"candidates":[{"content":{"parts":[{"text":"Which cat?"}]},"finishReason":"STOP"}]}"#,
            ErrorKind::BadUpstreamAnswer,
            "without a picture",
        ),
    ] {
        let error = pictures(body).expect_err("no picture");
        assert_eq!(error.kind(), kind, "{body}");
        assert!(error.message().contains(word) && !error.message().contains("Which cat"), "{error}");
    }
}

#[test]
fn sound_is_read_with_its_tokens() {
    let part =
        |data: &str| json!({"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": data}});
    let usage = json!({"promptTokenCount": 8, "candidatesTokenCount": 48, "totalTokenCount": 56,
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 48}]});
    let body = |parts: &Value| {
        json!({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}], "usageMetadata": usage})
            .to_string()
    };
    let answer = sound(&body(&json!([part("AQIDBA==")]))).expect("sound");
    assert_eq!(
        (answer.usage.input, answer.usage.output, answer.usage.audio_out),
        (Some(8), Some(0), Some(48))
    );
    let (kind, bytes) = answer.shown(Some(SpeechFormat::Pcm)).expect("samples");
    assert_eq!((kind.as_str(), &bytes[..]), ("audio/pcm", &[1, 2, 3, 4][..]));
    let (kind, bytes) = answer.shown(None).expect("a box");
    assert_eq!((kind.as_str(), bytes.len()), ("audio/wav", 48));
    let answer = sound(&body(&json!([part("AQI="), part("AwQ=")]))).expect("sound");
    assert_eq!(&answer.shown(Some(SpeechFormat::Pcm)).expect("samples").1[..], [1, 2, 3, 4]);
    assert_eq!(sound(&body(&json!([]))).expect_err("no sound").kind(), ErrorKind::BadUpstreamAnswer);
}

proptest! {
    #[test]
    fn no_answer_panics(
        body in r#"[{}\[\]",:a-z0-9 ]{0,60}"#,
        member in "predictions|candidates|usageMetadata|promptFeedback",
        value in r#"(null|"x"|\[null\]|\[\{\}\]|\[\{"content":\{"parts":\[\{"inlineData":\{\}\}\]\}\}\]|\{\}|7)"#,
    ) {
        for body in [body, format!("{{\"{member}\":{value}}}")] {
            let _ = pictures(&body);
            let _ = sound(&body).map(|answer| answer.shown(None));
        }
    }
}
