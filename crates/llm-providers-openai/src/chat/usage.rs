//! Token counts between this format, where buckets overlap and vendors disagree about the totals, and ours.

use llm_core::{RawJson, Usage};
use serde::Serialize;
use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::fields::{self, Fields};
use crate::cost;

/// Usage as vendors of this family write it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WireUsage {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    prompt_details: Details,
    completion_details: Details,
    cached: Option<u64>,
    cache_hit: Option<u64>,
    cache_write: Option<u64>,
    write_5m: Option<u64>,
    write_1h: Option<u64>,
    reasoning: Option<u64>,
    web_searches: Option<u64>,
    cost: Option<i64>,
}

/// `prompt_tokens_details` or `completion_tokens_details`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Details {
    cached: Option<u64>,
    cache_write: Option<u64>,
    audio: Option<u64>,
    image: Option<u64>,
    reasoning: Option<u64>,
}

impl<'de> Fields<'de> for WireUsage {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if let Some(slot) = self.slot(key) {
            let count = count(map.next_value()?);
            *slot = count.or(*slot);
            return Ok(true);
        }
        match key {
            "prompt_tokens_details" | "input_tokens_details" => {
                self.prompt_details = fields::object(map)?.unwrap_or_default();
            }
            "completion_tokens_details" | "output_tokens_details" => {
                self.completion_details = fields::object(map)?.unwrap_or_default();
            }
            "cache_creation" | "server_tool_use" | "server_tool_use_details" => return self.nested(map),
            "cost" | "cost_in_usd_ticks" => {
                let cost = cost::read(key, map.next_value()?);
                self.cost = cost.or(self.cost);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl WireUsage {
    /// Where the count of this name goes.
    fn slot(&mut self, key: &str) -> Option<&mut Option<u64>> {
        Some(match key {
            "prompt_tokens" | "input_tokens" => &mut self.prompt,
            "completion_tokens" | "output_tokens" => &mut self.completion,
            "total_tokens" => &mut self.total,
            "cached_tokens" | "num_cached_tokens" | "cache_read_input_tokens" => &mut self.cached,
            "prompt_cache_hit_tokens" => &mut self.cache_hit,
            "cache_creation_input_tokens" => &mut self.cache_write,
            "ephemeral_5m_input_tokens" => &mut self.write_5m,
            "ephemeral_1h_input_tokens" => &mut self.write_1h,
            "reasoning_tokens" => &mut self.reasoning,
            "num_search_queries" | "web_search_requests" => &mut self.web_searches,
            _ => return None,
        })
    }

    /// Usage of the usual look, which nearly every answer has: counts and objects of counts under keys without
    /// escapes. `None`: it has something else too, and wants a parser.
    pub(super) fn plain(text: &str) -> Option<Self> {
        let mut usage = Self::default();
        let mut counts = Counts::begin(text)?;
        while let Some(key) = counts.key()? {
            match key {
                "prompt_tokens_details" | "input_tokens_details" => {
                    usage.prompt_details = counts.details()?;
                }
                "completion_tokens_details" | "output_tokens_details" => {
                    usage.completion_details = counts.details()?;
                }
                key => *usage.slot(key).filter(|slot| slot.is_none())? = Some(counts.count()?),
            }
        }
        counts.rest.is_empty().then_some(usage)
    }

    /// Reads an object whose members count as if they stood beside it.
    fn nested<'de, A: MapAccess<'de>>(&mut self, map: &mut A) -> Result<bool, A::Error> {
        let inner: Option<Self> = fields::object(map)?;
        if let Some(inner) = inner {
            self.write_5m = inner.write_5m.or(self.write_5m);
            self.write_1h = inner.write_1h.or(self.write_1h);
            self.web_searches = inner.web_searches.or(self.web_searches);
        }
        Ok(true)
    }

    /// The counts in buckets that do not overlap.
    pub(super) fn usage(&self, completion_excludes_reasoning: bool) -> Usage {
        let mut usage =
            Usage { web_searches: self.web_searches, reported_cost: self.cost, ..Usage::default() };
        self.read_prompt(&mut usage);
        self.read_completion(&mut usage, completion_excludes_reasoning);
        usage
    }

    fn read_prompt(&self, usage: &mut Usage) {
        let details = &self.prompt_details;
        let by_difference = || Some(self.total?.saturating_sub(self.completion?));
        let mut rest = self.prompt.or_else(by_difference);
        // Zero in the details beside a count on top has been seen: the larger one is meant.
        usage.cache_read =
            part(&mut rest, [details.cached, self.cached, self.cache_hit].into_iter().flatten().max());
        let written = [details.cache_write, self.cache_write].into_iter().flatten().max();
        usage.cache_write_1h = part(&mut rest, self.write_1h);
        let short = match (self.write_5m, written, usage.cache_write_1h) {
            (Some(short), _, _) => Some(short),
            (None, Some(written), hour) => Some(written.saturating_sub(hour.unwrap_or(0))),
            (None, None, _) => None,
        };
        usage.cache_write_5m = part(&mut rest, short);
        usage.audio_in = part(&mut rest, details.audio);
        usage.image_in = part(&mut rest, details.image);
        usage.input = rest;
    }

    fn read_completion(&self, usage: &mut Usage, excludes_reasoning: bool) {
        let details = &self.completion_details;
        let mut rest = self.completion;
        let reasoning = details.reasoning.or(self.reasoning);
        usage.reasoning = if self.is_beside(reasoning, excludes_reasoning) {
            reasoning
        } else {
            part(&mut rest, reasoning)
        };
        usage.audio_out = part(&mut rest, details.audio);
        usage.image_out = part(&mut rest, details.image);
        usage.output = rest;
    }

    /// Whether thinking is counted beside `completion_tokens` instead of in it. Sums tell where they can: more
    /// thinking than completion, or a total of all three.
    fn is_beside(&self, reasoning: Option<u64>, otherwise: bool) -> bool {
        let (Some(reasoning), Some(completion)) = (reasoning, self.completion) else { return otherwise };
        if reasoning > completion {
            return true;
        }
        match (self.prompt, self.total) {
            (Some(prompt), Some(total)) if reasoning > 0 => {
                let without = prompt.saturating_add(completion);
                total == without.saturating_add(reasoning) || (total != without && otherwise)
            }
            _ => otherwise,
        }
    }
}

/// Takes a bucket out of what is left; never more than there is.
fn part(rest: &mut Option<u64>, bucket: Option<u64>) -> Option<u64> {
    let bucket = bucket?;
    match rest {
        None => Some(bucket),
        Some(left) => {
            let taken = bucket.min(*left);
            *left -= taken;
            Some(taken)
        }
    }
}

impl<'de> Fields<'de> for Details {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let Some(slot) = self.slot(key) else { return Ok(false) };
        *slot = count(map.next_value()?);
        Ok(true)
    }
}

impl Details {
    /// Where the count of this name goes.
    fn slot(&mut self, key: &str) -> Option<&mut Option<u64>> {
        Some(match key {
            "cached_tokens" => &mut self.cached,
            "cache_write_tokens" | "cache_creation_tokens" => &mut self.cache_write,
            "audio_tokens" => &mut self.audio,
            "image_tokens" => &mut self.image,
            "reasoning_tokens" => &mut self.reasoning,
            _ => return None,
        })
    }
}

/// The members of an object of counts, one after the other. `None` is for whatever is not written as usual.
struct Counts<'a> {
    rest: &'a str,
    first: bool,
}

impl<'a> Counts<'a> {
    fn begin(text: &'a str) -> Option<Self> {
        Some(Self { rest: text.strip_prefix('{')?, first: true })
    }

    /// The next key; `Some(None)` at the end.
    fn key(&mut self) -> Option<Option<&'a str>> {
        self.rest = self.rest.trim_ascii_start();
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            return Some(None);
        }
        let rest = if std::mem::take(&mut self.first) { self.rest } else { self.rest.strip_prefix(',')? };
        let rest = rest.trim_ascii_start().strip_prefix('"')?;
        let (key, rest) = rest.split_at_checked(memchr::memchr(b'"', rest.as_bytes())?)?;
        self.rest = rest.strip_prefix("\":")?.trim_ascii_start();
        Some(Some(key))
    }

    fn count(&mut self) -> Option<u64> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        number.parse().ok()
    }

    fn details(&mut self) -> Option<Details> {
        let mut details = Details::default();
        let mut counts = Counts::begin(self.rest)?;
        while let Some(key) = counts.key()? {
            // Predictions that were taken or not are part of the completion.
            match key {
                "accepted_prediction_tokens" | "rejected_prediction_tokens" | "text_tokens" => {
                    counts.count()?;
                }
                key => *details.slot(key).filter(|slot| slot.is_none())? = Some(counts.count()?),
            }
        }
        self.rest = counts.rest;
        Some(details)
    }
}

/// A count; whatever is none (null, an object, a negative number) says nothing. `12.0` has been seen.
fn count(raw: &RawValue) -> Option<u64> {
    let text = raw.get();
    text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok())
}

/// Usage as clients of this format read it.
#[derive(Serialize)]
pub(crate) struct ShownUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<PromptDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<CompletionDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_creation: Option<CacheCreation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_tool_use: Option<ServerToolUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<RawJson>,
}

#[derive(Serialize)]
struct PromptDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tokens: Option<u64>,
}

#[derive(Serialize)]
struct CompletionDetails {
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_tokens: Option<u64>,
}

#[derive(Serialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: u64,
    ephemeral_1h_input_tokens: u64,
}

#[derive(Serialize)]
struct ServerToolUse {
    web_search_requests: u64,
}

impl ShownUsage {
    /// `None` when nothing is known: absent is not zero.
    pub(crate) fn of(usage: &Usage) -> Option<Self> {
        if usage.is_empty() {
            return None;
        }
        let written = usage.cache_write();
        let prompt = [usage.cache_read, written, usage.audio_in, usage.image_in];
        let completion = [usage.reasoning, usage.audio_out, usage.image_out];
        Some(Self {
            prompt_tokens: usage.prompt_total().unwrap_or(0),
            completion_tokens: usage.completion_total().unwrap_or(0),
            total_tokens: usage.total().unwrap_or(0),
            prompt_tokens_details: prompt.iter().any(Option::is_some).then_some(PromptDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: written,
                audio_tokens: usage.audio_in,
                image_tokens: usage.image_in,
            }),
            completion_tokens_details: completion.iter().any(Option::is_some).then_some(CompletionDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.audio_out,
                image_tokens: usage.image_out,
            }),
            cache_creation: usage.cache_write_1h.map(|hour| CacheCreation {
                ephemeral_5m_input_tokens: usage.cache_write_5m.unwrap_or(0),
                ephemeral_1h_input_tokens: hour,
            }),
            server_tool_use: usage.web_searches.map(|count| ServerToolUse { web_search_requests: count }),
            cost: usage.reported_cost.map(cost::shown),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::fields::Object;

    fn read(text: &str) -> Usage {
        let Object(usage): Object<WireUsage> = serde_json::from_str(text).expect("valid");
        usage.usage(false)
    }

    fn shown(usage: &Usage) -> String {
        serde_json::to_string(&ShownUsage::of(usage).expect("not empty")).expect("writes")
    }

    #[test]
    fn buckets_do_not_overlap_and_come_back() {
        // https://platform.openai.com/docs/api-reference/chat/object
        let text = r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":60,"audio_tokens":10},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":5}}"#;
        let usage = read(text);
        assert_eq!((usage.input, usage.cache_read, usage.audio_in), (Some(30), Some(60), Some(10)));
        assert_eq!((usage.output, usage.reasoning, usage.audio_out), (Some(15), Some(30), Some(5)));
        assert_eq!(shown(&usage), text);
        assert_eq!(read(&shown(&usage)), usage);
    }

    #[test]
    fn every_vendors_spelling_of_cached_tokens_counts() {
        for text in [
            r#"{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5,"prompt_tokens_details":{"cached_tokens":0}}"#,
            r#"{"prompt_tokens":9,"completion_tokens":1,"cached_tokens":4}"#,
            r#"{"prompt_tokens":9,"completion_tokens":1,"num_cached_tokens":4,"prompt_audio_seconds":{}}"#,
            r#"{"prompt_tokens":9.0,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":4}}"#,
            r#"{"completion_tokens":1,"total_tokens":10,"cached_tokens":4}"#,
        ] {
            let usage = read(text);
            assert_eq!((usage.input, usage.cache_read, usage.output), (Some(5), Some(4), Some(1)), "{text}");
        }
    }

    #[test]
    fn thinking_beside_the_completion_is_told_by_the_sums() {
        let usage = read(
            r#"{"prompt_tokens":10,"completion_tokens":7,"total_tokens":29,"completion_tokens_details":{"reasoning_tokens":12},"cost_in_usd_ticks":3155600}"#,
        );
        assert_eq!((usage.output, usage.reasoning, usage.total()), (Some(7), Some(12), Some(29)));
        assert_eq!(usage.reported_cost, Some(315_560));
        let small = r#"{"prompt_tokens":10,"completion_tokens":7,"completion_tokens_details":{"reasoning_tokens":2}}"#;
        assert_eq!(read(small).output, Some(5));
        let Object(usage): Object<WireUsage> = serde_json::from_str(small).expect("valid");
        assert_eq!(usage.usage(true).output, Some(7));
    }

    #[test]
    fn cache_writes_and_costs_come_back() {
        let usage = read(
            r#"{"prompt_tokens":100,"completion_tokens":1,"total_tokens":101,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":10},"cost":{"total_cost":0.00502}}"#,
        );
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h, usage.input), (Some(20), Some(10), Some(70)));
        assert_eq!(usage.reported_cost, Some(5_020_000));
        assert_eq!(read(&shown(&usage)), usage);
    }

    #[test]
    fn nothing_known_is_not_zero_and_nonsense_is_nothing() {
        let usage = read(
            r#"{"prompt_tokens":null,"completion_tokens":-1,"cost":"free","prompt_tokens_details":null}"#,
        );
        assert!(usage.is_empty());
        assert!(ShownUsage::of(&usage).is_none());
        let most =
            read(r#"{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":9}}"#);
        assert_eq!((most.input, most.cache_read), (Some(0), Some(5)));
    }

    fn parsed(text: &str) -> WireUsage {
        serde_json::from_str::<Object<WireUsage>>(text).expect("an object").0
    }

    #[test]
    fn usual_usage_is_read_as_the_parser_reads_it() {
        for text in [
            "{}",
            r#"{"prompt_tokens":220,"completion_tokens":60,"total_tokens":280}"#,
            r#"{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":2},"completion_tokens":3,
                "completion_tokens_details" :{"reasoning_tokens":4,"accepted_prediction_tokens":5}}"#,
            "{\n  \"prompt_tokens\": 7,\n  \"input_tokens_details\": {\n \"cached_tokens\": 1\n }\n}\n",
        ] {
            if let Some(plain) = WireUsage::plain(text) {
                assert_eq!(plain, parsed(text), "{text}");
            }
        }
        let usual =
            r#"{"prompt_tokens":220,"completion_tokens":60,"prompt_tokens_details":{"cached_tokens":9}}"#;
        assert_eq!(WireUsage::plain(usual), Some(parsed(usual)));
    }

    #[test]
    fn unusual_usage_is_left_to_the_parser() {
        for text in [
            "null",
            "{",
            r#"{"prompt_tokens":null}"#,
            r#"{"prompt_tokens":12.0}"#,
            r#"{"prompt_tokens":-1}"#,
            r#"{"prompt_tokens":1,"prompt_tokens":2}"#,
            r#"{"prompt\u005ftokens":1}"#,
            r#"{"prompt_tokens":"7"}"#,
            r#"{"prompt_tokens_details":null}"#,
            r#"{"prompt_tokens_details":{"cached_tokens":{}}}"#,
            r#"{"cost":0.1}"#,
            r#"{"prompt_tokens":99999999999999999999}"#,
            r#"{"prompt_tokens":1}{"#,
        ] {
            assert_eq!(WireUsage::plain(text), None, "{text}");
        }
    }
}
