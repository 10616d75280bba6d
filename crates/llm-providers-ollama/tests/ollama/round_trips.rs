//! Random conversations and answers there and back, and random bytes.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{Seen, TapOptions};
use llm_core::event::unfold;
use llm_core::message::{Media, Reasoning, Source, ToolCall, ToolResult};
use llm_core::request::{FunctionTool, ReasoningOptions, Sampling, Tool};
use llm_core::wire::Frame;
use llm_core::{
    ChatRequest, ChatResponse, Choice, Dialect, FinishReason, Ingress, Message, Part, RawJson, RawObject,
    Role, Usage,
};
use llm_providers_ollama::{CHAT, ChatIngress, GenerateIngress};
use llm_testkit::replay;
use proptest::prelude::*;

use crate::{ask, dialect, prompt, reply, stream_for, text_for};

fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n ]{0,12}[a-z漢\u{1F600}]"
}

fn image() -> impl Strategy<Value = Part> {
    "[A-Za-z0-9]{0,8}".prop_map(|rest| {
        let data = format!("iVBORw0KGgo{rest}");
        Part::Image(Media::new(Source::Base64 { media_type: "image/png".into(), data }))
    })
}

fn arguments() -> impl Strategy<Value = String> {
    prop_oneof![Just("{}".to_owned()), Just(r#"{"z":18446744073709551615,"a":[1.10,null]}"#.to_owned())]
}

fn thinking() -> impl Strategy<Value = Option<Part>> {
    prop::option::of(words().prop_map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() })))
}

fn said() -> impl Strategy<Value = Vec<Part>> {
    let calls = prop::collection::vec(("[a-z]{1,6}", arguments()), 0..3);
    (thinking(), words(), calls).prop_map(|(thinking, text, calls)| {
        let calls = calls.into_iter().enumerate().map(|(at, (name, arguments))| {
            Part::ToolCall(ToolCall::new(format!("call_{name}_{at}"), name, arguments))
        });
        thinking.into_iter().chain([Part::text(text)]).chain(calls).collect()
    })
}

fn results(said: &[Part]) -> Vec<Message> {
    let calls = said.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    });
    let result = |call: &ToolCall| ToolResult {
        call_id: call.id.clone(),
        name: Some(call.name.clone()),
        content: vec![Part::text("done")],
        is_error: None,
        custom: false,
        cache: None,
    };
    calls.map(|call| Message::new(Role::Tool, vec![Part::ToolResult(result(call))])).collect()
}

fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let asked = (words(), prop::collection::vec(image(), 0..2)).prop_map(|(text, images)| {
        Message::new(Role::User, [Part::text(text)].into_iter().chain(images).collect())
    });
    let round = (said(), words()).prop_map(|(said, next)| {
        let results = results(&said);
        let head = [Message::new(Role::Assistant, said)];
        head.into_iter().chain(results).chain([Message::text(Role::User, next)]).collect::<Vec<_>>()
    });
    (words(), asked, prop::collection::vec(round, 0..3)).prop_map(|(system, asked, rounds)| {
        let head = [Message::text(Role::System, system), asked];
        head.into_iter().chain(rounds.into_iter().flatten()).collect()
    })
}

fn request() -> impl Strategy<Value = ChatRequest> {
    let think = prop::option::of(prop_oneof![
        any::<bool>().prop_map(|on| (on, None)),
        Just((true, Some("low".to_owned()))),
    ]);
    let sampling =
        (prop::option::of(0u8..9), prop::option::of(1u64..99), prop::collection::vec(words(), 0..3));
    (conversation(), think, sampling, any::<bool>(), prop::option::of(1u64..999)).prop_map(
        |(messages, think, (temperature, top_k, stop), stream, max_output_tokens)| ChatRequest {
            model: "qwen3".into(),
            messages,
            tools: vec![Tool::Function(FunctionTool {
                name: "f".into(),
                parameters: RawJson::parse(r#"{"type":"object","z":{},"a":{}}"#).ok(),
                ..FunctionTool::default()
            })],
            reasoning: think.map(|(enabled, effort)| ReasoningOptions {
                enabled: Some(enabled),
                effort,
                ..ReasoningOptions::default()
            }),
            sampling: Sampling {
                temperature: temperature.map(f64::from),
                top_k,
                stop,
                ..Sampling::default()
            },
            max_output_tokens,
            stream,
            extras: Some((CHAT, RawObject::default())),
            ..ChatRequest::default()
        },
    )
}

fn response() -> impl Strategy<Value = ChatResponse> {
    (said(), any::<bool>(), 0u64..999, 1u64..999).prop_map(|(parts, cut, input, output)| {
        let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let finish = match (cut, calls) {
            (true, _) => FinishReason::Length,
            (false, true) => FinishReason::ToolCalls,
            (false, false) => FinishReason::Stop,
        };
        let message = Message::new(Role::Assistant, parts);
        ChatResponse {
            model: "qwen3".into(),
            created: Some(1_786_082_891),
            choices: vec![Choice { index: 0, message, finish: Some(finish), logprobs: None }],
            usage: Usage { input: Some(input), output: Some(output), ..Usage::default() },
            ..ChatResponse::default()
        }
    })
}

/// Durations are told as 0 and the time in words: both come back as extras.
fn plain(mut response: ChatResponse) -> ChatResponse {
    response.extras = None;
    response
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn requests_come_back(request in request()) {
        prop_assert_eq!(ask(&text_for(&request)).expect("a request"), request);
    }

    #[test]
    fn answers_come_back(response in response()) {
        let body = ChatIngress.encode(&response, &ChatRequest::default());
        let again = dialect().decode(&reply(200, std::str::from_utf8(&body).expect("UTF-8"))).expect("an answer");
        prop_assert_eq!(plain(again), response);
    }

    #[test]
    fn streams_tell_the_same_answer(response in response()) {
        let text = stream_for(&ChatIngress, &ChatRequest::default(), &unfold(response.clone()));
        prop_assert_eq!(plain(replay::folded(&dialect(), text.as_bytes()).expect("complete")), response);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "\\PC{0,40}") {
        for body in [Bytes::from(bytes), Bytes::from(text.clone())] {
            let _ = ChatIngress.decode(&body, &HeaderMap::new());
            let _ = GenerateIngress.decode(&body, &HeaderMap::new());
            let _ = dialect().peek(&body);
            let _ = dialect().tap(TapOptions::default()).frame(&body, &mut Seen::default());
        }
        let _ = dialect().decode(&reply(200, &text));
        let _ = dialect().decoder().push(Frame { event: None, data: &text }, &mut Vec::new());
    }

    #[test]
    fn no_json_makes_it_panic(key in "(message|messages|tool_calls|options|done|error|response|created_at|images)", value in "(null|1|\"\"|\"x\"|\\[\\]|\\[1\\]|\\{\\}|\\[\\{\\}\\])") {
        let text = format!(r#"{{"model":"m","prompt":"p","{key}":{value}}}"#);
        let _ = ask(&text);
        let _ = prompt(&text);
        let _ = dialect().decode(&reply(200, &text));
        let _ = dialect().peek(text.as_bytes());
        let _ = dialect().decoder().push(Frame { event: None, data: &text }, &mut Vec::new());
    }
}
