//! The names of LiteLLM's price fields, in the price table and in a user's own configuration.

use std::borrow::Cow;

use super::price::When;
use super::rates::Class;

/// Every field that is a rate. A threshold (`_above_200k_tokens`) and a tier (`_priority`) may follow, so a name that
/// begins with another one stands before it.
///
/// The table says of some models what an input costs and of others what an output does, where there is only one thing
/// to pay: the picture, the second, the search.
const RATES: [(&str, Class); 16] = [
    ("cache_creation_input_token_cost_above_1hr", Class::CacheWriteHour),
    ("cache_creation_input_token_cost", Class::CacheWrite),
    ("cache_read_input_token_cost", Class::CacheRead),
    ("input_cost_per_audio_token", Class::AudioIn),
    ("input_cost_per_character", Class::Character),
    ("input_cost_per_image_token", Class::ImageIn),
    ("input_cost_per_image", Class::Image),
    ("input_cost_per_query", Class::WebSearch),
    ("input_cost_per_second", Class::Second),
    ("input_cost_per_token", Class::Input),
    ("output_cost_per_audio_token", Class::AudioOut),
    ("output_cost_per_image_token", Class::ImageOut),
    ("output_cost_per_image", Class::Image),
    ("output_cost_per_reasoning_token", Class::Reasoning),
    ("output_cost_per_second", Class::Second),
    ("output_cost_per_token", Class::Output),
];

/// The service tiers that have prices of their own.
const TIERS: [&str; 5] = ["balanced", "batches", "flex", "priority", "ultrafast"];

/// What a rate field names: a class, and when the rate holds. `None`: no such field.
pub(crate) fn rate_field(field: &str) -> Option<(When, Class)> {
    let (rest, class) = RATES.iter().find_map(|(name, class)| Some((field.strip_prefix(name)?, *class)))?;
    let (above, rest) = match rest.strip_prefix("_above_") {
        Some(threshold) => {
            let (thousands, rest) = threshold.split_once("k_tokens")?;
            (thousands.parse::<u64>().ok()?.checked_mul(1000)?, rest)
        }
        None => (0, rest),
    };
    let tier = match rest.strip_prefix('_') {
        Some(tier) => Some(Cow::Borrowed(*TIERS.iter().find(|known| **known == tier)?)),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((When { above, tier }, class))
}

/// Whether a field names the price of prompts beyond a length (`input_cost_per_token_above_200k_tokens`), in the
/// ordinary service tier.
pub fn is_long_prompt_price(field: &str) -> bool {
    rate_field(field).is_some_and(|(when, _)| when.above > 0 && when.tier.is_none())
}

/// The names of all rate fields without threshold and tier, for messages.
pub(crate) fn rate_names() -> impl Iterator<Item = &'static str> {
    RATES.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_threshold_and_tier_are_read() {
        let when = |above, tier: Option<&'static str>| When { above, tier: tier.map(Cow::Borrowed) };
        for (field, expected) in [
            ("input_cost_per_token", (when(0, None), Class::Input)),
            ("input_cost_per_image", (when(0, None), Class::Image)),
            ("output_cost_per_image_token", (when(0, None), Class::ImageOut)),
            ("output_cost_per_token_batches", (when(0, Some("batches")), Class::Output)),
            (
                "cache_read_input_token_cost_above_272k_tokens_priority",
                (when(272_000, Some("priority")), Class::CacheRead),
            ),
            (
                "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
                (when(200_000, None), Class::CacheWriteHour),
            ),
        ] {
            assert_eq!(rate_field(field), Some(expected), "{field}");
        }
    }

    #[test]
    fn other_names_are_not_mistaken_for_rates() {
        for field in [
            "input_cost_per_token_cache_hit",
            "cache_creation_input_token_cost_above_12hr",
            "input_cost_per_token_above_k_tokens",
            "input_cost_per_tokens",
            "input_cost_per_characters",
            "output_cost_per_image_4K",
            "",
        ] {
            assert_eq!(rate_field(field), None, "{field}");
        }
    }
}
