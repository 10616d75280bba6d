//! Calls beside chat: forwarded within a format, written anew where a vendor differs, sent as several where it takes
//! less at a time.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::embedding::{EmbeddingResponse, to_base64};
use llm_core::provider::{Inbound, ReplyBody};
use llm_core::{Error, ErrorKind, Ingress, Operation, Provider, Result, Retry};
use llm_providers::DeploymentSpec;
use llm_providers_openai::ChatIngress;
use llm_testkit::scripted::{Answer, ScriptedVendor};
use serde_json::{Value, json};

use crate::client::{built, call, provider, spec};
use crate::samples;

fn asked(body: &Value) -> Inbound {
    let ingress: Arc<dyn Ingress> = Arc::new(ChatIngress);
    let body = Bytes::from(body.to_string());
    Inbound::new(ingress, Operation::Embeddings, HeaderMap::new(), body).expect("an object")
}

/// A provider of a row of the table at the scripted vendor's address.
fn of_row(row: &str, vendor: &ScriptedVendor) -> Arc<dyn Provider> {
    built(&DeploymentSpec { vendor: row.to_owned(), ..spec(&samples::chat(), vendor) })
}

fn answer(vectors: &[Value], tokens: u64) -> Answer {
    // In an order of the vendor's own: `index` says which is which.
    let data = vectors.iter().enumerate().rev();
    let data =
        data.map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}));
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    let body =
        json!({"object": "list", "data": data.collect::<Vec<_>>(), "model": "vendor-2", "usage": usage});
    Answer::json(200, body.to_string())
}

async fn embeddings(provider: &dyn Provider, body: &Value) -> Result<EmbeddingResponse> {
    let inbound = asked(body);
    match provider.exchange(call(&inbound, false)).await?.body {
        ReplyBody::Embeddings(response) => Ok(*response),
        _ => panic!("a translated answer was expected"),
    }
}

#[tokio::test]
async fn a_body_of_the_same_format_goes_through() {
    let vendor = ScriptedVendor::start([answer(&[json!([0.5, -0.25])], 7)]).await;
    let provider = provider(&samples::chat(), &vendor);
    let inbound = asked(&json!({"model": "public", "input": "hi", "zebra": 1, "timeout": 5}));
    assert!(provider.serves(&inbound));
    let reply = provider.exchange(call(&inbound, false)).await.expect("an answer");
    let ReplyBody::Native { body, seen } = reply.body else { panic!("it is forwarded") };
    let shown: Value = serde_json::from_slice(&body.joined()).expect("JSON");
    assert_eq!((&shown["model"], &shown["data"][0]["embedding"]), (&json!("public"), &json!([0.5, -0.25])));
    assert_eq!(seen.usage.prompt_total(), Some(7));
    let requests = vendor.requests();
    assert_eq!(requests[0].target, "/v1/embeddings");
    assert_eq!(requests[0].header("authorization"), Some("Bearer sk-vendor"));
    assert_eq!(requests[0].json(), json!({"model": "vendor-large", "input": "hi", "zebra": 1}));
}

#[tokio::test]
async fn too_many_inputs_are_sent_as_several_and_joined_in_order() {
    let first = answer(&[json!([1.0]), json!([2.0])], 3);
    let vendor = ScriptedVendor::start([first]).await;
    // The row takes ten texts at a time.
    let provider = of_row("dashscope", &vendor);
    let inputs: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    let body = json!({"model": "public", "input": inputs});
    let error = embeddings(&*provider, &body).await.expect_err("two vectors to ten texts are no answer");
    assert_eq!(error.kind(), ErrorKind::BadUpstreamAnswer);

    // Both parts are under way at once, so that either may come first: both get the same answer.
    let ten: Vec<Value> = (0..10).map(|number| json!([number])).collect();
    let vendor = ScriptedVendor::start([answer(&ten, 20)]).await;
    let provider = of_row("dashscope", &vendor);
    let inputs: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let response =
        embeddings(&*provider, &json!({"model": "public", "input": inputs})).await.expect("an answer");
    let numbers = response.embeddings.iter().filter_map(|one| one.float.as_ref()?.first().copied());
    let expected = (0..10u8).chain(0..10).map(f32::from);
    assert_eq!(numbers.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!((response.usage.prompt_total(), response.model.as_str()), (Some(40), "public"));
    let mut sent: Vec<Value> =
        vendor.requests().iter().map(|request| request.json()["input"].clone()).collect();
    sent.sort_by_key(|part| part[0].as_str().map(str::len));
    assert_eq!(sent, [json!(inputs[..10]), json!(inputs[10..])]);
}

#[tokio::test]
async fn a_long_list_of_tokens_is_one_input() {
    let vendor = ScriptedVendor::start([answer(&[json!([1.0])], 3)]).await;
    let provider = of_row("dashscope", &vendor);
    let tokens: Vec<u32> = (0..100).collect();
    let inbound = asked(&json!({"model": "public", "input": tokens}));
    let reply = provider.exchange(call(&inbound, false)).await.expect("an answer");
    assert!(matches!(reply.body, ReplyBody::Native { .. }));
    assert_eq!(vendor.requests().len(), 1);
}

#[tokio::test]
async fn small_whole_numbers_become_the_floats_that_were_asked_for() {
    // 1, -1 and -128.
    let vendor = ScriptedVendor::start([answer(&[json!("Af+A")], 3)]).await;
    let provider = of_row("perplexity", &vendor);
    let body = json!({"model": "public", "input": "hi", "encoding_format": "base64"});
    let response = embeddings(&*provider, &body).await.expect("an answer");
    assert_eq!(vendor.requests()[0].json(), json!({"model": "vendor-large", "input": ["hi"]}));
    let inbound = asked(&body);
    let client = ChatIngress.embeddings().expect("it has them");
    let shown = client.encode(&response, inbound.embedding_request().expect("a request"));
    let shown: Value = serde_json::from_slice(&shown).expect("JSON");
    assert_eq!(shown["data"][0]["embedding"], json!(to_base64(&[1.0, -1.0, -128.0])));
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    for (reply, kind) in [
        (
            Answer::json(200, r#"{"error":{"message":"no such model","code":"model_not_found"}}"#),
            ErrorKind::UpstreamNotFound,
        ),
        (Answer::json(200, "[]"), ErrorKind::BadUpstreamAnswer),
        (Answer::json(200, r#"{"object":"list"}"#), ErrorKind::BadUpstreamAnswer),
        (Answer::whole(200, "text/html", "<html>"), ErrorKind::BadUpstreamAnswer),
        (Answer::json(200, r#"{"data":[{"#), ErrorKind::BadUpstreamAnswer),
        (Answer::json(401, r#"{"error":{"message":"bad key"}}"#), ErrorKind::UpstreamAuth),
    ] {
        let vendor = ScriptedVendor::start([reply]).await;
        let provider = provider(&samples::chat(), &vendor);
        let inbound = asked(&json!({"model": "public", "input": "hi"}));
        let error = provider.exchange(call(&inbound, false)).await.err().expect("no answer");
        assert_eq!(error.kind(), kind, "{error:?}");
    }
}

#[tokio::test]
async fn a_vendor_without_embeddings_says_so_before_it_is_asked() {
    let vendor = ScriptedVendor::start([Answer::json(200, "{}")]).await;
    let provider = provider(&samples::messages(), &vendor);
    let inbound = asked(&json!({"model": "public", "input": "hi"}));
    assert!(!provider.serves(&inbound));
    let error: Error = provider.exchange(call(&inbound, false)).await.err().expect("it has none");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unsupported, Retry::Elsewhere));
    assert!(error.message().contains("`embeddings`"), "{error}");
    assert!(vendor.requests().is_empty());
}

#[tokio::test]
async fn a_row_may_say_what_a_vendor_has() {
    let vendor = ScriptedVendor::start([Answer::json(200, "{}")]).await;
    let asked = |operation: Operation| {
        let ingress: Arc<dyn Ingress> = Arc::new(ChatIngress);
        Inbound::new(ingress, operation, HeaderMap::new(), Bytes::from_static(b"{}")).expect("an object")
    };
    let groq = of_row("groq", &vendor);
    assert!(groq.serves(&asked(Operation::Speech)) && groq.serves(&asked(Operation::Chat)));
    assert!(!groq.serves(&asked(Operation::Embeddings)) && !groq.serves(&asked(Operation::Moderation)));
    let unsaid = provider(&samples::chat(), &vendor);
    assert!(unsaid.serves(&asked(Operation::Moderation)));
    let inbound = asked(Operation::ImageGeneration);
    let error = groq.exchange(call(&inbound, false)).await.err().expect("it has none");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(vendor.requests().is_empty());
}
