//! Token counts: the format's to our buckets that never overlap, and back.

use llm_core::{RawObject, Usage};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::wire::Members;

/// `usage` as vendors write it. `inputTokens` excludes what the cache read and wrote. The doubled names
/// (`cacheReadInputTokenCount`) say the same again and are not read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct WireUsage {
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    output_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count")]
    cache_write_input_tokens: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    cache_details: Vec<CacheDetail>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CacheDetail {
    ttl: String,
    #[serde(deserialize_with = "count")]
    input_tokens: Option<u64>,
}

/// What is no count counts as unsaid: metering must not cost the client an answer.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| raw.get().parse().ok()))
}

fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CacheDetail>, D::Error> {
    let raw = Option::<&'de RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default())
}

/// Reads the `usage` of an answer or of a stream's last event.
pub(crate) fn read(answer: &Members<'_>) -> Usage {
    let usage: WireUsage =
        answer.read("usage", "an object of token counts").ok().flatten().unwrap_or_default();
    let of_an_hour = usage.cache_details.iter().filter(|detail| detail.ttl == "1h");
    let hour = of_an_hour.filter_map(|detail| detail.input_tokens).reduce(u64::saturating_add);
    let hour =
        hour.filter(|hour| *hour > 0).map(|hour| hour.min(usage.cache_write_input_tokens.unwrap_or(hour)));
    Usage {
        input: usage.input_tokens,
        output: usage.output_tokens,
        cache_read: usage.cache_read_input_tokens,
        cache_write_5m: usage.cache_write_input_tokens.map(|total| total - hour.unwrap_or(0)),
        cache_write_1h: hour,
        ..Usage::default()
    }
}

/// The members of `usage` that our buckets do not hold.
pub(crate) fn unmodelled(answer: &Members<'_>) -> RawObject {
    let known = [
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cacheReadInputTokens",
        "cacheWriteInputTokens",
        "cacheReadInputTokenCount",
        "cacheWriteInputTokenCount",
        "cacheDetails",
    ];
    answer.object("usage").ok().flatten().unwrap_or_default().rest(&known)
}

/// `usage` for clients. The three sums are always there, as SDKs demand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_read_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_details: Option<Vec<Detail>>,
    #[serde(flatten)]
    extras: RawObject,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    ttl: &'static str,
    input_tokens: u64,
}

/// Writes `usage` for clients; `extras` are members that only this format has.
pub(crate) fn write(usage: &Usage, extras: RawObject) -> Counts {
    let parts = [usage.input, usage.audio_in, usage.image_in];
    let details = usage.cache_write_1h.map(|hour| {
        let short = usage.cache_write_5m.filter(|short| *short > 0);
        let short = short.map(|input_tokens| Detail { ttl: "5m", input_tokens });
        short.into_iter().chain([Detail { ttl: "1h", input_tokens: hour }]).collect()
    });
    Counts {
        input_tokens: parts.iter().flatten().fold(0, |sum, part| sum.saturating_add(*part)),
        output_tokens: usage.completion_total().unwrap_or(0),
        total_tokens: usage.total().unwrap_or(0),
        cache_read_input_tokens: usage.cache_read,
        cache_write_input_tokens: usage.cache_write(),
        cache_details: details,
        extras,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(text: &str) -> Usage {
        let text = format!("{{\"usage\":{text}}}");
        read(&Members::parse(&text).expect("an object"))
    }

    #[test]
    fn doubled_names_count_once() {
        let usage = usage(
            r#"{"cacheReadInputTokenCount":7,"cacheReadInputTokens":7,"cacheWriteInputTokens":5,"inputTokens":2,"outputTokens":3}"#,
        );
        assert_eq!((usage.prompt_total(), usage.completion_total()), (Some(14), Some(3)));
    }

    #[test]
    fn an_hours_cache_is_a_bucket_of_its_own() {
        let text = r#"{"inputTokens":1,"outputTokens":2,"totalTokens":13,"cacheWriteInputTokens":10,"cacheDetails":[{"ttl":"5m","inputTokens":4},{"ttl":"1h","inputTokens":6}]}"#;
        let usage = usage(text);
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (Some(4), Some(6)));
        let written = serde_json::to_value(write(&usage, RawObject::default())).expect("writes");
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(text).expect("JSON"));
    }

    #[test]
    fn what_is_no_count_is_unsaid() {
        let usage = usage(r#"{"inputTokens":"many","outputTokens":-1,"cacheDetails":7}"#);
        assert_eq!(usage, Usage::default());
    }
}
