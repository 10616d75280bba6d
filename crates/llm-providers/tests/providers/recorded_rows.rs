//! Rows against recorded traffic: what a vendor accepted from other clients still reaches it through its row.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::operation::Operation;
use llm_core::provider::{Call, Inbound};
use llm_providers::{Providers, Status};
use llm_testkit::scripted::{Answer, ScriptedVendor};
use llm_testkit::{Recording, recordings};
use serde_json::Value;

use crate::client::{deadlines, spec};
use crate::samples;

/// The row of a vendor of the collection; `None` where the collection has a vendor that no row is for.
fn row(vendor: &str) -> Option<&'static str> {
    Some(match vendor {
        "vercel-gateway" => "vercel_ai_gateway",
        "together" => "together_ai",
        "openai" => "openai",
        "azure" => "azure",
        "avian" => "avian",
        "cerebras" => "cerebras",
        "crusoe" => "crusoe",
        "dashscope" => "dashscope",
        "deepseek" => "deepseek",
        "doubleword" => "doubleword",
        "gpustack" => "gpustack",
        "groq" => "groq",
        "heroku" => "heroku",
        "llamacpp" => "llamacpp",
        "mistral" => "mistral",
        "openrouter" => "openrouter",
        "perplexity" => "perplexity",
        "snowflake" => "snowflake",
        "venice" => "venice",
        "xai" => "xai",
        "zai" => "zai",
        _ => return None,
    })
}

/// What a request says, by its members; caps and wishes to think under one name, without what metering adds and a
/// client's own labels.
fn members(request: &Value) -> Vec<String> {
    let says = |(_, value): &(&String, &Value)| !value.is_null();
    let named = |(key, _): (&String, &Value)| match key.as_str() {
        "max_completion_tokens" => "max_tokens".to_owned(),
        "enable_thinking" | "reasoning" | "reasoning_effort" => "thinking".to_owned(),
        key => key.to_owned(),
    };
    let all = request.as_object().into_iter().flatten().filter(says).map(named);
    let mut names: Vec<String> =
        all.filter(|name| !["metadata", "model", "stream_options"].contains(&name.as_str())).collect();
    names.sort();
    names.dedup();
    names
}

async fn sent(recording: &Recording, row: &str) -> (Value, usize) {
    let chat = samples::chat();
    let streamed = recording.is_sse();
    let answer = if streamed {
        Answer::events().chunk(recording.reply.body.clone())
    } else {
        Answer::json(200, recording.reply.body.clone())
    };
    let server = ScriptedVendor::start([answer]).await;
    let mut spec = spec(&chat, &server);
    row.clone_into(&mut spec.vendor);
    let provider = Providers::default().build(&spec).expect("a row that is ready");
    let body = Bytes::from(recording.request.clone());
    let inbound = Inbound::new(chat.ingress, Operation::Chat, HeaderMap::new(), body).expect("a request");
    let call = Call {
        inbound: &inbound,
        model: "vendor-large",
        public_model: "public",
        stream: streamed,
        canonical: false,
        policy: None,
        deadlines: deadlines(),
    };
    let reply = provider.chat(call).await.unwrap_or_else(|error| panic!("{}: {error}", recording.case));
    (server.requests().pop().expect("a request").json(), reply.losses.len())
}

#[tokio::test]
async fn what_a_vendor_accepted_reaches_it_through_its_row() {
    let chat = recordings("openai-chat");
    for recording in chat.into_iter().filter(Recording::is_success) {
        let Some(row) = row(&recording.vendor) else { continue };
        let (sent, losses) = sent(&recording, row).await;
        let accepted: Value = serde_json::from_str(&recording.request).expect("recorded JSON");
        assert_eq!(losses, 0, "{}: something of it was dropped", recording.case);
        assert_eq!(members(&sent), members(&accepted), "{}", recording.case);
        assert_eq!(sent["messages"].as_array().map(Vec::len), accepted["messages"].as_array().map(Vec::len));
    }
}

#[test]
fn every_recorded_vendor_of_chat_completions_has_a_row_or_a_reason() {
    let providers = Providers::default();
    let mut vendors: Vec<String> = recordings("openai-chat").into_iter().map(|one| one.vendor).collect();
    vendors.sort();
    vendors.dedup();
    // Copilot's tokens are bought with another one; mistral.rs is any server of one's own; the others have dialects
    // of their own, and their compatible surface is not what is asked.
    let reasons = ["bedrock", "copilot", "gemini", "huggingface", "mistralrs", "ollama", "vertex"];
    for vendor in vendors.iter().filter(|vendor| !reasons.contains(&vendor.as_str())) {
        let found = row(vendor).and_then(|name| providers.registry().get(name));
        assert!(found.is_some_and(|row| row.status == Status::Ready), "{vendor}");
    }
}
