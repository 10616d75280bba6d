//! What pictures and sound say that they used.

use std::fmt;

use llm_core::{RawJson, RawObject, Usage};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::cost;

/// Reads a `usage` object: tokens with their kinds, or a duration.
pub(super) fn read(raw: &RawValue) -> Usage {
    let Ok(report) = serde_json::from_str::<RawObject>(raw.get()) else { return Usage::default() };
    let count = |key: &str| report.get(key).and_then(|value| value.read::<u64>().ok());
    let input = count("input_tokens").or_else(|| count("prompt_tokens"));
    let output = count("output_tokens").or_else(|| count("completion_tokens"));
    // Pictures say `input_tokens_details`, sound says `input_token_details`.
    let details = |side: &str| {
        let found = report.get(&format!("{side}_tokens_details"));
        let found = found.or_else(|| report.get(&format!("{side}_token_details")));
        found.and_then(|value| value.read::<RawObject>().ok()).unwrap_or_default()
    };
    let kind = |details: &RawObject, key: &str| {
        details.get(key).and_then(|value| value.read::<u64>().ok()).filter(|count| *count > 0)
    };
    let (of_input, of_output) = (details("input"), details("output"));
    let (image_in, audio_in) = (kind(&of_input, "image_tokens"), kind(&of_input, "audio_tokens"));
    let (image_out, audio_out) = (kind(&of_output, "image_tokens"), kind(&of_output, "audio_tokens"));
    let rest = |total: Option<u64>, parts: [Option<u64>; 2]| {
        total.map(|total| parts.into_iter().flatten().fold(total, u64::saturating_sub))
    };
    Usage {
        input: rest(input, [image_in, audio_in]),
        output: rest(output, [image_out, audio_out]),
        image_in,
        audio_in,
        image_out,
        audio_out,
        audio_seconds: report.get("seconds").and_then(|value| seconds(value.get())),
        reported_cost: cost::KEYS.iter().find_map(|key| cost::read_text(key, report.get(key)?.get())),
        ..Usage::default()
    }
}

/// Seconds out of a number or a text with one, rounded up: vendors bill begun ones.
pub(super) fn seconds(json: &str) -> Option<u64> {
    let number: f64 = RawJson::parse(json).ok().and_then(|raw| {
        raw.read::<f64>().ok().or_else(|| raw.read::<String>().ok().and_then(|text| text.parse().ok()))
    })?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a day of sound at most")]
    let whole = (number > 0.0 && number < 1e6).then(|| number.ceil() as u64);
    whole
}

/// How many elements a list has; anything else has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counter;
        impl<'de> Visitor<'de> for Counter {
            type Value = Counted;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Counted, A::Error> {
                let mut count = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Counted(Some(count)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counted, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Counted(None))
            }

            fn visit_unit<E>(self) -> Result<Counted, E> {
                Ok(Counted(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Counted, E> {
                Ok(Counted(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Counted, E> {
                Ok(Counted(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Counted, E> {
                Ok(Counted(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Counted, E> {
                Ok(Counted(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Counted, E> {
                Ok(Counted(None))
            }
        }
        deserializer.deserialize_any(Counter)
    }
}
