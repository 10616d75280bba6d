//! Conversations of other formats, as this vendor takes them, and answers of other vendors, as clients read them.

use bytes::Bytes;
use llm_core::event::{Start, unfold};
use llm_core::message::{
    Citation, Document, Media, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall, ToolResult,
};
use llm_core::request::{FunctionTool, JsonSchema, OutputFormat, Sampling, Tool, ToolChoice};
use llm_core::{
    ChatRequest, ChatResponse, Choice, Dialect, DialectId, Envelope, Event, FinishReason, Ingress,
    LossPolicy, Message, Part, Role, Target, Usage,
};
use llm_providers_cohere::{CHAT, Chat, CohereIngress};
use llm_testkit::replay;
use serde_json::{Value, json};

use crate::{ask, json as parse, stream_for, target};

const OTHER: DialectId = DialectId::new("acme.chat");

fn user(text: &str) -> Message {
    Message::text(Role::User, text)
}

fn function(name: &str) -> Tool {
    Tool::Function(FunctionTool { name: name.to_owned(), ..FunctionTool::default() })
}

/// A body and what it lost, by the default policy.
fn encoded(request: &ChatRequest) -> (Value, Vec<String>) {
    let encoded = Chat::default().encode(request, &target("command-a-03-2025", LossPolicy::Default));
    let encoded = encoded.expect("nothing that changes the meaning");
    let losses = encoded.losses.iter().map(|loss| loss.field.to_string()).collect();
    (parse(&encoded.request.body.joined()), losses)
}

fn refused(request: &ChatRequest) -> String {
    let target = target("command-a-03-2025", LossPolicy::Default);
    let error = Chat::default().encode(request, &target).expect_err("refused");
    error.param().unwrap_or_default().to_owned()
}

#[test]
fn the_fields_of_other_formats_have_this_formats_names() {
    let request = ChatRequest {
        messages: vec![Message::text(Role::Developer, "Be brief."), user("Hi")],
        sampling: Sampling {
            top_p: Some(1.0),
            top_k: Some(5),
            stop: vec!["END".to_owned()],
            frequency_penalty: Some(-1.0),
            seed: Some(3),
            ..Sampling::default()
        },
        max_output_tokens: Some(9),
        user: Some("someone".to_owned()),
        output: OutputFormat::JsonSchema(JsonSchema {
            name: Some("x".to_owned()),
            schema: llm_core::RawJson::parse(r#"{"type":"object"}"#).ok(),
            ..JsonSchema::default()
        }),
        ..ChatRequest::default()
    };
    let (body, losses) = encoded(&request);
    let expected = json!({
        "model": "command-a-03-2025",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
        "max_tokens": 9, "p": 0.99, "k": 5, "seed": 3, "frequency_penalty": 0.0, "stop_sequences": ["END"],
    });
    assert_eq!((body, losses), (expected, vec!["top_p".into(), "frequency_penalty".into(), "user".into()]));
}

#[test]
fn a_choice_of_one_tool_is_that_tool_alone() {
    let request = ChatRequest {
        messages: vec![user("Hi")],
        tools: vec![function("a"), function("b")],
        tool_choice: Some(ToolChoice::Function("b".to_owned())),
        ..ChatRequest::default()
    };
    let (body, losses) = encoded(&request);
    let parameters = json!({"type": "object", "properties": {}});
    assert_eq!(
        body["tools"],
        json!([{"type": "function", "function": {"name": "b", "parameters": parameters}}])
    );
    assert_eq!((&body["tool_choice"], losses), (&json!("REQUIRED"), vec!["tool_choice".to_owned()]));
}

#[test]
fn results_of_tools_are_messages_of_their_own() {
    let result = |id: &str, content: Vec<Part>| {
        Part::ToolResult(ToolResult {
            call_id: id.to_owned(),
            name: None,
            content,
            is_error: Some(true),
            custom: false,
            cache: None,
        })
    };
    let calls = vec![
        Part::text(""),
        Part::ToolCall(ToolCall::new("1", "a", "")),
        Part::ToolCall(ToolCall::new("2", "a", "{}")),
    ];
    let results = vec![result("1", vec![Part::text("x"), Part::text("y")]), result("2", Vec::new())];
    let request = ChatRequest {
        messages: vec![user("Hi"), Message::new(Role::Assistant, calls), Message::new(Role::Tool, results)],
        ..ChatRequest::default()
    };
    let (body, losses) = encoded(&request);
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "a", "arguments": "{}"}});
    let text = |text: &str| json!({"type": "text", "text": text});
    let expected = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call("1"), call("2")]},
        {"role": "tool", "tool_call_id": "1", "content": [text("x"), text("y")]},
        {"role": "tool", "tool_call_id": "2", "content": ""},
    ]);
    assert_eq!((&body["messages"], losses), (&expected, vec!["tool_result.is_error".to_owned()]));
}

#[test]
fn documents_stand_beside_the_conversation_and_files_are_refused() {
    let document =
        |source| Document { source, title: Some("t".into()), context: None, citations: None, cache: None };
    let with = |source| ChatRequest {
        messages: vec![Message::new(Role::User, vec![Part::Document(document(source)), Part::text("Hi")])],
        ..ChatRequest::default()
    };
    let (body, _) = encoded(&with(Source::Text("x".to_owned())));
    assert_eq!(body["documents"], json!([{"data": {"text": "x", "title": "t"}}]));
    assert_eq!(body["messages"], json!([{"role": "user", "content": "Hi"}]));
    let pdf = Source::Base64 { media_type: "application/pdf".to_owned(), data: "AAAA".to_owned() };
    assert_eq!(refused(&with(pdf)), "messages.document");
    let sound = Part::Audio(Media::new(Source::Url("https://a.example/b.mp3".to_owned())));
    let request =
        ChatRequest { messages: vec![Message::new(Role::User, vec![sound])], ..ChatRequest::default() };
    assert_eq!(refused(&request), "messages.audio");
}

fn turn(parts: Vec<Part>) -> ChatRequest {
    ChatRequest { messages: vec![user("Hi"), Message::new(Role::Assistant, parts)], ..ChatRequest::default() }
}

fn thinking(opaque: Option<Opaque>) -> Part {
    Part::Reasoning(Reasoning { text: "I look it up.".to_owned(), opaque, ..Reasoning::default() })
}

/// The mark of a plan, as a client of another dialect sends it back: sealed, and unsealed by that client's ingress.
fn mark() -> Opaque {
    let data = "tool_plan".to_owned();
    let own = Opaque { origin: CHAT, kind: OpaqueKind::Signature, data };
    Opaque::from_client(OTHER, OpaqueKind::Signature, &own.for_client(OTHER))
}

#[test]
fn a_plan_goes_back_as_one_and_foreign_thinking_stays_out() {
    let call = || Part::ToolCall(ToolCall::new("1", "a", "{}"));
    let (body, losses) = encoded(&turn(vec![thinking(Some(mark())), call()]));
    assert_eq!((&body["messages"][1]["tool_plan"], losses.len()), (&json!("I look it up."), 0));
    let (body, losses) = encoded(&turn(vec![thinking(None), call()]));
    assert_eq!((&body["messages"][1]["tool_plan"], losses.len()), (&json!("I look it up."), 0));
    let (body, losses) = encoded(&turn(vec![thinking(None), Part::text("x")]));
    let blocks = json!([{"type": "thinking", "thinking": "I look it up."}, {"type": "text", "text": "x"}]);
    assert_eq!((&body["messages"][1]["content"], losses.len()), (&blocks, 0));
    let foreign = Opaque { origin: OTHER, kind: OpaqueKind::Signature, data: "abc".to_owned() };
    let (body, losses) = encoded(&turn(vec![thinking(Some(foreign)), Part::text("x")]));
    assert_eq!(
        (&body["messages"][1]["content"], losses),
        (&json!("x"), vec!["messages.reasoning".to_owned()])
    );
}

/// What another vendor's decoder tells: hidden and signed thinking, two calls that grow at the same time.
fn answer_of_another_vendor() -> ChatResponse {
    let state = |data: &str| Opaque { origin: OTHER, kind: OpaqueKind::Signature, data: data.to_owned() };
    let citation = Citation {
        url: Some("https://a.example".to_owned()),
        start: Some(0),
        end: Some(2),
        ..Citation::default()
    };
    let parts = vec![
        thinking(Some(state("abc"))),
        Part::Text(Text { citations: vec![citation], ..Text::new("It is so.") }),
        Part::ToolCall(ToolCall { opaque: Some(state("sig")), ..ToolCall::new("call_1", "a", "{\"x\":1}") }),
        Part::ToolCall(ToolCall::new("call_2", "b", "")),
    ];
    ChatResponse {
        id: "chatcmpl-1".to_owned(),
        choices: vec![Choice {
            index: 0,
            message: Message::new(Role::Assistant, parts),
            finish: Some(FinishReason::Stop),
            logprobs: None,
        }],
        usage: Usage {
            input: Some(7),
            cache_read: Some(5),
            output: Some(9),
            reasoning: Some(2),
            ..Usage::default()
        },
        ..ChatResponse::default()
    }
}

#[test]
fn an_answer_of_another_vendor_is_written_whole_and_as_a_stream() {
    let response = answer_of_another_vendor();
    insta::assert_json_snapshot!(parse(&CohereIngress.encode(&response, &ChatRequest::default())));
    insta::assert_snapshot!(stream_for(&unfold(response)));
}

#[test]
fn what_another_vendor_needs_back_survives_this_client() {
    let body = parse(&CohereIngress.encode(&answer_of_another_vendor(), &ChatRequest::default()));
    let mut said = body["message"].clone();
    said.as_object_mut().map(|message| message.remove("citations"));
    let result = json!({"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "5"});
    let text =
        json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}, said, result]}).to_string();
    let request = ask(&text).expect("a request");
    let opaque: Vec<Option<&Opaque>> = request.messages[1]
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Reasoning(reasoning) => Some(reasoning.opaque.as_ref()),
            Part::ToolCall(call) => Some(call.opaque.as_ref()),
            _ => None,
        })
        .collect();
    let data: Vec<Option<&str>> = opaque
        .iter()
        .map(|opaque| opaque.filter(|opaque| opaque.origin == OTHER).map(|o| o.data.as_str()))
        .collect();
    assert_eq!(data, [Some("abc"), Some("sig"), None]);
    assert!(matches!(&request.messages[2].parts[0], Part::ToolResult(result) if result.call_id == "call_1"));
    // The same conversation sent on to a vendor of this format: nothing of it goes there.
    let body = Bytes::from(text);
    let envelope = Envelope::scan(&body).expect("an object");
    let forwarded = Chat::default().forward(&body, &envelope, &Target::default()).expect("passes");
    let sent = String::from_utf8(forwarded.request.body.joined().to_vec()).expect("UTF-8");
    assert!(!sent.contains("llmgw1.") && sent.contains("\"tool_call_id\":\"call_1\""), "{sent}");
    assert!(!forwarded.losses.is_empty());
}

#[test]
fn a_stream_without_a_start_is_completed() {
    let written = stream_for(&[Event::End]);
    assert!(
        written.starts_with("event: message-start\n") && written.ends_with("data: [DONE]\n\n"),
        "{written}"
    );
    let events = [
        Event::Start(Start::default()),
        Event::Finish { choice: 0, reason: FinishReason::Length },
        Event::End,
    ];
    let again = replay::folded(&Chat::default(), stream_for(&events).as_bytes()).expect("a stream");
    assert!(again.choices.first().is_some_and(|choice| choice.finish == Some(FinishReason::Length)));
}

#[test]
fn deployments_set_and_take_out_fields() {
    let target = Target {
        model: "m".to_owned(),
        max_output_tokens: Some(5),
        extra_body: serde_json::from_str(r#"{"priority":3,"seed":1}"#).expect("valid"),
        drop_fields: vec!["safety_mode".to_owned()],
        ..Target::default()
    };
    let body = Bytes::from_static(
        br#"{"model":"public","messages":[{"role":"user","content":"Hi"}],"safety_mode":"OFF","seed":2}"#,
    );
    let envelope = Envelope::scan(&body).expect("an object");
    let forwarded = Chat::default().forward(&body, &envelope, &target).expect("passes");
    let request = ask(std::str::from_utf8(&body).expect("UTF-8")).expect("a request");
    let translated = Chat::default().encode(&request, &target).expect("encodes");
    let expected = json!({
        "model": "m", "messages": [{"role": "user", "content": "Hi"}], "seed": 1, "max_tokens": 5, "priority": 3,
    });
    for sent in [forwarded, translated] {
        assert_eq!(parse(&sent.request.body.joined()), expected);
    }
}

#[test]
fn what_is_no_request_is_refused_by_its_field() {
    for (body, field) in [
        (r#"{"messages":[]}"#, "model"),
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"m","messages":[{"role":"robot","content":"x"}]}"#, "messages.0.role"),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}]}"#,
            "messages.0.content.0.type",
        ),
        (r#"{"model":"m","messages":[{"role":"tool","content":"x"}]}"#, "messages.0.tool_call_id"),
        (r#"{"model":"m","messages":[],"tool_choice":"auto"}"#, "tool_choice"),
        (r#"{"model":"m","messages":[],"documents":[1]}"#, "documents.0"),
        (r#"{"model":"m","messages":[],"p":"secret"}"#, "p"),
    ] {
        let error = ask(body).expect_err(body);
        assert_eq!(error.param(), Some(field), "{body}");
        assert!(!error.message().contains("secret"), "{error}");
    }
}
