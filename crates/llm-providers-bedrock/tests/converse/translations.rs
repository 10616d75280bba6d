//! What requests of other formats become, and what is lost.

use llm_core::message::{Document, Media, Opaque, OpaqueKind, Reasoning, Source, ToolCall, ToolResult};
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::wire::{Frame, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Choice, Delta, Dialect, DialectId, ErrorKind, Event, FinishReason, Message,
    Part, PartKind, RawJson, Role,
};
use llm_providers_bedrock::CONVERSE;
use llm_testkit::replay;
use serde_json::{Value, json};

use crate::{SONNET, ask, body, body_for, dialect, encode, stream_for, target};

const NOVA: &str = "amazon.nova-lite-v1:0";
const LLAMA: &str = "meta.llama3-70b-instruct-v1:0";

fn asking(parts: Vec<Part>) -> ChatRequest {
    ChatRequest { messages: vec![Message::new(Role::User, parts)], ..ChatRequest::default() }
}

fn hello() -> ChatRequest {
    asking(vec![Part::text("Hello")])
}

fn tool(name: &str) -> Tool {
    Tool::Function(FunctionTool { name: name.into(), ..FunctionTool::default() })
}

fn called() -> Vec<Message> {
    let result = ToolResult {
        call_id: "1".into(),
        name: None,
        content: vec![Part::text("20")],
        is_error: None,
        custom: false,
        cache: None,
    };
    vec![
        Message::text(Role::User, "Weather?"),
        Message::new(Role::Assistant, vec![Part::ToolCall(ToolCall::new("1", "weather", "{}"))]),
        Message::new(Role::Tool, vec![Part::ToolResult(result)]),
    ]
}

fn losses(request: &ChatRequest, model: &str) -> Vec<String> {
    encode(request, model).losses.iter().map(|loss| loss.field.to_string()).collect()
}

fn refused(request: &ChatRequest, model: &str) -> Option<String> {
    let error = dialect().encode(request, &target(model)).err()?;
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    error.param().map(str::to_owned)
}

#[test]
fn instructions_are_lifted_out_and_become_words_where_there_is_no_place() {
    let mut request = hello();
    request.messages.insert(0, Message::text(Role::System, "Be brief."));
    request.messages.push(Message::text(Role::Developer, "Now in French."));
    let written = body(&request, NOVA);
    assert_eq!(written["system"], json!([{"text": "Be brief."}]));
    assert_eq!(written["messages"][0]["content"], json!([{"text": "Hello"}, {"text": "Now in French."}]));
    let titan = body(&request, "amazon.titan-text-express-v1");
    assert_eq!(titan["messages"][0]["content"][0], json!({"text": "Be brief."}));
    assert!(titan["system"].is_null());
}

#[test]
fn a_conversation_without_a_word_is_refused_unless_the_prompt_is_stored() {
    let blank = Message::text(Role::User, " \n");
    for messages in [Vec::new(), vec![blank]] {
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let error = dialect().encode(&request, &target(NOVA)).expect_err("nothing is said");
        assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some("messages")));
        let prompt = "arn:aws:bedrock:us-east-1:123456789012:prompt/PROMPT12345:1";
        assert_eq!(body(&request, prompt)["messages"], json!([]));
    }
}

#[test]
fn no_tool_means_no_tools_unless_the_history_has_calls() {
    let request =
        ChatRequest { tools: vec![tool("weather")], tool_choice: Some(ToolChoice::None), ..hello() };
    assert!(body(&request, NOVA)["toolConfig"].is_null());
    assert_eq!(losses(&request, NOVA), ["tool_choice"]);
    let request = ChatRequest { messages: called(), ..request };
    let written = body(&request, NOVA);
    assert_eq!(written["toolConfig"]["tools"][0]["toolSpec"]["name"], "weather");
    assert_eq!(written["system"], json!([{"text": "Answer without calling any tool."}]));
    let forgotten = ChatRequest { messages: called(), ..ChatRequest::default() };
    assert_eq!(body(&forgotten, NOVA)["toolConfig"]["tools"][0]["toolSpec"]["name"], "weather");
    assert_eq!(losses(&forgotten, NOVA), ["tools"]);
}

#[test]
fn tools_are_demanded_where_the_family_can() {
    let one = |choice| ChatRequest { tools: vec![tool("a")], tool_choice: Some(choice), ..hello() };
    let function = || ToolChoice::Function("a".into());
    let choice = |request: &ChatRequest, model| body(request, model)["toolConfig"]["toolChoice"].clone();
    assert_eq!(choice(&one(function()), NOVA), json!({"tool": {"name": "a"}}));
    assert_eq!(choice(&one(ToolChoice::Required), SONNET), json!({"any": {}}));
    assert_eq!(choice(&one(function()), "mistral.mistral-large-2402-v1:0"), json!({"any": {}}));
    assert_eq!(refused(&one(function()), LLAMA).as_deref(), Some("tool_choice"));
    assert_eq!(refused(&one(ToolChoice::Required), LLAMA).as_deref(), Some("tool_choice"));
    assert_eq!(choice(&one(ToolChoice::Auto), LLAMA), json!({"auto": {}}));
}

#[test]
fn thinking_is_asked_for_in_each_familys_words() {
    let effort = |word: &str| ChatRequest {
        reasoning: Some(ReasoningOptions { effort: Some(word.into()), ..ReasoningOptions::default() }),
        ..hello()
    };
    let fields = |word, model| body(&effort(word), model)["additionalModelRequestFields"].clone();
    assert_eq!(fields("low", SONNET), json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}));
    let opus = "us.anthropic.claude-opus-4-7-v1:0";
    assert_eq!(fields("xhigh", opus), json!({"thinking": {"type": "adaptive"}}));
    assert_eq!(body(&effort("xhigh"), opus)["outputConfig"], json!({"effort": "xhigh"}));
    assert_eq!(
        fields("max", "us.amazon.nova-2-lite-v1:0"),
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}})
    );
    assert_eq!(fields("minimal", "openai.gpt-oss-20b-1:0"), json!({"reasoning_effort": "low"}));
    assert_eq!(losses(&effort("high"), LLAMA), ["reasoning"]);
    let small = ChatRequest { max_output_tokens: Some(2000), ..effort("high") };
    let written = body(&small, SONNET);
    assert_eq!(written["additionalModelRequestFields"]["thinking"]["budget_tokens"], 1024);
    let none = ChatRequest { max_output_tokens: Some(100), ..effort("high") };
    assert_eq!(losses(&none, SONNET), ["reasoning"]);
    assert_eq!(fields("none", SONNET), json!({"thinking": {"type": "disabled"}}));
    assert_eq!(losses(&effort("none"), "openai.gpt-oss-20b-1:0"), ["reasoning"]);
    assert_eq!(losses(&effort("none"), LLAMA), [""; 0]);
}

#[test]
fn sampling_goes_where_each_family_takes_it() {
    let sampling =
        Sampling { temperature: Some(0.5), top_p: Some(0.9), top_k: Some(5), ..Sampling::default() };
    let request = ChatRequest { sampling, ..hello() };
    let claude = body(&request, "anthropic.claude-3-haiku-20240307-v1:0");
    assert_eq!(claude["inferenceConfig"], json!({"temperature": 0.5, "topP": 0.9}));
    assert_eq!(claude["additionalModelRequestFields"], json!({"top_k": 5}));
    let nova = body(&request, NOVA);
    assert_eq!(nova["additionalModelRequestFields"], json!({"inferenceConfig": {"topK": 5}}));
    assert_eq!(losses(&request, SONNET), ["top_p"]);
    assert_eq!(losses(&request, LLAMA), ["top_k"]);
    assert_eq!(losses(&request, "us.anthropic.claude-opus-4-7-v1:0"), ["temperature", "top_k", "top_p"]);
}

fn schema() -> ChatRequest {
    let schema = RawJson::parse(r#"{"type":"object","properties":{"n":{"type":"integer"}}}"#).expect("JSON");
    let wanted = JsonSchema { name: Some("answer".into()), schema: Some(schema), ..JsonSchema::default() };
    ChatRequest { output: OutputFormat::JsonSchema(wanted), ..hello() }
}

#[test]
fn schemas_are_enforced_or_a_tools_or_told() {
    let format = &body(&schema(), SONNET)["outputConfig"]["textFormat"];
    assert_eq!(format["structure"]["jsonSchema"]["name"], "answer");
    assert!(format["structure"]["jsonSchema"]["schema"].is_string());
    let tool = &body(&schema(), NOVA)["toolConfig"];
    assert_eq!(tool["toolChoice"], json!({"tool": {"name": "gateway_json_answer"}}));
    assert_eq!(tool["tools"][0]["toolSpec"]["inputSchema"]["json"]["properties"]["n"]["type"], "integer");
    let told = body(&schema(), LLAMA);
    assert!(told["system"][0]["text"].as_str().is_some_and(|text| text.contains("\"integer\"")));
    for model in [NOVA, LLAMA] {
        assert_eq!(losses(&schema(), model), ["response_format"]);
    }
}

/// The tool for the answer is ours: its arguments are the answer.
#[test]
fn an_answer_told_by_the_tool_for_it_is_a_text() {
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": [
            {"toolUse": {"toolUseId": "t", "name": "gateway_json_answer", "input": {"n": 7}}}]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
        "metrics": {"latencyMs": 1},
    });
    let reply =
        WireResponse { status: 200, headers: http::HeaderMap::new(), body: answer.to_string().into() };
    let response = dialect().decode(&reply).expect("an answer");
    assert_eq!(response.choices[0].message.joined_text(), r#"{"n":7}"#);
    assert_eq!(response.choices[0].finish, Some(FinishReason::Stop));
    let frames = [
        ("messageStart", json!({"role": "assistant"})),
        (
            "contentBlockStart",
            json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "gateway_json_answer"}}}),
        ),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{\"n\""}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"toolUse": {"input": ":7}"}}})),
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("messageStop", json!({"stopReason": "tool_use"})),
        ("metadata", answer),
    ];
    let streamed = replay::fold(told(&frames)).expect("complete");
    assert_eq!(streamed.choices, response.choices);
}

fn told(frames: &[(&str, Value)]) -> Vec<Event> {
    let mut decoder = dialect().decoder();
    let mut out = Vec::new();
    for (name, data) in frames {
        let data = data.to_string();
        decoder.push(Frame { event: Some(name), data: &data }, &mut out).expect("a frame of this format");
    }
    decoder.finish(&mut out).expect("complete");
    out
}

#[test]
fn media_go_by_bytes_or_from_s3_only() {
    let image = |source| Part::Image(Media::new(source));
    let bytes = Source::Base64 { media_type: "image/jpg".into(), data: "AAAA".into() };
    let s3 = Source::Url("s3://bucket/a.jpg".into());
    let written = body(&asking(vec![Part::text("x"), image(bytes), image(s3)]), NOVA);
    assert_eq!(
        written["messages"][0]["content"][1],
        json!({"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}})
    );
    assert_eq!(
        written["messages"][0]["content"][2],
        json!({"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/a.jpg"}}}})
    );
    let web = asking(vec![image(Source::Url("https://a.example/b.png".into()))]);
    assert_eq!(refused(&web, NOVA).as_deref(), Some("messages.image"));
    let odd = Source::Base64 { media_type: "image/tiff".into(), data: "AAAA".into() };
    assert_eq!(refused(&asking(vec![image(odd)]), NOVA).as_deref(), Some("messages.image"));
    assert!(dialect().takes_url("s3://bucket/a.png") && !dialect().takes_url("https://a.example/b.png"));
}

#[test]
fn documents_get_names_that_vendors_take() {
    let document = |title: Option<&str>, media_type: &str| {
        Part::Document(Document {
            source: Source::Base64 { media_type: media_type.into(), data: "AAAA".into() },
            title: title.map(str::to_owned),
            context: None,
            citations: None,
            cache: None,
        })
    };
    let parts = vec![
        Part::text("x"),
        document(Some("a_b  c.pdf"), "application/pdf"),
        document(Some("a.b.c.pdf"), "application/pdf"),
        document(None, "text/plain; charset=utf-8"),
        document(Some("notes.md"), "application/octet-stream"),
    ];
    let written = body(&asking(parts), NOVA);
    let named: Vec<_> = (1..5)
        .map(|at| {
            let document = &written["messages"][0]["content"][at]["document"];
            (document["name"].as_str().unwrap_or_default(), document["format"].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        named,
        [("a b c pdf", "pdf"), ("a b c pdf (2)", "pdf"), ("document", "txt"), ("notes md", "md")]
    );
}

#[test]
fn state_of_another_vendor_is_left_out_and_its_own_goes_back() {
    let thought = |origin| {
        let opaque = Opaque { origin, kind: OpaqueKind::Signature, data: "c2ln".into() };
        Part::Reasoning(Reasoning { text: "hm".into(), opaque: Some(opaque), ..Reasoning::default() })
    };
    let history = |origin| ChatRequest {
        messages: vec![
            Message::text(Role::User, "x"),
            Message::new(Role::Assistant, vec![thought(origin), Part::text("y")]),
            Message::text(Role::User, "z"),
        ],
        ..ChatRequest::default()
    };
    let own = body(&history(CONVERSE), SONNET);
    assert_eq!(own["messages"][1]["content"][0]["reasoningContent"]["reasoningText"]["signature"], "c2ln");
    let foreign = history(DialectId::new("test.origin"));
    assert_eq!(losses(&foreign, SONNET), ["messages.reasoning"]);
}

/// A client carries other formats' state as signature, withheld thinking or behind a call, and sends it back.
#[test]
fn state_of_other_vendors_survives_a_client_of_this_format() {
    let origin = DialectId::new("test.origin");
    let state = |kind| Some(Opaque { origin, kind, data: "secret \u{1F600}".into() });
    let call = ToolCall { opaque: state(OpaqueKind::Signature), ..ToolCall::new("c 1", "look", "{}") };
    let parts = vec![
        Part::Reasoning(Reasoning {
            text: "hm".into(),
            opaque: state(OpaqueKind::Signature),
            ..Reasoning::default()
        }),
        Part::Reasoning(Reasoning { opaque: state(OpaqueKind::Redacted), ..Reasoning::default() }),
        Part::ToolCall(call),
    ];
    let response = ChatResponse {
        choices: vec![Choice {
            index: 0,
            message: Message::new(Role::Assistant, parts.clone()),
            finish: Some(FinishReason::ToolCalls),
            logprobs: None,
        }],
        ..ChatResponse::default()
    };
    let whole = body_for(&response)["output"]["message"].clone();
    let streamed =
        replay::folded(&dialect(), &stream_for(&llm_core::event::unfold(response))).expect("complete");
    for message in [whole, body_for(&streamed)["output"]["message"].clone()] {
        let back = ask(&json!({"messages": [message]}).to_string());
        assert_eq!(back.messages[0].parts, parts);
        let text = json!({"messages": [{"role": "user", "content": [{"text": "x"}]}, message]}).to_string();
        let envelope = llm_core::Envelope::scan(text.as_bytes()).expect("an object");
        let forwarded = dialect().forward(&text.into(), &envelope, &target(SONNET)).expect("passes");
        let sent = String::from_utf8(forwarded.request.body.joined().to_vec()).expect("UTF-8");
        assert!(!sent.contains("llmgw1") && !sent.contains("bGxtZ3cx"), "{sent}");
    }
}

#[test]
fn calls_that_grow_at_the_same_time_are_told_one_after_the_other() {
    let start = |part, name: &str| Event::PartStart {
        choice: 0,
        part,
        kind: PartKind::ToolCall { id: name.into(), item_id: None, name: name.into(), custom: false },
    };
    let more = |part, text: &str| Event::Delta { choice: 0, part, delta: Delta::Arguments(text.into()) };
    let events = [
        Event::Start(llm_core::event::Start::default()),
        start(0, "a"),
        start(1, "b"),
        more(1, "{\"x\":"),
        more(0, "{}"),
        more(1, "1}"),
        Event::PartEnd { choice: 0, part: 0 },
        Event::PartEnd { choice: 0, part: 1 },
        Event::Finish { choice: 0, reason: FinishReason::ToolCalls },
        Event::End,
    ];
    let response = replay::folded(&dialect(), &stream_for(&events)).expect("complete");
    let calls: Vec<_> = response.choices[0]
        .message
        .tool_calls()
        .map(|call| (call.name.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(calls, [("a", "{}"), ("b", "{\"x\":1}")]);
}

#[test]
fn an_exception_in_a_stream_is_an_error() {
    let frames = [
        ("messageStart", json!({"role": "assistant"})),
        ("throttlingException", json!({"message": "slow down"})),
    ];
    let mut decoder = dialect().decoder();
    let mut out = Vec::new();
    for (name, data) in &frames {
        decoder.push(Frame { event: Some(name), data: &data.to_string() }, &mut out).expect("a frame");
    }
    let Some(Event::Error(error)) = out.last() else { panic!("{out:?}") };
    assert_eq!((error.kind(), error.message()), (ErrorKind::RateLimited, "slow down"));
    let told = stream_for(&out);
    let again = replay::folded(&dialect(), &told).expect_err("an error");
    assert_eq!((again.kind(), again.message()), (ErrorKind::RateLimited, "slow down"));
    let seen =
        replay::tapped(&dialect(), llm_core::dialect::TapOptions::default(), &told).expect("watched").1;
    assert_eq!(seen.error.map(|error| error.kind()), Some(ErrorKind::RateLimited));
}

#[test]
fn a_body_that_is_none_is_named_and_not_quoted() {
    for (text, param) in [
        (r#"{"messages":[{"role":"user","content":[{"text":7}]}]}"#, "messages.0.content.0.text"),
        (
            r#"{"messages":[{"role":"user","content":[{"image":{"source":{"bytes":"A"}}}]}]}"#,
            "messages.0.content.0.image.format",
        ),
        (r#"{"messages":[{"role":"king","content":[]}]}"#, "messages.0.role"),
        (r#"{"system":[{"text":"x"}],"messages":"my secret"}"#, "messages"),
        ("{}", "messages"),
    ] {
        let fault = llm_core::Ingress::decode(
            &llm_providers_bedrock::ConverseIngress,
            &text.to_owned().into(),
            &http::HeaderMap::new(),
        )
        .expect_err("malformed");
        assert_eq!(fault.param(), Some(param), "{text}");
        assert!(!fault.message().contains("secret"));
    }
}
