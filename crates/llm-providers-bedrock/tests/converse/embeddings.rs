//! Embeddings by `InvokeModel`.

use http::HeaderMap;
use llm_core::dialect::Encoded;
use llm_core::embedding::{
    EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, EmbeddingResponse, Truncate,
};
use llm_core::exchange::Exchange;
use llm_core::message::{Media, Source};
use llm_core::wire::WireResponse;
use llm_core::{Dialect, Part, Result};
use llm_testkit::recordings;
use serde_json::{Value, json};

use crate::{dialect, json as read, target};

fn encode(request: &EmbeddingRequest, model: &str) -> Result<Encoded> {
    let dialect = dialect();
    let vendor: &dyn Exchange<_, _> = dialect.embeddings().expect("the vendor has them");
    vendor.encode(request, &target(model))
}

fn body(request: &EmbeddingRequest, model: &str) -> Value {
    let encoded = encode(request, model).expect("can be expressed");
    assert!(encoded.request.path.ends_with("/invoke"), "{}", encoded.request.path);
    read(&encoded.request.body.joined())
}

fn decode(body: &Value, inputs: usize) -> Result<EmbeddingResponse> {
    let request = texts(&vec!["x"; inputs]);
    let reply = WireResponse { status: 200, headers: HeaderMap::new(), body: body.to_string().into() };
    dialect().embeddings().expect("the vendor has them").decode(&reply, &request)
}

fn texts(texts: &[&str]) -> EmbeddingRequest {
    let inputs = texts.iter().map(|text| EmbeddingInput::Text((*text).to_owned())).collect();
    EmbeddingRequest { inputs, ..EmbeddingRequest::default() }
}

#[test]
fn each_maker_is_asked_in_its_words() {
    let request = EmbeddingRequest { dimensions: Some(256), ..texts(&["Ruby"]) };
    assert_eq!(body(&texts(&["Ruby"]), "amazon.titan-embed-text-v1"), json!({"inputText": "Ruby"}));
    assert_eq!(
        body(&request, "amazon.titan-embed-text-v2:0"),
        json!({"inputText": "Ruby", "dimensions": 256})
    );
    let picture = Source::Base64 { media_type: "image/png".into(), data: "iVBORw0=".into() };
    let parts = vec![Part::text("a cat"), Part::Image(Media::new(picture))];
    let both = EmbeddingRequest { inputs: vec![EmbeddingInput::Parts(parts)], ..request };
    assert_eq!(
        body(&both, "amazon.titan-embed-image-v1"),
        json!({"inputText": "a cat", "inputImage": "iVBORw0=", "embeddingConfig": {"outputEmbeddingLength": 256}})
    );
    let query = EmbeddingRequest {
        purpose: Some(EmbeddingPurpose::Query),
        truncate: Some(Truncate::End),
        encodings: vec![EmbeddingEncoding::Int8],
        ..texts(&["Ruby", "Python"])
    };
    assert_eq!(
        body(&query, "cohere.embed-english-v3"),
        json!({"input_type": "search_query", "texts": ["Ruby", "Python"], "truncate": "END", "embedding_types": ["int8"]})
    );
    assert_eq!(
        body(&both, "us.cohere.embed-v4:0"),
        json!({
            "input_type": "search_document",
            "inputs": [{"content": [
                {"type": "text", "text": "a cat"},
                {"type": "image_url", "image_url": "data:image/png;base64,iVBORw0="},
            ]}],
            "output_dimension": 256,
        })
    );
}

#[test]
fn what_a_model_cannot_do_is_refused() {
    let dimensions = EmbeddingRequest { dimensions: Some(256), ..texts(&["x"]) };
    assert!(encode(&dimensions, "amazon.titan-embed-text-v1").is_err());
    assert!(encode(&texts(&["x", "y"]), "amazon.titan-embed-text-v2:0").is_err());
    assert!(encode(&texts(&["x"]), "anthropic.claude-3-haiku-20240307-v1:0").is_err());
    let tokens =
        EmbeddingRequest { inputs: vec![EmbeddingInput::Tokens(vec![1])], ..EmbeddingRequest::default() };
    assert!(encode(&tokens, "cohere.embed-english-v3").is_err());
}

#[test]
fn answers_are_known_by_their_shape() {
    let titan = decode(&json!({"embedding": [0.5, 1], "inputTextTokenCount": 3}), 1).expect("an answer");
    assert_eq!(titan.embeddings[0].float.as_deref(), Some(&[0.5, 1.0][..]));
    assert_eq!(titan.usage.input, Some(3));
    let cohere =
        decode(&json!({"embeddings": {"float": [[0.5], [1]], "int8": [[1], [-2]]}}), 2).expect("an answer");
    assert_eq!(cohere.embeddings[1].float.as_deref(), Some(&[1.0][..]));
    assert_eq!(cohere.embeddings[1].packed, [(EmbeddingEncoding::Int8, vec![-2])]);
    assert!(decode(&json!({"embeddings": [[0.5]]}), 2).is_err());
    assert!(decode(&json!({"message": "no"}), 1).is_err());
}

#[test]
fn recorded_answers_decode_and_their_requests_are_written_the_same() {
    let mut found = 0;
    for recording in recordings("bedrock-invoke") {
        let sent = read(recording.request.as_bytes());
        if !recording.case.contains("embed") && sent["texts"].is_null() {
            continue;
        }
        found += 1;
        let single = &sent["singleEmbeddingParams"];
        let inputs: Vec<&str> = match sent["texts"].as_array() {
            Some(texts) => texts.iter().filter_map(Value::as_str).collect(),
            None => vec![single["text"]["value"].as_str().expect("a text")],
        };
        let request = EmbeddingRequest {
            dimensions: sent["output_dimension"].as_u64().or(single["embeddingDimension"].as_u64()),
            purpose: (sent["input_type"] == "search_query").then_some(EmbeddingPurpose::Query),
            truncate: sent["truncate"].as_str().map(|_| Truncate::End),
            ..texts(&inputs)
        };
        let model = recording.path.split('/').nth(2).expect("a model");
        assert_eq!(body(&request, model), sent, "{}", recording.case);
        let dialect = dialect();
        let answer = dialect.embeddings().expect("the vendor has them").decode(&recording.reply, &request);
        let answer = answer.unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        assert!(answer.embeddings.iter().all(|one| one.float.as_ref().is_some_and(|list| list.len() >= 256)));
        assert!(answer.usage.input.is_some(), "{}", recording.case);
    }
    assert!(found > 0 || std::env::var_os("LLM_FIXTURES_REQUIRED").is_none());
}
