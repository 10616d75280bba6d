//! What is known of a call when it has ended: where it was answered, how long it took, what it used and cost.

use std::time::{Duration, Instant};

use http::HeaderMap;
use llm_core::money::NanoDollars;
use serde_json::Value;

/// What is known of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The id of the call, as logs have it.
    pub call_id: String,
    /// The deployment that answered.
    pub deployment: Option<String>,
    /// How often it was tried again.
    pub retries: u64,
    /// How many other models were asked before one answered.
    pub fallbacks: u64,
    /// From the request to the whole answer.
    pub latency: Duration,
    /// From the request to the first piece of a stream.
    pub first_piece: Option<Duration>,
    /// What it used, where the vendor or the gateway counted it.
    pub usage: Usage,
    /// What it cost, where the prices are known.
    pub cost: Option<NanoDollars>,
}

/// Tokens of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

impl Told {
    pub(crate) fn read(headers: &HeaderMap, began: Instant) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| text(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        Self {
            call_id: text("x-litellm-call-id").unwrap_or_default().to_owned(),
            deployment: text("x-litellm-model-id").map(str::to_owned),
            retries: number("x-litellm-attempted-retries"),
            fallbacks: number("x-litellm-attempted-fallbacks"),
            latency: began.elapsed(),
            first_piece: None,
            usage: Usage::default(),
            cost: text("x-litellm-response-cost").and_then(NanoDollars::parse),
        }
    }
}

impl Usage {
    /// The `usage` of an answer.
    pub(crate) fn read(answer: &Value) -> Self {
        let number = |name: &str| answer["usage"][name].as_u64().unwrap_or_default();
        Self {
            prompt_tokens: number("prompt_tokens"),
            completion_tokens: number("completion_tokens"),
            total_tokens: number("total_tokens"),
        }
    }
}
