//! Random conversations and answers there and back, and random bytes.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{Seen, TapOptions};
use llm_core::event::unfold;
use llm_core::message::{Media, Opaque, OpaqueKind, Reasoning, Source, ToolCall, ToolResult};
use llm_core::request::{FunctionTool, ReasoningOptions, Sampling, Tool, ToolChoice};
use llm_core::wire::Frame;
use llm_core::{
    ChatRequest, ChatResponse, Choice, Dialect, FinishReason, Ingress, Message, Part, RawJson, RawObject,
    Role, Usage,
};
use llm_providers_cohere::{CHAT, Chat, CohereIngress};
use llm_testkit::replay;
use proptest::prelude::*;

use crate::{ask, reply, stream_for, text_for};

fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n ]{0,12}[a-z漢\u{1F600}]"
}

fn text() -> impl Strategy<Value = Part> {
    words().prop_map(Part::text)
}

fn image() -> impl Strategy<Value = Part> {
    let source = prop_oneof![
        words().prop_map(|path| Source::Url(format!("https://example.com/{path}"))),
        "[a-zA-Z0-9+/]{4}".prop_map(|data| Source::Base64 { media_type: "image/png".into(), data }),
    ];
    (source, prop::option::of(prop::sample::select(vec!["auto", "low", "high"]))).prop_map(
        |(source, detail)| Part::Image(Media { detail: detail.map(str::to_owned), ..Media::new(source) }),
    )
}

fn call() -> impl Strategy<Value = Part> {
    let arguments = prop_oneof![
        Just("{}"),
        Just(r#"{"z":18446744073709551615,"a":[1.10,null]}"#),
        Just(r#"{"cut": "sho"#)
    ];
    ("[a-zA-Z0-9_:.é-]{1,8}", "[a-z_]{1,8}", arguments)
        .prop_map(|(id, name, arguments)| Part::ToolCall(ToolCall::new(id, name, arguments)))
}

fn thinking() -> impl Strategy<Value = Part> {
    words().prop_map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() }))
}

fn plan() -> impl Strategy<Value = Part> {
    words().prop_map(|text| {
        let opaque = Some(Opaque { origin: CHAT, kind: OpaqueKind::Signature, data: "tool_plan".to_owned() });
        Part::Reasoning(Reasoning { text, opaque, ..Reasoning::default() })
    })
}

/// What a model says, in the order in which this format tells it: thinking and text, a plan, calls.
fn said() -> impl Strategy<Value = Vec<Part>> {
    let blocks = prop::collection::vec(prop_oneof![thinking(), text()], 1..3);
    (blocks, prop::option::of(plan()), prop::collection::vec(call(), 0..3))
        .prop_map(|(blocks, plan, calls)| blocks.into_iter().chain(plan).chain(calls).collect())
}

fn result() -> impl Strategy<Value = Message> {
    ("[a-zA-Z0-9_:.é-]{1,8}", prop::collection::vec(text(), 1..3)).prop_map(|(call_id, content)| {
        let result = ToolResult { call_id, name: None, content, is_error: None, custom: false, cache: None };
        Message::new(Role::Tool, vec![Part::ToolResult(result)])
    })
}

fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let user = || prop::collection::vec(prop_oneof![text(), image()], 1..3);
    let round = (said(), prop::collection::vec(result(), 0..3), user()).prop_map(|(said, results, asked)| {
        let mut messages = vec![Message::new(Role::Assistant, said)];
        messages.extend(results);
        messages.push(Message::new(Role::User, asked));
        messages
    });
    (words(), user(), prop::collection::vec(round, 0..3)).prop_map(|(system, first, rounds)| {
        let head = [Message::text(Role::System, system), Message::new(Role::User, first)];
        head.into_iter().chain(rounds.into_iter().flatten()).collect()
    })
}

fn request() -> impl Strategy<Value = ChatRequest> {
    let tool = ("[a-z]{1,6}", prop::option::of(words())).prop_map(|(name, description)| FunctionTool {
        name,
        description,
        parameters: RawJson::parse(r#"{"type":"object","properties":{"z":{},"a":{}}}"#).ok(),
        strict: Some(true),
        ..FunctionTool::default()
    });
    let choice = prop::option::of(prop_oneof![Just(ToolChoice::None), Just(ToolChoice::Required)]);
    let sampling =
        (prop::option::of(0u8..64), prop::option::of(0u64..99), prop::collection::vec(words(), 0..3));
    let thinking = prop::option::of((any::<bool>(), prop::option::of(1u64..999)));
    (conversation(), prop::collection::vec(tool, 1..3), choice, sampling, thinking, any::<bool>()).prop_map(
        |(messages, tools, tool_choice, sampling, thinking, stream)| ChatRequest {
            model: "command-a-reasoning-08-2025".to_owned(),
            messages,
            tools: tools.into_iter().map(Tool::Function).collect(),
            tool_choice,
            sampling: Sampling {
                temperature: sampling.0.map(|part| f64::from(part) / 64.0),
                top_k: sampling.1,
                stop: sampling.2,
                ..Sampling::default()
            },
            reasoning: thinking.map(|(enabled, budget)| ReasoningOptions {
                enabled: Some(enabled),
                budget_tokens: budget.filter(|_| enabled),
                ..ReasoningOptions::default()
            }),
            stream,
            extras: Some((CHAT, RawObject::default())),
            ..ChatRequest::default()
        },
    )
}

fn response() -> impl Strategy<Value = ChatResponse> {
    (said(), 0u64..99, 0u64..99).prop_map(|(parts, input, output)| {
        let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let usage = Usage { input: Some(input), output: Some(output), ..Usage::default() };
        ChatResponse {
            id: "id-1".to_owned(),
            choices: vec![Choice {
                index: 0,
                message: Message::new(Role::Assistant, parts),
                finish: Some(if calls { FinishReason::ToolCalls } else { FinishReason::Stop }),
                logprobs: None,
            }],
            usage,
            ..ChatResponse::default()
        }
    })
}

/// Without the vendor's own count, which the writer adds for clients.
fn plain(mut response: ChatResponse) -> ChatResponse {
    response.extras = None;
    response
}

proptest! {
    #[test]
    fn requests_come_back(request in request()) {
        let body = text_for(&request);
        prop_assert_eq!(ask(&body).expect("a request"), request);
    }

    #[test]
    fn answers_come_back(response in response()) {
        let body = CohereIngress.encode(&response, &ChatRequest::default());
        let text = std::str::from_utf8(&body).expect("UTF-8");
        prop_assert_eq!(plain(Chat::default().decode(&reply(200, text)).expect("an answer")), response);
    }

    /// A plan is told first what it is, as this format's own decoder does.
    #[test]
    fn streams_come_back(response in response()) {
        let mut events = unfold(response.clone());
        for at in 1..events.len() {
            let is_mark = matches!(&events[at], llm_core::Event::Delta { delta: llm_core::Delta::Opaque(_), .. });
            if is_mark {
                events.swap(at - 1, at);
            }
        }
        let text = stream_for(&events);
        prop_assert_eq!(plain(replay::folded(&Chat::default(), text.as_bytes()).expect("a stream")), response);
    }

    #[test]
    fn no_body_makes_reading_panic(text in "\\PC{0,40}|\\{\"(model|messages|message|documents|delta|type)\":[\\[{\"a-z0-9\\]}:,]{0,20}\\}") {
        let _ = ask(&text);
        let _ = CohereIngress.decode(&Bytes::from(text.clone()), &HeaderMap::new());
        let _ = Chat::default().decode(&reply(200, &text));
        let _ = Chat::default().peek(text.as_bytes());
        let _ = Chat::default().classify(&reply(400, &text));
        let _ = Chat::default().decoder().push(Frame { event: None, data: &text }, &mut Vec::new());
        let frame = format!("data: {text}\n\n");
        let _ = Chat::default().tap(TapOptions::default()).frame(frame.as_bytes(), &mut Seen::default());
    }
}
