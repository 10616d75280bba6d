//! Sums of calls, added up and shown.

use std::collections::BTreeMap;

use llm_core::money::NanoDollars;
use llm_governance::{Activity, Sums};
use serde_json::{Value, json};

use crate::dollars::show;

/// Adds a sum to another one.
pub(crate) fn add(sums: &mut Sums, one: &Sums) {
    for (place, more) in [
        (&mut sums.requests, one.requests),
        (&mut sums.failures, one.failures),
        (&mut sums.prompt_tokens, one.prompt_tokens),
        (&mut sums.completion_tokens, one.completion_tokens),
        (&mut sums.cache_read_tokens, one.cache_read_tokens),
        (&mut sums.cache_write_tokens, one.cache_write_tokens),
        (&mut sums.reasoning_tokens, one.reasoning_tokens),
        (&mut sums.took_micros, one.took_micros),
        (&mut sums.first_content_micros, one.first_content_micros),
        (&mut sums.first_contents, one.first_contents),
    ] {
        *place = place.saturating_add(more);
    }
    sums.cost = NanoDollars(sums.cost.0.saturating_add(one.cost.0));
}

/// All of them together.
pub(crate) fn total<'a>(all: impl IntoIterator<Item = &'a Activity>) -> Sums {
    let mut sums = Sums::default();
    all.into_iter().for_each(|one| add(&mut sums, &one.sums));
    sums
}

/// Those that have the same name, together.
pub(crate) fn grouped<'a>(
    all: impl IntoIterator<Item = &'a Activity>,
    name: impl Fn(&Activity) -> &str,
) -> BTreeMap<String, Vec<&'a Activity>> {
    let mut groups: BTreeMap<String, Vec<&Activity>> = BTreeMap::new();
    for one in all {
        groups.entry(name(one).to_owned()).or_default().push(one);
    }
    groups
}

/// Tokens of both kinds.
pub(crate) fn tokens(sums: &Sums) -> i64 {
    sums.prompt_tokens.saturating_add(sums.completion_tokens)
}

/// A sum with the names that LiteLLM's pages of days have.
pub(crate) fn metrics(sums: &Sums) -> Value {
    json!({
        "spend": show(sums.cost),
        "prompt_tokens": sums.prompt_tokens,
        "completion_tokens": sums.completion_tokens,
        "cache_read_input_tokens": sums.cache_read_tokens,
        "cache_creation_input_tokens": sums.cache_write_tokens,
        "total_tokens": tokens(sums),
        "successful_requests": sums.requests.saturating_sub(sums.failures),
        "failed_requests": sums.failures,
        "api_requests": sums.requests,
        "total_response_time_ms": sums.took_micros / 1_000,
        "timed_requests": sums.requests,
    })
}
