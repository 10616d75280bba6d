//! The cost of a call: every bucket of its usage priced once, the sum rounded once.

use llm_core::Usage;
use llm_core::money::{NanoDollars, PicoDollars};
use llm_core::usage::ServiceTier;

use super::price::Price;
use super::rates::Class;

/// What a call cost. `total` is rounded from the exact sum; each part is rounded on its own for display, so the
/// parts may differ from the total by a few nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The whole call.
    pub total: NanoDollars,
    /// Uncached prompt: text, audio and images; sound by its length, letters read aloud.
    pub input: NanoDollars,
    /// Visible answer: text, audio and images, by tokens or by number.
    pub output: NanoDollars,
    /// Prompt tokens read from a cache.
    pub cache_read: NanoDollars,
    /// Prompt tokens written to a cache.
    pub cache_write: NanoDollars,
    /// Thinking.
    pub reasoning: NanoDollars,
    /// The vendor's own tools, such as web search.
    pub tools: NanoDollars,
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            input: self.input + other.input,
            output: self.output + other.output,
            cache_read: self.cache_read + other.cache_read,
            cache_write: self.cache_write + other.cache_write,
            reasoning: self.reasoning + other.reasoning,
            tools: self.tools + other.tools,
        }
    }
}

impl Price {
    /// What this usage costs, at the service tier that served it.
    ///
    /// # Behavior
    /// - Each bucket is priced once. Without a rate of its own a bucket of the prompt costs as input, one of the
    ///   answer as output; web searches without a rate are free.
    /// - When the whole prompt is longer than a threshold, the whole request is billed by that schedule.
    /// - What the vendor itself reports ([`Usage::reported_cost`]) is not looked at.
    pub fn cost(&self, usage: &Usage) -> Cost {
        let prompt = usage.prompt_total().unwrap_or(0);
        let tier = usage.tier.map(in_the_words_of_the_table);
        let priced = |class: Class| match class.count(usage) {
            Some(count) if count > 0 => self.rate(class, prompt, tier).times(count),
            _ => PicoDollars::default(),
        };

        let input = priced(Class::Input)
            + priced(Class::AudioIn)
            + priced(Class::ImageIn)
            + priced(Class::Second)
            + priced(Class::Character);
        let output =
            priced(Class::Output) + priced(Class::AudioOut) + priced(Class::ImageOut) + priced(Class::Image);
        let cache_read = priced(Class::CacheRead);
        let cache_write = priced(Class::CacheWrite) + priced(Class::CacheWriteHour);
        let reasoning = priced(Class::Reasoning);
        let tools = priced(Class::WebSearch);

        let total: PicoDollars = [input, output, cache_read, cache_write, reasoning, tools].into_iter().sum();
        Cost {
            total: total.round(),
            input: input.round(),
            output: output.round(),
            cache_read: cache_read.round(),
            cache_write: cache_write.round(),
            reasoning: reasoning.round(),
            tools: tools.round(),
        }
    }
}

pub(super) fn in_the_words_of_the_table(tier: ServiceTier) -> &'static str {
    match tier {
        ServiceTier::Balanced => "balanced",
        ServiceTier::Batch => "batches",
        ServiceTier::Flex => "flex",
        ServiceTier::Priority => "priority",
        ServiceTier::Ultrafast => "ultrafast",
    }
}

#[cfg(test)]
mod tests;
