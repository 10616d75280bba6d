//! Random conversations and answers there and back, and random bytes.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{Seen, TapOptions};
use llm_core::event::unfold;
use llm_core::message::{Media, Opaque, Reasoning, Source, ToolCall, ToolResult};
use llm_core::wire::Frame;
use llm_core::{
    ChatRequest, ChatResponse, Choice, Dialect, Envelope, FinishReason, Ingress, Message, Part, Role, Target,
    Usage,
};
use llm_providers_gemini::{GENERATE, GenerateIngress};
use llm_testkit::replay;
use proptest::prelude::*;

use crate::{ask, dialect, reply, stream_for, text_for};

fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n ]{0,12}[a-z漢\u{1F600}]"
}

fn state() -> impl Strategy<Value = Opaque> {
    "[a-zA-Z0-9+/]{4}".prop_map(|data| Opaque {
        origin: GENERATE,
        kind: llm_core::message::OpaqueKind::Signature,
        data,
    })
}

fn image() -> impl Strategy<Value = Part> {
    prop_oneof![
        "[a-zA-Z0-9+/]{4}".prop_map(|data| Source::Base64 { media_type: "image/webp".into(), data }),
        "[a-z]{1,6}".prop_map(|name| Source::Url(format!("https://a.example/{name}.png"))),
        "[a-z]{1,6}"
            .prop_map(|name| Source::FileId { origin: GENERATE, id: format!("gs://b/{name}#image/x") }),
    ]
    .prop_map(|source| Part::Image(Media::new(source)))
}

fn call() -> impl Strategy<Value = ToolCall> {
    let arguments = prop_oneof![Just("{}"), Just(r#"{"z":18446744073709551615,"a":[1.10,null]}"#)];
    ("[a-z0-9_:.-]{4,8}", "[a-z_]{1,8}", arguments, prop::option::of(state()))
        .prop_map(|(id, name, arguments, opaque)| ToolCall { opaque, ..ToolCall::new(id, name, arguments) })
}

fn thinking() -> impl Strategy<Value = Part> {
    (words(), state()).prop_map(|(text, state)| {
        Part::Reasoning(Reasoning { text, opaque: Some(state), ..Reasoning::default() })
    })
}

/// A turn of the model, its calls, and the results of them.
fn round() -> impl Strategy<Value = Vec<Message>> {
    let said =
        (prop::option::of(thinking()), words().prop_map(Part::text), prop::collection::vec(call(), 1..3));
    (said, prop::collection::vec((words(), any::<bool>()), 3)).prop_map(
        |((thinking, text, mut calls), answers)| {
            for (at, call) in calls.iter_mut().enumerate() {
                call.id.push_str(&at.to_string());
            }
            let results = calls.iter().zip(answers).map(|(call, (text, failed))| {
                Part::ToolResult(ToolResult {
                    call_id: call.id.clone(),
                    name: Some(call.name.clone()),
                    content: vec![Part::text(text)],
                    is_error: failed.then_some(true),
                    custom: false,
                    cache: None,
                })
            });
            let results = results.collect();
            let parts = thinking.into_iter().chain([text]).chain(calls.into_iter().map(Part::ToolCall));
            vec![Message::new(Role::Assistant, parts.collect()), Message::new(Role::Tool, results)]
        },
    )
}

fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let user = prop::collection::vec(prop_oneof![words().prop_map(Part::text), image()], 1..3);
    (words(), user, prop::collection::vec(round(), 0..3)).prop_map(|(system, first, rounds)| {
        let head = [Message::text(Role::System, system), Message::new(Role::User, first)];
        head.into_iter().chain(rounds.into_iter().flatten()).collect()
    })
}

fn answer() -> impl Strategy<Value = ChatResponse> {
    let finish =
        prop::sample::select(vec![FinishReason::Stop, FinishReason::Length, FinishReason::ContentFilter]);
    let calls = prop::collection::vec(call(), 0..3);
    let usage = (0..9u64, 0..9u64, 1..9u64).prop_map(|(input, cached, output)| Usage {
        input: Some(input),
        cache_read: Some(cached),
        output: Some(output),
        ..Usage::default()
    });
    (prop::option::of(thinking()), words(), calls, finish, usage).prop_map(
        |(thinking, text, calls, finish, usage)| {
            let parts =
                thinking.into_iter().chain([Part::text(text)]).chain(calls.into_iter().map(Part::ToolCall));
            let message = Message::new(Role::Assistant, parts.collect());
            ChatResponse {
                id: "resp".into(),
                model: "large".into(),
                choices: vec![Choice { index: 0, message, finish: Some(finish), logprobs: None }],
                usage,
                ..ChatResponse::default()
            }
        },
    )
}

proptest! {
    #[test]
    fn conversations_come_back(messages in conversation()) {
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let body = text_for(&request, "gemini-2.5-flash");
        prop_assert_eq!(ask(&body).expect("its own words").messages, request.messages);
    }

    #[test]
    fn answers_come_back_whole_and_streamed(response in answer()) {
        let request = ChatRequest::default();
        let whole = GenerateIngress::events().encode(&response, &request);
        let whole = reply(200, std::str::from_utf8(&whole).expect("UTF-8"));
        prop_assert_eq!(dialect().decode(&whole), Ok(response.clone()));
        let events = unfold(response.clone());
        let text = stream_for(GenerateIngress::events(), &request, &events);
        prop_assert_eq!(replay::folded(&dialect(), text.as_bytes()), Ok(response.clone()));
        let array = stream_for(GenerateIngress::array(), &request, &events);
        prop_assert_eq!(dialect().decode(&reply(200, &array)), Ok(response));
    }

    #[test]
    fn no_bytes_make_anything_panic(text in r#"[\[\]{}":,a-z0-9]{0,40}|\{"(contents|candidates|error|tools)":[\[\]{}":,a-z0-9]{0,40}\}"#) {
        let body = Bytes::from(text.clone());
        let _ = GenerateIngress::events().decode(&body, &HeaderMap::new());
        let _ = dialect().decode(&reply(200, &text));
        let _ = dialect().peek(&body);
        let _ = dialect().classify(&reply(500, &text));
        let _ = dialect().read_token_count(&body);
        let _ = dialect().decoder().push(Frame { event: None, data: &text }, &mut Vec::new());
        let _ = dialect().tap(TapOptions::default()).frame(text.as_bytes(), &mut Seen::default());
        if let Ok(envelope) = Envelope::scan(&body) {
            let _ = dialect().forward(&body, &envelope, &Target::default());
            let _ = dialect().count_tokens(&body, &envelope, &Target::default());
            let _ = GenerateIngress::events().max_output_tokens(&body, &envelope);
        }
    }
}
