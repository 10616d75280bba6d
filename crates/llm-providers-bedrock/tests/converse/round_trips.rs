//! Generated answers and bytes.

use llm_core::event::unfold;
use llm_core::message::{Opaque, OpaqueKind, Reasoning, ToolCall};
use llm_core::wire::WireResponse;
use llm_core::{
    ChatRequest, ChatResponse, Choice, Dialect, FinishReason, Ingress, Message, Part, Role, Usage,
};
use llm_providers_bedrock::{CONVERSE, ConverseIngress};
use llm_testkit::replay;
use proptest::prelude::*;

use crate::{ask, body, dialect, stream_for, target};

fn text() -> impl Strategy<Value = String> {
    "[a-z \"\\\\é漢\u{1F600}]{1,12}"
}

fn part() -> impl Strategy<Value = Part> {
    let thought = (text(), proptest::option::of("[A-Za-z0-9+/]{4,8}")).prop_map(|(text, signature)| {
        let state = |data| Opaque { origin: CONVERSE, kind: OpaqueKind::Signature, data };
        Part::Reasoning(Reasoning { text, opaque: signature.map(state), ..Reasoning::default() })
    });
    let redacted = Just(Part::Reasoning(Reasoning {
        opaque: Some(Opaque { origin: CONVERSE, kind: OpaqueKind::Redacted, data: "cmVk".into() }),
        ..Reasoning::default()
    }));
    let call = ("[a-zA-Z0-9_.:-]{1,12}", "[a-z]{1,8}", text()).prop_map(|(id, name, value)| {
        let arguments = serde_json::json!({"value": value}).to_string();
        Part::ToolCall(ToolCall::new(id, name, arguments))
    });
    prop_oneof![text().prop_map(Part::text), thought, redacted, call]
}

fn response() -> impl Strategy<Value = ChatResponse> {
    (proptest::collection::vec(part(), 1..6), 0u64..1000, 0u64..1000).prop_map(|(parts, input, output)| {
        let message = Message::new(Role::Assistant, parts);
        let calls = message.tool_calls().next().is_some();
        let finish = Some(if calls { FinishReason::ToolCalls } else { FinishReason::Stop });
        ChatResponse {
            choices: vec![Choice { index: 0, message, finish, logprobs: None }],
            usage: Usage { input: Some(input), output: Some(output), ..Usage::default() },
            ..ChatResponse::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn answers_come_back_whole_and_streamed(response in response()) {
        let body = ConverseIngress.encode(&response, &ChatRequest::default());
        let reply = WireResponse { status: 200, headers: http::HeaderMap::new(), body };
        let whole = dialect().decode(&reply).expect("an answer");
        prop_assert_eq!(&whole.choices, &response.choices);
        prop_assert_eq!(whole.usage, response.usage);
        let streamed = replay::folded(&dialect(), &stream_for(&unfold(response.clone()))).expect("complete");
        prop_assert_eq!(&streamed.choices, &response.choices);
        prop_assert_eq!(streamed.usage, response.usage);
    }

    /// What a client sends back of an answer is what the vendor said.
    #[test]
    fn histories_come_back(response in response()) {
        let body_of = |request: &ChatRequest| body(request, "us.anthropic.claude-3-7-sonnet-20250219-v1:0");
        let parts = &response.choices[0].message.parts;
        let request = ChatRequest {
            messages: vec![Message::text(Role::User, "x"), Message::new(Role::Assistant, parts.clone()), Message::text(Role::User, "y")],
            ..ChatRequest::default()
        };
        let written = body_of(&request);
        let again = body_of(&ask(&written.to_string()));
        prop_assert_eq!(&again["messages"], &written["messages"]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,80}") {
        for body in [bytes, text.into_bytes()] {
            let reply = WireResponse { status: 400, headers: http::HeaderMap::new(), body: body.clone().into() };
            let _ = dialect().decode(&reply);
            let _ = dialect().classify(&reply);
            let _ = dialect().peek(&body);
            let _ = ConverseIngress.decode(&body.clone().into(), &http::HeaderMap::new());
            let _ = replay::events(&dialect(), &[&body]);
        }
    }

    #[test]
    fn no_model_makes_it_panic(model in "\\PC{0,40}|arn:aws[a-z0-9:/.-]{0,40}|[a-z]{0,3}claude[-v0-9a-z.]{0,12}") {
        let request = ChatRequest { messages: vec![Message::text(Role::User, "x")], ..ChatRequest::default() };
        let encoded = dialect().encode(&request, &target(&model)).expect("can be expressed");
        prop_assert!(encoded.request.path.is_ascii());
    }
}
