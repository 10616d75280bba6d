//! The same question has the same bytes; another question has others.

use super::{around_question, of_chat, of_embeddings, of_rerank};
use crate::dialect::DialectId;
use crate::embedding::{EmbeddingEncoding, EmbeddingInput, EmbeddingRequest};
use crate::json::{RawJson, RawObject};
use crate::message::{
    CacheMark, Citation, Document, Message, Part, Role, Source, Text, ToolCall, ToolResult,
};
use crate::request::{ChatRequest, FunctionTool, Sampling, Tool, ToolChoice};
use crate::rerank::{RerankDocument, RerankRequest};

const ORIGIN: DialectId = DialectId::new("essence-test.origin");

fn raw(text: &str) -> RawJson {
    RawJson::parse(text).expect("JSON")
}

fn question(text: &str) -> ChatRequest {
    ChatRequest {
        model: "m".to_owned(),
        messages: vec![Message::text(Role::System, "be brief"), Message::text(Role::User, text)],
        ..ChatRequest::default()
    }
}

fn tool(parameters: &str) -> Tool {
    let name = "f".to_owned();
    Tool::Function(FunctionTool { name, parameters: Some(raw(parameters)), ..FunctionTool::default() })
}

fn called(id: &str, arguments: &str) -> ChatRequest {
    let mut request = question("hi");
    let call = Part::ToolCall(ToolCall::new(id, "f", arguments));
    request.messages.push(Message::new(Role::Assistant, vec![call]));
    let result = Part::ToolResult(ToolResult {
        call_id: id.to_owned(),
        name: None,
        content: vec![Part::text("42")],
        is_error: None,
        custom: false,
        cache: None,
    });
    request.messages.push(Message::new(Role::Tool, vec![result]));
    request
}

#[test]
fn a_document_that_is_an_object_is_the_same_however_it_is_spelled() {
    let with = |text: &str, context: &str| {
        let mut request = question("hi");
        request.messages[1].parts.push(Part::Document(Document {
            source: Source::Text(text.to_owned()),
            title: None,
            context: Some(context.to_owned()),
            citations: None,
            cache: None,
        }));
        of_chat(&request)
    };
    let one = with(r#"{"a":{"b":1,"c":"x y"}}"#, r#"{"id":"1"}"#);
    assert_eq!(one, with(r#"{ "a": {"c": "x y", "b": 1} }"#, r#"{ "id": "1" }"#));
    assert_ne!(one, with(r#"{"a":{"b":1,"c":"x  y"}}"#, r#"{"id":"1"}"#));
    assert_ne!(one, with(r#"{"a":{"b":1,"c":"x y"}}"#, r#"{"id":"2"}"#));
    assert_ne!(with("{a}", ""), with("{ a}", ""));
}

#[test]
fn what_does_not_change_the_answer_is_left_out() {
    let mut other = question("hi");
    other.stream = true;
    other.include_usage = Some(true);
    other.user = Some("u".to_owned());
    other.metadata = Some(RawObject::default());
    other.cache = Some(CacheMark::Hour);
    other.sampling.n = Some(1);
    other.extras = Some((ORIGIN, RawObject::default()));
    let text = Text { cache: Some(CacheMark::Short), ..Text::new("hi") };
    other.messages[1].parts = vec![Part::Text(text)];
    assert_eq!(of_chat(&question("hi")), of_chat(&other));
}

#[test]
fn the_order_of_members_does_not_matter() {
    let with = |parameters, extras: &str| ChatRequest {
        tools: vec![tool(parameters)],
        extras: Some((ORIGIN, serde_json::from_str(extras).expect("an object"))),
        ..question("hi")
    };
    let one = with(r#"{"a":{"x":1,"y":[1,2]},"b":2}"#, r#"{"k":1,"j":{"p":1,"q":2}}"#);
    let other = with(r#"{ "b":2, "a":{"y":[1, 2],"x":1}}"#, r#"{"j":{"q":2,"p":1},"k":1}"#);
    assert_eq!(of_chat(&one), of_chat(&other));
}

#[test]
fn citations_may_be_spelled_in_another_way() {
    let cited = |object: &str| {
        let citation = Citation { raw: Some((ORIGIN, raw(object))), ..Citation::default() };
        let mut request = question("hi");
        let text = Text { citations: vec![citation], ..Text::new("so it is") };
        request.messages.push(Message::new(Role::Assistant, vec![Part::Text(text)]));
        of_chat(&request)
    };
    assert_eq!(cited(r#"{"start":0,"end":1}"#), cited(r#"{ "end": 1, "start": 0 }"#));
    assert_ne!(cited(r#"{"start":0,"end":1}"#), cited(r#"{"start":0,"end":2}"#));
}

#[test]
fn numbers_are_told_apart_however_long_they_are() {
    let with = |number: &str| ChatRequest {
        extras: Some((ORIGIN, [("k".to_owned(), raw(number))].into_iter().collect())),
        ..question("hi")
    };
    assert_ne!(of_chat(&with("100000000000000000001")), of_chat(&with("100000000000000000002")));
    assert_eq!(of_chat(&with("1.5")), of_chat(&with("1.5")));
}

#[test]
fn ids_of_tool_calls_only_tell_what_belongs_together() {
    assert_eq!(
        of_chat(&called("call_1", "{\"a\":1,\"b\":2}")),
        of_chat(&called("toolu_9", "{\"b\":2, \"a\":1}"))
    );
    assert_ne!(of_chat(&called("1", "{\"a\":1}")), of_chat(&called("1", "{\"a\":2}")));
}

#[test]
fn whatever_changes_the_answer_changes_the_bytes() {
    let plain = question("hi");
    let with = |change: &dyn Fn(&mut ChatRequest)| {
        let mut request = plain.clone();
        change(&mut request);
        request
    };
    let sampled = |sampling: Sampling| with(&|request| request.sampling = sampling.clone());
    let variants = [
        plain.clone(),
        question("hi "),
        with(&|request| request.model = "n".to_owned()),
        with(&|request| request.messages.truncate(1)),
        with(&|request| request.messages[0].role = Role::Developer),
        with(&|request| request.messages[1].name = Some("ann".to_owned())),
        with(&|request| request.tools = vec![tool("{}")]),
        with(&|request| request.tools = vec![tool("{\"a\":1}")]),
        with(&|request| request.tool_choice = Some(ToolChoice::Required)),
        with(&|request| request.max_output_tokens = Some(5)),
        with(&|request| request.modalities = vec!["audio".to_owned()]),
        with(&|request| request.service_tier = Some("flex".to_owned())),
        with(&|request| request.extras = Some((ORIGIN, [("k".to_owned(), raw("1"))].into_iter().collect()))),
        sampled(Sampling { temperature: Some(0.5), ..Sampling::default() }),
        sampled(Sampling { top_p: Some(0.5), ..Sampling::default() }),
        sampled(Sampling { seed: Some(5), ..Sampling::default() }),
        sampled(Sampling { n: Some(2), ..Sampling::default() }),
        sampled(Sampling { stop: vec!["x".to_owned()], ..Sampling::default() }),
    ];
    for (at, one) in variants.iter().enumerate() {
        for other in &variants[at + 1..] {
            assert_ne!(of_chat(one), of_chat(other), "{one:?} and {other:?}");
        }
    }
}

#[test]
fn texts_never_run_into_each_other() {
    let said = |texts: &[&str]| {
        let parts = texts.iter().map(|text| Part::text(*text)).collect();
        of_chat(&ChatRequest { messages: vec![Message::new(Role::User, parts)], ..ChatRequest::default() })
    };
    assert_ne!(said(&["ab", "c"]), said(&["a", "bc"]));
    assert_ne!(said(&["ab"]), said(&["a", "b"]));
}

#[test]
fn questions_that_differ_in_their_last_text_have_the_same_surroundings() {
    let (one, asked) = (question("how are you?"), question("how do you do?"));
    let (first, text) = around_question(&one).expect("a question");
    let (second, _) = around_question(&asked).expect("a question");
    assert_eq!((first, text), (second, "how are you?"));
    let mut hotter = question("how are you?");
    hotter.sampling.temperature = Some(1.0);
    assert_ne!(
        around_question(&hotter).map(|(around, _)| around),
        around_question(&one).map(|(around, _)| around)
    );
    assert_eq!(around_question(&called("1", "{}")), None);
}

#[test]
fn vectors_in_base64_are_vectors() {
    let request = |encodings: &[EmbeddingEncoding], text: &str| EmbeddingRequest {
        inputs: vec![EmbeddingInput::Text(text.to_owned())],
        encodings: encodings.to_vec(),
        ..EmbeddingRequest::default()
    };
    let float = of_embeddings(&request(&[], "a"));
    assert_eq!(float, of_embeddings(&request(&[EmbeddingEncoding::Base64], "a")));
    assert_ne!(float, of_embeddings(&request(&[EmbeddingEncoding::Int8], "a")));
    assert_ne!(float, of_embeddings(&request(&[], "b")));
}

#[test]
fn another_document_is_another_ranking() {
    let request = |text: &str| RerankRequest {
        query: "q".to_owned(),
        documents: vec![RerankDocument::Text(text.to_owned())],
        ..RerankRequest::default()
    };
    assert_eq!(of_rerank(&request("a")), of_rerank(&request("a")));
    assert_ne!(of_rerank(&request("a")), of_rerank(&request("b")));
}
