//! Tokens: what the vendor bills, in buckets.
//!
//! An answer counts twice: `billed_units`, which the price applies to, and `tokens`, which hold the vendor's own
//! prompt too (98 against 1,508 in one recorded answer). The billed ones are our usage, so that costs are true; the
//! whole object goes to clients of this format as it came.

use llm_core::{RawJson, Usage};

use crate::wire::{Fields, ObjectWriter};

/// Reads the `usage` of a chat answer or the `meta` of another one.
pub(crate) fn read(usage: Option<&RawJson>) -> Usage {
    let usage = usage.and_then(|raw| Fields::parse(raw.get()).ok()).unwrap_or_default();
    let part = |name: &str| usage.object(name).ok().flatten().unwrap_or_default();
    let (billed, tokens) = (part("billed_units"), part("tokens"));
    let count = |name: &str| billed.count(name).or_else(|| tokens.count(name));
    let output = count("output_tokens");
    let reasoning = count("reasoning_tokens").map(|thought| thought.min(output.unwrap_or(0)));
    Usage {
        input: count("input_tokens"),
        output: output.map(|all| all.saturating_sub(reasoning.unwrap_or(0))),
        reasoning,
        web_searches: billed.count("search_units"),
        ..Usage::default()
    }
}

/// Writes the `usage` of a chat answer for a client.
pub(crate) fn write(usage: &Usage) -> RawJson {
    let mut billed = ObjectWriter::new();
    let (input, output) = (usage.prompt_total(), usage.completion_total());
    billed.optional("input_tokens", input.as_ref()).optional("output_tokens", output.as_ref());
    billed.optional("search_units", usage.web_searches.as_ref());
    let mut tokens = ObjectWriter::new();
    tokens.optional("input_tokens", input.as_ref()).optional("output_tokens", output.as_ref());
    tokens.optional("reasoning_tokens", usage.reasoning.as_ref());
    let mut object = ObjectWriter::new();
    object.member("billed_units", &billed.json()).member("tokens", &tokens.json());
    object.optional("cached_tokens", usage.cache_read.as_ref());
    object.json()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Usage {
        read(RawJson::parse(text).ok().as_ref())
    }

    #[test]
    fn what_is_billed_counts_and_thinking_is_part_of_it() {
        let usage = of(r#"{"billed_units":{"input_tokens":8,"output_tokens":50},
            "tokens":{"input_tokens":1394,"output_tokens":55,"reasoning_tokens":38},"cached_tokens":1360}"#);
        assert_eq!((usage.input, usage.output, usage.reasoning), (Some(8), Some(12), Some(38)));
        assert_eq!(usage.completion_total(), Some(50));
    }

    #[test]
    fn tokens_stand_in_where_nothing_is_billed_and_nothing_is_nothing() {
        assert_eq!(of(r#"{"tokens":{"input_tokens":3.0,"output_tokens":4}}"#).total(), Some(7));
        assert_eq!(of(r#"{"billed_units":{"search_units":1}}"#).web_searches, Some(1));
        assert!(of("{}").is_empty() && of("[]").is_empty() && read(None).is_empty());
    }
}
