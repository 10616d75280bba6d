//! What exactly is written, for vendors and for clients, on small bodies made after the vendors' documentation.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use insta::assert_snapshot;
use llm_core::dialect::Dialect;
use llm_core::ingress::{Ingress, ModelCard};
use llm_core::message::{
    CacheMark, Document, Media, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall, ToolResult,
};
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::{
    ChatRequest, ChatResponse, Choice, DialectId, Envelope, Error, ErrorKind, Event, FinishReason,
    LossPolicy, Message, Part, RawJson, Role, Target, Usage,
};
use llm_providers_openai::{ChatCompletions, ChatIngress, Quirks};

const OTHER: DialectId = DialectId::new("other.dialect");

pub(crate) fn vendor(row: &str) -> ChatCompletions {
    ChatCompletions::new(serde_json::from_str::<Quirks>(row).expect("a valid row"))
}

pub(crate) fn target() -> Target {
    Target { model: "vendor-model".to_owned(), ..Target::default() }
}

fn raw(text: &str) -> RawJson {
    RawJson::parse(text).expect("valid JSON")
}

fn opaque(kind: OpaqueKind) -> Opaque {
    Opaque { origin: OTHER, kind, data: "state".to_owned() }
}

/// A conversation with a bit of everything, as another dialect's client sends it.
fn conversation() -> ChatRequest {
    ChatRequest {
        model: "public".into(),
        messages: turns(),
        tools: vec![Tool::Function(FunctionTool {
            name: "look".into(),
            parameters: Some(raw(r#"{"type":"object", "properties":{"z":{},"a":{}}}"#)),
            strict: Some(true),
            ..FunctionTool::default()
        })],
        tool_choice: Some(ToolChoice::Required),
        output: OutputFormat::JsonSchema(JsonSchema {
            schema: Some(raw(r#"{"type":"object"}"#)),
            ..JsonSchema::default()
        }),
        sampling: Sampling {
            temperature: Some(0.5),
            seed: Some(7),
            stop: vec!["END".into()],
            ..Sampling::default()
        },
        max_output_tokens: Some(100),
        reasoning: Some(ReasoningOptions {
            enabled: Some(true),
            budget_tokens: Some(4096),
            ..ReasoningOptions::default()
        }),
        user: Some("u1".into()),
        extras: Some((OTHER, [("container".to_owned(), raw("1"))].into_iter().collect())),
        ..ChatRequest::default()
    }
}

fn turns() -> Vec<Message> {
    let thought =
        Reasoning { text: "hm".into(), opaque: Some(opaque(OpaqueKind::Signature)), ..Reasoning::default() };
    let call =
        ToolCall { opaque: Some(opaque(OpaqueKind::Signature)), ..ToolCall::new("toolu_1", "look", "") };
    let picture = Source::Base64 { media_type: "image/png".into(), data: "iVBORw0=".into() };
    let result = ToolResult {
        call_id: "toolu_1".into(),
        name: None,
        content: vec![Part::text("a map"), Part::Image(Media::new(picture.clone()))],
        is_error: Some(false),
        custom: false,
        cache: None,
    };
    let document = Document {
        source: Source::Base64 { media_type: "application/pdf".into(), data: "JVBERi0=".into() },
        title: None,
        context: None,
        citations: None,
        cache: None,
    };
    vec![
        Message::new(
            Role::System,
            vec![Part::Text(Text { cache: Some(CacheMark::Hour), ..Text::new("be brief") })],
        ),
        Message::text(Role::Developer, "in French"),
        Message::new(
            Role::User,
            vec![Part::Image(Media::new(picture)), Part::Document(document), Part::text("?")],
        ),
        Message::new(Role::Assistant, vec![Part::Reasoning(thought), Part::ToolCall(call)]),
        Message::new(Role::Tool, vec![Part::ToolResult(result)]),
        Message::text(Role::User, "go on"),
    ]
}

/// The body, and what was lost.
fn written(dialect: &ChatCompletions, request: &ChatRequest, target: &Target) -> String {
    let encoded = dialect.encode(request, target).expect("nothing that matters is lost");
    let body = encoded.request.body.joined();
    let losses: Vec<String> =
        encoded.losses.iter().map(|loss| format!("{}: {:?}", loss.field, loss.how)).collect();
    // The order of members is part of it: prompt caches of vendors depend on it.
    format!("{}\n\n{}", text(&body).replace(r#"},{"#, "},\n{"), losses.join("\n"))
}

#[test]
fn a_conversation_is_written_for_the_formats_author() {
    // https://platform.openai.com/docs/api-reference/chat/create
    let target = Target { stream: true, ..target() };
    assert_snapshot!(written(&vendor("{}"), &conversation(), &target));
}

#[test]
fn a_conversation_is_written_for_a_vendor_with_many_quirks() {
    // https://api-docs.deepseek.com/api/create-chat-completion, https://docs.mistral.ai/api
    let row = r#"{
        "output_cap": "max_tokens", "system_role": "system", "reasoning_history": "reasoning_content",
        "thinking_switch": "thinking_type", "stream_options": "refused", "drop_params": ["user"],
        "tool_call_ids": "nine_alphanumerics", "json_schema": "object_only", "tool_choice_required": "any",
        "refuses_strict_tools": true, "empty_content": "text", "cache_control": true, "seed_field": "random_seed"
    }"#;
    assert_snapshot!(written(&vendor(row), &conversation(), &Target { stream: true, ..target() }));
}

#[test]
fn what_changes_the_meaning_is_refused_unless_dropping_is_allowed() {
    let hosted = Tool::Hosted { origin: OTHER, raw: raw(r#"{"type":"web_search"}"#) };
    let request = ChatRequest { tools: vec![hosted], ..ChatRequest::default() };
    let refused = vendor("{}").encode(&request, &target()).expect_err("tools matter");
    assert_eq!((refused.kind(), refused.param()), (ErrorKind::Unsupported, Some("tools")));
    let dropping = Target { policy: LossPolicy::Drop, ..target() };
    assert_eq!(vendor("{}").encode(&request, &dropping).expect("dropped").losses.len(), 1);
    let picture = Part::Image(Media::new(Source::Url("https://a/b".into())));
    let request =
        ChatRequest { messages: vec![Message::new(Role::User, vec![picture])], ..ChatRequest::default() };
    assert!(vendor(r#"{"refused_parts":["image"]}"#).encode(&request, &target()).is_err());
}

fn forwarded(row: &str, body: &str, target: &Target) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let envelope = Envelope::scan(&body).expect("a request");
    let encoded = vendor(row).forward(&body, &envelope, target).expect("forwards");
    String::from_utf8(encoded.request.body.joined().to_vec()).expect("UTF-8")
}

#[test]
fn a_body_of_the_same_format_keeps_its_bytes() {
    let body = r#"{"model":"public", "messages":[{"role":"user","content":"h\u00e9"}],"odd":{"x":1.10},"metadata":{"a":"b"},"timeout":3}"#;
    assert_eq!(
        forwarded("{}", body, &target()),
        r#"{"model":"vendor-model", "messages":[{"role":"user","content":"h\u00e9"}],"odd":{"x":1.10}}"#
    );
}

#[test]
fn a_member_without_a_name_stays() {
    let body = r#"{"model":"m","":"odd","messages":[],"max_tokens":5}"#;
    assert_eq!(
        forwarded(r"{}", body, &target()),
        r#"{"model":"vendor-model","":"odd","messages":[],"max_tokens":5}"#
    );
}

#[test]
fn a_stream_asks_for_usage_and_keeps_the_clients_other_wishes() {
    let body = r#"{"model":"m","stream":true,"stream_options":{"include_obfuscation":false},"messages":[]}"#;
    let streamed = Target { stream: true, ..target() };
    assert_eq!(
        forwarded("{}", body, &streamed),
        r#"{"model":"vendor-model","stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true},"messages":[]}"#
    );
    assert_eq!(
        forwarded(r#"{"stream_options":"refused"}"#, body, &streamed),
        r#"{"model":"vendor-model","stream":true,"messages":[]}"#
    );
}

#[test]
fn deployment_settings_are_put_into_a_forwarded_body() {
    let target = Target {
        sampling: Sampling { temperature: Some(0.25), seed: Some(1), ..Sampling::default() },
        max_output_tokens: Some(50),
        extra_body: [("provider".to_owned(), raw(r#"{"only":["a"]}"#))].into_iter().collect(),
        drop_fields: vec!["logit_bias".into()],
        ..target()
    };
    let body = r#"{"model":"m","messages":[],"temperature":1,"logit_bias":{}}"#;
    assert_eq!(
        forwarded(r#"{"output_cap":"max_tokens"}"#, body, &target),
        r#"{"model":"vendor-model","messages":[],"temperature":1,"max_tokens":50,"seed":1,"provider":{"only":["a"]}}"#
    );
}

#[test]
fn the_limit_of_an_answer_is_said_once() {
    let most = Target { max_output_tokens: Some(50), ..target() };
    let row = r#"{"output_cap":"max_completion_tokens"}"#;
    for (said, sent) in [
        (r#""max_tokens":5"#, r#""max_completion_tokens":5"#),
        (r#""max_tokens":null"#, r#""max_completion_tokens":50"#),
        (r#""max_completion_tokens":null"#, r#""max_completion_tokens":50"#),
        (r#""max_tokens":null,"max_completion_tokens":null"#, r#""max_completion_tokens":50"#),
        (r#""max_tokens":5,"max_completion_tokens":null"#, r#""max_completion_tokens":5"#),
        (r#""max_tokens":null,"max_completion_tokens":5"#, r#""max_completion_tokens":5"#),
        (r#""max_tokens":6,"max_completion_tokens":5"#, r#""max_completion_tokens":5"#),
    ] {
        let body = format!(r#"{{"model":"m","messages":[],{said}}}"#);
        let expected = format!(r#"{{"model":"vendor-model","messages":[],{sent}}}"#);
        assert_eq!(forwarded(row, &body, &most), expected, "{said}");
    }
}

#[test]
fn quirks_reach_into_a_forwarded_body() {
    let body = r#"{"model":"m","max_completion_tokens":5,"reasoning_effort":"low","tool_choice":"required","store":true,"metadata":{"a":"b"},
"messages":[{"role":"developer","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]},
{"role":"assistant","reasoning_content":"hm","thinking_blocks":[],"content":null,"tool_calls":[{"id":"call_1#llmgw1.eyJvIjoib3RoZXIuZGlhbGVjdCIsImsiOiJzaWduYXR1cmUiLCJkIjoiQSJ9","type":"function","function":{"name":"f","arguments":"{}"}}]},
{"role":"tool","tool_call_id":"call_1#llmgw1.eyJvIjoib3RoZXIuZGlhbGVjdCIsImsiOiJzaWduYXR1cmUiLCJkIjoiQSJ9","content":"1","odd":1.10}],
"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"z":1,"a":2}}}]}"#;
    let row = r#"{"output_cap":"max_tokens","system_role":"system","reasoning_history":"reasoning","thinking_switch":"thinking_type",
        "tool_call_ids":"nine_alphanumerics","tool_choice_required":"any","refuses_strict_tools":true}"#;
    assert_snapshot!(forwarded(row, body, &target()));
}

#[test]
fn a_vendor_that_insists_on_thinking_in_the_history_gets_a_blank_one() {
    let body = r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1"}]},{"role":"assistant","content":"x"}]}"#;
    let row = r#"{"reasoning_history":"reasoning_content","reasoning_history_required":true}"#;
    assert_eq!(
        forwarded(row, body, &target()),
        r#"{"model":"vendor-model","messages":[{"role":"assistant","tool_calls":[{"id":"1"}],"reasoning_content":""},{"role":"assistant","content":"x"}]}"#
    );
    let called = Message::new(Role::Assistant, vec![Part::ToolCall(ToolCall::new("1", "f", "{}"))]);
    let request = ChatRequest { messages: vec![called], ..ChatRequest::default() };
    assert!(written(&vendor(row), &request, &target()).contains(r#""reasoning_content":"""#));
}

#[test]
fn names_of_speakers_are_dropped_and_told_where_they_are_refused() {
    let body = Bytes::from_static(
        br#"{"model":"m","messages":[{"role":"user","name":"Ann","content":"my \"name\""},{"role":"tool","tool_call_id":"1","name":"f","content":"x"}]}"#,
    );
    let envelope = Envelope::scan(&body).expect("a request");
    let dialect = vendor(r#"{"refuses_names":true}"#);
    let encoded = dialect.forward(&body, &envelope, &target()).expect("tuning only");
    assert_eq!(
        encoded.request.body.joined(),
        r#"{"model":"vendor-model","messages":[{"role":"user","content":"my \"name\""},{"role":"tool","tool_call_id":"1","name":"f","content":"x"}]}"#
    );
    let fields: Vec<_> = encoded.losses.iter().map(|loss| loss.field.as_ref()).collect();
    assert_eq!(fields, ["messages.name"]);
    let strict = Target { policy: LossPolicy::Reject, ..target() };
    assert!(dialect.forward(&body, &envelope, &strict).is_err());
    let named = Message { name: Some("Ann".to_owned()), ..Message::text(Role::User, "hi") };
    let request = ChatRequest { messages: vec![named], ..ChatRequest::default() };
    assert!(!written(&dialect, &request, &target()).contains("Ann"));
    assert!(written(&vendor("{}"), &request, &target()).contains(r#""name":"Ann""#));
}

#[test]
fn a_refused_field_is_reported_or_refused() {
    let body = Bytes::from_static(br#"{"model":"m","messages":[],"seed":1,"n":1,"logprobs":true}"#);
    let envelope = Envelope::scan(&body).expect("a request");
    let dialect = vendor(r#"{"drop_params":["seed","n","logprobs"]}"#);
    let encoded = dialect.forward(&body, &envelope, &target()).expect("tuning only");
    assert_eq!(encoded.request.body.joined(), r#"{"model":"vendor-model","messages":[]}"#);
    assert_eq!(encoded.losses.len(), 2, "a single answer is what everybody gives");
    let strict = Target { policy: LossPolicy::Reject, ..target() };
    assert!(dialect.forward(&body, &envelope, &strict).is_err());
}

#[test]
fn errors_in_requests_name_the_field() {
    let cases = [
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"messages":"hi"}"#, "messages"),
        (r#"{"messages":[{"role":"user","content":"a"},{"role":"user","content":7}]}"#, "messages[1]"),
        (r#"{"messages":[{"role":"robot","content":"a"}]}"#, "messages[0].role"),
        (r#"{"messages":[],"temperature":"hot"}"#, "temperature"),
        (r#"{"messages":[],"tools":[{"type":"function"}]}"#, "tools[0]"),
        (r#"{"messages":[],"tool_choice":"maybe"}"#, "tool_choice"),
        (r#"{"messages":[],"response_format":{"type":"json_schema"}}"#, "response_format"),
        (r#"{"messages":[],"stop":{}}"#, "stop"),
        (r#"{"messages":[]"#, "request_body"),
    ];
    for (body, param) in cases {
        let error = ChatIngress.decode(&Bytes::from(body), &HeaderMap::new()).expect_err(body);
        assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some(param)), "{error}");
    }
}

#[test]
fn legacy_functions_are_tools_and_are_answered_as_functions() {
    // https://platform.openai.com/docs/api-reference/chat/create (deprecated: functions, function_call)
    let body = r#"{"model":"m","functions":[{"name":"f","parameters":{}}],"function_call":{"name":"f"},"messages":[
        {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
        {"role":"function","name":"f","content":"1"}]}"#;
    let request = ChatIngress.decode(&Bytes::from(body), &HeaderMap::new()).expect("reads");
    assert_eq!(request.tool_choice, Some(ToolChoice::Function("f".into())));
    let answer = ChatResponse {
        id: "id".into(),
        created: Some(1),
        choices: vec![Choice {
            index: 0,
            message: Message::new(Role::Assistant, vec![Part::ToolCall(ToolCall::new("call_1", "f", "{}"))]),
            finish: Some(FinishReason::ToolCalls),
            logprobs: None,
        }],
        ..ChatResponse::default()
    };
    assert_snapshot!(format!(
        "{}\n{}\n{}",
        written(&vendor("{}"), &request, &target()),
        text(&ChatIngress.encode(&answer, &request)),
        streamed(&request, answer)
    ));
}

pub(crate) fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn streamed(request: &ChatRequest, response: ChatResponse) -> String {
    let mut encoder = ChatIngress.encoder(request);
    let mut out = BytesMut::new();
    llm_core::event::unfold(response).iter().for_each(|event| encoder.push(event, &mut out));
    String::from_utf8(out.to_vec()).expect("UTF-8")
}

/// An answer with a bit of everything, from a vendor of another dialect.
fn answer() -> ChatResponse {
    let citation = llm_core::message::Citation { url: Some("https://a".into()), ..Default::default() };
    let thought = |opaque| Reasoning { text: "hm".into(), opaque: Some(opaque), ..Reasoning::default() };
    let redacted = Reasoning { opaque: Some(opaque(OpaqueKind::Redacted)), ..Reasoning::default() };
    let encrypted = Reasoning {
        id: Some("rs_1".into()),
        summary: vec!["one".into(), "two".into()],
        opaque: Some(opaque(OpaqueKind::Encrypted)),
        ..Reasoning::default()
    };
    let parts = vec![
        Part::Reasoning(thought(opaque(OpaqueKind::Signature))),
        Part::Reasoning(redacted),
        Part::Reasoning(encrypted),
        Part::text("né "),
        Part::Text(Text { citations: vec![citation], ..Text::new("cited") }),
        Part::ToolCall(ToolCall {
            opaque: Some(opaque(OpaqueKind::Signature)),
            ..ToolCall::new("c1", "f", "{}")
        }),
        Part::ToolCall(ToolCall { custom: true, ..ToolCall::new("c2", "g", "free text") }),
    ];
    ChatResponse {
        id: "msg_1".into(),
        model: "vendor-model".into(),
        created: Some(1),
        choices: vec![Choice {
            index: 0,
            message: Message::new(Role::Assistant, parts),
            finish: Some(FinishReason::Stop),
            logprobs: None,
        }],
        usage: Usage { input: Some(3), cache_read: Some(2), output: Some(1), ..Usage::default() },
        ..ChatResponse::default()
    }
}

#[test]
fn an_answer_is_written_for_a_client() {
    let request = ChatRequest { model: "public".into(), include_usage: Some(true), ..ChatRequest::default() };
    assert_snapshot!(format!(
        "{}\n\n{}",
        text(&ChatIngress.encode(&answer(), &request)),
        streamed(&request, answer())
    ));
}

#[test]
fn what_a_client_got_comes_back_in_its_next_request() {
    let request = ChatRequest { model: "public".into(), ..ChatRequest::default() };
    let body: serde_json::Value =
        serde_json::from_slice(&ChatIngress.encode(&answer(), &request)).expect("valid");
    let next = serde_json::json!({"model": "m", "messages": [body["choices"][0]["message"]]});
    let next = ChatIngress.decode(&next.to_string().into(), &HeaderMap::new()).expect("reads");
    let states = |parts: &[Part]| -> Vec<(String, Option<Opaque>)> {
        let state = |part: &Part| match part {
            Part::Reasoning(part) => Some((part.text.clone(), part.opaque.clone())),
            Part::ToolCall(call) => Some((call.id.clone(), call.opaque.clone())),
            _ => None,
        };
        parts.iter().filter_map(state).collect()
    };
    let answer = answer();
    assert_eq!(states(&next.messages[0].parts), states(&answer.choices[0].message.parts));
    assert_eq!(next.messages[0].joined_text(), "né cited");
}

#[test]
fn an_error_in_a_stream_is_followed_by_the_terminator() {
    let mut encoder = ChatIngress.encoder(&ChatRequest::default());
    let mut out = BytesMut::new();
    let error = Error::new(ErrorKind::UpstreamFailure, "broken");
    encoder.push(&Event::Error(error.clone()), &mut out);
    encoder.push(&Event::End, &mut out);
    let expected = "data: {\"error\":{\"message\":\"broken\",\"type\":\"internal_server_error\",\"param\":null,\"code\":\"502\"}}\n\ndata: [DONE]\n\n";
    assert_eq!(out, expected);
    assert_eq!(ChatIngress.stream_error(&error), expected);
}

#[test]
fn what_was_used_comes_before_an_error_where_it_was_asked_for() {
    let error = Error::new(ErrorKind::Truncated, "it broke");
    let usage = Usage { input: Some(7), output: Some(2), ..Usage::default() };
    for include_usage in [None, Some(true)] {
        let mut encoder = ChatIngress.encoder(&ChatRequest { include_usage, ..ChatRequest::default() });
        let mut out = BytesMut::new();
        for event in [Event::Usage(usage), Event::Error(error.clone()), Event::End] {
            encoder.push(&event, &mut out);
        }
        let stream = String::from_utf8(out.to_vec()).expect("UTF-8");
        let frames: Vec<&str> = stream.split_terminator("\n\n").collect();
        let counts = frames.iter().filter(|frame| frame.contains("\"total_tokens\":9")).count();
        assert_eq!(counts, usize::from(include_usage.is_some()), "{stream}");
        assert!(
            frames[frames.len() - 2].contains("it broke") && stream.ends_with("data: [DONE]\n\n"),
            "{stream}"
        );
    }
}

#[test]
fn models_are_listed_as_clients_expect() {
    let card = |id: &str, most| ModelCard {
        id: id.into(),
        mode: Some("chat".into()),
        max_input_tokens: most,
        max_output_tokens: None,
        abilities: Default::default(),
    };
    assert_snapshot!(text(&ChatIngress.encode_models(&[card("a", Some(8)), card("b", None)])));
}
