//! Embeddings and reranking, with every kindred format.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::embedding::{EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, Truncate};
use llm_core::operation::Operation;
use llm_core::rerank::{RerankDocument, RerankRequest};
use llm_core::{ChatRequest, Dialect, Envelope, ErrorKind, Ingress, LossPolicy, RawJson, Target};
use llm_providers_cohere::{Chat, CohereIngress, CohereV1Ingress, Retrieval, RetrievalFormat};
use llm_testkit::{Recording, recordings};
use serde_json::{Value, json};

use crate::{json as parse, reply, target};

const JINA: Retrieval = Retrieval::new(RetrievalFormat::Jina);
const VOYAGE: Retrieval = Retrieval::new(RetrievalFormat::Voyage);
const TEI: Retrieval = Retrieval::new(RetrievalFormat::Tei);

fn ask_embed(ingress: &dyn Ingress, body: &Value) -> llm_core::Result<EmbeddingRequest> {
    ingress.embeddings().expect("embeddings").decode(&Bytes::from(body.to_string()))
}

fn ask_rerank(ingress: &dyn Ingress, body: &Value) -> llm_core::Result<RerankRequest> {
    ingress.rerank().expect("reranking").decode(&Bytes::from(body.to_string()))
}

/// The path, the body and what was lost.
fn embed(dialect: &dyn Dialect, request: &EmbeddingRequest) -> (Value, Vec<String>) {
    let exchange = dialect.embeddings().expect("embeddings");
    let encoded = exchange.encode(request, &target(&request.model, LossPolicy::Default)).expect("encodes");
    let losses = encoded.losses.iter().map(|loss| loss.field.to_string()).collect();
    (parse(&encoded.request.body.joined()), losses)
}

fn rerank(dialect: &dyn Dialect, request: &RerankRequest) -> (Value, Vec<String>) {
    let exchange = dialect.rerank().expect("reranking");
    let encoded = exchange.encode(request, &target(&request.model, LossPolicy::Default)).expect("encodes");
    let losses = encoded.losses.iter().map(|loss| loss.field.to_string()).collect();
    (parse(&encoded.request.body.joined()), losses)
}

fn without_null(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    body
}

fn of_vendor(kind: &str, vendor: &str) -> Vec<Recording> {
    recordings(kind).into_iter().filter(|recording| recording.vendor == vendor).collect()
}

#[test]
fn recorded_embeddings_decode_and_requests_come_back() {
    for recording in recordings("cohere-embed").iter().filter(|recording| recording.is_success()) {
        let asked = parse(recording.request.as_bytes());
        let request = ask_embed(&CohereIngress, &asked).expect("a request");
        assert_eq!(embed(&Chat::default(), &request), (without_null(asked), vec![]), "{}", recording.case);
        let dialect = Chat::default();
        let exchange = dialect.embeddings().expect("embeddings");
        let answer = exchange.decode(&recording.reply, &request).expect("an answer");
        assert_eq!(answer.embeddings.len(), request.inputs.len(), "{}", recording.case);
        let body = parse(&recording.reply.body);
        let billed = body["meta"]["billed_units"]["input_tokens"].as_u64();
        assert_eq!(answer.usage.input, billed, "{}", recording.case);
        let peek = exchange.peek(&recording.reply.body).expect("an answer");
        assert_eq!(peek.usage, answer.usage, "{}", recording.case);
        let written = parse(&CohereIngress.embeddings().expect("embeddings").encode(&answer, &request));
        assert_eq!(written["meta"], body["meta"], "{}", recording.case);
        let first = |body: &Value| body["embeddings"]["float"][0][0].as_f64();
        let (said, shown) = (first(&body).expect("a number"), first(&written).expect("a number"));
        assert!((said - shown).abs() < 1e-6, "{}", recording.case);
    }
}

#[test]
fn recorded_rankings_decode_and_requests_come_back() {
    for recording in of_vendor("rerank", "cohere") {
        let asked = without_null(parse(recording.request.as_bytes()));
        let request = ask_rerank(&CohereIngress, &asked).expect("a request");
        assert_eq!(rerank(&Chat::default(), &request), (asked, vec![]), "{}", recording.case);
        let dialect = Chat::default();
        let exchange = dialect.rerank().expect("reranking");
        let answer = exchange.decode(&recording.reply, &request).expect("an answer");
        assert_eq!(answer.usage.web_searches, Some(1), "{}", recording.case);
        assert_eq!(exchange.peek(&recording.reply.body).expect("an answer").usage, answer.usage);
        let written = CohereIngress.rerank().expect("reranking").encode(&answer, &request);
        assert_eq!(parse(&written), parse(&recording.reply.body), "{}", recording.case);
    }
}

#[test]
fn recorded_answers_of_a_kindred_format_decode() {
    for recording in of_vendor("rerank", "voyage") {
        let asked = parse(recording.request.as_bytes());
        let documents = asked["documents"].as_array().expect("a list").iter();
        let request = RerankRequest {
            model: "rerank-2-lite".to_owned(),
            query: asked["query"].as_str().expect("a text").to_owned(),
            documents: documents
                .map(|text| RerankDocument::Text(text.as_str().unwrap_or_default().to_owned()))
                .collect(),
            top_n: Some(3),
            ..RerankRequest::default()
        };
        let (mut body, _) = rerank(&VOYAGE, &request);
        body["truncation"] = asked["truncation"].clone();
        assert_eq!(body, asked, "{}", recording.case);
        let answer =
            VOYAGE.rerank().expect("reranking").decode(&recording.reply, &request).expect("an answer");
        let best: Vec<u64> = answer.results.iter().map(|result| result.index).collect();
        assert_eq!((best.as_slice(), answer.usage.input), ([3, 0, 2].as_slice(), Some(57)));
    }
    for recording in of_vendor("openai-embeddings", "voyage") {
        let asked = parse(recording.request.as_bytes());
        let inputs = asked["input"].as_array().expect("a list").iter();
        let request = EmbeddingRequest {
            model: asked["model"].as_str().expect("a text").to_owned(),
            inputs: inputs
                .map(|text| EmbeddingInput::Text(text.as_str().unwrap_or_default().to_owned()))
                .collect(),
            purpose: (asked["input_type"] == json!("document")).then_some(EmbeddingPurpose::Document),
            truncate: Some(Truncate::Never),
            ..EmbeddingRequest::default()
        };
        let exchange = VOYAGE.embeddings().expect("embeddings");
        match exchange.decode(&recording.reply, &request) {
            Ok(answer) => {
                assert!(
                    answer.embeddings.iter().all(|embedding| embedding.float.is_some()),
                    "{}",
                    recording.case
                );
                let (body, _) = embed(&VOYAGE, &request);
                let mut expected = without_null(asked);
                expected.as_object_mut().map(|members| members.remove("encoding_format"));
                assert_eq!(body, expected, "{}", recording.case);
                let peek = exchange.peek(&recording.reply.body).expect("an answer");
                assert!(peek.usage == answer.usage && peek.model.is_some(), "{}", recording.case);
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::UpstreamNotFound, "{}", recording.case),
        }
    }
}

/// <https://docs.cohere.com/reference/embed>: mixed inputs, several types.
#[test]
fn mixed_inputs_and_types_come_back() {
    let body = json!({
        "model": "embed-v4.0", "input_type": "search_query",
        "inputs": [
            {"content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
            {"content": [{"type": "text", "text": "b"}]},
        ],
        "embedding_types": ["int8", "ubinary"], "output_dimension": 256, "truncate": "END", "max_tokens": 9,
    });
    let request = ask_embed(&CohereIngress, &body).expect("a request");
    assert_eq!(embed(&Chat::default(), &request), (body, vec![]));
    let answer = json!({
        "id": "1", "embeddings": {"int8": [[1, -128], [3, 4]], "ubinary": [[255], [0]]}, "texts": [],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 3, "image_tokens": 5}},
        "response_type": "embeddings_by_type",
    });
    let dialect = Chat::default();
    let exchange = dialect.embeddings().expect("embeddings");
    let decoded = exchange.decode(&reply(200, &answer.to_string()), &request).expect("an answer");
    let written = CohereIngress.embeddings().expect("embeddings").encode(&decoded, &request);
    assert_eq!(parse(&written), answer);
    let short =
        exchange.decode(&reply(200, r#"{"embeddings":{"int8":[[1]]}}"#), &request).expect_err("too few");
    assert_eq!(short.kind(), ErrorKind::BadUpstreamAnswer);
    assert_eq!(exchange.most_inputs(), Some(96));
}

#[test]
fn the_first_version_answers_with_a_plain_list_where_no_types_were_asked_for() {
    let body = json!({"model": "m", "texts": ["a"], "input_type": "search_document"});
    let request = ask_embed(&CohereV1Ingress, &body).expect("a request");
    let answer = Chat::default().embeddings().expect("embeddings").decode(
        &reply(
            200,
            r#"{"id":"1","embeddings":{"float":[[0.5,1]]},"meta":{"billed_units":{"input_tokens":1}}}"#,
        ),
        &request,
    );
    let answer = answer.expect("an answer");
    let plain = parse(&CohereV1Ingress.embeddings().expect("embeddings").encode(&answer, &request));
    assert_eq!(
        (&plain["embeddings"], &plain["response_type"]),
        (&json!([[0.5, 1.0]]), &json!("embeddings_floats"))
    );
    let by_type = parse(&CohereIngress.embeddings().expect("embeddings").encode(&answer, &request));
    assert_eq!(by_type["embeddings"], json!({"float": [[0.5, 1.0]]}));
    let base64 = EmbeddingRequest { encodings: vec![EmbeddingEncoding::Base64], ..request };
    let by_type = parse(&CohereIngress.embeddings().expect("embeddings").encode(&answer, &base64));
    assert_eq!(by_type["embeddings"], json!({"base64": ["AAAAPwAAgD8="]}));
}

#[test]
fn a_client_that_does_not_say_what_for_stores_documents() {
    let text = |text: &str| EmbeddingInput::Text(text.to_owned());
    let request = EmbeddingRequest {
        model: "m".to_owned(),
        inputs: vec![text("a")],
        encodings: vec![EmbeddingEncoding::Base64],
        user: Some("someone".to_owned()),
        ..EmbeddingRequest::default()
    };
    let (body, losses) = embed(&Chat::default(), &request);
    let expected =
        json!({"model": "m", "texts": ["a"], "input_type": "search_document", "embedding_types": ["float"]});
    assert_eq!((body, losses), (expected, vec!["user".to_owned()]));
    let tokens = EmbeddingRequest { inputs: vec![EmbeddingInput::Tokens(vec![1])], ..request };
    for dialect in [&Chat::default() as &dyn Dialect, &JINA, &VOYAGE] {
        let exchange = dialect.embeddings().expect("embeddings");
        let error = exchange.encode(&tokens, &Target::default()).expect_err("refused");
        assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some("input")));
    }
}

fn ranking() -> RerankRequest {
    let body = r#"{"model":"m","query":"cats","top_n":1,"return_documents":true,"instruction":"be strict",
        "documents":["dogs",{"text":"cats","id":18446744073709551615},{"title":"T","body":{"a":1}}]}"#;
    let ingress = CohereV1Ingress.rerank().expect("reranking");
    ingress.decode(&Bytes::from_static(body.as_bytes())).expect("a request")
}

/// Objects become lines for vendors of texts; the answer repeats the client's own documents.
#[test]
fn documents_are_written_as_each_format_takes_them() {
    let lines = json!(["dogs", "cats", "title: T\nbody: {\"a\":1}\n"]);
    let lost = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (body, losses) = rerank(&Chat::default(), &ranking());
    assert_eq!(body, json!({"model": "m", "query": "cats", "documents": lines, "top_n": 1}));
    assert_eq!(losses, lost(&["documents", "instruction"]));
    let (body, _) = rerank(&VOYAGE, &ranking());
    assert_eq!(body, json!({"model": "m", "query": "cats", "documents": lines, "top_k": 1}));
    let (body, _) = rerank(&TEI, &ranking());
    assert_eq!(body, json!({"query": "cats", "texts": lines}));
    let (body, _) = rerank(&JINA, &ranking());
    let expected =
        json!({"model": "m", "query": "cats", "documents": lines, "top_n": 1, "return_documents": false});
    assert_eq!(body, expected);
    let fields = RerankRequest { rank_fields: vec!["title".to_owned()], ..ranking() };
    assert_eq!(rerank(&Chat::default(), &fields).0["documents"][2], json!("title: T\n"));
}

#[test]
fn every_formats_ranking_is_one_answer() {
    let request = ranking();
    let decode = |dialect: &dyn Dialect, body: &str| {
        let exchange = dialect.rerank().expect("reranking");
        let answer = exchange.decode(&reply(200, body), &request).expect("an answer");
        assert_eq!(exchange.peek(body.as_bytes()).expect("an answer").usage, answer.usage);
        parse(&CohereV1Ingress.rerank().expect("reranking").encode(&answer, &request))
    };
    let results = json!([{"index": 1, "relevance_score": 0.9, "document": {"text": "cats", "id": 18_446_744_073_709_551_615u64}}]);
    let cohere = decode(
        &Chat::default(),
        r#"{"id":"1","results":[{"index":1,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}}"#,
    );
    assert_eq!(
        (&cohere["results"], &cohere["meta"]["billed_units"]),
        (&results, &json!({"search_units": 1}))
    );
    let jina = decode(
        &JINA,
        r#"{"model":"m","object":"list","usage":{"total_tokens":7},"results":[{"index":1,"relevance_score":0.9}]}"#,
    );
    assert_eq!((&jina["results"], &jina["meta"]["tokens"]), (&results, &json!({"input_tokens": 7})));
    let voyage = decode(
        &VOYAGE,
        r#"{"object":"list","data":[{"index":1,"relevance_score":0.9,"document":"cats"}],"model":"m","usage":{"total_tokens":7}}"#,
    );
    assert_eq!(voyage["results"], results);
    let tei = decode(&TEI, r#"[{"index":0,"score":0.1},{"index":1,"score":0.9}]"#);
    assert_eq!(tei["results"], results);
}

#[test]
fn a_ranking_of_what_was_not_asked_is_no_answer() {
    let exchange = TEI.rerank().expect("reranking");
    let error =
        exchange.decode(&reply(200, r#"[{"index":9,"score":0.1}]"#), &ranking()).expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer);
    let error =
        exchange.decode(&reply(413, r#"{"error":"batch too large","error_type":"Validation"}"#), &ranking());
    assert_eq!(error.expect_err("an error").message(), "batch too large");
}

/// <https://api.jina.ai/redoc>
#[test]
fn jinas_embeddings_have_tasks_and_one_type() {
    let request = EmbeddingRequest {
        model: "jina-embeddings-v4".to_owned(),
        inputs: vec![EmbeddingInput::Text("a".to_owned())],
        purpose: Some(EmbeddingPurpose::Query),
        dimensions: Some(128),
        encodings: vec![EmbeddingEncoding::Binary],
        truncate: Some(Truncate::End),
        ..EmbeddingRequest::default()
    };
    let expected = json!({
        "model": "jina-embeddings-v4", "input": ["a"], "task": "retrieval.query", "dimensions": 128,
        "truncate": true, "embedding_type": "binary",
    });
    assert_eq!(embed(&JINA, &request), (expected, vec![]));
    let body = r#"{"model":"jina-embeddings-v4","object":"list","usage":{"total_tokens":3},
        "data":[{"object":"embedding","index":0,"embedding":[-1,127]}]}"#;
    let answer =
        JINA.embeddings().expect("embeddings").decode(&reply(200, body), &request).expect("an answer");
    assert_eq!(answer.embeddings[0].packed, [(EmbeddingEncoding::Binary, vec![-1, 127])]);
    assert_eq!(answer.usage.input, Some(3));
}

#[test]
fn bodies_of_the_same_format_pass_with_another_model_and_nothing_else() {
    let text = r#"{"query":"q", "documents":["a"],"model":"public","relevant_spans":{"mode":"x"},"tags":["gateway"]}"#;
    let body = Bytes::from(text);
    let envelope = Envelope::scan(&body).expect("an object");
    let dialect = Chat::default();
    let exchange = dialect.rerank().expect("reranking");
    assert_eq!(CohereIngress.rerank().expect("reranking").id(), exchange.id());
    assert_ne!(CohereV1Ingress.rerank().expect("reranking").id(), exchange.id());
    let sent = exchange.forward(&body, &envelope, &target("m", LossPolicy::Default)).expect("passes").request;
    assert_eq!(sent.path, "/rerank");
    let expected = json!({"query": "q", "documents": ["a"], "model": "m", "relevant_spans": {"mode": "x"}});
    assert_eq!(parse(&sent.body.joined()), expected);
}

#[test]
fn a_vendor_without_chat_says_so() {
    for (id, format) in Retrieval::FORMATS {
        let dialect = Retrieval::new(format);
        assert_eq!(dialect.id(), id);
        let error = dialect.encode(&ChatRequest::default(), &Target::default()).expect_err("no chat");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(dialect.decoder().finish(&mut Vec::new()).is_err() && dialect.rerank().is_some());
    }
}

#[test]
fn deployments_set_and_take_out_fields() {
    let target = Target {
        model: "m".to_owned(),
        extra_body: [("priority".to_owned(), RawJson::parse("3").expect("valid"))].into_iter().collect(),
        drop_fields: vec!["top_n".to_owned()],
        ..Target::default()
    };
    let exchange = Chat::default();
    let request = RerankRequest { top_n: Some(2), query: "q".to_owned(), ..RerankRequest::default() };
    let encoded = exchange.rerank().expect("reranking").encode(&request, &target).expect("encodes");
    let expected = json!({"model": "m", "query": "q", "documents": [], "priority": 3});
    assert_eq!(parse(&encoded.request.body.joined()), expected);
}

/// The gateway joins the answers of a request that it sent in parts; their first one's count is not the whole.
#[test]
fn a_joined_answer_tells_what_all_parts_used() {
    let request =
        RerankRequest { documents: vec![RerankDocument::Text("a".to_owned())], ..RerankRequest::default() };
    let body = r#"{"id":"1","results":[{"index":0,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}}"#;
    let dialect = Chat::default();
    let mut answer =
        dialect.rerank().expect("reranking").decode(&reply(200, body), &request).expect("an answer");
    answer.usage.web_searches = Some(3);
    let written = parse(&CohereIngress.rerank().expect("reranking").encode(&answer, &request));
    assert_eq!(written["meta"]["billed_units"]["search_units"], json!(3));
}

#[test]
fn chat_of_the_first_version_is_refused_with_a_way_out() {
    let asked = CohereV1Ingress.endpoints().iter().find_map(|endpoint| endpoint.matches("/v1/chat"));
    assert_eq!(asked.map(|asked| asked.operation), Some(Operation::Chat));
    let body = Bytes::from_static(br#"{"model":"command-a","message":"my secret"}"#);
    let error = CohereV1Ingress.decode(&body, &HeaderMap::new()).expect_err("not served");
    assert_eq!((error.status(), error.param()), (400, Some("message")));
    assert!(
        error.message().contains("`/v2/chat`") && error.message().contains("`/cohere/v1/chat`"),
        "{error}"
    );
    assert!(!error.message().contains("secret"));
}
