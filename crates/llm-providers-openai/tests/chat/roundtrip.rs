//! What the canonical form can say survives the way through this format, for any conversation and any answer.

use bytes::BytesMut;
use http::HeaderMap;
use llm_core::dialect::Dialect;
use llm_core::event::unfold;
use llm_core::ingress::Ingress;
use llm_core::message::{
    CacheMark, Document, Media, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall, ToolResult,
};
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Choice, Delta, DialectId, Event, FinishReason, Message, Part, RawJson, Role,
    Target, Usage,
};
use llm_providers_openai::{CHAT, ChatCompletions, ChatIngress, Quirks};
use llm_testkit::replay;
use proptest::prelude::*;

/// A vendor that takes everything that the format can say.
fn open_minded() -> ChatCompletions {
    let quirks: Quirks = serde_json::from_str(
        r#"{"reasoning_history":"reasoning_details","thinking_switch":"reasoning","cache_control":true,"tool_result_media":true,"file_urls":true}"#,
    )
    .expect("a valid row");
    ChatCompletions::new(quirks)
}

fn words() -> impl Strategy<Value = String> {
    "[a-zé漢\u{1F600}\"\\\\\n ]{1,12}"
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_]{1,8}"
}

fn schema() -> impl Strategy<Value = RawJson> {
    // Order and spelling of numbers must survive.
    prop_oneof![
        Just(
            r#"{"type":"object","properties":{"z":{"type":"integer"},"a":{"maximum":18446744073709551615}}}"#
        ),
        Just(r#"{ "type" : "object","required":[],"x":1.10 }"#),
    ]
    .prop_map(|text| RawJson::parse(text).expect("valid"))
}

fn mark() -> impl Strategy<Value = Option<CacheMark>> {
    prop_oneof![Just(None), Just(Some(CacheMark::Short)), Just(Some(CacheMark::Hour))]
}

fn text_part() -> impl Strategy<Value = Part> {
    (words(), mark()).prop_map(|(text, cache)| Part::Text(Text { cache, ..Text::new(text) }))
}

fn user_part() -> impl Strategy<Value = Part> {
    let base64 =
        |media_type: &str| Source::Base64 { media_type: media_type.to_owned(), data: "AAAA".to_owned() };
    let image = prop_oneof![Just(Source::Url("https://a/b.png".to_owned())), Just(base64("image/png"))];
    let file = prop_oneof![
        Just(base64("application/pdf")),
        Just(Source::FileId { origin: CHAT, id: "file-1".to_owned() }),
        Just(Source::Url("https://a/b.pdf".to_owned())),
    ];
    prop_oneof![
        text_part(),
        (image, prop::option::of(Just("low".to_owned())), mark())
            .prop_map(|(source, detail, cache)| Part::Image(Media { detail, cache, ..Media::new(source) })),
        prop_oneof![Just("audio/mpeg"), Just("audio/wav")]
            .prop_map(move |kind| Part::Audio(Media::new(base64(kind)))),
        (file, mark()).prop_map(|(source, cache)| Part::Document(Document {
            source,
            title: Some("a.pdf".to_owned()),
            context: None,
            citations: None,
            cache,
        })),
    ]
}

fn call() -> impl Strategy<Value = ToolCall> {
    let arguments = prop_oneof![
        Just("{}".to_owned()),
        Just("{\"q\":[1,\"é\"]}".to_owned()),
        Just("{\"cut\": tr".to_owned())
    ];
    ("[a-z0-9_:.]{1,12}", name(), arguments, any::<bool>())
        .prop_map(|(id, name, arguments, custom)| ToolCall { custom, ..ToolCall::new(id, name, arguments) })
}

/// Calls of one message have ids of their own.
fn calls() -> impl Strategy<Value = Vec<Part>> {
    prop::collection::vec(call(), 0..3).prop_map(|calls| {
        let numbered = calls.into_iter().enumerate();
        numbered
            .map(|(at, call)| Part::ToolCall(ToolCall { id: format!("{at}{}", call.id), ..call }))
            .collect()
    })
}

fn assistant() -> impl Strategy<Value = Message> {
    (prop::option::of(words()), prop::option::of(words()), calls()).prop_map(|(thought, text, calls)| {
        let thought = thought.map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
        let silent = thought.is_none() && calls.is_empty();
        let text = text.or(silent.then(String::new)).map(Part::text);
        Message::new(Role::Assistant, thought.into_iter().chain(text).chain(calls).collect())
    })
}

fn message() -> impl Strategy<Value = Message> {
    let parts = prop::collection::vec(user_part(), 1..3);
    let result = (words(), prop::collection::vec(text_part(), 1..3));
    prop_oneof![
        words().prop_map(|text| Message::text(Role::System, text)),
        words().prop_map(|text| Message::text(Role::Developer, text)),
        (parts, prop::option::of(name()))
            .prop_map(|(parts, name)| Message { name, ..Message::new(Role::User, parts) }),
        assistant(),
        result.prop_map(|(call_id, content)| {
            let result = ToolResult {
                call_id: format!("result {call_id}"),
                name: None,
                content,
                is_error: None,
                custom: false,
                cache: None,
            };
            Message::new(Role::Tool, vec![Part::ToolResult(result)])
        }),
    ]
}

fn tool() -> impl Strategy<Value = Tool> {
    let function =
        (name(), prop::option::of(words()), prop::option::of(schema()), any::<Option<bool>>(), mark());
    prop_oneof![
        function.prop_map(|(name, description, parameters, strict, cache)| Tool::Function(FunctionTool {
            name,
            description,
            parameters,
            strict,
            cache,
            extras: None
        })),
        (name(), prop::option::of(words())).prop_map(|(name, description)| Tool::Custom {
            name,
            description,
            format: Some(
                RawJson::parse(r#"{"type":"grammar","definition":"start: x","syntax":"lark"}"#)
                    .expect("valid")
            ),
        }),
    ]
}

fn choice() -> impl Strategy<Value = Option<ToolChoice>> {
    prop_oneof![
        Just(None),
        Just(Some(ToolChoice::Auto)),
        Just(Some(ToolChoice::None)),
        Just(Some(ToolChoice::Required)),
        name().prop_map(|name| Some(ToolChoice::Function(name))),
        name().prop_map(|name| Some(ToolChoice::Custom(name))),
    ]
}

fn output() -> impl Strategy<Value = OutputFormat> {
    let schema = (name(), prop::option::of(schema()), any::<Option<bool>>());
    prop_oneof![
        Just(OutputFormat::Text),
        Just(OutputFormat::JsonObject),
        schema.prop_map(|(name, schema, strict)| OutputFormat::JsonSchema(JsonSchema {
            name: Some(name),
            description: None,
            schema,
            strict
        })),
    ]
}

/// Numbers that are exact in binary: only spelling is at stake here.
fn quarters() -> impl Strategy<Value = f64> {
    (0..8u8).prop_map(|quarters| f64::from(quarters) / 4.0)
}

fn sampling() -> impl Strategy<Value = Sampling> {
    let numbers = (prop::option::of(quarters()), prop::option::of(quarters()), any::<Option<i64>>());
    (numbers, prop::collection::vec(words(), 0..3), prop::option::of(1..4u64), any::<Option<bool>>())
        .prop_map(|((temperature, top_p, seed), stop, n, logprobs)| Sampling {
            temperature,
            top_p,
            seed,
            stop,
            n,
            logprobs,
            ..Sampling::default()
        })
}

fn thinking() -> impl Strategy<Value = Option<ReasoningOptions>> {
    let effort = prop_oneof![Just(None), Just(Some("low".to_owned()))];
    (effort, prop::option::of(1..9000u64)).prop_map(|(effort, budget_tokens)| {
        let said = effort.is_some() || budget_tokens.is_some();
        said.then(|| ReasoningOptions { effort, budget_tokens, ..ReasoningOptions::default() })
    })
}

prop_compose! {
    fn request()(
        messages in prop::collection::vec(message(), 1..5),
        tools in prop::collection::vec(tool(), 0..3),
        choice in choice(),
        parallel in any::<Option<bool>>(),
        output in output(),
        sampling in sampling(),
        most in any::<Option<u64>>(),
        reasoning in thinking(),
        user in prop::option::of(words()),
        verbosity in prop::option::of(name()),
        stream in any::<bool>(),
        cache in mark(),
    ) -> ChatRequest {
        let has_tools = !tools.is_empty();
        ChatRequest {
            model: "model".to_owned(),
            messages,
            tools,
            tool_choice: choice.filter(|_| has_tools),
            parallel_tool_calls: parallel.filter(|_| has_tools),
            output,
            sampling,
            max_output_tokens: most,
            reasoning,
            cache,
            user,
            verbosity,
            stream,
            include_usage: stream.then_some(true),
            ..ChatRequest::default()
        }
    }
}

fn opaque() -> impl Strategy<Value = Opaque> {
    let kind =
        prop_oneof![Just(OpaqueKind::Signature), Just(OpaqueKind::Encrypted), Just(OpaqueKind::Redacted)];
    (kind, "[A-Za-z0-9+/=]{1,20}").prop_map(|(kind, data)| Opaque {
        origin: DialectId::new("other.dialect"),
        kind,
        data,
    })
}

prop_compose! {
    fn answer_choice(index: u32)(
        thoughts in prop::collection::vec((words(), opaque()), 0..3),
        text in prop::option::of(words()),
        refusal in prop::option::of(words()),
        calls in calls(),
        call_state in prop::option::of(opaque()),
        reason in prop_oneof![
            Just(FinishReason::Length), Just(FinishReason::ContentFilter), Just(FinishReason::Other("odd".to_owned()))
        ],
        logprobs in any::<bool>(),
    ) -> Choice {
        let mut parts: Vec<Part> = thoughts
            .into_iter()
            .map(|(text, opaque)| Part::Reasoning(Reasoning { text, opaque: Some(opaque), ..Reasoning::default() }))
            .collect();
        parts.extend(text.map(Part::text));
        parts.extend(refusal.map(Part::Refusal));
        let reason = if calls.is_empty() { reason } else { FinishReason::ToolCalls };
        parts.extend(calls.into_iter().map(|part| match part {
            Part::ToolCall(call) => Part::ToolCall(ToolCall { opaque: call_state.clone(), ..call }),
            other => other,
        }));
        let logprobs = logprobs.then(|| RawJson::parse(r#"{"content":[{"token":"a"}]}"#).expect("valid"));
        Choice { index, message: Message::new(Role::Assistant, parts), finish: Some(reason), logprobs }
    }
}

prop_compose! {
    fn usage()(counts in prop::collection::vec(prop::option::of(0..1000u64), 8), cost in any::<Option<u32>>()) -> Usage {
        Usage {
            input: Some(counts[0].unwrap_or(3)),
            cache_read: counts[1],
            cache_write_5m: counts[2].or(counts[3].map(|_| 0)),
            cache_write_1h: counts[3],
            output: Some(counts[4].unwrap_or(5)),
            reasoning: counts[5],
            audio_in: counts[6],
            audio_out: counts[7],
            reported_cost: cost.map(i64::from),
            ..Usage::default()
        }
    }
}

prop_compose! {
    fn response()(first in answer_choice(0), second in prop::option::of(answer_choice(1)), usage in usage()) -> ChatResponse {
        ChatResponse {
            id: "chatcmpl-1".to_owned(),
            model: "model".to_owned(),
            created: Some(7),
            choices: std::iter::once(first).chain(second).collect(),
            usage,
            system_fingerprint: Some("fp".to_owned()),
            service_tier: Some("default".to_owned()),
            extras: None,
        }
    }
}

/// The events of a response with every text cut in two, somewhere.
fn in_pieces(response: ChatResponse, cut: usize) -> Vec<Event> {
    let halves = |text: &str| {
        let at =
            text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(cut % (text.chars().count() + 1));
        let (head, tail) = text.split_at(at.unwrap_or(0));
        [head.to_owned(), tail.to_owned()]
    };
    let split = |event: Event| match event {
        Event::Delta { choice, part, delta } => {
            let deltas: Vec<Delta> = match &delta {
                Delta::Text(text) => halves(text).map(Delta::Text).into(),
                Delta::Reasoning(text) => halves(text).map(Delta::Reasoning).into(),
                Delta::Arguments(text) => halves(text).map(Delta::Arguments).into(),
                Delta::Refusal(text) => halves(text).map(Delta::Refusal).into(),
                _ => vec![delta],
            };
            deltas.into_iter().map(|delta| Event::Delta { choice, part, delta }).collect()
        }
        other => vec![other],
    };
    unfold(response).into_iter().flat_map(split).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_request_comes_back_as_it_was(request in request()) {
        let target = Target { model: "model".to_owned(), stream: request.stream, ..Target::default() };
        let encoded = open_minded().encode(&request, &target).expect("nothing is lost");
        prop_assert_eq!(&encoded.losses, &[]);
        let body = encoded.request.body.joined();
        let again = ChatIngress.decode(&body, &HeaderMap::new()).expect("reads");
        prop_assert_eq!(again, request, "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn an_answer_comes_back_as_it_was(response in response()) {
        let body = ChatIngress.encode(&response, &ChatRequest::default());
        let shown = String::from_utf8_lossy(&body).into_owned();
        let reply = WireResponse { status: 200, headers: HeaderMap::new(), body };
        prop_assert_eq!(open_minded().decode(&reply).expect("reads"), response, "{}", shown);
    }

    #[test]
    fn a_stream_comes_back_as_it_was(response in response(), cut in 0..20usize) {
        let request = ChatRequest { include_usage: Some(true), ..ChatRequest::default() };
        let mut encoder = ChatIngress.encoder(&request);
        let mut stream = BytesMut::new();
        for event in in_pieces(response.clone(), cut) {
            encoder.push(&event, &mut stream);
        }
        let again = replay::folded(&open_minded(), &stream).expect("reads");
        prop_assert_eq!(again, response, "{}", String::from_utf8_lossy(&stream));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
        for body in [bytes, text.into_bytes()] {
            let reply = WireResponse { status: 200, headers: HeaderMap::new(), body: body.clone().into() };
            let _ = open_minded().decode(&reply);
            let _ = open_minded().peek(&body);
            let _ = open_minded().classify(&reply);
            let _ = ChatIngress.decode(&reply.body, &HeaderMap::new());
            let _ = replay::events(&open_minded(), &[&body]);
            let _ = replay::tapped(&open_minded(), llm_core::dialect::TapOptions::default(), &body);
        }
    }
}
