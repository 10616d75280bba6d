//! Whole translations, on fixtures written after the API reference of `Converse` (read November 2026).

use http::HeaderMap;
use llm_core::event::unfold;
use llm_core::wire::WireResponse;
use llm_core::{Dialect, Target};
use llm_testkit::replay;
use serde_json::{Value, json};

use crate::{SONNET, ask, body, body_for, dialect, encode, stream_for};

/// A request with nearly everything that the page has.
fn everything() -> Value {
    json!({
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [
                {"text": "What is this?"},
                {"image": {"format": "png", "source": {"bytes": "iVBORw0="}}},
                {"document": {"format": "pdf", "name": "paper", "source": {"s3Location": {"uri": "s3://bucket/paper.pdf"}}}},
                {"video": {"format": "three_gp", "source": {"bytes": "AAAA"}}},
                {"guardContent": {"text": {"text": "check this", "qualifiers": ["query"]}}},
                {"cachePoint": {"type": "default"}},
            ]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "cmVk"}},
                {"text": "Let me look."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "look", "input": {"at": 18_446_744_073_709_551_615u64}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "tooluse_1", "status": "error", "content": [
                    {"text": "dark"},
                    {"image": {"format": "jpeg", "source": {"bytes": "/9j/"}}},
                    {"searchResult": {"source": "s", "title": "t", "content": [{"text": "found"}]}},
                ]}},
            ]},
        ],
        "inferenceConfig": {"maxTokens": 2000, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "look", "description": "Looks.", "inputSchema": {"json": {"type": "object"}}, "strict": true}},
                {"cachePoint": {"type": "default"}},
                {"systemTool": {"name": "nova_grounding"}},
            ],
            "toolChoice": {"auto": {}},
        },
        "additionalModelRequestFields": {"anthropic_beta": ["x"], "thinking": {"type": "enabled", "budget_tokens": 1024}},
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {
            "schema": "{\"type\":\"object\"}", "name": "answer"}}}},
        "requestMetadata": {"team": "blue"},
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
        "performanceConfig": {"latency": "optimized"},
        "serviceTier": {"type": "priority"},
    })
}

#[test]
fn a_full_request_comes_back() {
    let sent = everything();
    let request = ask(&sent.to_string());
    let encoded = encode(&request, SONNET);
    let mut written = crate::json(&encoded.request.body.joined());
    // Fields of one family stand in another order.
    assert_eq!(written["additionalModelRequestFields"].take(), {
        let mut sent = sent.clone();
        sent["additionalModelRequestFields"].take()
    });
    let mut expected = sent;
    expected["additionalModelRequestFields"].take();
    assert_eq!(written, expected);
    assert_eq!(encoded.losses, []);
    insta::assert_json_snapshot!("full_request", crate::json(&encoded.request.body.joined()));
}

#[test]
fn paths_say_the_model_and_the_stream() {
    let request = ask(r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#);
    for (stream, operation) in [(false, "converse"), (true, "converse-stream")] {
        let target =
            Target { model: "us-east-1/amazon.nova-lite-v1:0".to_owned(), stream, ..Target::default() };
        let encoded = dialect().encode(&request, &target).expect("can be expressed");
        assert_eq!(encoded.request.path, format!("/model/amazon.nova-lite-v1%3A0/{operation}"));
    }
    assert_eq!(
        body(&request, "amazon.nova-lite-v1:0"),
        json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]})
    );
}

fn answer() -> Value {
    json!({
        "output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
            {"citationsContent": {
                "content": [{"text": "It is Ruby."}],
                "citations": [{"title": "facts", "sourceContent": [{"text": "Ruby"}], "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 4}}}],
            }},
            {"toolUse": {"toolUseId": "tooluse_1", "name": "nova_code_interpreter", "input": {"snippet": "1"}, "type": "server_tool_use"}},
            {"toolResult": {"toolUseId": "tooluse_1", "content": [{"json": {"exitCode": 0}}], "status": "success", "type": "nova_code_interpreter_result"}},
            {"toolUse": {"toolUseId": "tooluse_2", "name": "look", "input": {"at": "it"}}},
        ]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 15, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 3,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 3}]},
        "metrics": {"latencyMs": 12},
        "trace": {"promptRouter": {"invokedModelId": "arn"}},
        "additionalModelResponseFields": {"stop_sequence": "END"},
        "performanceConfig": {"latency": "standard"},
        "serviceTier": {"type": "default"},
    })
}

fn decoded() -> llm_core::ChatResponse {
    let mut headers = HeaderMap::new();
    headers.insert("x-amzn-requestid", "req-1".parse().expect("a value"));
    let reply = WireResponse { status: 200, headers, body: answer().to_string().into() };
    dialect().decode(&reply).expect("an answer")
}

#[test]
fn a_full_answer_comes_back() {
    let response = decoded();
    assert_eq!(response.id, "req-1");
    assert_eq!(response.usage.prompt_total(), Some(10));
    assert_eq!(body_for(&response), answer());
}

#[test]
fn a_full_answer_is_streamed_and_folds_to_the_same() {
    let response = decoded();
    let bytes = stream_for(&unfold(response.clone()));
    let folded = replay::folded(&dialect(), &bytes).expect("complete");
    // As JSON: members that stream before their input or content stand in another order.
    let mut told = body_for(&folded);
    told["serviceTier"] = answer()["serviceTier"].clone();
    assert_eq!(told, answer());
    assert_eq!(folded.usage, response.usage);
    replay::assert_cuts_do_not_matter(&dialect(), &bytes, "a full answer");
}
