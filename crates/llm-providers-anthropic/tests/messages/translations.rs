//! What is carried, approximated, refused and edited on the way to a vendor.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::Encoded;
use llm_core::message::{Media, Source, ToolCall, ToolResult};
use llm_core::request::{FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Tool, ToolChoice};
use llm_core::{
    ChatRequest, Dialect, DialectId, Envelope, ErrorKind, FinishReason, Ingress, LossPolicy, Message, Part,
    RawJson, Result, Role, Target,
};
use llm_providers_anthropic::{Messages, MessagesIngress, MessagesQuirks, ModelPath};
use serde_json::{Value, json};

use crate::{ask, dialect, json as parse, reply};

const OTHER: DialectId = DialectId::new("acme.chat");

fn target(model: &str) -> Target {
    Target { model: model.to_owned(), ..Target::default() }
}

/// A conversation of these messages in another format's words.
fn conversation(messages: Vec<Message>) -> ChatRequest {
    ChatRequest { messages, ..ChatRequest::default() }
}

fn hello() -> ChatRequest {
    conversation(vec![Message::text(Role::User, "Hello")])
}

/// The body, and the names of what was lost.
fn encoded(request: &ChatRequest, target: &Target) -> (Value, Vec<String>) {
    read(dialect().encode(request, target))
}

fn read(encoded: Result<Encoded>) -> (Value, Vec<String>) {
    let encoded = encoded.expect("encodes");
    let losses = encoded.losses.iter().map(|loss| loss.field.clone().into_owned()).collect();
    (parse(&encoded.request.body.joined()), losses)
}

fn weather() -> Tool {
    Tool::Function(FunctionTool { name: "weather".into(), ..FunctionTool::default() })
}

fn schema(text: &str) -> OutputFormat {
    OutputFormat::JsonSchema(JsonSchema { schema: RawJson::parse(text).ok(), ..JsonSchema::default() })
}

#[test]
fn a_plain_request_has_the_documented_head() {
    let request = dialect().encode(&hello(), &target("claude-haiku-4-5")).expect("encodes").request;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/messages"));
    assert_eq!(request.headers["anthropic-version"], "2023-06-01");
    assert_eq!(dialect().count_tokens_path(), Some("/messages/count_tokens"));
    let expected = json!({
        "model": "claude-haiku-4-5",
        "max_tokens": 4096,
        "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hello" }] }]
    });
    assert_eq!(parse(&request.body.joined()), expected);
}

#[test]
fn max_tokens_are_the_clients_then_the_deployments_then_the_models() {
    let limit = |client, deployment, model, quirk| {
        let request = ChatRequest { max_output_tokens: client, ..hello() };
        let target =
            Target { max_output_tokens: deployment, model_max_output_tokens: model, ..target("claude") };
        let quirks = MessagesQuirks { default_max_tokens: quirk, ..MessagesQuirks::default() };
        read(Messages::new(quirks).encode(&request, &target)).0["max_tokens"].clone()
    };
    assert_eq!(limit(Some(1), Some(2), Some(3), Some(4)), 1);
    assert_eq!(limit(None, Some(2), Some(3), Some(4)), 2);
    assert_eq!(limit(None, None, Some(3), Some(4)), 3);
    assert_eq!(limit(None, None, None, Some(4)), 4);
    assert_eq!(limit(None, None, None, None), 4096);
}

#[test]
fn instructions_in_the_middle_become_words_of_the_user_unless_the_model_takes_them() {
    let request = conversation(vec![
        Message::text(Role::Developer, "One."),
        Message::text(Role::System, "Two."),
        Message::text(Role::User, "Hi"),
        Message::text(Role::System, "Three."),
        Message::text(Role::Assistant, "Yes? "),
    ]);
    let (body, losses) = encoded(&request, &target("claude-sonnet-4-5"));
    let text = |text: &str| json!({ "type": "text", "text": text });
    assert_eq!(body["system"], json!([text("One."), text("Two.")]));
    let expected = json!([
        { "role": "user", "content": [text("Hi"), text("Three.")] },
        { "role": "assistant", "content": [text("Yes?")] },
    ]);
    assert_eq!((&body["messages"], losses), (&expected, vec!["messages.system".to_owned()]));
    let (body, losses) = encoded(&request, &target("claude-opus-4-8"));
    assert_eq!(body["messages"][1], json!({ "role": "system", "content": [text("Three.")] }));
    assert!(losses.is_empty());
}

#[test]
fn instructions_alone_become_words_of_the_user() {
    let request = conversation(vec![Message::text(Role::System, "Write a poem.")]);
    let (body, losses) = encoded(&request, &target("claude"));
    assert_eq!(body["messages"][0]["role"], "user");
    assert_eq!((body.get("system"), losses), (None, vec!["messages.system".to_owned()]));
}

#[test]
fn results_of_parallel_calls_stand_together_at_the_head_of_the_next_turn() {
    let call = |id: &str, arguments: &str| Part::ToolCall(ToolCall::new(id, "weather", arguments));
    let result = |id: &str| {
        let content = vec![Part::text(format!("of {id}"))];
        let call_id = id.to_owned();
        let result = ToolResult { call_id, name: None, content, is_error: None, custom: false, cache: None };
        Message::new(Role::Tool, vec![Part::ToolResult(result)])
    };
    let mut request = conversation(vec![
        Message::text(Role::User, "Rome and Oslo?"),
        Message::new(Role::Assistant, vec![Part::text(" "), call("a", ""), call("f.b:1", "{\"cut\": ")]),
        result("a"),
        Message::text(Role::User, "Quick!"),
        result("f.b:1"),
    ]);
    request.tools.push(weather());
    let (body, losses) = encoded(&request, &target("claude"));
    assert!(losses.is_empty());
    let expected = json!([
        { "type": "tool_use", "id": "a", "name": "weather", "input": {} },
        { "type": "tool_use", "id": "gwid-f_2eb_3a1", "name": "weather", "input": { "INVALID_JSON": "{\"cut\": " } },
    ]);
    assert_eq!(body["messages"][1]["content"], expected);
    let expected = json!([
        { "type": "tool_result", "tool_use_id": "a", "content": "of a" },
        { "type": "tool_result", "tool_use_id": "gwid-f_2eb_3a1", "content": "of f.b:1" },
        { "type": "text", "text": "Quick!" },
    ]);
    assert_eq!(body["messages"][2]["content"], expected);
    assert_eq!(body["tools"][0]["input_schema"], json!({ "type": "object", "properties": {} }));
}

#[test]
fn what_only_tunes_is_dropped_and_reported() {
    let mut request = hello();
    request.sampling.seed = Some(1);
    request.sampling.frequency_penalty = Some(0.5);
    request.sampling.presence_penalty = Some(0.0);
    request.sampling.logprobs = Some(true);
    request.sampling.stop = vec!["\n".into(), "END".into()];
    request.sampling.temperature = Some(1.5);
    request.service_tier = Some("flex".into());
    request.verbosity = Some("low".into());
    request.extras = Some((OTHER, serde_json::from_str(r#"{"store":true}"#).expect("an object")));
    let (body, losses) = encoded(&request, &target("claude-3-opus"));
    assert_eq!(
        losses,
        [
            "frequency_penalty",
            "seed",
            "logprobs",
            "temperature",
            "stop",
            "service_tier",
            "verbosity",
            "store"
        ]
    );
    assert_eq!((&body["temperature"], &body["stop_sequences"]), (&json!(1.0), &json!(["END"])));
    let strict = Target { policy: LossPolicy::Reject, ..target("claude-3-opus") };
    assert_eq!(dialect().encode(&request, &strict).expect_err("refused").kind(), ErrorKind::Unsupported);
}

#[test]
fn what_changes_the_meaning_is_refused_unless_dropping_is_allowed() {
    let sound = Media::new(Source::Base64 { media_type: "audio/wav".into(), data: "AA==".into() });
    let foreign_file = Media::new(Source::FileId { origin: OTHER, id: "f".into() });
    let hosted =
        Tool::Hosted { origin: OTHER, raw: RawJson::parse(r#"{"type":"web_search"}"#).expect("valid") };
    let several = ChatRequest { modalities: vec!["audio".into()], ..hello() };
    let mut choices = hello();
    choices.sampling.n = Some(2);
    for (request, field) in [
        (conversation(vec![Message::new(Role::User, vec![Part::Audio(sound)])]), "messages.audio"),
        (conversation(vec![Message::new(Role::User, vec![Part::Image(foreign_file)])]), "messages.image"),
        (ChatRequest { tools: vec![hosted], ..hello() }, "tools.hosted"),
        (several, "modalities"),
        (choices, "n"),
        (ChatRequest { tool_choice: Some(ToolChoice::Required), ..hello() }, "tool_choice"),
    ] {
        let fault = dialect().encode(&request, &target("claude")).expect_err("refused");
        assert_eq!(fault.param(), Some(field));
        let loose = Target { policy: LossPolicy::Drop, ..target("claude") };
        assert_eq!(encoded(&request, &loose).1, [field]);
    }
}

#[test]
fn the_form_of_the_answer_is_enforced_where_the_model_can_and_told_where_not() {
    let closed = r#"{"type":"object","properties":{"z":{"type":"integer","minimum":1}},"required":["z"]}"#;
    let request = ChatRequest { output: schema(closed), ..hello() };
    let (body, losses) = encoded(&request, &target("claude-sonnet-4-5"));
    let expected = json!({
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": { "z": { "type": "integer" } },
            "required": ["z"],
            "additionalProperties": false
        }
    });
    assert_eq!((&body["output_config"]["format"], losses), (&expected, vec!["response_format".to_owned()]));

    let open = schema(r#"{"type":"object","additionalProperties":{"type":"string"}}"#);
    for (output, model) in [
        (schema(closed), "claude-3-opus"),
        (open, "claude-sonnet-4-5"),
        (OutputFormat::JsonObject, "claude-opus-4-8"),
    ] {
        let (body, losses) = encoded(&ChatRequest { output, ..hello() }, &target(model));
        assert!(body.get("output_config").is_none());
        assert!(body["system"].as_str().is_some_and(|text| text.starts_with("Answer with one JSON")));
        assert_eq!(losses, ["response_format"]);
    }
}

#[test]
fn thinking_gives_way_to_what_does_not_go_together_with_it() {
    let thinking = |request: ChatRequest| ChatRequest {
        reasoning: Some(ReasoningOptions { effort: Some("low".into()), ..ReasoningOptions::default() }),
        ..request
    };
    let (body, losses) = encoded(&thinking(hello()), &target("claude-sonnet-4-5"));
    assert_eq!(body["thinking"], json!({ "type": "enabled", "budget_tokens": 2048 }));
    // Nobody set a limit: it leaves room for the thinking.
    assert_eq!((&body["max_tokens"], losses), (&json!(4096 + 2048), vec![]));

    let forced = ChatRequest { tools: vec![weather()], tool_choice: Some(ToolChoice::Required), ..hello() };
    let (body, losses) = encoded(&thinking(forced), &target("claude-opus-4-8"));
    assert_eq!((body.get("thinking"), losses), (None, vec!["reasoning".to_owned()]));
    assert_eq!(body["tool_choice"], json!({ "type": "any" }));

    let result = ToolResult {
        call_id: "a".into(),
        name: None,
        content: Vec::new(),
        is_error: None,
        custom: false,
        cache: None,
    };
    let calling = conversation(vec![
        Message::text(Role::User, "Rome?"),
        Message::new(Role::Assistant, vec![Part::ToolCall(ToolCall::new("a", "weather", "{}"))]),
        Message::new(Role::Tool, vec![Part::ToolResult(result)]),
    ]);
    let (body, losses) = encoded(&thinking(calling), &target("claude-sonnet-4-5"));
    assert_eq!((body.get("thinking"), losses), (None, vec!["reasoning".to_owned()]));
}

#[test]
fn sampling_follows_what_the_model_takes() {
    let sampled = |model: &str, effort: Option<&str>| {
        let mut request = hello();
        request.sampling.temperature = Some(0.5);
        request.sampling.top_p = Some(0.9);
        request.sampling.top_k = Some(5);
        request.reasoning = effort
            .map(|effort| ReasoningOptions { effort: Some(effort.into()), ..ReasoningOptions::default() });
        let (body, losses) = encoded(&request, &target(model));
        let sent = ["temperature", "top_p", "top_k"].into_iter().filter(|name| body.get(*name).is_some());
        (sent.collect::<Vec<_>>(), losses)
    };
    assert_eq!(sampled("claude-3-opus", None), (vec!["temperature", "top_p", "top_k"], vec![]));
    assert_eq!(sampled("claude-sonnet-4-5", None), (vec!["temperature", "top_k"], vec!["top_p".to_owned()]));
    let all = ["temperature", "top_k", "top_p"].map(str::to_owned).to_vec();
    assert_eq!(sampled("claude-opus-4-8", None), (vec![], all.clone()));
    assert_eq!(sampled("claude-sonnet-4-0", Some("low")), (vec![], all));
}

#[test]
fn effort_alone_does_not_switch_thinking_on_in_this_formats_own_words() {
    for thinking in [None, Some(json!({ "type": "disabled" })), Some(json!({ "type": "adaptive" }))] {
        let text = json!({
            "model": "m",
            "messages": [{ "role": "user", "content": "x" }],
            "output_config": { "effort": "low" },
            "thinking": thinking
        });
        let request = ask(&text.to_string()).expect("a request");
        let (body, losses) = encoded(&request, &target("claude-opus-4-8"));
        assert_eq!(body["output_config"], json!({ "effort": "low" }));
        assert_eq!(body.get("thinking"), thinking.as_ref());
        assert!(losses.is_empty());
    }
}

#[test]
fn free_text_tools_become_functions_with_one_text() {
    let tool = Tool::Custom { name: "sql".into(), description: None, format: None };
    let call = ToolCall { custom: true, ..ToolCall::new("a", "sql", "SELECT 1") };
    let mut request = conversation(vec![
        Message::text(Role::User, "Query!"),
        Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
    ]);
    request.tools.push(tool);
    let (body, losses) = encoded(&request, &target("claude"));
    assert_eq!(body["messages"][1]["content"][0]["input"], json!({ "input": "SELECT 1" }));
    assert_eq!(body["tools"][0]["input_schema"]["required"], json!(["input"]));
    assert_eq!(losses, ["tools.custom"]);
}

#[test]
fn deployments_set_and_take_out_fields_on_both_ways() {
    let text = r#"{"model":"public","max_tokens":9,"top_k":3,"temperature":0.5,"drop_params":true,"messages":[{"role":"user","content":"x"}],"new_field":[1]}"#;
    let mut target = target("claude-3-opus");
    target.sampling.temperature = Some(0.1);
    target.sampling.top_p = Some(0.2);
    target.extra_body = serde_json::from_str(r#"{"service_tier":"auto"}"#).expect("an object");
    target.drop_fields = vec!["new_field".to_owned()];
    let quirks = MessagesQuirks { drop_params: vec!["top_k".to_owned()], ..MessagesQuirks::default() };
    let dialect = Messages::new(quirks);
    let body = Bytes::from(text);
    let envelope = Envelope::scan(&body).expect("an object");
    let forwarded = read(dialect.forward(&body, &envelope, &target));
    let expected = json!({
        "model": "claude-3-opus",
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.2,
        "service_tier": "auto",
        "messages": [{ "role": "user", "content": "x" }]
    });
    assert_eq!(forwarded, (expected, vec!["top_k".to_owned()]));
    let mut request = ask(&text.replace("\"drop_params\":true,", "")).expect("a request");
    request.sampling.or(&target.sampling);
    let (mut translated, losses) = read(dialect.encode(&request, &target));
    translated["messages"][0]["content"] = "x".into();
    assert_eq!((translated, losses), forwarded);
}

#[test]
fn thinking_that_nobody_signed_does_not_pass_to_a_vendor() {
    let text = r#"{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature": ""},{"type":"text","text":"y"}]},{"role":"user","content":"z"}]}"#;
    let body = Bytes::from(text);
    let envelope = Envelope::scan(&body).expect("an object");
    let (sent, losses) = read(dialect().forward(&body, &envelope, &target("claude")));
    assert_eq!(sent["messages"][1]["content"], json!([{ "type": "text", "text": "y" }]));
    assert_eq!(losses, ["messages.reasoning"]);
    // A body without `max_tokens` (to count tokens) stays without.
    assert_eq!(sent.get("max_tokens"), None);
    let quirks = MessagesQuirks { unsigned_thinking: true, ..MessagesQuirks::default() };
    let (sent, losses) = read(Messages::new(quirks).forward(&body, &envelope, &target("m")));
    assert_eq!((sent, losses), (parse(text.as_bytes()), vec![]));
}

#[test]
fn wrong_requests_are_refused_with_the_field_named() {
    for (body, param) in [
        ("[]", "request_body"),
        ("{", "request_body"),
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"m","messages":"secret"}"#, "messages"),
        (r#"{"model":"m","messages":[{"role":"robot","content":""}]}"#, "messages.0.role"),
        (r#"{"model":"m","messages":[{"role":"user"}]}"#, "messages.0.content"),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}"#,
            "messages.0.content.0.text",
        ),
        (r#"{"model":"m","messages":[],"max_tokens":"secret"}"#, "max_tokens"),
        (r#"{"model":"m","messages":[],"temperature":{}}"#, "temperature"),
        (r#"{"model":"m","messages":[],"tools":[{"input_schema":{}}]}"#, "tools.0.name"),
        (r#"{"model":"m","messages":[],"tool_choice":{"type":"tool"}}"#, "tool_choice.name"),
        (r#"{"model":"m","messages":[],"system":[{"type":"text","text":1}]}"#, "system.0.text"),
        (r#"{"model":"m","messages":[],"cache_control":{"ttl":"1y"}}"#, "cache_control.ttl"),
    ] {
        let fault = ask(body).expect_err(body);
        assert_eq!((fault.kind(), fault.param()), (ErrorKind::InvalidRequest, Some(param)), "{body}");
        assert!(!fault.message().contains("secret"));
    }
    let deep = format!("{}{}{}", r#"{"model":"m","messages":"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(ask(&deep).is_err());
}

#[test]
fn reasons_to_end_are_read() {
    for (reason, expected) in [
        (json!("end_turn"), Some(FinishReason::Stop)),
        (json!("stop_sequence"), Some(FinishReason::StopSequence(Some("END".into())))),
        (json!("refusal"), Some(FinishReason::Refusal)),
        (json!("pause_turn"), Some(FinishReason::Paused)),
        (json!("model_context_window_exceeded"), Some(FinishReason::ContextExceeded)),
        (json!("reason_to_come"), Some(FinishReason::Other("reason_to_come".into()))),
        (Value::Null, None),
    ] {
        let body = json!({ "content": [], "stop_reason": reason, "stop_sequence": "END" }).to_string();
        let response = dialect().decode(&reply(200, &body)).expect("an answer");
        assert_eq!(response.choices[0].finish, expected);
        assert_eq!(dialect().peek(body.as_bytes()).expect("an answer").finish, expected);
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    for body in
        ["", "<html>", "[]", "{}", r#"{"content":7}"#, r#"{"content":[{}]}"#, r#"{"content":[],"usage":1}"#]
    {
        assert!(dialect().decode(&reply(200, body)).is_err(), "{body}");
    }
    let body = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for fault in [dialect().decode(&reply(200, body)).err(), dialect().peek(body.as_bytes()).err()] {
        assert_eq!(fault.expect("an error").kind(), ErrorKind::Overloaded);
    }
    let fault = dialect().peek(b"<html>").expect_err("no answer");
    assert_eq!(fault.kind(), ErrorKind::BadUpstreamAnswer);
}

#[test]
fn clients_are_known_by_their_paths_and_headers() {
    let body = Bytes::from_static(br#"{"max_tokens":7}"#);
    let envelope = Envelope::scan(&body).expect("an object");
    assert_eq!(MessagesIngress.max_output_tokens(&body, &envelope), Some(7));
    assert!(MessagesIngress.wants_usage(&body, &envelope));
    assert!(MessagesIngress.endpoints().iter().any(|endpoint| endpoint.path == "/v1/messages/count_tokens"));
    let mut headers = HeaderMap::new();
    assert!(!MessagesIngress.claims_model_list(&headers));
    headers.insert("anthropic-version", http::HeaderValue::from_static("2023-06-01"));
    assert!(MessagesIngress.claims_model_list(&headers));
    assert!(MessagesIngress.forwarded_headers().iter().all(|name| name.starts_with("anthropic-")));
}

/// As <https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude> documents it.
#[test]
fn a_model_in_the_path_is_not_in_the_body_and_the_version_is() {
    let path = ModelPath {
        whole: "/models/{model}:rawPredict".to_owned(),
        stream: "/models/{model}:streamRawPredict".to_owned(),
        count_tokens: Some("/models/count-tokens:rawPredict".to_owned()),
    };
    let (path, body_version) = (Some(path), Some("cloud-1".to_owned()));
    let dialect = Messages::new(MessagesQuirks { path, body_version, ..MessagesQuirks::default() });
    let target = Target { stream: true, ..target("claude-sonnet-4@20250514") };
    let body = Bytes::from_static(
        br#"{"model":"public","max_tokens":5,"messages":[{"role":"user","content":"hi"}],"stream":true}"#,
    );
    let envelope = Envelope::scan(&body).expect("an object");
    let encoded = dialect.encode(&hello(), &target).expect("plain");
    let forwarded = dialect.forward(&body, &envelope, &target).expect("passes");
    for request in [encoded.request, forwarded.request] {
        assert_eq!(request.path, "/models/claude-sonnet-4@20250514:streamRawPredict");
        assert!(!request.headers.contains_key("anthropic-version"));
        let body = parse(&request.body.joined());
        assert_eq!((body.get("model"), &body["anthropic_version"]), (None, &json!("cloud-1")));
    }
    let whole = Target { stream: false, ..target };
    assert!(dialect.encode(&hello(), &whole).expect("plain").request.path.ends_with(":rawPredict"));
    let counted = dialect.count_tokens(&body, &envelope, &whole).expect("counts").expect("plain");
    assert_eq!(counted.path, "/models/count-tokens:rawPredict");
    assert_eq!(parse(&counted.body.joined())["model"], "claude-sonnet-4@20250514");
    assert_eq!(dialect.read_token_count(br#"{"input_tokens":9}"#), Some(9));
    assert_eq!(dialect.count_tokens_path(), None);
}
