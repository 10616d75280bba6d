//! Requests as this format writes them, and what it cannot carry.

use llm_core::message::{
    CacheMark, Document, Media, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall, ToolResult,
};
use llm_core::request::{FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Tool, ToolChoice};
use llm_core::{
    ChatRequest, Dialect, DialectId, Envelope, LossPolicy, Message, Part, RawJson, RawObject, Role, Target,
};
use serde_json::{Value, json};

use crate::{body, dialect, encoded, target};

const OTHER: DialectId = DialectId::new("acme.chat");

fn object(text: &str) -> RawObject {
    serde_json::from_str(text).expect("an object")
}

fn function(name: &str) -> Tool {
    Tool::Function(FunctionTool {
        name: name.to_owned(),
        description: Some("What it does.".into()),
        parameters: RawJson::parse(r#"{"type":"object","properties":{"z":{},"a":{}}}"#).ok(),
        ..FunctionTool::default()
    })
}

fn result(id: &str, content: Vec<Part>) -> Message {
    let result = ToolResult {
        call_id: id.to_owned(),
        name: None,
        content,
        is_error: None,
        custom: false,
        cache: None,
    };
    Message::new(Role::Tool, vec![Part::ToolResult(result)])
}

fn full() -> ChatRequest {
    let thinking = Reasoning { text: "Hm.".into(), ..Reasoning::default() };
    let call = ToolCall::new("call_1", "weather", r#"{"city":"Hangzhou"}"#);
    let mut request = ChatRequest {
        messages: vec![
            Message::new(Role::System, vec![Part::text("Be brief."), Part::text("Be kind.")]),
            Message::text(Role::User, "Weather?"),
            Message::new(
                Role::Assistant,
                vec![Part::Reasoning(thinking), Part::text("Looking."), Part::ToolCall(call)],
            ),
            result("call_1", vec![Part::text("21 °C")]),
        ],
        tools: vec![function("weather"), function("clock")],
        tool_choice: Some(ToolChoice::Function("weather".into())),
        parallel_tool_calls: Some(true),
        output: OutputFormat::JsonSchema(JsonSchema {
            name: Some("report".into()),
            schema: RawJson::parse(r#"{"type":"object"}"#).ok(),
            strict: Some(true),
            ..JsonSchema::default()
        }),
        max_output_tokens: Some(500),
        reasoning: Some(ReasoningOptions {
            enabled: Some(true),
            budget_tokens: Some(1000),
            ..ReasoningOptions::default()
        }),
        stream: true,
        extras: Some((OTHER, object(r#"{"enable_search":true,"search_options":{"forced_search":true}}"#))),
        ..ChatRequest::default()
    };
    let sampling = &mut request.sampling;
    (sampling.temperature, sampling.top_p, sampling.top_k) = (Some(0.7), Some(0.9), Some(20));
    (sampling.presence_penalty, sampling.seed, sampling.n) = (Some(0.5), Some(7), Some(2));
    (sampling.logprobs, sampling.top_logprobs) = (Some(true), Some(3));
    sampling.stop = vec!["END".into()];
    request
}

#[test]
fn a_full_request_is_written_whole() {
    let encoded = encoded(&full(), "qwen-plus");
    insta::assert_snapshot!(serde_json::to_string_pretty(&body(&encoded)).expect("JSON"));
    assert_eq!(encoded.losses, []);
    assert_eq!(encoded.request.path, "/services/aigc/text-generation/generation");
    assert_eq!(encoded.request.headers["x-dashscope-sse"], "enable");
}

#[test]
fn a_request_with_pictures_goes_to_the_multimodal_service() {
    let media = |url: &str| Media::new(Source::from_url(url));
    let user = vec![
        Part::text("What is this?"),
        Part::Image(media("data:image/png;base64,iVBORw0=")),
        Part::Video(media("oss://bucket/film.mp4")),
        Part::Audio(media("https://a.example/sound.mp3")),
    ];
    let request = ChatRequest {
        messages: vec![Message::text(Role::System, "Look."), Message::new(Role::User, user)],
        ..ChatRequest::default()
    };
    let encoded = encoded(&request, "qwen-plus");
    assert_eq!(encoded.request.path, "/services/aigc/multimodal-generation/generation");
    assert_eq!(encoded.request.headers["x-dashscope-ossresourceresolve"], "enable");
    assert!(!encoded.request.headers.contains_key("x-dashscope-sse"));
    assert_eq!(
        body(&encoded)["input"]["messages"],
        json!([
            {"role": "system", "content": [{"text": "Look."}]},
            {"role": "user", "content": [
                {"text": "What is this?"},
                {"image": "data:image/png;base64,iVBORw0="},
                {"video": "oss://bucket/film.mp4"},
                {"audio": "https://a.example/sound.mp3"}
            ]}
        ])
    );
    assert_eq!(body(&encoded)["parameters"], json!({"result_format": "message"}));
}

#[test]
fn marks_for_the_cache_make_a_list_of_typed_texts() {
    let marked = Text { cache: Some(CacheMark::Short), ..Text::new("Long.") };
    let request = ChatRequest {
        messages: vec![Message::new(Role::System, vec![Part::Text(marked), Part::text("Short.")])],
        ..ChatRequest::default()
    };
    let encoded = encoded(&request, "qwen-plus");
    let expected = json!([
        {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Short."}
    ]);
    assert_eq!(body(&encoded)["input"]["messages"][0]["content"], expected);
    assert_eq!(encoded.losses, []);
}

#[test]
fn thinking_is_switched_and_bounded() {
    let parameters = |reasoning: ReasoningOptions| {
        let request = ChatRequest { reasoning: Some(reasoning), ..ChatRequest::default() };
        let mut parameters = body(&encoded(&request, "qwen-plus"))["parameters"].clone();
        parameters.as_object_mut().expect("an object").remove("result_format");
        parameters
    };
    let effort = |word: &str| ReasoningOptions { effort: Some(word.into()), ..ReasoningOptions::default() };
    assert_eq!(parameters(effort("none")), json!({"enable_thinking": false}));
    assert_eq!(parameters(effort("low")), json!({"enable_thinking": true, "thinking_budget": 2048}));
    assert_eq!(parameters(effort("max")), json!({"enable_thinking": true}));
    let off = ReasoningOptions { enabled: Some(false), ..ReasoningOptions::default() };
    assert_eq!(parameters(off), json!({"enable_thinking": false}));
    assert_eq!(parameters(ReasoningOptions::default()), json!({}));
}

#[test]
fn a_choice_that_some_tool_must_be_called_needs_a_single_tool() {
    let required = |tools: Vec<Tool>| ChatRequest {
        tools,
        tool_choice: Some(ToolChoice::Required),
        ..ChatRequest::default()
    };
    let strict = Target { policy: LossPolicy::Default, ..target("qwen-plus", false) };
    let one = dialect().encode(&required(vec![function("a")]), &strict).expect("one can be named");
    let named = json!({"type": "function", "function": {"name": "a"}});
    assert_eq!(body(&one)["parameters"]["tool_choice"], named);
    let error = dialect().encode(&required(vec![function("a"), function("b")]), &strict).expect_err("two");
    assert_eq!(error.param(), Some("tool_choice"));
    let dropped = encoded(&required(Vec::new()), "qwen-plus");
    assert_eq!(body(&dropped)["parameters"], json!({"result_format": "message"}));
}

#[test]
fn what_cannot_be_carried_is_told() {
    let state = Opaque { origin: OTHER, kind: OpaqueKind::Signature, data: "x".into() };
    let document = |source| {
        Part::Document(Document { source, title: None, context: None, citations: None, cache: None })
    };
    let file = Source::FileId { origin: OTHER, id: "file-1".into() };
    let mut user = Message::new(
        Role::User,
        vec![
            Part::text("?"),
            document(Source::Text("A text.".into())),
            document(file.clone()),
            Part::Image(Media::new(file)),
        ],
    );
    user.name = Some("ada".into());
    let thinking = Reasoning { opaque: Some(state), ..Reasoning::default() };
    let mut request = ChatRequest {
        messages: vec![user, Message::new(Role::Assistant, vec![Part::Reasoning(thinking)])],
        tools: vec![Tool::Hosted { origin: OTHER, raw: RawJson::null() }],
        user: Some("u".into()),
        metadata: Some(object(r#"{"a":"b"}"#)),
        service_tier: Some("priority".into()),
        verbosity: Some("low".into()),
        modalities: vec!["audio".into()],
        cache: Some(CacheMark::Short),
        extras: Some((OTHER, object(r#"{"store":true}"#))),
        ..ChatRequest::default()
    };
    request.sampling.frequency_penalty = Some(0.5);
    request.sampling.logit_bias = RawJson::parse(r#"{"1":2}"#).ok();
    let encoded = encoded(&request, "qwen-plus");
    let losses: Vec<&str> = encoded.losses.iter().map(|loss| loss.field.as_ref()).collect();
    insta::assert_debug_snapshot!(losses);
    let content = json!([{"text": "?"}, {"text": "A text."}]);
    assert_eq!(body(&encoded)["input"]["messages"], json!([{"role": "user", "content": content}]));
}

#[test]
fn a_deployment_adds_and_takes_away_inside_input_and_parameters() {
    let mut request =
        ChatRequest { messages: vec![Message::text(Role::User, "Hi")], ..ChatRequest::default() };
    request.sampling.top_k = Some(5);
    let target = Target {
        extra_body: object(r#"{"parameters":{"enable_search":true},"input":{"app":1},"workspace":"w"}"#),
        drop_fields: vec!["top_k".into()],
        max_output_tokens: Some(9),
        ..target("qwen-plus", false)
    };
    let encoded = dialect().encode(&request, &target).expect("encodes");
    assert_eq!(
        body(&encoded),
        json!({
            "model": "qwen-plus",
            "input": {"messages": [{"role": "user", "content": "Hi"}], "app": 1},
            "parameters": {"result_format": "message", "max_tokens": 9, "enable_search": true},
            "workspace": "w"
        })
    );
}

#[test]
fn a_body_of_this_format_passes_with_another_model() {
    let forward = |body: &str| {
        let body = bytes::Bytes::copy_from_slice(body.as_bytes());
        let envelope = Envelope::scan(&body).expect("an object");
        let encoded = dialect().forward(&body, &envelope, &target("qwen-max", true)).expect("passes");
        (encoded.request.path.clone(), crate::body(&encoded))
    };
    let (path, body) = forward(r#"{"model":"x","input":{"prompt":"hi"},"parameters":{"seed":1}}"#);
    assert!(path.contains("text-generation"));
    assert_eq!(body, json!({"model": "qwen-max", "input": {"prompt": "hi"}, "parameters": {"seed": 1}}));
    let (path, _) =
        forward(r#"{"model":"x","input":{"messages":[{"role":"user","content":[{"image":"https://a"}]}]}}"#);
    assert!(path.contains("multimodal-generation"));
}

#[test]
fn schemas_and_arguments_keep_their_order() {
    let encoded = encoded(&full(), "qwen-plus");
    let text = String::from_utf8(encoded.request.body.joined().to_vec()).expect("UTF-8");
    assert!(text.contains(r#""properties":{"z":{},"a":{}}"#), "{text}");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["parameters"]["tools"][0]["function"]["name"], "weather");
}
