//! Token counts: the format's totals to our buckets that never overlap, and back.
//!
//! `promptTokenCount` holds the cached ones, `candidatesTokenCount` does not hold the thoughts, and what the vendor's
//! own tools read counts beside the prompt (<https://ai.google.dev/api/generate-content#UsageMetadata>).

use llm_core::{RawObject, Usage};
use serde_json::value::RawValue;

use crate::wire::{Members, ObjectWriter, json};

/// Members of `usageMetadata` that our buckets hold, or that only split them further.
const MODELLED: &[&str] = &[
    "promptTokenCount",
    "candidatesTokenCount",
    "totalTokenCount",
    "cachedContentTokenCount",
    "thoughtsTokenCount",
    "toolUsePromptTokenCount",
    "promptTokensDetails",
    "candidatesTokensDetails",
    "cacheTokensDetails",
    "toolUsePromptTokensDetails",
    "serviceTier",
];

/// Reads a `usageMetadata` object. What is no count counts as unsaid: metering must not cost the client an answer.
pub(crate) fn read(metadata: &Members<'_>) -> Usage {
    let count = |key: &str| metadata.count(key).ok().flatten();
    let prompt = count("promptTokenCount");
    let cached = count("cachedContentTokenCount");
    let tools = count("toolUsePromptTokenCount");
    let thoughts = count("thoughtsTokenCount");
    let of = |key: &str, modality| details(metadata, key, modality);
    let audio_in = of("promptTokensDetails", AUDIO).map(|audio| {
        let cached = of("cacheTokensDetails", AUDIO).unwrap_or(0);
        audio.saturating_sub(cached)
    });
    let image_in = of("promptTokensDetails", IMAGE).map(|image| {
        let cached = of("cacheTokensDetails", IMAGE).unwrap_or(0);
        image.saturating_sub(cached)
    });
    let (audio_out, image_out) = (of("candidatesTokensDetails", AUDIO), of("candidatesTokensDetails", IMAGE));
    let input = sum(prompt, tools).map(|all| less(all, &[cached, audio_in, image_in]));
    let visible = visible(metadata, sum(prompt, tools), thoughts);
    Usage {
        input,
        cache_read: cached,
        output: visible.map(|all| less(all, &[audio_out, image_out])),
        reasoning: thoughts,
        audio_in,
        audio_out,
        image_in,
        image_out,
        ..Usage::default()
    }
}

/// Answer tokens without thoughts. Where the total says that the vendor counted the thoughts in, they are taken out.
/// Where the total says that there are none, that is a report too: in a stream it replaces an earlier one.
fn visible(metadata: &Members<'_>, prompt: Option<u64>, thoughts: Option<u64>) -> Option<u64> {
    let count = |key: &str| metadata.count(key).ok().flatten();
    let total = count("totalTokenCount");
    let Some(candidates) = count("candidatesTokenCount") else {
        return (thoughts.is_some() && total == sum(prompt, thoughts)).then_some(0);
    };
    let held = thoughts.filter(|thoughts| {
        *thoughts > 0
            && candidates >= *thoughts
            && sum(prompt, Some(candidates)).is_some_and(|all| total == Some(all))
    });
    Some(candidates - held.unwrap_or(0))
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    [one, other].into_iter().flatten().reduce(u64::saturating_add)
}

fn less(all: u64, parts: &[Option<u64>]) -> u64 {
    parts.iter().flatten().fold(all, |rest, part| rest.saturating_sub(*part))
}

/// A modality by its name and its number.
type Modality = (&'static str, &'static str);
const IMAGE: Modality = ("IMAGE", "2");
const AUDIO: Modality = ("AUDIO", "4");

/// The tokens of a modality in one of the lists; `None` when it is not there.
fn details(metadata: &Members<'_>, key: &str, modality: Modality) -> Option<u64> {
    let entries = metadata.array(key).ok()?;
    let counts = entries.into_iter().filter_map(|entry| {
        let entry = Members::parse(entry.get()).ok()?;
        let named = entry.word("modality")?;
        (named == modality.0 || named == modality.1).then(|| entry.count("tokenCount").ok().flatten())?
    });
    counts.reduce(u64::saturating_add)
}

/// What our buckets do not hold.
pub(crate) fn unmodelled(raw: Option<&RawValue>) -> RawObject {
    let members = raw.and_then(|raw| Members::parse(raw.get()).ok()).unwrap_or_default();
    members.rest(MODELLED)
}

/// Writes a `usageMetadata` object for clients; `extras` are members that only this format has.
pub(crate) fn write(usage: &Usage, service_tier: Option<&str>, extras: Option<&RawObject>) -> RawObject {
    let mut object = ObjectWriter::new();
    let visible = sum(sum(usage.output, usage.audio_out), usage.image_out);
    object
        .optional("promptTokenCount", usage.prompt_total().as_ref())
        .optional("candidatesTokenCount", visible.as_ref())
        .optional("totalTokenCount", usage.total().as_ref())
        .optional("cachedContentTokenCount", usage.cache_read.as_ref())
        .optional("thoughtsTokenCount", usage.reasoning.as_ref());
    let text_in = sum(usage.input, usage.cache_write());
    let prompt = [("TEXT", text_in), ("IMAGE", usage.image_in), ("AUDIO", usage.audio_in)];
    let answer = [("TEXT", usage.output), ("IMAGE", usage.image_out), ("AUDIO", usage.audio_out)];
    for (key, split) in [("promptTokensDetails", prompt), ("candidatesTokensDetails", answer)] {
        // A list of text alone says no more than the total.
        if split.iter().skip(1).any(|(_, count)| count.is_some()) {
            object.member(key, &shown(&split));
        }
    }
    object.optional("serviceTier", service_tier);
    if let Some(extras) = extras {
        object.members(extras);
    }
    object.json().read().expect("an object was written")
}

fn shown(split: &[(&str, Option<u64>)]) -> Vec<llm_core::RawJson> {
    let entries = split.iter().filter_map(|(modality, count)| {
        let mut entry = ObjectWriter::new();
        entry.member("modality", modality).member("tokenCount", &(*count)?);
        Some(entry.json())
    });
    entries.collect()
}

/// What an answer's extras keep of `usageMetadata`.
pub(crate) fn kept(extras: Option<&RawObject>) -> Option<RawObject> {
    extras?.get("usageMetadata")?.read().ok()
}

/// Puts what [`unmodelled`] found among an answer's extras.
pub(crate) fn keep(usage: &RawObject, extras: &mut RawObject) {
    if !usage.is_empty() {
        extras.insert("usageMetadata", json(usage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str) -> Usage {
        read(&Members::parse(text).expect("an object"))
    }

    #[test]
    fn cached_and_tool_tokens_are_apart_from_the_rest() {
        let usage = report(
            r#"{"promptTokenCount":341,"candidatesTokenCount":10,"cachedContentTokenCount":92,
                "toolUsePromptTokenCount":9,"thoughtsTokenCount":499,"totalTokenCount":859}"#,
        );
        assert_eq!((usage.input, usage.cache_read), (Some(258), Some(92)));
        assert_eq!((usage.output, usage.reasoning), (Some(10), Some(499)));
        assert_eq!(usage.total(), Some(859));
    }

    #[test]
    fn modalities_have_buckets_of_their_own() {
        let usage = report(
            r#"{"promptTokenCount":300,"candidatesTokenCount":1300,"promptTokensDetails":[
                {"modality":"TEXT","tokenCount":10},{"modality":"AUDIO","tokenCount":32},{"modality":"IMAGE","tokenCount":258}],
                "cachedContentTokenCount":12,"cacheTokensDetails":[{"modality":4,"tokenCount":12}],
                "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]}"#,
        );
        assert_eq!((usage.audio_in, usage.image_in, usage.input), (Some(20), Some(258), Some(10)));
        assert_eq!((usage.image_out, usage.output), (Some(1290), Some(10)));
        assert_eq!(usage.prompt_total(), Some(300));
    }

    #[test]
    fn thoughts_that_were_counted_in_are_taken_out() {
        let usage = report(
            r#"{"promptTokenCount":10,"candidatesTokenCount":100,"thoughtsTokenCount":60,"totalTokenCount":110}"#,
        );
        assert_eq!((usage.output, usage.reasoning), (Some(40), Some(60)));
    }

    #[test]
    fn what_is_no_count_is_unsaid() {
        let usage =
            report(r#"{"promptTokenCount":"many","candidatesTokenCount":"7","promptTokensDetails":3}"#);
        assert_eq!((usage.input, usage.output), (None, Some(7)));
    }

    #[test]
    fn counts_come_back() {
        for text in [
            r#"{"promptTokenCount":12,"candidatesTokenCount":3,"totalTokenCount":20,"cachedContentTokenCount":2,"thoughtsTokenCount":5}"#,
            r#"{"promptTokenCount":12,"totalTokenCount":12,"promptTokensDetails":[{"modality":"TEXT","tokenCount":4},{"modality":"AUDIO","tokenCount":8}]}"#,
        ] {
            let written = json(&write(&report(text), None, None));
            assert_eq!(written.get(), text);
        }
    }
}
