//! Embeddings: both directions on bodies written after <https://platform.openai.com/docs/api-reference/embeddings>
//! (read 2026-11-21), and on the recordings.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{Encoded, Target};
use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, EmbeddingResponse,
    Truncate,
};
use llm_core::exchange::{Batched as _, Exchange as _, ExchangeIngress as _};
use llm_core::message::{Media, Part, Source};
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Error, ErrorKind, LossPolicy, RawJson, Result, Usage};
use llm_providers_openai::{EMBEDDINGS, EmbeddingPurposes, EmbeddingQuirks, Embeddings, EmbeddingsIngress};
use llm_testkit::recordings::{folder, recordings};
use serde_json::{Value, json};

fn read(body: &Value) -> Result<EmbeddingRequest> {
    EmbeddingsIngress.decode(&Bytes::from(body.to_string()))
}

fn target() -> Target {
    Target { model: "vendor-small".to_owned(), ..Target::default() }
}

fn body_of(encoded: &Encoded) -> Value {
    serde_json::from_slice(&encoded.request.body.joined()).expect("JSON")
}

fn text_of(encoded: &Encoded) -> String {
    String::from_utf8_lossy(&encoded.request.body.joined()).into_owned()
}

fn refused(body: &Value) -> Error {
    let error = read(body).expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(!error.message().contains("secret"), "{error}");
    error
}

fn reply(body: impl Into<Bytes>) -> WireResponse {
    WireResponse { status: 200, headers: HeaderMap::new(), body: body.into() }
}

#[test]
fn every_form_of_input_is_read() {
    let text = |text: &str| EmbeddingInput::Text(text.to_owned());
    for (input, expected) in [
        (json!("a"), vec![text("a")]),
        (json!(["a", "b"]), vec![text("a"), text("b")]),
        (json!([1, 2]), vec![EmbeddingInput::Tokens(vec![1, 2])]),
        (json!([[1], [2, 3]]), vec![EmbeddingInput::Tokens(vec![1]), EmbeddingInput::Tokens(vec![2, 3])]),
        (json!(["a", [2, 3]]), vec![text("a"), EmbeddingInput::Tokens(vec![2, 3])]),
        (json!("\u{e9}\n\""), vec![text("\u{e9}\n\"")]),
    ] {
        assert_eq!(read(&json!({"model": "m", "input": input})).expect("valid").inputs, expected);
    }
}

#[test]
fn what_is_no_input_is_refused_by_name() {
    for input in [
        json!(null),
        json!([]),
        json!({"text": "secret"}),
        json!(7),
        json!([[]]),
        json!(["secret", 1]),
        json!([1, "secret"]),
        json!([[["secret"]]]),
        json!([-1]),
        json!([1.5]),
        json!([{"secret": 1}]),
    ] {
        assert_eq!(refused(&json!({"model": "m", "input": input})).param(), Some("input"), "{input}");
    }
    for (field, value) in [
        ("dimensions", json!("secret")),
        ("dimensions", json!(0)),
        ("dimensions", json!(-1)),
        ("encoding_format", json!("secret")),
        ("user", json!(["secret"])),
        ("model", json!(1)),
    ] {
        let mut body = json!({"model": "m", "input": "a"});
        body[field] = value;
        assert_eq!(refused(&body).param(), Some(field));
    }
}

#[test]
fn a_request_survives_both_ways() {
    let body = json!({
        "model": "public", "input": ["a", [1, 2]], "dimensions": 256, "encoding_format": "base64", "user": "u-1",
        "input_type": "search_document", "zebra": {"x": 1},
    });
    let request = read(&body).expect("valid");
    assert_eq!(request.encodings, [EmbeddingEncoding::Base64]);
    assert_eq!(request.purpose, Some(EmbeddingPurpose::Document));
    let vendor = Embeddings::new(EmbeddingQuirks {
        purposes: EmbeddingPurposes::QueryPassage,
        dimensions_field: Some("output_dimension".to_owned()),
        ..EmbeddingQuirks::default()
    });
    let encoded = vendor.encode(&request, &target()).expect("it can be said");
    insta::assert_snapshot!(text_of(&encoded), @r#"{"model":"vendor-small","input":["a",[1,2]],"output_dimension":256,"input_type":"passage","user":"u-1","zebra":{"x":1}}"#);
    assert_eq!((encoded.request.path.as_str(), encoded.losses.len()), ("/embeddings", 0));
}

#[test]
fn a_body_of_the_format_is_edited_only_where_it_must() {
    let body = Bytes::from_static(
        br#"{ "model" : "public", "input":["a"],"dimensions":8, "input_type":"query", "timeout":3,"y":[1.10] }"#,
    );
    let envelope = Envelope::scan(&body).expect("an object");
    let plain = Embeddings::default().forward(&body, &envelope, &target()).expect("forwarded");
    assert_eq!(
        plain.request.body.joined(),
        r#"{ "model" : "vendor-small", "input":["a"],"dimensions":8, "input_type":"query","y":[1.10] }"#
    );
    let vendor = Embeddings::new(EmbeddingQuirks {
        purposes: EmbeddingPurposes::Tasks,
        drop_params: vec!["dimensions".to_owned()],
        ..EmbeddingQuirks::default()
    });
    let mut target = target();
    target.drop_fields = vec!["y".to_owned()];
    target.extra_body.insert("normalized", RawJson::parse("true").expect("JSON"));
    let edited = vendor.forward(&body, &envelope, &target).expect("forwarded");
    insta::assert_snapshot!(text_of(&edited), @r#"{ "model" : "vendor-small", "input":["a"],"task":"retrieval.query","normalized":true }"#);
    let lost: Vec<&str> = edited.losses.iter().map(|loss| loss.field.as_ref()).collect();
    assert_eq!(lost, ["dimensions", "y"]);
}

#[test]
fn what_the_format_cannot_say_is_reported_or_refused() {
    let foreign = DialectId::new("acme.embed");
    let request = EmbeddingRequest {
        inputs: vec![EmbeddingInput::Parts(vec![Part::text("a"), Part::text("b")])],
        purpose: Some(EmbeddingPurpose::Clustering),
        title: Some("t".to_owned()),
        truncate: Some(Truncate::End),
        extras: Some((foreign, [("zebra".to_owned(), RawJson::null())].into_iter().collect())),
        ..EmbeddingRequest::default()
    };
    let encoded = Embeddings::default().encode(&request, &target()).expect("it only tunes");
    assert_eq!(body_of(&encoded), json!({"model": "vendor-small", "input": ["a\nb"]}));
    let lost: Vec<&str> = encoded.losses.iter().map(|loss| loss.field.as_ref()).collect();
    assert_eq!(lost, ["input_type", "title", "truncate", "zebra"]);
    let strict = Target { policy: LossPolicy::Reject, ..target() };
    assert!(Embeddings::default().encode(&request, &strict).is_err());

    let packed = EmbeddingRequest { encodings: vec![EmbeddingEncoding::Ubinary], ..request.clone() };
    assert!(
        Embeddings::default()
            .encode(&packed, &target())
            .is_err_and(|error| error.param() == Some("encoding_format"))
    );
    let picture = Part::Image(Media::new(Source::Url("https://a.example/b.png".to_owned())));
    let pictures = EmbeddingRequest { inputs: vec![EmbeddingInput::Parts(vec![picture])], ..request };
    let lenient = Target { policy: LossPolicy::Drop, ..target() };
    assert!(Embeddings::default().encode(&pictures, &lenient).is_err(), "an input is never left out");
}

#[test]
fn an_answer_is_written_in_the_encoding_that_was_asked_for() {
    let answer = EmbeddingResponse {
        model: "public".to_owned(),
        embeddings: vec![Embedding::of(vec![0.5, -1.0]), Embedding::of(vec![0.1, 0.0])],
        usage: Usage { input: Some(4), ..Usage::default() },
        ..EmbeddingResponse::default()
    };
    let mut request = read(&json!({"model": "public", "input": ["a", "b"]})).expect("valid");
    let numbers = EmbeddingsIngress.encode(&answer, &request);
    insta::assert_snapshot!(String::from_utf8_lossy(&numbers), @r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1.0]},{"object":"embedding","index":1,"embedding":[0.1,0.0]}],"model":"public","usage":{"prompt_tokens":4,"total_tokens":4}}"#);
    request.encodings = vec![EmbeddingEncoding::Base64];
    let base64 = EmbeddingsIngress.encode(&answer, &request);
    insta::assert_snapshot!(String::from_utf8_lossy(&base64), @r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL8="},{"object":"embedding","index":1,"embedding":"zczMPQAAAAA="}],"model":"public","usage":{"prompt_tokens":4,"total_tokens":4}}"#);
    // A vendor's answer in either form is the same.
    for written in [numbers, base64] {
        assert_eq!(Embeddings::default().decode(&reply(written), &request).expect("an answer"), answer);
    }
}

#[test]
fn broken_answers_are_errors() {
    let request = read(&json!({"model": "m", "input": "a"})).expect("valid");
    for body in [
        &b"\xff\xfe"[..],
        b"{}",
        b"null",
        br#"{"data":null}"#,
        br#"{"data":[{"index":0}]}"#,
        br#"{"data":[{"index":-1,"embedding":[]}]}"#,
        br#"{"data":[{"embedding":["x"]}]}"#,
        br#"{"data":[{"embedding":"AAA"}]}"#,
        br#"{"data":[{"embedding":"AAAA"}]}"#,
        br#"{"data":[{"embedding":[1e999]}]}"#,
    ] {
        let error = Embeddings::default().decode(&reply(body), &request).expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer, "{error:?}");
    }
}

#[test]
fn recorded_answers_fit_their_requests_and_what_metering_reads_is_the_same() {
    let mut answers = 0;
    for recording in recordings("openai-embeddings") {
        let case = &recording.case;
        let quirks = EmbeddingQuirks { int8: recording.vendor == "perplexity", ..EmbeddingQuirks::default() };
        let vendor = Embeddings::new(quirks);
        if !recording.is_success() {
            assert!(vendor.peek(&recording.reply.body).is_err(), "{case}");
            continue;
        }
        let request = EmbeddingsIngress.decode(&recording.request.clone().into()).expect(case);
        let answer = vendor.decode(&recording.reply, &request).expect(case);
        request.check(&answer).expect(case);
        let peek = vendor.peek(&recording.reply.body).expect(case);
        assert_eq!(peek.usage, answer.usage, "{case}");
        assert!(answer.usage.prompt_total().is_some(), "{case}");
        let wanted = request.dimensions.and_then(|length| usize::try_from(length).ok());
        for embedding in &answer.embeddings {
            let numbers = embedding.float.as_ref().expect(case);
            assert!(!numbers.is_empty() && wanted.is_none_or(|wanted| wanted == numbers.len()), "{case}");
        }
        answers += 1;
    }
    assert!(answers > 10 || folder().is_none());
}

#[test]
fn recorded_requests_are_written_as_the_vendors_took_them() {
    for recording in recordings("openai-embeddings").iter().filter(|recording| recording.is_success()) {
        let case = &recording.case;
        let mut recorded: Value = serde_json::from_str(&recording.request).expect(case);
        let request = EmbeddingsIngress.decode(&recording.request.clone().into()).expect(case);
        let purposes = EmbeddingPurposes::QueryDocument;
        let vendor = Embeddings::new(EmbeddingQuirks { purposes, ..EmbeddingQuirks::default() });
        let target = Target { model: request.model.clone(), ..Target::default() };
        let written = body_of(&vendor.encode(&request, &target).expect(case));
        // One text is a list of one, and vectors are taken as they come.
        let members = recorded.as_object_mut().expect(case);
        members.remove("encoding_format");
        if members["input"].is_string() {
            members["input"] = json!([members["input"]]);
        }
        assert_eq!(written, recorded, "{case}");
        assert!(request.extras.is_none_or(|(origin, _)| origin == EMBEDDINGS), "{case}");
    }
}
