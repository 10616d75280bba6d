//! Token counts: `input_tokens` with cached ones in it, `output_tokens` with reasoning in it.

use llm_core::Usage;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::write::ObjectWriter;
use crate::cost;

/// Reads a `usage` object.
pub(super) fn usage(value: &RawValue) -> Usage {
    let mut fields = Fields::parse(value.get()).unwrap_or_default();
    let mut input = fields.object("input_tokens_details").ok().flatten().unwrap_or_default();
    let mut output = fields.object("output_tokens_details").ok().flatten().unwrap_or_default();
    let cache_read: Option<u64> = input.lenient("cached_tokens");
    let cache_write: Option<u64> = input.lenient("cache_write_tokens");
    let reasoning: Option<u64> = output.lenient("reasoning_tokens");
    let without = |total: Option<u64>, parts: [Option<u64>; 2]| {
        total.map(|total| parts.iter().flatten().fold(total, |rest, part| rest.saturating_sub(*part)))
    };
    let mut tools = fields.object("server_side_tool_usage_details").ok().flatten().unwrap_or_default();
    Usage {
        input: without(fields.lenient("input_tokens"), [cache_read, cache_write]),
        cache_read,
        cache_write_5m: cache_write,
        output: without(fields.lenient("output_tokens"), [reasoning, None]),
        reasoning,
        web_searches: tools.lenient("web_search_calls"),
        reported_cost: cost::KEYS.iter().find_map(|key| cost::read(key, fields.value(key)?)),
        ..Usage::default()
    }
}

/// Writes a `usage` member; `null` when nothing is known.
pub(super) fn put_usage(object: &mut ObjectWriter<'_>, usage: &Usage) {
    let (Some(input), output) = (usage.prompt_total(), usage.completion_total()) else {
        match usage.completion_total() {
            Some(output) => put_totals(object, usage, 0, output),
            None => object.put_json("usage", b"null"),
        }
        return;
    };
    put_totals(object, usage, input, output.unwrap_or(0));
}

fn put_totals(object: &mut ObjectWriter<'_>, usage: &Usage, input: u64, output: u64) {
    let mut totals = object.object("usage");
    totals.put("input_tokens", &input);
    {
        let mut details = totals.object("input_tokens_details");
        details.put("cached_tokens", &usage.cache_read.unwrap_or(0));
        details.put("cache_write_tokens", &usage.cache_write().unwrap_or(0));
    }
    totals.put("output_tokens", &output);
    totals.object("output_tokens_details").put("reasoning_tokens", &usage.reasoning.unwrap_or(0));
    totals.put("total_tokens", &input.saturating_add(output));
}

#[cfg(test)]
mod tests {
    use llm_core::RawJson;

    use super::*;

    fn read(json: &str) -> Usage {
        let raw: Box<RawValue> = serde_json::from_str(json).expect("valid");
        usage(&raw)
    }

    #[test]
    fn buckets_do_not_overlap() {
        let usage = read(
            r#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},
                "output_tokens":50,"output_tokens_details":{"reasoning_tokens":40},"total_tokens":150}"#,
        );
        assert_eq!((usage.input, usage.cache_read, usage.cache_write_5m), (Some(10), Some(60), Some(30)));
        assert_eq!((usage.output, usage.reasoning, usage.total()), (Some(10), Some(40), Some(150)));
    }

    #[test]
    fn what_nobody_said_is_not_zero() {
        assert_eq!(read(r#"{"input_tokens":null,"output_tokens_details":null}"#), Usage::default());
        assert_eq!(read("[]"), Usage::default());
    }

    #[test]
    fn costs_become_nano_dollars() {
        assert_eq!(read(r#"{"cost":4.05e-05}"#).reported_cost, Some(40_500));
        assert_eq!(read(r#"{"cost_in_usd_ticks":9256000}"#).reported_cost, Some(925_600));
    }

    #[test]
    fn totals_are_written_as_this_format_counts() {
        let usage = Usage {
            input: Some(10),
            cache_read: Some(5),
            output: Some(3),
            reasoning: Some(4),
            ..Usage::default()
        };
        let mut out = Vec::new();
        put_usage(&mut ObjectWriter::open(&mut out), &usage);
        let written = RawJson::parse(String::from_utf8(out).expect("UTF-8")).expect("valid");
        let back: Box<RawValue> = written
            .read::<std::collections::BTreeMap<String, Box<RawValue>>>()
            .expect("an object")
            .remove("usage")
            .expect("written");
        assert_eq!(super::usage(&back), Usage { cache_write_5m: Some(0), ..usage });
    }
}
