//! Requests in JSON and in forms, and answers.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::images::{Delivery, ImageSize, MadeImage};
use llm_core::message::Source;
use llm_core::{Operation, Usage};
use serde_json::{Value, json};

use super::*;
use crate::ChatIngress;

fn inbound(operation: Operation, body: impl Into<Bytes>, content_type: &'static str) -> Inbound {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    Inbound::new(Arc::new(ChatIngress), operation, headers, body.into()).expect("a body")
}

fn read(operation: Operation, body: &Value) -> Result<ImageRequest> {
    ImagesIngress.decode(&inbound(operation, body.to_string(), "application/json"))
}

#[test]
fn a_request_in_json_is_read() {
    let body = json!({
        "model": "m", "prompt": "a cat", "n": 2, "size": "1536x1024", "quality": "high", "background": "auto",
        "response_format": "b64_json", "output_format": "jpeg", "user": "u", "timeout": 5, "seed": 7, "moderation": "low",
    });
    let request = read(Operation::ImageGeneration, &body).expect("a request");
    let extras: Vec<_> = request.extras.iter().map(|(name, value)| (name, value.get())).collect();
    assert_eq!(extras, [("moderation", "\"low\""), ("seed", "7")]);
    let expected = ImageRequest {
        model: "m".to_owned(),
        prompt: "a cat".to_owned(),
        count: 2,
        size: Some(ImageSize::new(1536, 1024)),
        quality: Some("high".to_owned()),
        format: Some("jpeg".to_owned()),
        delivery: Some(Delivery::Base64),
        user: Some("u".to_owned()),
        extras: request.extras.clone(),
        ..ImageRequest::new(Operation::ImageGeneration)
    };
    assert_eq!(request, expected);
}

#[test]
fn wrong_fields_are_named() {
    for (operation, body, param) in [
        (Operation::ImageGeneration, json!({}), "prompt"),
        (Operation::ImageGeneration, json!({"prompt": "x", "n": 0}), "n"),
        (Operation::ImageGeneration, json!({"prompt": "x", "n": 11}), "n"),
        (Operation::ImageGeneration, json!({"prompt": "x", "size": "big"}), "size"),
        (Operation::ImageGeneration, json!({"prompt": "x", "response_format": "png"}), "response_format"),
        (Operation::ImageEdit, json!({"prompt": "x"}), "image"),
        (Operation::ImageEdit, json!({"prompt": "x", "images": [{"file_id": "f"}]}), "images"),
    ] {
        let error = read(operation, &body).expect_err("wrong");
        assert_eq!(error.param(), Some(param), "{body}: {error}");
    }
}

const FORM: &[u8] =
    b"--b\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"a\"\r\n\r\n\x89PNG\r\n\x1a\n\r\n\
--b\r\nContent-Disposition: form-data; name=\"image[]\"; filename=\"b\"\r\n\r\n\xff\xd8\xff\r\n\
--b\r\nContent-Disposition: form-data; name=\"mask\"; filename=\"m\"\r\n\r\n\x89PNG\r\n\x1a\n\r\n\
--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n\"quoted\"\r\n\
--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n3\r\n\
--b\r\nContent-Disposition: form-data; name=\"strength\"\r\n\r\n0.5\r\n\
--b\r\nContent-Disposition: form-data; name=\"style_preset\"\r\n\r\nanime\r\n--b--\r\n";

#[test]
fn a_form_is_read_with_its_files() {
    let form = inbound(Operation::ImageEdit, FORM, "multipart/form-data; boundary=b");
    let request = ImagesIngress.decode(&form).expect("a request");
    let bytes =
        |media_type: &str, data: &str| Source::Base64 { media_type: media_type.into(), data: data.into() };
    assert_eq!(request.images, [bytes("image/png", "iVBORw0KGgo="), bytes("image/jpeg", "/9j/")]);
    assert_eq!(request.mask, Some(bytes("image/png", "iVBORw0KGgo=")));
    assert_eq!((request.prompt.as_str(), request.count), ("\"quoted\"", 3));
    let extras: Vec<_> = request.extras.iter().map(|(name, value)| (name, value.get())).collect();
    assert_eq!(extras, [("strength", "0.5"), ("style_preset", "\"anime\"")]);
}

#[test]
fn pictures_are_shown_by_bytes_or_address_with_their_tokens() {
    let url = MadeImage {
        source: Source::Url("https://a.example/1.png".to_owned()),
        revised_prompt: Some("a cat, drawn".to_owned()),
    };
    let usage = Usage { input: Some(4), image_in: Some(6), image_out: Some(90), ..Usage::default() };
    let answer = ImageResponse { images: vec![MadeImage::of_base64("image/png", "AAAA"), url], usage };
    let request = ImageRequest::new(Operation::ImageGeneration);
    let shown = ImagesIngress.encode(&answer, &request).expect("JSON");
    let mut body: Value = serde_json::from_slice(&shown.body).expect("JSON");
    assert!(body["created"].take().as_u64().is_some_and(|time| time > 1_700_000_000));
    let expected = json!({
        "created": null,
        "data": [{"b64_json": "AAAA"}, {"url": "https://a.example/1.png", "revised_prompt": "a cat, drawn"}],
        "usage": {
            "total_tokens": 100, "input_tokens": 10, "output_tokens": 90,
            "input_tokens_details": {"text_tokens": 4, "image_tokens": 6},
            "output_tokens_details": {"text_tokens": 0, "image_tokens": 90},
        },
    });
    assert_eq!(body, expected);
    let counted = ImagesIngress.encode(&ImageResponse::counted(Vec::new()), &request).expect("JSON");
    assert!(!String::from_utf8_lossy(&counted.body).contains("usage"));
}
