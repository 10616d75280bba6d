//! Endpoints with both inner formats, on fixtures written after the documentation of `InvokeEndpoint` and of the
//! containers.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::framing::event_stream;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, Dialect, ErrorKind, FinishReason, Message, Role, Target};
use llm_providers_openai::ChatCompletions;
use llm_providers_sagemaker::{Endpoint, TextGeneration};
use llm_testkit::replay;
use serde_json::{Value, json};

fn generating() -> Endpoint {
    Endpoint::new(Arc::new(TextGeneration))
}

fn chatting() -> Endpoint {
    Endpoint::new(Arc::new(ChatCompletions::default()))
}

fn request(messages: &[(Role, &str)]) -> ChatRequest {
    let messages = messages.iter().map(|(role, text)| Message::text(*role, *text)).collect();
    ChatRequest { messages, max_output_tokens: Some(9), ..ChatRequest::default() }
}

fn encoded(dialect: &Endpoint, request: &ChatRequest, stream: bool) -> (String, Value) {
    let target = Target { model: "my endpoint".to_owned(), stream, ..Target::default() };
    let request = dialect.encode(request, &target).expect("can be expressed").request;
    (request.path, serde_json::from_slice(&request.body.joined()).expect("JSON"))
}

fn reply(status: u16, body: &Value) -> WireResponse {
    WireResponse { status, headers: HeaderMap::new(), body: body.to_string().into() }
}

/// A container's stream in messages of three bytes each.
fn carried(stream: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in stream.as_bytes().chunks(3) {
        let headers = [
            (":event-type", "PayloadPart"),
            (":content-type", "application/octet-stream"),
            (":message-type", "event"),
        ];
        event_stream::message(&headers, piece, &mut out);
    }
    out
}

#[test]
fn a_text_is_completed() {
    let (path, body) = encoded(&generating(), &request(&[(Role::User, "Hello")]), false);
    assert_eq!(path, "/endpoints/my%20endpoint/invocations");
    assert_eq!(body["inputs"], "Hello");
    assert_eq!(body["parameters"]["max_new_tokens"], 9);
    let (path, body) =
        encoded(&generating(), &request(&[(Role::System, "Be brief."), (Role::User, "Hello")]), true);
    assert_eq!(path, "/endpoints/my%20endpoint/invocations-response-stream");
    assert_eq!(body["inputs"], "System: Be brief.\nUser: Hello\nAssistant:");
    assert_eq!(body["stream"], true);
    let details = json!({"finish_reason": "length", "generated_tokens": 2});
    let answer = reply(200, &json!([{"generated_text": "Hi there", "details": details}]));
    let response = generating().decode(&answer).expect("an answer");
    assert_eq!(response.choices[0].message.joined_text(), "Hi there");
    assert_eq!(response.choices[0].finish, Some(FinishReason::Length));
    assert_eq!(response.usage.output, Some(2));
}

#[test]
fn a_container_that_speaks_chat_is_asked_in_chat() {
    let (path, body) = encoded(&chatting(), &request(&[(Role::User, "Hello")]), false);
    assert_eq!(path, "/endpoints/my%20endpoint/invocations");
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Hello"}]));
}

#[test]
fn streams_are_taken_out_of_their_messages() {
    let tokens = "data:{\"token\":{\"text\":\"Hé\",\"special\":false},\"generated_text\":null,\"details\":null}\n\n\
                  data:{\"token\":{\"text\":\"</s>\",\"special\":true},\"generated_text\":\"Hé\",\
                  \"details\":{\"finish_reason\":\"eos_token\",\"generated_tokens\":2,\"input_length\":4}}\n\n";
    let lines = tokens.replace("data:", "").replace("\n\n", "\n");
    for stream in [tokens, &lines] {
        let response = replay::folded(&generating(), &carried(stream)).expect("complete");
        assert_eq!(response.choices[0].message.joined_text(), "Hé");
        assert_eq!((response.usage.input, response.usage.output), (Some(4), Some(2)));
    }
    let chat = "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"漢\"},\"finish_reason\":\"stop\"}]}\n\n\
                data: [DONE]\n\n";
    let response = replay::folded(&chatting(), &carried(chat)).expect("complete");
    assert_eq!(response.choices[0].message.joined_text(), "漢");
    replay::assert_cuts_do_not_matter(&chatting(), &carried(chat), "chat");
    let (out, seen) = replay::tapped(&chatting(), llm_core::dialect::TapOptions::default(), &carried(chat))
        .expect("complete");
    assert_eq!(out, carried(chat));
    assert!(seen.ended && seen.content);
}

#[test]
fn what_breaks_off_is_no_answer() {
    let half = carried("data:{\"token\":{\"text\":\"Hi\"}}\n\n");
    assert_eq!(replay::folded(&generating(), &half).expect_err("cut").kind(), ErrorKind::Truncated);
    let mut failed = half;
    let headers = [
        (":exception-type", "ModelStreamError"),
        (":content-type", "application/json"),
        (":message-type", "exception"),
    ];
    event_stream::message(&headers, br#"{"Message":"out of memory"}"#, &mut failed);
    let error = replay::folded(&generating(), &failed).expect_err("failed");
    assert_eq!((error.kind(), error.message()), (ErrorKind::UpstreamFailure, "out of memory"));
}

#[test]
fn errors_of_the_container_are_found_inside_those_of_the_service() {
    let original =
        json!({"error": {"message": "no such model", "type": "invalid_request_error"}}).to_string();
    let failed = json!({"ErrorCode": "CLIENT_ERROR_FROM_MODEL", "OriginalStatusCode": 400, "OriginalMessage": original,
        "Message": "Received client error (400) from primary with message ..."});
    let error = chatting().classify(&reply(424, &failed));
    assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidRequest, "no such model"));
    let mut missing = reply(400, &json!({"message": "Endpoint x of account 1 not found."}));
    missing.headers.insert("x-amzn-errortype", "ValidationError".parse().expect("a value"));
    assert_eq!(chatting().classify(&missing).kind(), ErrorKind::UpstreamNotFound);
    let broken = WireResponse { status: 500, headers: HeaderMap::new(), body: Bytes::from_static(b"<html>") };
    assert_eq!(chatting().classify(&broken).kind(), ErrorKind::UpstreamFailure);
}
