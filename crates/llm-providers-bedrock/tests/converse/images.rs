//! Pictures by `InvokeModel`, after the documentation.

use http::HeaderMap;
use insta::assert_json_snapshot;
use llm_core::conversion::Progress;
use llm_core::images::{Delivery, ImageRequest, ImageResponse, ImageSize};
use llm_core::message::Source;
use llm_core::wire::WireResponse;
use llm_core::{Dialect, ErrorKind, LossPolicy, Operation, RawJson, RawObject, Result, Retry, Target};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{dialect, json as read, target};

const NOVA: &str = "amazon.nova-canvas-v1:0";
const SD3: &str = "us-west-2/stability.sd3-5-large-v1:0";

fn asked(operation: Operation, prompt: &str) -> ImageRequest {
    ImageRequest { prompt: prompt.to_owned(), model: "public".to_owned(), ..ImageRequest::new(operation) }
}

fn edit(prompt: &str, images: &[&str]) -> ImageRequest {
    let source = |data: &&str| Source::Base64 { media_type: "image/png".into(), data: (*data).to_owned() };
    ImageRequest { images: images.iter().map(source).collect(), ..asked(Operation::ImageEdit, prompt) }
}

fn extras(value: &Value) -> RawObject {
    serde_json::from_str(&value.to_string()).expect("an object")
}

/// The path, the body and what was lost on the way.
fn sent(request: &ImageRequest, target: &Target) -> Result<Value> {
    let dialect = dialect();
    let encoded = dialect.images().expect("the vendor has them").encode(request, target)?;
    let lost: Vec<_> = encoded.losses.iter().map(|loss| loss.field.clone()).collect();
    let body = read(&encoded.request.body.joined());
    Ok(json!({"path": encoded.request.path, "body": body, "lost": lost}))
}

fn answer(body: &str) -> Result<ImageResponse> {
    let reply = WireResponse { status: 200, headers: HeaderMap::new(), body: body.to_owned().into() };
    let request = asked(Operation::ImageGeneration, "x");
    match dialect().images().expect("the vendor has them").decode(&reply, &request)? {
        Progress::Done(answer) => Ok(answer),
        Progress::Pending(_) => panic!("nothing is asked twice"),
    }
}

#[test]
fn each_task_is_asked_in_the_words_of_its_maker() {
    let full = ImageRequest {
        count: 3,
        size: Some(ImageSize::new(1280, 720)),
        quality: Some("hd".to_owned()),
        style: Some("PHOTOREALISM".to_owned()),
        delivery: Some(Delivery::Base64),
        extras: extras(
            &json!({"seed": 7, "negative_prompt": "dogs", "imageGenerationConfig": {"cfgScale": 6.5}}),
        ),
        ..asked(Operation::ImageGeneration, "a cat")
    };
    let mask = Source::Base64 { media_type: "image/jpeg".into(), data: "/9j/".into() };
    let colours = json!({"taskType": "COLOR_GUIDED_GENERATION", "colorGuidedGenerationParams": {"colors": ["#ff0000"]}});
    let variation = ImageRequest { operation: Operation::ImageVariation, ..edit("", &["AAAA", "BBBB"]) };
    let shown: Vec<Value> = [
        (full, NOVA),
        (edit("with a hat", &["AAAA"]), "amazon.titan-image-generator-v2:0"),
        (
            ImageRequest {
                mask: Some(mask.clone()),
                size: Some(ImageSize::new(512, 512)),
                ..edit("a hat", &["AAAA"])
            },
            NOVA,
        ),
        (variation, NOVA),
        (ImageRequest { extras: extras(&colours), ..asked(Operation::ImageGeneration, "a sunset") }, NOVA),
        (
            ImageRequest {
                size: Some(ImageSize::new(1792, 1024)),
                quality: Some("high".to_owned()),
                style: Some("vivid".to_owned()),
                format: Some("jpeg".to_owned()),
                delivery: Some(Delivery::Url),
                user: Some("u".to_owned()),
                extras: extras(&json!({"seed": 7, "zebra": 1})),
                ..asked(Operation::ImageGeneration, "a cat")
            },
            SD3,
        ),
        (ImageRequest { extras: extras(&json!({"strength": 0.6})), ..edit("a dog", &["AAAA"]) }, SD3),
        (
            ImageRequest { mask: Some(mask), ..edit("a hat", &["AAAA"]) },
            "us.stability.stable-image-inpaint-v1:0",
        ),
        (edit("away", &["AAAA"]), "us.stability.stable-image-remove-background-v1:0"),
        (edit("as this", &["AAAA", "BBBB"]), "us.stability.stable-style-transfer-v1:0"),
    ]
    .iter()
    .map(|(request, model)| sent(request, &target(model)).expect("can be expressed"))
    .collect();
    assert_json_snapshot!(shown);
}

#[test]
fn what_cannot_be_expressed_is_refused() {
    let streamed = ImageRequest { stream: true, ..asked(Operation::ImageGeneration, "x") };
    for (request, model, param) in [
        (streamed.clone(), NOVA, "stream"),
        (edit("x", &["AAAA", "BBBB"]), SD3, "image"),
        (asked(Operation::ImageGeneration, "x"), "anthropic.claude-3-haiku-20240307-v1:0", "model"),
        (asked(Operation::ImageVariation, "x"), SD3, "model"),
    ] {
        let error = sent(&request, &target(model)).expect_err("refused");
        assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some(param)), "{model}");
        assert_eq!(error.retry() == Retry::Elsewhere, param == "model");
    }
    let lenient = Target { policy: LossPolicy::Drop, ..target(NOVA) };
    assert_eq!(sent(&streamed, &lenient).expect("dropped")["lost"], json!(["stream"]));
}

#[test]
fn a_deployment_sets_and_takes_out_members() {
    let target = Target {
        extra_body: [("seed".to_owned(), RawJson::of(&3).expect("a number"))].into_iter().collect(),
        drop_fields: vec!["aspect_ratio".to_owned()],
        ..target("stability.stable-image-core-v1:1")
    };
    let request =
        ImageRequest { size: Some(ImageSize::new(1024, 1024)), ..asked(Operation::ImageGeneration, "x") };
    assert_eq!(sent(&request, &target).expect("a request")["body"], json!({"prompt": "x", "seed": 3}));
}

#[test]
fn pictures_are_read_and_counted() {
    let nova = answer(r#"{"images":["AAAA","BBBB"],"error":null}"#).expect("pictures");
    assert_eq!((nova.images.len(), nova.usage.images), (2, Some(2)));
    let stability = answer(r#"{"seeds":[1],"finish_reasons":[null],"images":["AAAA"]}"#).expect("a picture");
    assert_eq!(stability.images.len(), 1);
    // One of several was held back.
    let some =
        answer(r#"{"images":["AAAA"],"error":"Content in some images was blocked"}"#).expect("a picture");
    assert_eq!(some.usage.images, Some(1));
    for (body, kind) in [
        (r#"{"images":[],"error":"blocked by our content filters"}"#, ErrorKind::ContentFilter),
        (r#"{"finish_reasons":["Filter reason: prompt"]}"#, ErrorKind::ContentFilter),
        (r#"{"finish_reasons":["Inference error"],"images":[null]}"#, ErrorKind::UpstreamFailure),
        (r#"{"images":"none"}"#, ErrorKind::BadUpstreamAnswer),
    ] {
        assert_eq!(answer(body).expect_err("no picture").kind(), kind, "{body}");
    }
    assert!(answer(r#"{"message":"no"}"#).is_err());
}

proptest! {
    #[test]
    fn no_answer_panics(body in r#"[{}\[\]",:a-z0-9 ]{0,60}"#, member in "images|error|finish_reasons", value in r#"(null|"x"|\[null\]|\["A"\]|\{\}|7)"#) {
        let _ = answer(&body);
        let _ = answer(&format!("{{\"{member}\":{value}}}"));
    }
}
