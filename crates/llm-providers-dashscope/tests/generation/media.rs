//! Pictures and speech, after the documentation.

use insta::assert_json_snapshot;
use llm_core::conversion::Progress;
use llm_core::images::{Delivery, ImageRequest, ImageResponse, ImageSize};
use llm_core::message::Source;
use llm_core::speech::{SpeechFormat, SpeechRequest, SpeechResponse};
use llm_core::{Dialect, ErrorKind, LossPolicy, Operation, RawObject, Result, Target};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{body, dialect, reply};

fn strict(model: &str) -> Target {
    Target { policy: LossPolicy::Default, ..crate::target(model, false) }
}

fn picture(prompt: &str) -> ImageRequest {
    ImageRequest { prompt: prompt.to_owned(), ..ImageRequest::new(Operation::ImageGeneration) }
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
    let waits = encoded.request.headers.get("x-dashscope-async").is_some();
    json!({"path": encoded.request.path, "async": waits, "body": body(encoded), "lost": lost})
}

fn drawn(request: &ImageRequest, model: &str) -> Result<Value> {
    dialect().images().expect("there").encode(request, &strict(model)).map(|encoded| shown(&encoded))
}

fn said(request: &SpeechRequest, model: &str) -> Result<Value> {
    dialect().speech().expect("there").encode(request, &strict(model)).map(|encoded| shown(&encoded))
}

fn pictures(body: &str) -> Result<Progress<ImageResponse>> {
    dialect().images().expect("there").decode(&reply(200, body), &picture("x"))
}

fn made(body: &str) -> Result<ImageResponse> {
    match pictures(body)? {
        Progress::Done(answer) => Ok(answer),
        Progress::Pending(_) => panic!("it is done"),
    }
}

fn sound(body: &str) -> Result<SpeechResponse> {
    match dialect().speech().expect("there").decode(&reply(200, body), &speech("x"))? {
        Progress::Done(answer) => Ok(answer),
        Progress::Pending(_) => panic!("nothing is asked twice"),
    }
}

#[test]
fn pictures_are_asked_for_in_each_models_way() {
    let sized = ImageRequest { size: Some(ImageSize::new(1024, 1024)), ..picture("a cat") };
    let full = ImageRequest {
        count: 2,
        quality: Some("hd".to_owned()),
        delivery: Some(Delivery::Url),
        extras: extras(&json!({"negative_prompt": "dogs", "watermark": false, "zebra": 1})),
        ..sized.clone()
    };
    let png = Source::Base64 { media_type: "image/png".into(), data: "AAAA".into() };
    let far = Source::Url("https://pictures.example/1.png".into());
    let masked = ImageRequest { mask: Some(far.clone()), ..edit("a hat", vec![png.clone()]) };
    let all: Vec<Value> = [
        (&sized, "qwen-image-plus"),
        (&full, "qwen-image-2.0-pro"),
        (&full, "wan2.2-t2i-flash"),
        (&edit("with a hat", vec![png.clone(), far.clone()]), "qwen-image-edit"),
        (&edit("with a hat", vec![png, far]), "wan2.5-i2i-preview"),
        (&masked, "wanx2.1-imageedit"),
    ]
    .iter()
    .map(|(request, model)| drawn(request, model).expect("can be expressed"))
    .collect();
    assert_json_snapshot!(all);
    assert_eq!(drawn(&masked, "qwen-image-edit").expect_err("refused").param(), Some("mask"));
}

#[test]
fn speech_is_asked_for_by_text_and_voice() {
    let directed = SpeechRequest {
        voice: Some("nova".to_owned()),
        instructions: Some("slowly".to_owned()),
        speed: Some(0.5),
        extras: extras(&json!({"language_type": "English", "zebra": 1})),
        ..speech("Hello")
    };
    let plain = SpeechRequest { voice: Some("Cherry".to_owned()), ..speech("Hello") };
    let all: Vec<Value> = [
        (&plain, "qwen3-tts-flash"),
        (&directed, "qwen3-tts-flash"),
        (&directed, "qwen3-tts-instruct-flash"),
    ]
    .iter()
    .map(|(request, model)| said(request, model).expect("can be expressed"))
    .collect();
    assert_json_snapshot!(all);
    let mp3 = SpeechRequest { format: Some(SpeechFormat::Mp3), ..plain };
    assert_eq!(said(&mp3, "qwen3-tts-flash").expect_err("refused").param(), Some("response_format"));
}

#[test]
fn pictures_of_both_ways_are_read() {
    let at_once = r#"{"output":{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":[
        {"image":"https://results.example/1.png"}]}}]},"usage":{"width":1328,"image_count":1,"height":1328},"request_id":"r"}"#;
    let answer = made(at_once).expect("a picture");
    assert_eq!(answer.images[0].source, Source::Url("https://results.example/1.png".to_owned()));
    assert_eq!(answer.usage.images, Some(1));
    let task = r#"{"request_id":"r","output":{"task_id":"t","task_status":"SUCCEEDED","results":[
        {"orig_prompt":"a cat","actual_prompt":"a grey cat","url":"https://results.example/2.png"},
        {"code":"InternalError","message":"failed"}],"task_metrics":{"TOTAL":2}},"usage":{"image_count":1}}"#;
    let answer = made(task).expect("a picture");
    assert_eq!((answer.images.len(), answer.usage.images), (1, Some(1)));
    assert_eq!(answer.images[0].revised_prompt.as_deref(), Some("a grey cat"));
}

#[test]
fn a_task_is_asked_for_until_it_is_done() {
    for status in ["PENDING", "RUNNING", "SUSPENDED"] {
        let body = json!({"output": {"task_id": "0385dc79-5ff8", "task_status": status}, "request_id": "r"});
        let Ok(Progress::Pending(again)) = pictures(&body.to_string()) else {
            panic!("{status} is not done")
        };
        assert_eq!((again.method.as_str(), again.path.as_str()), ("GET", "/tasks/0385dc79-5ff8"));
    }
    for id in ["../../x", "", "a?b", "a/b"] {
        let body = json!({"output": {"task_id": id, "task_status": "PENDING"}});
        assert!(pictures(&body.to_string()).is_err(), "{id}");
    }
    for (output, kind) in [
        (
            json!({"task_status": "FAILED", "code": "DataInspectionFailed", "message": "inappropriate"}),
            ErrorKind::ContentFilter,
        ),
        (json!({"task_status": "FAILED", "code": "InternalError"}), ErrorKind::UpstreamFailure),
        (
            json!({"task_status": "SUCCEEDED", "results": [{"code": "DataInspectionFailed", "message": "no"}]}),
            ErrorKind::ContentFilter,
        ),
        (json!({"task_status": "SUCCEEDED", "results": []}), ErrorKind::BadUpstreamAnswer),
    ] {
        let error = made(&json!({"output": output}).to_string()).expect_err("failed");
        assert_eq!(error.kind(), kind, "{output}");
    }
    assert!(pictures(r#"{"code":"InvalidParameter","message":"size","request_id":"r"}"#).is_err());
}

#[test]
fn sound_is_found_and_counted() {
    let body = r#"{"output":{"finish_reason":"stop","audio":{"data":"","url":"http://results.example/1.wav","id":"a",
        "expires_at":1}},"usage":{"characters":7},"request_id":"r"}"#;
    let answer = sound(body).expect("sound");
    assert_eq!(answer.audio, Source::Url("http://results.example/1.wav".to_owned()));
    assert_eq!(answer.usage.characters, Some(7));
    let body = r#"{"output":{"audio":{"data":"","url":"http://results.example/1.wav"}},
        "usage":{"input_tokens":14,"output_tokens":105,"total_tokens":119,
        "output_tokens_details":{"audio_tokens":105,"text_tokens":0}}}"#;
    let usage = sound(body).expect("sound").usage;
    assert_eq!((usage.input, usage.output, usage.audio_out), (Some(14), Some(0), Some(105)));
    assert!(sound(r#"{"output":{"audio":{"data":"","url":""}}}"#).is_err());
}

proptest! {
    #[test]
    fn no_answer_panics(
        body in r#"[{}\[\]",:a-z0-9 ]{0,60}"#,
        member in "results|choices|audio|task_status|task_id",
        value in r#"(null|"SUCCEEDED"|\[null\]|\[\{\}\]|\[\{"message":\{"content":\[\{"image":7\}\]\}\}\]|\{\}|7)"#,
    ) {
        for body in [body, format!("{{\"output\":{{\"{member}\":{value}}}}}")] {
            let _ = pictures(&body);
            let _ = sound(&body).map(|answer| answer.shown(None));
        }
    }
}
