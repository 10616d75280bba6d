//! Embeddings and reranking, against the documentation and recorded traffic.

use llm_core::embedding::{EmbeddingInput, EmbeddingPurpose, EmbeddingRequest};
use llm_core::message::{Media, Source};
use llm_core::rerank::{RerankDocument, RerankRequest};
use llm_core::{Dialect, ErrorKind, LossPolicy, Part, RawJson, Target};
use llm_testkit::recordings;
use serde_json::{Value, json};

use crate::{body, dialect, json as parse, reply, target};

fn texts(texts: &[&str]) -> EmbeddingRequest {
    let inputs = texts.iter().map(|text| EmbeddingInput::Text((*text).to_owned())).collect();
    EmbeddingRequest { model: "public".into(), inputs, ..EmbeddingRequest::default() }
}

#[test]
fn recorded_embeddings_come_and_go_as_the_vendor_has_them() {
    let dialect = dialect();
    let embeddings = dialect.embeddings().expect("there");
    for recording in recordings("dashscope-embed") {
        let sent = parse(recording.request.as_bytes());
        let inputs: Vec<&str> =
            sent["input"]["texts"].as_array().expect("texts").iter().filter_map(Value::as_str).collect();
        let purpose = sent["parameters"]["text_type"].as_str().map(|kind| match kind {
            "query" => EmbeddingPurpose::Query,
            _ => EmbeddingPurpose::Document,
        });
        let request = EmbeddingRequest { purpose, ..texts(&inputs) };
        let model = sent["model"].as_str().expect("a model");
        let encoded = embeddings.encode(&request, &target(model, false)).expect("encodes");
        assert_eq!(body(&encoded), sent, "{}", recording.case);
        assert!(recording.path.ends_with(&encoded.request.path), "{}", recording.case);
        let answer = embeddings.decode(&recording.reply, &request).expect("an answer");
        assert_eq!(answer.embeddings.len(), inputs.len(), "{}", recording.case);
        let told = parse(&recording.reply.body);
        let first = &told["output"]["embeddings"][0]["embedding"];
        let vector = answer.embeddings[0].float.as_ref().expect("numbers");
        assert_eq!(Some(vector.len()), first.as_array().map(Vec::len));
        assert_eq!(answer.usage.prompt_total(), told["usage"]["total_tokens"].as_u64(), "{}", recording.case);
        assert_eq!(embeddings.peek(&recording.reply.body).map(|peek| peek.usage), Ok(answer.usage));
    }
}

#[test]
fn recorded_reranking_comes_and_goes_as_the_vendor_has_it() {
    let dialect = dialect();
    let rerank = dialect.rerank().expect("there");
    for recording in recordings("dashscope-rerank") {
        let sent = parse(recording.request.as_bytes());
        let documents = sent["input"]["documents"].as_array().expect("documents").iter();
        let documents = documents.filter_map(|text| Some(RerankDocument::Text(text.as_str()?.into())));
        let request = RerankRequest {
            model: "public".into(),
            query: sent["input"]["query"].as_str().expect("a query").into(),
            documents: documents.collect(),
            return_documents: sent["parameters"]["return_documents"].as_bool(),
            ..RerankRequest::default()
        };
        let model = sent["model"].as_str().expect("a model");
        let encoded = rerank.encode(&request, &target(model, false)).expect("encodes");
        assert_eq!(body(&encoded), sent, "{}", recording.case);
        assert!(recording.path.ends_with(&encoded.request.path), "{}", recording.case);
        let told = parse(&recording.reply.body);
        let answer = rerank.decode(&recording.reply, &request).expect("an answer");
        for (result, told) in answer.results.iter().zip(told["output"]["results"].as_array().expect("list")) {
            assert_eq!(
                (Some(result.index), Some(result.score)),
                (told["index"].as_u64(), told["relevance_score"].as_f64())
            );
            let document = usize::try_from(result.index).ok().and_then(|at| request.documents.get(at));
            assert_eq!(result.document.as_ref(), document.filter(|_| request.return_documents == Some(true)));
        }
        assert_eq!(answer.usage.prompt_total(), told["usage"]["total_tokens"].as_u64(), "{}", recording.case);
    }
}

#[test]
fn pictures_go_to_the_multimodal_embeddings() {
    let dialect = dialect();
    let embeddings = dialect.embeddings().expect("there");
    let picture = Part::Image(Media::new(Source::Url("https://a.example/1.png".into())));
    let mut request = texts(&["a cat"]);
    request.inputs.push(EmbeddingInput::Parts(vec![Part::text("a dog"), picture]));
    request.dimensions = Some(512);
    let encoded = embeddings.encode(&request, &target("qwen3-vl-embedding", false)).expect("encodes");
    assert_eq!(encoded.request.path, "/services/embeddings/multimodal-embedding/multimodal-embedding");
    assert_eq!(
        body(&encoded),
        json!({
            "model": "qwen3-vl-embedding",
            "input": {"contents": [{"text": "a cat"}, {"text": "a dog", "image": "https://a.example/1.png"}]},
            "parameters": {"dimension": 512}
        })
    );
    let answer = r#"{"output":{"embeddings":[{"index":1,"embedding":[0.5],"type":"vl"},
        {"index":0,"embedding":[0.25],"type":"vl"}]},
        "usage":{"input_tokens":10,"image_tokens":896,"image_count":1,"duration":0},"request_id":"r"}"#;
    let answer = embeddings.decode(&reply(200, answer), &request).expect("an answer");
    let first: Vec<_> = answer.embeddings.iter().filter_map(|one| one.float.clone()).collect();
    assert_eq!(first, [[0.25], [0.5]]);
}

#[test]
fn what_embeddings_cannot_carry_is_refused_or_told() {
    let dialect = dialect();
    let embeddings = dialect.embeddings().expect("there");
    let strict = Target { policy: LossPolicy::Default, ..target("text-embedding-v4", false) };
    let tokens = EmbeddingRequest { inputs: vec![EmbeddingInput::Tokens(vec![1])], ..texts(&[]) };
    let error = embeddings.encode(&tokens, &strict).expect_err("no tokens");
    assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some("input")));
    let request = EmbeddingRequest {
        purpose: Some(EmbeddingPurpose::Clustering),
        user: Some("u".into()),
        ..texts(&["a"])
    };
    let losses = embeddings.encode(&request, &strict).expect("tuning only").losses;
    assert_eq!(losses.iter().map(|loss| loss.field.as_ref()).collect::<Vec<_>>(), ["input_type", "user"]);
    for wrong in [
        r#"{"output":{"embeddings":[{"text_index":7,"embedding":[1]}]}}"#,
        r#"{"output":{"embeddings":[{"text_index":0,"embedding":[1]},{"text_index":0,"embedding":[1]}]}}"#,
        r#"{"output":{}}"#,
    ] {
        let error = embeddings.decode(&reply(200, wrong), &request).expect_err(wrong);
        assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer);
    }
}

#[test]
fn structured_documents_become_what_the_model_takes() {
    let dialect = dialect();
    let rerank = dialect.rerank().expect("there");
    let object = |text: &str| RerankDocument::Object(RawJson::parse(text).expect("JSON"));
    let request = RerankRequest {
        query: "cats".into(),
        documents: vec![object(r#"{"text":"a cat"}"#), RerankDocument::Text("a dog".into())],
        top_n: Some(1),
        instruction: Some("Find cats.".into()),
        ..RerankRequest::default()
    };
    let plain = body(&rerank.encode(&request, &target("gte-rerank-v2", false)).expect("encodes"));
    assert_eq!(plain["input"], json!({"query": "cats", "documents": ["a cat", "a dog"]}));
    assert_eq!(plain["parameters"], json!({"top_n": 1, "instruct": "Find cats."}));
    let seeing = body(&rerank.encode(&request, &target("qwen3-vl-rerank", false)).expect("encodes"));
    let documents = json!([{"text": "a cat"}, {"text": "a dog"}]);
    assert_eq!(seeing["input"], json!({"query": {"text": "cats"}, "documents": documents}));
    let picture = RerankRequest { documents: vec![object(r#"{"image":"https://a"}"#)], ..request };
    let strict = Target { policy: LossPolicy::Default, ..target("gte-rerank-v2", false) };
    assert_eq!(rerank.encode(&picture, &strict).expect_err("no text").param(), Some("documents"));
}

#[test]
fn errors_of_the_other_kinds_are_errors() {
    let dialect = dialect();
    let body = r#"{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"r"}"#;
    let error =
        dialect.embeddings().expect("there").decode(&reply(401, body), &texts(&["a"])).expect_err("one");
    assert_eq!(error.kind(), ErrorKind::UpstreamAuth);
    let error = dialect.rerank().expect("there").peek(body.as_bytes()).expect_err("one");
    assert_eq!(error.kind(), ErrorKind::UpstreamAuth);
}
