//! Token counts: the format's cumulative totals to our buckets that never overlap, and back.

use llm_core::money::NanoDollars;
use llm_core::usage::ServiceTier;
use llm_core::{RawJson, RawObject, Usage};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::wire::Members;

/// A `usage` object as vendors write it: what is no count counts as unsaid, for metering must not cost the client an
/// answer. Unknown members are read by [`unmodelled`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WireUsage<'a> {
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    cache_creation: Option<CacheCreation>,
    #[serde(deserialize_with = "lenient")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(deserialize_with = "lenient")]
    server_tool_use: Option<ServerToolUse>,
    /// As JSON text: a string of one of a few words.
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    /// What a reseller says that the call cost, in dollars.
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct CacheCreation {
    #[serde(deserialize_with = "count")]
    ephemeral_5m_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct OutputDetails {
    #[serde(deserialize_with = "count")]
    thinking_tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct ServerToolUse {
    #[serde(deserialize_with = "count")]
    web_search_requests: Option<u64>,
}

/// Members of `usage` that our buckets hold. `server_tool_use` has counters beside the searches and stays whole.
const MODELLED: &[&str] = &[
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "cache_creation",
    "output_tokens_details",
    "service_tier",
];

/// The reports of one answer so far. Later ones replace earlier ones; what they leave out stays.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    usage: Usage,
    output_total: Option<u64>,
}

impl Tally {
    /// Takes the report at the start of a stream in. Its `output_tokens` is a placeholder and does not count.
    pub(crate) fn start(&mut self, report: &WireUsage<'_>) -> Usage {
        self.take(&WireUsage { output_tokens: None, ..*report })
    }

    /// Takes a report in and gives all that is known.
    pub(crate) fn take(&mut self, report: &WireUsage<'_>) -> Usage {
        let usage = &mut self.usage;
        usage.input = report.input_tokens.or(usage.input);
        usage.cache_read = report.cache_read_input_tokens.or(usage.cache_read);
        usage.web_searches =
            report.server_tool_use.and_then(|used| used.web_search_requests).or(usage.web_searches);
        usage.tier = report
            .service_tier
            .and_then(|tier| ServiceTier::named(tier.get().trim_matches('"')))
            .or(usage.tier);
        usage.reported_cost = report.cost.and_then(nano_dollars).or(usage.reported_cost);
        self.cache_writes(report);
        self.output(report);
        self.usage
    }

    /// Late reports repeat the sum of the cache writes without its split; the split known before stays then.
    fn cache_writes(&mut self, report: &WireUsage<'_>) {
        let usage = &mut self.usage;
        if let Some(split) = report.cache_creation {
            usage.cache_write_5m = split.ephemeral_5m_input_tokens.or(usage.cache_write_5m);
            usage.cache_write_1h = split.ephemeral_1h_input_tokens.or(usage.cache_write_1h);
        }
        if let Some(total) = report.cache_creation_input_tokens
            && usage.cache_write() != Some(total)
        {
            let hour = usage.cache_write_1h.map(|hour| hour.min(total));
            usage.cache_write_1h = hour;
            usage.cache_write_5m = Some(total - hour.unwrap_or(0));
        }
    }

    /// `output_tokens` holds the thinking; ours does not.
    fn output(&mut self, report: &WireUsage<'_>) {
        self.output_total = report.output_tokens.or(self.output_total);
        let thinking = report.output_tokens_details.and_then(|details| details.thinking_tokens);
        self.usage.reasoning = thinking.or(self.usage.reasoning);
        self.usage.output =
            self.output_total.map(|total| total.saturating_sub(self.usage.reasoning.unwrap_or(0)));
    }
}

fn nano_dollars(cost: &RawValue) -> Option<i64> {
    NanoDollars::parse(cost.get()).map(|cost| cost.0)
}

/// Reads a `usage` object.
pub(crate) fn read<'a>(message: &Members<'a>) -> WireUsage<'a> {
    message.read("usage", "an object of token counts").ok().flatten().unwrap_or_default()
}

fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| serde_json::from_str(raw.get()).ok()))
}

/// A count, also one that a proxy wrote as a float.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| {
        let whole = raw.get().split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
        whole.map_or(raw.get(), |(whole, _)| whole).parse().ok()
    }))
}

/// The members of a `usage` object that our buckets do not hold.
pub(crate) fn unmodelled(usage: Option<&RawValue>) -> RawObject {
    let members = usage.and_then(|usage| Members::parse(usage.get()).ok()).unwrap_or_default();
    members.rest(MODELLED)
}

/// A `usage` object for clients.
#[derive(Debug, Serialize)]
struct Counts {
    input_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<CacheCreation>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<OutputDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_tool_use: Option<ServerToolUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<String>,
}

/// Writes a `usage` object for clients; `extras` are members that only this format has.
pub(crate) fn write(usage: &Usage, service_tier: Option<&str>, extras: Option<&RawObject>) -> RawObject {
    let split = CacheCreation {
        ephemeral_5m_input_tokens: usage.cache_write_5m,
        ephemeral_1h_input_tokens: usage.cache_write_1h,
    };
    let counts = Counts {
        input_tokens: sum(&[usage.input, usage.audio_in, usage.image_in]),
        cache_creation_input_tokens: usage.cache_write(),
        cache_read_input_tokens: usage.cache_read,
        cache_creation: split.ephemeral_1h_input_tokens.map(|_| split),
        output_tokens: usage.completion_total().unwrap_or(0),
        output_tokens_details: usage
            .reasoning
            .map(|thinking| OutputDetails { thinking_tokens: Some(thinking) }),
        server_tool_use: usage
            .web_searches
            .map(|searches| ServerToolUse { web_search_requests: Some(searches) }),
        service_tier: service_tier.map(str::to_owned),
    };
    let text = serde_json::to_string(&counts).expect("numbers and strings are always valid JSON");
    let mut object: RawObject = serde_json::from_str(&text).expect("an object was written");
    for (name, value) in extras.into_iter().flat_map(RawObject::iter) {
        object.insert(name, value.clone());
    }
    object
}

fn sum(buckets: &[Option<u64>]) -> u64 {
    buckets.iter().flatten().fold(0, |sum, bucket| sum.saturating_add(*bucket))
}

/// What an answer's extras keep of `usage`.
pub(crate) fn kept(extras: Option<&RawObject>) -> Option<RawObject> {
    extras?.get("usage")?.read().ok()
}

/// Puts what [`unmodelled`] found among an answer's extras.
pub(crate) fn keep(usage: &RawObject, extras: &mut RawObject) {
    if let Some(raw) = (!usage.is_empty()).then(|| RawJson::of(usage).ok()).flatten() {
        extras.insert("usage", raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> WireUsage<'_> {
        serde_json::from_str(text).expect("a report")
    }

    #[test]
    fn later_reports_replace_and_the_placeholder_does_not_count() {
        let mut tally = Tally::default();
        let first = tally.start(&report(r#"{"input_tokens":25,"output_tokens":3}"#));
        assert_eq!((first.input, first.output), (Some(25), None));
        let last = tally.take(&report(r#"{"output_tokens":90}"#));
        assert_eq!((last.input, last.output), (Some(25), Some(90)));
    }

    #[test]
    fn what_is_no_count_is_unsaid_and_costs_nothing_else() {
        let text = r#"{"input_tokens":12.0,"output_tokens":"many","cache_read_input_tokens":-1,
            "cache_creation":7,"server_tool_use":{"web_search_requests":2}}"#;
        let usage = Tally::default().take(&report(text));
        assert_eq!((usage.input, usage.output, usage.cache_read), (Some(12), None, None));
        assert_eq!(usage.web_searches, Some(2));
        let body = br#"{"type":"message","content":[],"stop_reason":"end_turn","usage":"none"}"#;
        assert_eq!(crate::response::peek(body).map(|peek| peek.usage), Ok(Usage::default()));
    }

    #[test]
    fn thinking_is_taken_out_of_the_output() {
        let text = r#"{"output_tokens":100,"output_tokens_details":{"thinking_tokens":60}}"#;
        let usage = Tally::default().take(&report(text));
        assert_eq!((usage.output, usage.reasoning), (Some(40), Some(60)));
    }

    #[test]
    fn a_repeated_sum_of_cache_writes_does_not_count_twice() {
        let mut tally = Tally::default();
        tally.start(&report(
            r#"{"cache_creation_input_tokens":1000,
                "cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":1000}}"#,
        ));
        let usage = tally.take(&report(r#"{"cache_creation_input_tokens":1000,"output_tokens":1}"#));
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (Some(0), Some(1000)));
    }

    #[test]
    fn a_sum_without_a_split_is_the_default_life() {
        let usage = Tally::default().take(&report(r#"{"cache_creation_input_tokens":7}"#));
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (Some(7), None));
    }

    #[test]
    fn a_resellers_cost_is_exact() {
        let usage = Tally::default().take(&report(r#"{"cost":0.000112}"#));
        assert_eq!(usage.reported_cost, Some(112_000));
    }

    #[test]
    fn counts_come_back() {
        let text = r#"{"input_tokens":1,"cache_creation_input_tokens":5,"cache_read_input_tokens":2,"cache_creation":{"ephemeral_5m_input_tokens":3,"ephemeral_1h_input_tokens":2},"output_tokens":9,"output_tokens_details":{"thinking_tokens":4},"server_tool_use":{"web_search_requests":1},"service_tier":"standard"}"#;
        let usage = Tally::default().take(&report(text));
        assert_eq!(serde_json::to_string(&write(&usage, Some("standard"), None)).expect("writes"), text);
    }
}
