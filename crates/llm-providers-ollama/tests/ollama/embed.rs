//! Vectors. After <https://docs.ollama.com/api/embed> and the older page `docs/api.md#generate-embedding`.

use bytes::Bytes;
use llm_core::dialect::Dialect;
use llm_core::embedding::{EmbeddingInput, EmbeddingPurpose, EmbeddingRequest};
use llm_core::exchange::{Exchange, ExchangeIngress};
use llm_core::{Envelope, ErrorKind, LossPolicy, Target};
use llm_providers_ollama::{EMBED, Embed, EmbedIngress, EmbeddingsIngress};
use llm_testkit::recordings;
use serde_json::json as value;

use crate::{dialect, json, reply};

const REQUEST: &str = r#"{"model":"embeddinggemma","input":["Why?","How?"],"truncate":false,"dimensions":3,"options":{"num_ctx":512},"keep_alive":"5m"}"#;

const ANSWER: &str = r#"{"model":"embeddinggemma","embeddings":[[0.010071029,-0.25,0.5],[1.0,2.0,3.0]],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}"#;

fn target(policy: LossPolicy) -> Target {
    Target { model: "embeddinggemma".into(), policy, ..Target::default() }
}

#[test]
fn a_request_comes_back_and_passes() {
    let request = EmbedIngress.decode(&Bytes::from_static(REQUEST.as_bytes())).expect("a request");
    assert_eq!(request.extras.as_ref().map(|(origin, _)| *origin), Some(EMBED));
    let encoded = Embed.encode(&request, &target(LossPolicy::Reject)).expect("no loss").request;
    assert_eq!(encoded.path, "/api/embed");
    assert_eq!(json(&encoded.body.joined()), json(REQUEST.as_bytes()));
    let body = Bytes::from(REQUEST.replace("embeddinggemma", "public"));
    let envelope = Envelope::scan(&body).expect("an object");
    let forwarded = Embed.forward(&body, &envelope, &target(LossPolicy::Reject)).expect("passes");
    assert_eq!(forwarded.request.body.joined(), REQUEST);
}

#[test]
fn an_answer_comes_back() {
    let request = EmbedIngress.decode(&Bytes::from_static(REQUEST.as_bytes())).expect("a request");
    let answer = Embed.decode(&reply(200, ANSWER), &request).expect("an answer");
    assert_eq!(answer.usage.input, Some(8));
    assert_eq!(json(&EmbedIngress.encode(&answer, &request)), json(ANSWER.as_bytes()));
    let peek = Embed.peek(ANSWER.as_bytes()).expect("an answer");
    assert_eq!(
        (peek.usage, peek.model.and_then(|at| ANSWER.get(at))),
        (answer.usage, Some("\"embeddinggemma\""))
    );
}

#[test]
fn one_prompt_gets_one_vector() {
    let request =
        EmbeddingsIngress.decode(&Bytes::from_static(br#"{"model":"m","prompt":"Why?","options":{}}"#));
    let request = request.expect("a request");
    let answer = Embed.decode(&reply(200, ANSWER), &request).expect("an answer");
    assert_eq!(json(&EmbeddingsIngress.encode(&answer, &request))["embedding"][1], -0.25);
    let body =
        json(&Embed.encode(&request, &target(LossPolicy::Reject)).expect("no loss").request.body.joined());
    assert_eq!(body, value!({"model": "embeddinggemma", "input": ["Why?"]}));
    assert!(EmbeddingsIngress.decode(&Bytes::from_static(br#"{"model":"m"}"#)).is_err());
}

#[test]
fn what_cannot_be_said_is_refused_or_reported() {
    let request = |input| EmbeddingRequest { inputs: vec![input], ..EmbeddingRequest::default() };
    let tokens = request(EmbeddingInput::Tokens(vec![1, 2]));
    let error = Embed.encode(&tokens, &target(LossPolicy::Default)).expect_err("tokens of another model");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let asked = EmbeddingRequest {
        purpose: Some(EmbeddingPurpose::Query),
        ..request(EmbeddingInput::Text("x".into()))
    };
    assert_eq!(Embed.encode(&asked, &target(LossPolicy::Default)).expect("tuning").losses.len(), 1);
}

#[test]
fn an_error_is_no_vector() {
    let error = Embed.decode(&reply(200, r#"{"error":"model 'x' not found"}"#), &EmbeddingRequest::default());
    assert_eq!(error.expect_err("an error").kind(), ErrorKind::UpstreamNotFound);
    assert_eq!(Embed.peek(b"{}").expect_err("no answer").kind(), ErrorKind::BadUpstreamAnswer);
    assert!(dialect().embeddings().is_some());
}

#[test]
fn recorded_vectors_are_read_and_come_back() {
    for recording in recordings("ollama-embed") {
        let body = Bytes::from(recording.request.clone());
        let old = recording.path.ends_with("/embeddings");
        let request = if old { EmbeddingsIngress.decode(&body) } else { EmbedIngress.decode(&body) };
        let request = request.unwrap_or_else(|fault| panic!("{}: {fault}", recording.case));
        let answer = Embed.decode(&recording.reply, &request).expect("an answer");
        assert_eq!(answer.embeddings.len(), request.inputs.len(), "{}", recording.case);
        let again = if old {
            EmbeddingsIngress.encode(&answer, &request)
        } else {
            EmbedIngress.encode(&answer, &request)
        };
        let again = Embed
            .decode(&reply(200, std::str::from_utf8(&again).expect("UTF-8")), &request)
            .expect("an answer");
        assert_eq!(again.embeddings, answer.embeddings, "{}", recording.case);
    }
}
