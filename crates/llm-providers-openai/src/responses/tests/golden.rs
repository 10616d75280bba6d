//! Fixtures written after the API reference: <https://platform.openai.com/docs/api-reference/responses/create> and
//! <https://platform.openai.com/docs/api-reference/responses/object>.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::Target;
use llm_core::loss::How;
use llm_core::message::{
    Citation, ForeignBlock, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall, ToolResult,
};
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::{
    ChatRequest, ChatResponse, Choice, Dialect, DialectId, Envelope, ErrorKind, FinishReason, Ingress,
    LossPolicy, Message, Part, RawJson, Role, Usage,
};
use serde_json::{Value, json};

use super::{reply, request, target, written};
use crate::responses::{RESPONSES, Responses, ResponsesIngress, ResponsesQuirks};

const REQUEST: &str = include_str!("fixtures/request.json");
const RESPONSE: &str = include_str!("fixtures/response.json");
const OTHER: DialectId = DialectId::new("other.messages");

#[test]
fn a_request_with_everything_is_read() {
    insta::assert_debug_snapshot!(request(REQUEST));
}

#[test]
fn a_request_with_everything_is_written_again() {
    let decoded = request(REQUEST);
    let mut before: Value = serde_json::from_str(REQUEST).expect("valid");
    before["model"] = json!("vendor-model");
    for item in before["input"].as_array_mut().expect("a list") {
        if item.get("role").is_some() {
            item["type"] = json!("message");
        }
    }
    assert_eq!(written(&decoded, &target(true)), before);
}

/// What a client of another dialect asks: system text, tools without `strict`, a turn with thoughts and calls.
fn foreign() -> ChatRequest {
    let state = Opaque { origin: OTHER, kind: OpaqueKind::Signature, data: "sig".into() };
    let turn = vec![
        Part::Reasoning(Reasoning { text: "hm".into(), opaque: Some(state.clone()), ..Reasoning::default() }),
        Part::text("I look."),
        Part::ToolCall(ToolCall { opaque: Some(state), ..ToolCall::new("call_1", "lookup", "") }),
    ];
    let result = Part::ToolResult(ToolResult {
        call_id: "call_1".into(),
        name: Some("lookup".into()),
        content: vec![
            Part::text("found"),
            Part::Image(llm_core::message::Media::new(Source::from_url("https://a/b.png"))),
        ],
        is_error: Some(true),
        custom: false,
        cache: None,
    });
    let parameters = RawJson::parse(r#"{"z":1,"a":2}"#).ok();
    ChatRequest {
        model: "public".into(),
        messages: vec![
            Message::text(Role::System, "Be brief."),
            Message::text(Role::User, "What is it?"),
            Message::new(Role::Assistant, turn),
            Message::new(Role::Tool, vec![result]),
        ],
        tools: vec![Tool::Function(FunctionTool {
            name: "lookup".into(),
            parameters,
            ..FunctionTool::default()
        })],
        tool_choice: Some(ToolChoice::Required),
        output: OutputFormat::JsonSchema(JsonSchema::default()),
        max_output_tokens: Some(1),
        reasoning: Some(ReasoningOptions { budget_tokens: Some(4_000), ..ReasoningOptions::default() }),
        sampling: Sampling { temperature: Some(1.0), seed: Some(7), top_k: Some(5), ..Sampling::default() },
        user: Some("u".into()),
        ..ChatRequest::default()
    }
}

#[test]
fn a_request_of_another_dialect_is_written() {
    let encoded = Responses::default().encode(&foreign(), &target(true)).expect("can be expressed");
    let body: Value = serde_json::from_slice(&encoded.request.body.joined()).expect("valid");
    insta::assert_json_snapshot!(body);
    let lost: Vec<String> =
        encoded.losses.iter().map(|loss| format!("{} {:?}", loss.field, loss.how)).collect();
    insta::assert_debug_snapshot!(lost);
    assert_eq!(encoded.request.path, "/responses");
}

#[test]
fn what_changes_the_meaning_is_refused_unless_it_may_be_dropped() {
    let sampling = [
        ("stop", Sampling { stop: vec!["x".into()], ..Sampling::default() }),
        ("n", Sampling { n: Some(2), ..Sampling::default() }),
    ];
    for (field, sampling) in sampling {
        let asked = ChatRequest {
            sampling,
            messages: vec![Message::text(Role::User, "hi")],
            ..ChatRequest::default()
        };
        let error = Responses::default().encode(&asked, &target(false)).expect_err(field);
        assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some(field)));
        let lenient = Target { policy: LossPolicy::Drop, ..target(false) };
        let encoded = Responses::default().encode(&asked, &lenient).expect("dropped");
        assert!(encoded.losses.iter().any(|loss| loss.field == field && loss.how == How::Dropped));
    }
}

#[test]
fn quirks_change_what_is_written() {
    let quirks: ResponsesQuirks = serde_json::from_value(json!({
        "drop_params": ["temperature"], "store": true, "encrypted_reasoning": false, "reasoning_summary": "auto",
        "min_output_tokens": 1, "instructions": false
    }))
    .expect("valid quirks");
    let encoded = Responses::new(quirks).encode(&foreign(), &target(false)).expect("can be expressed");
    let body: Value = serde_json::from_slice(&encoded.request.body.joined()).expect("valid");
    assert_eq!(body["max_output_tokens"], 1);
    assert_eq!(body["store"], true);
    assert_eq!(body["reasoning"], json!({"effort": "medium", "summary": "auto"}));
    assert_eq!(body["input"][0], json!({"type": "message", "role": "system", "content": "Be brief."}));
    for absent in ["include", "instructions", "temperature", "stream"] {
        assert_eq!(body.get(absent), None, "{absent}");
    }
    assert!(serde_json::from_value::<ResponsesQuirks>(json!({"unknown": 1})).is_err());
}

#[test]
fn a_deployment_sets_and_takes_out_members() {
    let deployment = Target {
        extra_body: serde_json::from_str(r#"{"temperature":0,"vendor":{"a":1}}"#).expect("valid"),
        drop_fields: vec!["user".into()],
        max_output_tokens: Some(99),
        ..target(false)
    };
    let mut asked = foreign();
    asked.max_output_tokens = None;
    let body = written(&asked, &deployment);
    assert_eq!((&body["temperature"], &body["vendor"]), (&json!(0), &json!({"a": 1})));
    assert_eq!((body.get("user"), &body["max_output_tokens"]), (None, &json!(99)));
}

#[test]
fn a_body_of_this_format_passes_with_defaults_only_where_it_says_nothing() {
    let body = Bytes::from_static(br#"{"model":"m","input":"hi","top_p":1.0,"user":"u","num_retries":3}"#);
    let envelope = Envelope::scan(&body).expect("valid");
    let deployment = Target {
        sampling: Sampling { temperature: Some(0.5), top_p: Some(0.1), ..Sampling::default() },
        max_output_tokens: Some(9),
        drop_fields: vec!["user".into()],
        extra_body: serde_json::from_str(r#"{"x":[1]}"#).expect("valid"),
        ..target(false)
    };
    let encoded = Responses::default().forward(&body, &envelope, &deployment).expect("passes");
    assert_eq!(
        encoded.request.body.joined(),
        br#"{"model":"vendor-model","input":"hi","top_p":1.0,"temperature":0.5,"max_output_tokens":9,"x":[1]}"#.as_slice()
    );
    assert_eq!(encoded.losses.len(), 1);
}

#[test]
fn a_whole_answer_is_read() {
    let response = Responses::default().decode(&reply(RESPONSE)).expect("an answer");
    insta::assert_debug_snapshot!(response);
    let peek = Responses::default().peek(RESPONSE.as_bytes()).expect("an answer");
    assert_eq!((peek.usage, peek.finish), (response.usage, response.choices[0].finish.clone()));
    assert_eq!(peek.model.and_then(|range| RESPONSE.get(range)), Some("\"vendor-model\""));
}

#[test]
fn a_whole_answer_is_written_with_what_was_asked() {
    let response = Responses::default().decode(&reply(RESPONSE)).expect("an answer");
    let body = ResponsesIngress.encode(&response, &request(REQUEST));
    insta::assert_json_snapshot!(serde_json::from_slice::<Value>(&body).expect("valid"));
}

/// An answer of a vendor of another dialect, with all the state that must come back.
pub(super) fn foreign_answer() -> ChatResponse {
    let state = |data: &str| Some(Opaque { origin: OTHER, kind: OpaqueKind::Signature, data: data.into() });
    let citation =
        Citation { url: Some("https://a".into()), start: Some(0), end: Some(2), ..Citation::default() };
    let raw = RawJson::parse(r#"{"type":"server_tool_use","id":"srv_1"}"#).expect("valid");
    let parts = vec![
        Part::Reasoning(Reasoning {
            text: "I must look.".into(),
            opaque: state("think"),
            ..Reasoning::default()
        }),
        Part::ServerTool(ForeignBlock { origin: OTHER, raw }),
        Part::Text(Text { text: "On it.".into(), citations: vec![citation], cache: None }),
        Part::ToolCall(ToolCall {
            opaque: state("thought"),
            ..ToolCall::new("call_1", "lookup", "{\"q\":1}")
        }),
        Part::ToolCall(ToolCall::new("call_2", "now", "")),
    ];
    ChatResponse {
        id: "msg_01ABC".into(),
        model: "public".into(),
        created: Some(1_700_000_000),
        choices: vec![Choice {
            index: 0,
            message: Message::new(Role::Assistant, parts),
            finish: Some(FinishReason::ToolCalls),
            logprobs: None,
        }],
        usage: Usage { input: Some(9), output: Some(4), ..Usage::default() },
        ..ChatResponse::default()
    }
}

#[test]
fn an_answer_of_another_dialect_is_written() {
    let body = ResponsesIngress.encode(&foreign_answer(), &ChatRequest::default());
    insta::assert_json_snapshot!(serde_json::from_slice::<Value>(&body).expect("valid"));
}

#[test]
fn state_of_other_dialects_survives_a_client_that_sends_the_output_back() {
    let answer = foreign_answer();
    let body = ResponsesIngress.encode(&answer, &ChatRequest::default());
    let shown: Value = serde_json::from_slice(&body).expect("valid");
    let next = json!({"model": "m", "input": shown["output"]}).to_string();
    let mut parts = request(&next).messages.remove(0).parts;
    for part in &mut parts {
        match part {
            Part::ToolCall(call) => call.item_id = None,
            Part::Text(text) => text.citations[0].raw = None,
            _ => {}
        }
    }
    let mut before = answer.choices[0].message.parts.clone();
    if let Some(Part::ToolCall(call)) = before.last_mut() {
        call.arguments = "{}".into();
    }
    if let Part::Text(text) = &mut before[2] {
        text.citations[0].title = Some(String::new());
    }
    assert_eq!(parts, before);
    // And none of it reaches a vendor of this format, not even when the bytes pass through.
    let body = Bytes::from(next);
    let envelope = Envelope::scan(&body).expect("valid");
    let encoded = Responses::default().forward(&body, &envelope, &target(false)).expect("rewritten");
    let sent = String::from_utf8(encoded.request.body.joined().to_vec()).expect("UTF-8");
    assert!(!sent.contains("llmgw1"), "{sent}");
    assert!(!encoded.losses.is_empty());
}

#[test]
fn what_a_vendor_keeps_is_part_of_the_conversation() {
    for key in ["previous_response_id", "conversation"] {
        let asked = request(&format!(r#"{{"model":"m","input":"hi","{key}":"x_1"}}"#));
        // Other dialects meet a part that they cannot express, and refuse.
        assert!(matches!(asked.messages[0].parts[0], Part::Unknown(_)));
        let body = written(&asked, &target(false));
        assert_eq!((&body[key], body["input"].as_array().map(Vec::len)), (&json!("x_1"), Some(1)));
    }
}

#[test]
fn requests_that_are_not_valid_say_where() {
    let cases = [
        (r#"{"model":"m"}"#, "input"),
        (r#"{"model":"m","input":5}"#, "input"),
        (r#"{"model":5,"input":"x"}"#, "model"),
        (r#"{"model":"m","input":[5]}"#, "input[0]"),
        (r#"{"model":"m","input":[{"role":"robot","content":"x"}]}"#, "input[0].role"),
        (r#"{"model":"m","input":[{"role":"user"}]}"#, "input[0].content"),
        (
            r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_text"}]}]}"#,
            "input[0].content[0].text",
        ),
        (
            r#"{"model":"m","input":[{"role":"user","content":[{"type":"magic"}]}]}"#,
            "input[0].content[0].type",
        ),
        (
            r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image"}]}]}"#,
            "input[0].content[0].image_url",
        ),
        (r#"{"model":"m","input":[{"type":"function_call","name":"f"}]}"#, "input[0].call_id"),
        (r#"{"model":"m","input":"x","tools":[{"name":"f"}]}"#, "tools[0].type"),
        (r#"{"model":"m","input":"x","tools":[{"type":"function"}]}"#, "tools[0].name"),
        (r#"{"model":"m","input":"x","tool_choice":"maybe"}"#, "tool_choice"),
        (r#"{"model":"m","input":"x","text":{"format":{"type":"xml"}}}"#, "text.format.type"),
        (r#"{"model":"m","input":"x","temperature":"warm"}"#, "temperature"),
        (r#"{"model":"m","input":"x","max_output_tokens":-1}"#, "max_output_tokens"),
    ];
    for (body, param) in cases {
        let error =
            ResponsesIngress.decode(&Bytes::from_static(body.as_bytes()), &HeaderMap::new()).expect_err(body);
        assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some(param)), "{body}");
    }
}

#[test]
fn answers_that_are_none_are_errors() {
    let cases = [
        (
            r#"{"id":"r","status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"slow"}}"#,
            ErrorKind::RateLimited,
        ),
        (
            r#"{"id":"r","status":"failed","output":[],"error":{"code":"server_error","message":"oops"}}"#,
            ErrorKind::UpstreamFailure,
        ),
        (r#"{"id":"r","status":"failed","output":[]}"#, ErrorKind::BadUpstreamAnswer),
        (
            r#"{"id":"r","status":"completed","output":[{"type":"function_call"}]}"#,
            ErrorKind::BadUpstreamAnswer,
        ),
        ("<html>", ErrorKind::BadUpstreamAnswer),
        ("[1]", ErrorKind::BadUpstreamAnswer),
    ];
    for (body, kind) in cases {
        let error = Responses::default().decode(&reply(body)).expect_err(body);
        assert_eq!(error.kind(), kind, "{body}");
    }
}

#[test]
fn endings_keep_their_reasons() {
    let cases = [
        ("max_output_tokens", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("steered", FinishReason::Other("steered".into())),
    ];
    for (reason, finish) in cases {
        let body = format!(
            r#"{{"id":"r","model":"m","status":"incomplete","incomplete_details":{{"reason":"{reason}"}},"output":[]}}"#
        );
        let response = Responses::default().decode(&reply(&body)).expect("an answer");
        assert_eq!(response.choices[0].finish, Some(finish));
        let again: Value =
            serde_json::from_slice(&ResponsesIngress.encode(&response, &ChatRequest::default()))
                .expect("valid");
        assert_eq!(
            (&again["status"], &again["incomplete_details"]["reason"]),
            (&json!("incomplete"), &json!(reason))
        );
    }
}

#[test]
fn grammars_of_chat_completions_are_flattened() {
    let nested = RawJson::parse(r#"{"type":"grammar","grammar":{"syntax":"lark","definition":"d"}}"#).ok();
    let tool = Tool::Custom { name: "t".into(), description: None, format: nested };
    let asked = ChatRequest {
        tools: vec![tool],
        messages: vec![Message::text(Role::User, "x")],
        ..ChatRequest::default()
    };
    let flat = json!({"type": "grammar", "syntax": "lark", "definition": "d"});
    assert_eq!(written(&asked, &target(false))["tools"][0]["format"], flat);
    assert_eq!(RESPONSES.name(), "openai.responses");
}

#[test]
fn deep_nesting_exhausts_nothing() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let body =
        format!(r#"{{"model":"m","input":[{{"role":"user","content":{deep}}}],"metadata":{{"a":{deep}}}}}"#);
    assert!(ResponsesIngress.decode(&Bytes::from(body), &HeaderMap::new()).is_err());
    let answer =
        format!(r#"{{"id":"r","status":"completed","output":[{{"type":"x","y":{deep}}}],"usage":{deep}}}"#);
    let metered = Responses::default().peek(answer.as_bytes()).is_ok();
    assert_eq!(Responses::default().decode(&reply(&answer)).is_ok(), metered);
}

#[test]
fn an_object_of_another_kind_is_no_answer() {
    let body = r#"{"hello":"world"}"#;
    let dialect = Responses::default();
    for error in [dialect.decode(&reply(body)).err(), dialect.peek(body.as_bytes()).err()] {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::BadUpstreamAnswer));
    }
}
