//! What is packed comes out again, and nothing else does.

use super::{Packed, Reader};
use crate::dialect::DialectId;
use crate::embedding::{Embedding, EmbeddingEncoding, EmbeddingResponse};
use crate::json::{RawJson, RawObject};
use crate::message::{
    CacheMark, Citation, Document, ForeignBlock, Media, Message, Opaque, OpaqueKind, Part, Reasoning, Role,
    Source, Text, ToolCall, ToolResult,
};
use crate::rerank::{RerankDocument, RerankResponse, RerankResult};
use crate::response::{ChatResponse, Choice, FinishReason};
use crate::usage::{ServiceTier, Usage};

const ORIGIN: DialectId = DialectId::new("packed-test.origin");

fn raw(text: &str) -> RawJson {
    RawJson::parse(text).expect("JSON")
}

fn extras() -> Option<(DialectId, RawObject)> {
    Some((ORIGIN, [("b".to_owned(), raw("1.50")), ("a".to_owned(), raw("[null]"))].into_iter().collect()))
}

fn citation() -> Citation {
    Citation {
        url: Some("https://a".to_owned()),
        title: None,
        cited_text: Some("c".to_owned()),
        start: Some(0),
        end: Some(u64::MAX),
        raw: Some((ORIGIN, raw("{}"))),
    }
}

fn opaque(kind: OpaqueKind) -> Opaque {
    Opaque { origin: ORIGIN, kind, data: "s\u{1F600}".to_owned() }
}

/// A part of each kind.
fn parts() -> Vec<Part> {
    let file = Source::FileId { origin: ORIGIN, id: "f".to_owned() };
    let bytes = Source::Base64 { media_type: "image/png".to_owned(), data: "iVBO".to_owned() };
    let document = Document {
        source: file,
        title: Some("t".to_owned()),
        context: None,
        citations: Some(true),
        cache: Some(CacheMark::Short),
    };
    let result = ToolResult {
        call_id: "c".to_owned(),
        name: Some("f".to_owned()),
        content: vec![Part::text("x"), Part::Image(Media::new(Source::Text("y".to_owned())))],
        is_error: Some(false),
        custom: true,
        cache: None,
    };
    vec![
        Part::Text(Text { text: "héllo".into(), citations: vec![citation()], cache: Some(CacheMark::Hour) }),
        Part::Image(Media { detail: Some("low".to_owned()), ..Media::new(bytes) }),
        Part::Audio(Media { id: Some("i".to_owned()), ..Media::new(Source::Url("u".to_owned())) }),
        Part::Video(Media { transcript: Some("w".to_owned()), ..Media::new(Source::Url(String::new())) }),
        Part::Document(document),
        Part::ToolCall(ToolCall {
            opaque: Some(opaque(OpaqueKind::Signature)),
            item_id: Some("it".to_owned()),
            ..ToolCall::new("1", "f", "{\"a\":1}")
        }),
        Part::ToolResult(result),
        Part::Reasoning(Reasoning {
            id: Some("r".to_owned()),
            text: "hm".to_owned(),
            summary: vec!["s".to_owned(), String::new()],
            opaque: Some(opaque(OpaqueKind::Redacted)),
        }),
        Part::Refusal("no".to_owned()),
        Part::ServerTool(ForeignBlock { origin: ORIGIN, raw: raw("{\"type\":\"x\"}") }),
        Part::Unknown(ForeignBlock { origin: ORIGIN, raw: raw("[1, 2]") }),
    ]
}

fn finishes() -> Vec<Option<FinishReason>> {
    let mut all = vec![
        FinishReason::Stop,
        FinishReason::StopSequence(None),
        FinishReason::StopSequence(Some("end".to_owned())),
        FinishReason::Length,
        FinishReason::ToolCalls,
        FinishReason::ContentFilter,
        FinishReason::Refusal,
        FinishReason::Paused,
        FinishReason::ContextExceeded,
        FinishReason::Error,
        FinishReason::Other("odd".to_owned()),
    ]
    .into_iter()
    .map(Some)
    .collect::<Vec<_>>();
    all.push(None);
    all
}

fn answer() -> ChatResponse {
    let roles = [Role::System, Role::Developer, Role::User, Role::Assistant, Role::Tool];
    let choices = finishes().into_iter().enumerate().map(|(at, finish)| Choice {
        index: u32::try_from(at).expect("few"),
        message: Message {
            name: Some("n".to_owned()),
            extras: extras(),
            ..Message::new(roles[at % roles.len()], if at == 0 { parts() } else { Vec::new() })
        },
        finish,
        logprobs: (at == 0).then(|| raw("{\"content\": []}")),
    });
    ChatResponse {
        id: "id".to_owned(),
        model: "m".to_owned(),
        created: Some(1_700_000_000),
        choices: choices.collect(),
        usage: Usage {
            input: Some(300),
            output: Some(u64::MAX),
            reported_cost: Some(-5),
            tier: Some(ServiceTier::Ultrafast),
            estimated: true,
            ..Usage::default()
        },
        system_fingerprint: Some("fp".to_owned()),
        service_tier: None,
        extras: extras(),
    }
}

fn packed<T: Packed>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.pack(&mut out);
    out
}

fn unpacked<T: Packed>(bytes: &[u8]) -> Option<T> {
    let mut reader = Reader::new(bytes);
    T::unpack(&mut reader).filter(|_| reader.is_done())
}

#[test]
fn an_answer_with_everything_in_it_comes_out_again() {
    assert_eq!(unpacked::<ChatResponse>(&packed(&answer())), Some(answer()));
}

#[test]
fn vectors_and_rankings_come_out_again() {
    let vectors = EmbeddingResponse {
        id: Some("e".to_owned()),
        model: "m".to_owned(),
        embeddings: vec![
            Embedding::of(vec![0.5, -1.0, f32::MIN_POSITIVE]),
            Embedding { float: None, packed: vec![(EmbeddingEncoding::Int8, vec![-128, 127])] },
        ],
        usage: Usage { input: Some(2), ..Usage::default() },
        extras: extras(),
    };
    assert_eq!(unpacked(&packed(&vectors)), Some(vectors));
    let document = |at| match at {
        0 => Some(RerankDocument::Text("d".to_owned())),
        1 => Some(RerankDocument::Object(raw("{\"a\":1}"))),
        _ => None,
    };
    let results = (0..3).map(|at| RerankResult { index: at, score: 0.25, document: document(at) });
    let ranking = RerankResponse { results: results.collect(), ..RerankResponse::default() };
    assert_eq!(unpacked(&packed(&ranking)), Some(ranking));
}

#[test]
fn bytes_cut_anywhere_are_no_answer_and_changed_ones_never_panic() {
    let bytes = packed(&answer());
    for length in 0..bytes.len() {
        assert_eq!(unpacked::<ChatResponse>(&bytes[..length]), None, "{length}");
    }
    for at in 0..bytes.len() {
        for value in [0, 1, 2, 0x7f, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] = value;
            let _ = unpacked::<ChatResponse>(&changed);
        }
    }
}

#[test]
fn parts_within_parts_end_somewhere() {
    let within = |content| {
        Part::ToolResult(ToolResult {
            call_id: String::new(),
            name: None,
            content: vec![content],
            is_error: None,
            custom: false,
            cache: None,
        })
    };
    let nested = |depth| (0..depth).fold(Part::text("x"), |part, _| within(part));
    assert_eq!(unpacked(&packed(&nested(8))), Some(nested(8)));
    assert_eq!(unpacked::<Part>(&packed(&nested(9))), None);
}

#[test]
fn a_number_has_one_spelling_that_fits() {
    for number in [0, 1, 127, 128, 16_384, u64::MAX] {
        assert_eq!(unpacked::<u64>(&packed(&number)), Some(number));
    }
    assert_eq!(unpacked::<u64>(&[0xff; 10]), None);
    assert_eq!(unpacked::<u32>(&packed(&u64::MAX)), None);
}
