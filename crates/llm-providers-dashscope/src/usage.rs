//! Token counts: the vendor's overlapping sums to buckets that never overlap.

use llm_core::{RawObject, Usage};

use crate::wire;

/// Reads a `usage` object of any of the services.
pub(crate) fn read(report: &RawObject) -> Usage {
    let report = Report(report);
    let mut usage = Usage::default();
    report.prompt(&mut usage);
    report.completion(&mut usage);
    usage.web_searches =
        report.inside("plugins").and_then(|plugins| count(&wire::read(&plugins, "search")?, "count"));
    usage
}

struct Report<'a>(&'a RawObject);

impl Report<'_> {
    fn inside(&self, key: &str) -> Option<RawObject> {
        wire::read(self.0, key)
    }

    fn count(&self, key: &str) -> Option<u64> {
        count(self.0, key)
    }

    fn prompt(&self, usage: &mut Usage) {
        let details = self.inside("input_tokens_details").unwrap_or_default();
        let cache = self.inside("prompt_tokens_details").unwrap_or_default();
        // Embeddings and reranking have only a total, and it is all prompt.
        let only_total = || self.count("total_tokens").filter(|_| self.count("output_tokens").is_none());
        let mut rest = self.count("input_tokens").or_else(only_total);
        usage.cache_read = part(&mut rest, count(&cache, "cached_tokens"));
        usage.cache_write_5m = part(&mut rest, count(&cache, "cache_creation_input_tokens"));
        let audio = count(&details, "audio_tokens").or_else(|| self.count("audio_tokens"));
        usage.audio_in = if self.audio_is_beside(audio) { audio } else { part(&mut rest, audio) };
        usage.image_in =
            part(&mut rest, count(&details, "image_tokens").or_else(|| self.count("image_tokens")));
        usage.input = rest;
    }

    fn completion(&self, usage: &mut Usage) {
        let details = self.inside("output_tokens_details").unwrap_or_default();
        let mut rest = self.count("output_tokens");
        usage.reasoning = part(&mut rest, count(&details, "reasoning_tokens"));
        usage.audio_out = part(&mut rest, count(&details, "audio_tokens"));
        usage.image_out = part(&mut rest, count(&details, "image_tokens"));
        usage.output = rest;
    }

    /// Models of speech count sound beside `input_tokens`, all others inside it; the total tells, or the size does
    /// (<https://www.alibabacloud.com/help/en/model-studio/qwen-audio-api>, read 2026-11-21).
    fn audio_is_beside(&self, audio: Option<u64>) -> bool {
        let (Some(audio), Some(input)) = (audio, self.count("input_tokens")) else { return false };
        match (self.count("total_tokens"), self.count("output_tokens")) {
            (Some(total), Some(output)) => total == input.saturating_add(audio).saturating_add(output),
            _ => audio > input,
        }
    }
}

/// Takes a part out of a sum. A part that is larger than what is left is cut, so that sums
/// stay true.
fn part(rest: &mut Option<u64>, part: Option<u64>) -> Option<u64> {
    let part = part?;
    let left = rest.as_mut()?;
    let taken = part.min(*left);
    *left -= taken;
    Some(taken)
}

/// A count, also one that was written as a float.
fn count(object: &RawObject, key: &str) -> Option<u64> {
    let text = object.get(key)?.get();
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
    whole.map_or(text, |(whole, _)| whole).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Usage {
        read(&serde_json::from_str(text).expect("an object"))
    }

    #[test]
    fn buckets_do_not_overlap() {
        let usage = of(r#"{"total_tokens":1500,"input_tokens":1300,"output_tokens":200,"image_tokens":1000,
            "input_tokens_details":{"image_tokens":1000,"text_tokens":300},
            "output_tokens_details":{"reasoning_tokens":150,"text_tokens":50},
            "prompt_tokens_details":{"cached_tokens":100,"cache_creation_input_tokens":50},
            "plugins":{"search":{"count":2,"strategy":"turbo"}}}"#);
        assert_eq!((usage.input, usage.cache_read, usage.cache_write_5m), (Some(150), Some(100), Some(50)));
        assert_eq!((usage.image_in, usage.output, usage.reasoning), (Some(1000), Some(50), Some(150)));
        assert_eq!((usage.prompt_total(), usage.completion_total()), (Some(1300), Some(200)));
        assert_eq!(usage.web_searches, Some(2));
    }

    #[test]
    fn sound_is_inside_or_beside_the_prompt() {
        let beside = of(r#"{"audio_tokens":85,"output_tokens":10,"input_tokens":33}"#);
        assert_eq!((beside.input, beside.audio_in), (Some(33), Some(85)));
        let inside = of(r#"{"audio_tokens":20,"output_tokens":10,"input_tokens":33,"total_tokens":43}"#);
        assert_eq!((inside.input, inside.audio_in), (Some(13), Some(20)));
        let told = of(r#"{"audio_tokens":20,"output_tokens":10,"input_tokens":33,"total_tokens":63}"#);
        assert_eq!((told.input, told.audio_in), (Some(33), Some(20)));
    }

    #[test]
    fn nonsense_is_unsaid_and_sums_stay_true() {
        let usage = of(r#"{"input_tokens":"many","output_tokens":3.0,"prompt_tokens_details":7}"#);
        assert_eq!((usage.input, usage.output), (None, Some(3)));
        let usage = of(r#"{"input_tokens":5,"image_tokens":9,"output_tokens":0}"#);
        assert_eq!((usage.input, usage.image_in), (Some(0), Some(5)));
        assert_eq!(of(r#"{"total_tokens":54}"#).input, Some(54));
    }
}
