//! What calls are held for, computed by hand.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::provider::Inbound;
use llm_testkit::fake::PlainIngress;

use super::*;

/// A request whose prompt is bounded by its bytes.
fn request(operation: Operation, body: &str) -> Inbound {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Inbound::new(Arc::new(PlainIngress), operation, HeaderMap::new(), body).expect("a valid body")
}

fn chat(body: &str) -> Size {
    Size::of(&request(Operation::Chat, body))
}

#[test]
fn a_prompt_has_at_most_as_many_tokens_as_bytes() {
    let body = r#"{"model":"m","text":"hello"}"#;
    let size = chat(body);
    assert_eq!((size.prompt, size.rough, size.choices), (body.len() as u64, 7, 1));
    let tools = chat(r#"{"model":"m","tools":[]}"#);
    assert_eq!(tools.prompt, 24 + 1_000, "the vendor's own words about tools");
}

#[test]
fn media_are_bounded_by_the_piece() {
    let picture = "iVBORw0KGgo/".repeat(100_000);
    let inline = chat(&format!(r#"{{"text":"{picture}"}}"#));
    assert_eq!(inline.prompt, 11 + 40_000);
    let small = "iVBORw0KGgo/".repeat(1_000);
    assert_eq!(chat(&format!(r#"{{"text":"{small}"}}"#)).prompt, 11 + 12_000);
    let address = chat(r#"{"text":[{"image_url":"https://a.test/p.png"}]}"#);
    assert_eq!(address.prompt, 47 + 40_000);
    assert_eq!(chat(r#"{"text":"https://a.test/p.png"}"#).prompt, 31, "nothing is fetched for a text");
    let document = format!(r#"{{"text":"data:application/pdf;base64,JVBER{picture}"}}"#);
    assert!(chat(&document).is_open);
    assert!(!inline.is_open && chat(r#"{"input":[{"file_id":"f"}]}"#).is_open);
}

#[test]
fn limits_choices_and_tiers_are_read() {
    let size = chat(r#"{"limit":50,"n":3,"service_tier":"auto","cache_control":{"ttl":"1h"}}"#);
    assert_eq!((size.limit, size.choices), (Some(50), 3));
    assert!(size.tiers && size.long_cache && !size.sound);
    assert_eq!(chat(r#"{"n":100000000}"#).choices, 128);
}

#[test]
fn other_calls_are_sized_by_what_they_make() {
    let speech = Size::of(&request(Operation::Speech, r#"{"input":"hello"}"#));
    assert_eq!((speech.characters, speech.sound), (17, true));
    let pictures = Size::of(&request(Operation::ImageGeneration, r#"{"prompt":"x","n":4}"#));
    assert_eq!((pictures.images, pictures.made), (4, 4 * 8_192));
    let documents = format!(r#"{{"documents":[{}1]}}"#, "1,".repeat(250));
    assert_eq!(Size::of(&request(Operation::Rerank, &documents)).searches, 3);
    let judged = Size::of(&request(Operation::Moderation, r#"{"input":"x"}"#));
    assert_eq!(judged, Size { choices: 1, ..Size::default() });
}

#[test]
fn an_amount_pays_for_so_many_tokens() {
    let estimate = Estimate {
        base: PicoDollars(5_000),
        per_token: PicoDollars(1_000),
        limit: 100,
        ..Estimate::default()
    };
    assert_eq!(estimate.payable(NanoDollars(15)), Some(10));
    assert_eq!(estimate.payable(NanoDollars(1_000_000)), Some(100));
    assert_eq!(estimate.payable(NanoDollars(4)), None);
    assert_eq!(estimate.cost_of(10), NanoDollars(15));
    let free = Estimate { limit: 9, ..Estimate::default() };
    assert_eq!(free.payable(NanoDollars(0)), Some(9));
}
