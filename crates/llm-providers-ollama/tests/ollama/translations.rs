//! Requests and answers of other formats' clients and vendors, and bodies that pass as they are.

use bytes::Bytes;
use llm_core::event::{Start, unfold};
use llm_core::message::{Document, Media, Opaque, OpaqueKind, Reasoning, Source, ToolCall, ToolResult};
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::{
    ChatRequest, ChatResponse, Choice, Delta, Dialect, DialectId, Envelope, Event, FinishReason, Ingress,
    LossPolicy, Message, Part, PartKind, RawJson, RawObject, Role, Target, Usage,
};
use llm_providers_ollama::{Chat, ChatIngress, ChatQuirks, GenerateIngress};
use serde_json::{Value, json as value};

use crate::{ask, body_for, dialect, json, stream_for, target};

const OTHER: DialectId = DialectId::new("acme.chat");

fn question(parts: Vec<Part>) -> ChatRequest {
    ChatRequest {
        model: "llama3.2".into(),
        messages: vec![Message::new(Role::User, parts)],
        ..ChatRequest::default()
    }
}

fn losses(request: &ChatRequest) -> Vec<String> {
    let encoded =
        dialect().encode(request, &target(request, LossPolicy::Drop)).expect("all losses are allowed");
    encoded.losses.into_iter().map(|loss| loss.field.into_owned()).collect()
}

fn is_refused(request: &ChatRequest) -> bool {
    dialect().encode(request, &target(request, LossPolicy::Default)).is_err()
}

#[test]
fn a_conversation_of_another_format_is_told() {
    let result = ToolResult {
        call_id: "call_1".into(),
        name: None,
        content: vec![Part::text("18"), Part::text("degrees")],
        is_error: None,
        custom: false,
        cache: None,
    };
    let state = Opaque { origin: OTHER, kind: OpaqueKind::Signature, data: "abc".into() };
    let thought = Reasoning { text: "Hm.".into(), opaque: Some(state), ..Reasoning::default() };
    let call = ToolCall::new("call_1", "weather", "");
    let mut request = question(vec![
        Part::text("Look:"),
        Part::Image(Media::new(Source::Base64 { media_type: "image/png".into(), data: "AAAA".into() })),
        Part::Document(Document {
            source: Source::Text("A page.".into()),
            title: None,
            context: None,
            citations: None,
            cache: None,
        }),
    ]);
    request.messages.insert(0, Message::text(Role::Developer, "Be brief."));
    request.messages.push(Message::new(
        Role::Assistant,
        vec![Part::Reasoning(thought), Part::text("I "), Part::text("look."), Part::ToolCall(call)],
    ));
    request.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)]));
    request.max_output_tokens = Some(7);
    insta::assert_json_snapshot!(body_for(&request));
    assert_eq!(losses(&request), ["messages.document", "messages.reasoning.state"]);
}

#[test]
fn what_changes_the_meaning_is_refused() {
    let tool = Tool::Function(FunctionTool { name: "f".into(), ..FunctionTool::default() });
    let url = Part::Image(Media::new(Source::Url("https://example.com/a.png".into())));
    let forced = ChatRequest {
        tools: vec![tool.clone()],
        tool_choice: Some(ToolChoice::Required),
        ..question(vec![Part::text("x")])
    };
    let several = ChatRequest {
        sampling: Sampling { n: Some(2), ..Sampling::default() },
        ..question(vec![Part::text("x")])
    };
    for request in [question(vec![url]), forced, several] {
        assert!(is_refused(&request));
        assert_eq!(losses(&request).len(), 1);
    }
    let none = ChatRequest {
        tools: vec![tool],
        tool_choice: Some(ToolChoice::None),
        ..question(vec![Part::text("x")])
    };
    assert_eq!(body_for(&none).get("tools"), None, "without tools none can be called");
    assert!(!dialect().takes_url("https://example.com/a.png"));
}

#[test]
fn what_only_tunes_is_dropped_and_reported() {
    let request = ChatRequest {
        user: Some("someone".into()),
        service_tier: Some("flex".into()),
        parallel_tool_calls: Some(false),
        tools: vec![Tool::Custom { name: "f".into(), description: None, format: None }],
        extras: Some((OTHER, RawObject::from_iter([("store".to_owned(), RawJson::null())]))),
        ..question(vec![Part::text("x")])
    };
    assert!(!is_refused(&request));
    assert_eq!(losses(&request), ["parallel_tool_calls", "tools.custom", "user", "service_tier", "store"]);
}

#[test]
fn thinking_is_a_word_or_a_switch() {
    let think = |model: &str, effort: Option<&str>, enabled, budget_tokens| {
        let options = ReasoningOptions {
            effort: effort.map(str::to_owned),
            enabled,
            budget_tokens,
            ..Default::default()
        };
        let request =
            ChatRequest { reasoning: Some(options), model: model.into(), ..question(vec![Part::text("x")]) };
        (body_for(&request).get("think").cloned().unwrap_or(Value::Null), losses(&request).len())
    };
    assert_eq!(think("gpt-oss:20b", Some("low"), None, None), (value!("low"), 0));
    assert_eq!(think("gpt-oss:20b", Some("minimal"), None, None), (value!("low"), 1));
    assert_eq!(think("gpt-oss:20b", Some("xhigh"), None, None), (value!("high"), 1));
    assert_eq!(think("qwen3", Some("high"), None, None), (value!(true), 1));
    assert_eq!(think("qwen3", Some("none"), None, None), (value!(false), 0));
    assert_eq!(think("qwen3", None, Some(false), None), (value!(false), 0));
    assert_eq!(think("qwen3", None, Some(true), Some(1024)), (value!(true), 1));
    assert_eq!(think("qwen3", None, None, None), (Value::Null, 0));
    let quirks = ChatQuirks { think_levels: Some(true), ..ChatQuirks::default() };
    let options = ReasoningOptions { effort: Some("low".into()), ..ReasoningOptions::default() };
    let request = ChatRequest { reasoning: Some(options), ..question(vec![Part::text("x")]) };
    let encoded = Chat::new(quirks).encode(&request, &target(&request, LossPolicy::Reject)).expect("no loss");
    assert_eq!(json(&encoded.request.body.joined())["think"], "low");
}

#[test]
fn a_form_of_the_answer_is_asked_for() {
    let schema = RawJson::parse(r#"{"type":"object","z":1,"a":2}"#).expect("valid");
    let of =
        |output| body_for(&ChatRequest { output, ..question(vec![Part::text("x")]) })["format"].to_string();
    assert_eq!(of(OutputFormat::JsonObject), "\"json\"");
    let named = JsonSchema { name: Some("n".into()), schema: Some(schema), ..JsonSchema::default() };
    assert_eq!(of(OutputFormat::JsonSchema(named)), value!({"type": "object", "z": 1, "a": 2}).to_string());
}

#[test]
fn a_deployments_settings_reach_the_options() {
    let extra = r#"{"num_ctx":8192,"keep_alive":"1h","options":{"min_p":0.1}}"#;
    let target = Target {
        model: "llama3.2".into(),
        stream: true,
        sampling: Sampling { temperature: Some(0.5), ..Sampling::default() },
        max_output_tokens: Some(9),
        extra_body: serde_json::from_str(extra).expect("valid"),
        drop_fields: vec!["seed".into()],
        ..Target::default()
    };
    let request = ChatRequest {
        sampling: Sampling { seed: Some(1), top_p: Some(0.25), ..Sampling::default() },
        ..question(vec![Part::text("x")])
    };
    let options =
        value!({"temperature": 0.5, "top_p": 0.25, "num_predict": 9, "num_ctx": 8192, "min_p": 0.1});
    let encoded = json(&dialect().encode(&request, &target).expect("a body").request.body.joined());
    assert_eq!((&encoded["options"], &encoded["keep_alive"]), (&options, &value!("1h")));
    assert_eq!(encoded["stream"], true);

    let body = Bytes::from_static(
        br#"{"model":"public","messages":[],"unknown":1,"options":{"seed":1,"top_p":0.25},"drop_params":true}"#,
    );
    let envelope = Envelope::scan(&body).expect("an object");
    let forwarded = dialect().forward(&body, &envelope, &target).expect("passes").request.body.joined();
    let expected =
        value!({"model": "llama3.2", "messages": [], "unknown": 1, "options": options, "keep_alive": "1h"});
    assert_eq!(json(&forwarded), expected);
}

#[test]
fn a_body_that_passes_keeps_every_other_byte() {
    let text =
        r#"{ "model" : "public", "messages":[{"role":"user","content":"x"}], "options":{"num_ctx":1.0} }"#;
    let body = Bytes::from_static(text.as_bytes());
    let envelope = Envelope::scan(&body).expect("an object");
    let pass = |stream| {
        let target = Target { model: "m".into(), stream, ..Target::default() };
        dialect().forward(&body, &envelope, &target).expect("passes").request.body.joined()
    };
    assert_eq!(pass(true), text.replace("public", "m"));
    assert_eq!(json(&pass(false))["stream"], false, "streaming is the default of this format");
}

/// What another vendor's decoder tells: hidden thinking, two calls that grow at the same time, state in a call.
fn events_of_another_vendor() -> Vec<Event> {
    let open = |part, kind| Event::PartStart { choice: 0, part, kind };
    let add = |part, delta| Event::Delta { choice: 0, part, delta };
    let call =
        |id: &str| PartKind::ToolCall { id: id.into(), item_id: None, name: "weather".into(), custom: false };
    let state = Opaque { origin: OTHER, kind: OpaqueKind::Signature, data: "abc".into() };
    vec![
        Event::Start(Start { id: "chatcmpl-1".into(), created: Some(1_700_000_000), ..Start::default() }),
        open(0, PartKind::Reasoning { id: None }),
        add(0, Delta::ReasoningSummary { index: 0, text: "First.".into() }),
        add(0, Delta::ReasoningSummary { index: 1, text: "Second.".into() }),
        open(1, PartKind::Text),
        add(1, Delta::Text("I look ".into())),
        open(2, call("call_1")),
        open(3, call("call_2")),
        add(2, Delta::Arguments("{\"city\":".into())),
        add(3, Delta::Arguments("{\"ci".into())),
        add(2, Delta::Arguments("\"Rome\"}".into())),
        add(2, Delta::Opaque(state)),
        Event::PartEnd { choice: 0, part: 2 },
        add(1, Delta::Text("it up.".into())),
        Event::Ping,
        Event::Finish { choice: 0, reason: FinishReason::Length },
        Event::Usage(Usage { input: Some(7), cache_read: Some(5), output: Some(9), ..Usage::default() }),
        Event::End,
    ]
}

#[test]
fn a_stream_of_another_vendor_is_written_line_by_line() {
    let request = ChatRequest { model: "public-name".into(), ..ChatRequest::default() };
    insta::assert_snapshot!(stream_for(&ChatIngress, &request, &events_of_another_vendor()));
}

#[test]
fn the_state_of_a_call_comes_back_to_its_origin() {
    let request = ChatRequest { model: "public-name".into(), ..ChatRequest::default() };
    let written = stream_for(&ChatIngress, &request, &events_of_another_vendor());
    let line = written.lines().find(|line| line.contains("Rome")).expect("the call");
    let message = json(line.as_bytes())["message"].clone();
    let id = message["tool_calls"][0]["id"].clone();
    let body =
        value!({"model": "m", "messages": [message, {"role": "tool", "content": "x", "tool_call_id": id}]});
    let again = ask(&body.to_string()).expect("a request");
    let call = again.messages[0].tool_calls().next().expect("the call");
    assert_eq!(call.id, "call_1");
    assert_eq!(call.opaque.as_ref().map(|state| (state.origin, state.data.as_str())), Some((OTHER, "abc")));
    let Part::ToolResult(result) = &again.messages[1].parts[0] else { panic!("a result") };
    assert_eq!(result.call_id, "call_1");

    let bytes = Bytes::from(body.to_string());
    let envelope = Envelope::scan(&bytes).expect("an object");
    let passed = dialect().forward(&bytes, &envelope, &target(&again, LossPolicy::Default)).expect("passes");
    assert_eq!(json(&passed.request.body.joined())["messages"][0]["tool_calls"][0]["id"], "call_1");
}

#[test]
fn results_find_their_calls_by_id_then_name_then_order() {
    let call = |name: &str, id: Option<&str>| value!({"id": id, "function": {"name": name, "arguments": {}}});
    let body = value!({"model": "m", "messages": [
        {"role": "assistant", "tool_calls": [call("a", None), call("b", Some("call_b")), call("a", None)]},
        {"role": "tool", "content": "1", "tool_call_id": "call_b"},
        {"role": "tool", "content": "2", "tool_name": "a"},
        {"role": "tool", "content": "3"},
        {"role": "tool", "content": "4"},
    ]});
    let request = ask(&body.to_string()).expect("a request");
    let called: Vec<&str> = request.messages[0].tool_calls().map(|call| call.id.as_str()).collect();
    let results = request.messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
        Part::ToolResult(result) => Some(result.call_id.as_str()),
        _ => None,
    });
    let results: Vec<&str> = results.collect();
    assert_eq!(results[..3], [called[1], called[0], called[2]]);
    assert!(!called.contains(&results[3]), "nothing is left to answer");
}

#[test]
fn a_single_prompt_is_answered_by_any_vendor() {
    let choice = Choice {
        index: 0,
        message: Message::text(Role::Assistant, "Because."),
        finish: Some(FinishReason::Refusal),
        logprobs: None,
    };
    let response = ChatResponse { created: Some(1), choices: vec![choice], ..ChatResponse::default() };
    let request = ChatRequest { model: "public-name".into(), ..ChatRequest::default() };
    let whole = GenerateIngress.encode(&response, &request);
    insta::assert_json_snapshot!(json(&whole));
    let streamed = stream_for(&GenerateIngress, &request, &unfold(response));
    let lines: Vec<Value> = streamed.lines().map(|line| json(line.as_bytes())).collect();
    assert_eq!((&lines[0]["response"], &lines[0]["done"]), (&value!("Because."), &value!(false)));
    assert_eq!((&lines[1]["done"], &lines[1]["done_reason"]), (&value!(true), &value!("content_filter")));
}
