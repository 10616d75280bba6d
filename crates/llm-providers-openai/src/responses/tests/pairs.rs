//! This format beside chat completions: what one side of the gateway speaks reaches the other.

use llm_core::dialect::Target;
use llm_core::event::unfold;
use llm_core::request::Tool;
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, ChatResponse, Dialect, Ingress, LossPolicy, Part, Role};
use llm_testkit::{Recording, recordings, replay};
use serde_json::{Value, json};

use super::{request, streamed};
use crate::responses::{Responses, ResponsesIngress};
use crate::{ChatCompletions, ChatIngress};

fn lenient() -> Target {
    Target { model: "vendor-model".into(), policy: LossPolicy::Drop, ..Target::default() }
}

fn answer(dialect: &dyn Dialect, case: &Recording) -> Option<ChatResponse> {
    if case.is_sse() {
        replay::folded(dialect, &case.reply.body).ok()
    } else {
        dialect.decode(&case.reply).ok()
    }
}

/// What people and programs see of an answer: its texts, and its calls with their arguments.
fn shown(response: &ChatResponse) -> Value {
    let parts = response.choices.iter().flat_map(|choice| &choice.message.parts);
    let calls = response.choices.iter().flat_map(|choice| choice.message.tool_calls());
    let text: String = parts.filter_map(Part::as_text).collect();
    let calls: Vec<Value> = calls
        .map(|call| {
            let blank = !call.custom && call.arguments.trim().is_empty();
            json!([call.id, call.name, if blank { "{}" } else { &call.arguments }])
        })
        .collect();
    json!([text, calls])
}

#[test]
fn answers_of_chat_completions_reach_clients_of_this_format() {
    let vendor = ChatCompletions::default();
    let cases = recordings("openai-chat").into_iter().filter(Recording::is_success);
    for case in cases {
        let Some(response) = answer(&vendor, &case) else { continue };
        let name = &case.case;
        let asked = ChatRequest::default();
        let body = ResponsesIngress.encode(&response, &asked);
        let whole = Responses::default()
            .decode(&WireResponse { body, ..case.reply.clone() })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let stream = streamed(&unfold(response.clone()), &asked);
        let folded = replay::folded(&Responses::default(), stream.as_bytes()).expect("our own stream");
        for back in [whole, folded] {
            assert_eq!(shown(&back), shown(&response), "{name}");
            assert_eq!(back.usage.total(), response.usage.total(), "{name}");
        }
    }
}

#[test]
fn requests_of_chat_clients_reach_vendors_of_this_format() {
    for case in recordings("openai-chat") {
        let Ok(asked) = ChatIngress.decode(&case.request.clone().into(), &http::HeaderMap::new()) else {
            continue;
        };
        // A request that says nothing (`content: null`) is the vendor's to refuse.
        if asked.messages.iter().all(|message| message.parts.is_empty()) {
            continue;
        }
        let encoded = Responses::default().encode(&asked, &lenient()).expect("losses may be dropped");
        let body = String::from_utf8(encoded.request.body.joined().to_vec()).expect("UTF-8");
        let back = request(&body);
        let texts = |request: &ChatRequest| -> Vec<String> {
            let spoken = request.messages.iter().filter(|message| message.role != Role::Tool);
            spoken.map(llm_core::Message::joined_text).filter(|text| !text.is_empty()).collect()
        };
        assert_eq!(texts(&back), texts(&asked), "{}", case.case);
        // Tools that a vendor of the other format runs itself are lost, and said to be.
        let own = asked.tools.iter().filter(|tool| !matches!(tool, Tool::Hosted { .. }));
        assert_eq!(back.tools.len(), own.count(), "{}", case.case);
    }
}

#[test]
fn requests_of_this_format_reach_vendors_of_chat_completions() {
    for case in recordings("openai-responses") {
        let asked = request(&case.request);
        let encoded = ChatCompletions::default().encode(&asked, &lenient()).expect("losses may be dropped");
        let body: Value = serde_json::from_slice(&encoded.request.body.joined()).expect("JSON");
        assert!(body["messages"].as_array().is_some_and(|messages| !messages.is_empty()), "{}", case.case);
    }
}

#[test]
fn what_a_vendor_keeps_cannot_be_told_to_chat_completions() {
    let asked = request(r#"{"model":"m","input":"hi","previous_response_id":"resp_1"}"#);
    let strict = Target { policy: LossPolicy::Default, ..lenient() };
    let error =
        ChatCompletions::default().encode(&asked, &strict).expect_err("the conversation would be lost");
    assert_eq!(error.status(), 400);
}
