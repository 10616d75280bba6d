//! Tokens of a call, in buckets that never overlap.

use std::fmt;

/// Tokens of a call. The buckets never overlap, so that each has one price and sums are true.
///
/// `None` is "nobody said", which is not zero. Totals as the dialects know them are computed at the edge:
/// [`Usage::prompt_total`], [`Usage::completion_total`]. Later reports of a stream replace earlier ones
/// ([`Usage::update`]); they are never added up.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt text tokens that were not in a cache.
    pub input: Option<u64>,
    /// Prompt tokens read from the vendor's cache.
    pub cache_read: Option<u64>,
    /// Prompt tokens written to a cache with the default life (five minutes).
    pub cache_write_5m: Option<u64>,
    /// Prompt tokens written to a cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// Visible answer tokens, tool calls included.
    pub output: Option<u64>,
    /// Thinking tokens.
    pub reasoning: Option<u64>,
    /// Audio tokens in the prompt.
    pub audio_in: Option<u64>,
    /// Audio tokens in the answer.
    pub audio_out: Option<u64>,
    /// Image tokens in the prompt, where the vendor counts them apart.
    pub image_in: Option<u64>,
    /// Image tokens in the answer.
    pub image_out: Option<u64>,
    /// Calls of the vendor's own web search; for reranking, the searches that it bills.
    pub web_searches: Option<u64>,
    /// Pictures that were made, where the vendor does not count them in tokens.
    pub images: Option<u64>,
    /// Seconds of sound that were heard, where the vendor does not count them in tokens.
    pub audio_seconds: Option<u64>,
    /// Letters that were read aloud.
    pub characters: Option<u64>,
    /// What the vendor says the call cost, in nano-dollars; kept beside our own figure.
    pub reported_cost: Option<i64>,
    /// The service tier that served, where it is one with prices of its own.
    pub tier: Option<ServiceTier>,
    /// Whether these are counted by the gateway because the vendor did not report.
    pub estimated: bool,
}

/// A priority class at a vendor that has prices of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceTier {
    /// Between the ordinary tier and `flex`.
    Balanced,
    /// Answered within a day.
    Batch,
    /// Cheaper and slower.
    Flex,
    /// Dearer and faster.
    Priority,
    /// The fastest.
    Ultrafast,
}

impl ServiceTier {
    /// The tier that a vendor names; `None` for the ordinary ones (`default`, `standard`, `auto` …).
    pub fn named(name: &str) -> Option<Self> {
        let tiers = [
            ("balanced", Self::Balanced),
            ("batch", Self::Batch),
            ("flex", Self::Flex),
            ("priority", Self::Priority),
            ("ultrafast", Self::Ultrafast),
        ];
        tiers.into_iter().find(|(known, _)| name.trim().eq_ignore_ascii_case(known)).map(|(_, tier)| tier)
    }
}

/// Adds what is known; `None` only when nothing is.
fn sum(buckets: &[Option<u64>]) -> Option<u64> {
    buckets.iter().copied().flatten().reduce(u64::saturating_add)
}

/// Only what is known: most buckets of most calls are not.
impl fmt::Debug for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Usage");
        for (name, count) in self.buckets().iter().filter_map(|(name, count)| Some((name, (*count)?))) {
            shown.field(name, &count);
        }
        if let Some(cost) = self.reported_cost {
            shown.field("reported_cost", &cost);
        }
        if let Some(tier) = self.tier {
            shown.field("tier", &tier);
        }
        if self.estimated {
            shown.field("estimated", &true);
        }
        shown.finish()
    }
}

impl Usage {
    fn buckets(&self) -> [(&'static str, Option<u64>); 14] {
        [
            ("input", self.input),
            ("cache_read", self.cache_read),
            ("cache_write_5m", self.cache_write_5m),
            ("cache_write_1h", self.cache_write_1h),
            ("output", self.output),
            ("reasoning", self.reasoning),
            ("audio_in", self.audio_in),
            ("audio_out", self.audio_out),
            ("image_in", self.image_in),
            ("image_out", self.image_out),
            ("web_searches", self.web_searches),
            ("images", self.images),
            ("audio_seconds", self.audio_seconds),
            ("characters", self.characters),
        ]
    }

    /// In the order of [`Usage::buckets`].
    fn buckets_mut(&mut self) -> [&mut Option<u64>; 14] {
        [
            &mut self.input,
            &mut self.cache_read,
            &mut self.cache_write_5m,
            &mut self.cache_write_1h,
            &mut self.output,
            &mut self.reasoning,
            &mut self.audio_in,
            &mut self.audio_out,
            &mut self.image_in,
            &mut self.image_out,
            &mut self.web_searches,
            &mut self.images,
            &mut self.audio_seconds,
            &mut self.characters,
        ]
    }

    /// What was counted, under the names of the fields.
    pub fn counted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.buckets().into_iter().filter_map(|(name, count)| Some((name, count?)))
    }

    /// All prompt tokens: uncached, cached, written to a cache, audio and images.
    pub fn prompt_total(&self) -> Option<u64> {
        sum(&[
            self.input,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.audio_in,
            self.image_in,
        ])
    }

    /// All answer tokens: visible, thinking, audio and images.
    pub fn completion_total(&self) -> Option<u64> {
        sum(&[self.output, self.reasoning, self.audio_out, self.image_out])
    }

    /// Prompt and answer tokens together.
    pub fn total(&self) -> Option<u64> {
        sum(&[self.prompt_total(), self.completion_total()])
    }

    /// All tokens written to a cache.
    pub fn cache_write(&self) -> Option<u64> {
        sum(&[self.cache_write_5m, self.cache_write_1h])
    }

    /// Whether nothing at all is known.
    pub fn is_empty(&self) -> bool {
        let other = sum(&[self.web_searches, self.images, self.audio_seconds, self.characters]);
        self.total().is_none() && other.is_none() && self.reported_cost.is_none()
    }

    /// Adds the usage of another request that was part of the same call.
    pub fn add(&mut self, other: &Self) {
        for (known, (_, more)) in self.buckets_mut().into_iter().zip(other.buckets()) {
            *known = sum(&[*known, more]);
        }
        self.reported_cost = match (self.reported_cost, other.reported_cost) {
            (Some(one), Some(more)) => Some(one.saturating_add(more)),
            (one, more) => one.or(more),
        };
        self.tier = other.tier.or(self.tier);
        self.estimated |= other.estimated;
    }

    /// Takes a later, cumulative report in: what it says replaces, what it leaves out stays.
    pub fn update(&mut self, later: &Self) {
        for (known, (_, new)) in self.buckets_mut().into_iter().zip(later.buckets()) {
            *known = new.or(*known);
        }
        self.tier = later.tier.or(self.tier);
        self.reported_cost = later.reported_cost.or(self.reported_cost);
        self.estimated = later.estimated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_sums_of_what_is_known() {
        let usage = Usage { input: Some(50), cache_read: Some(40), audio_in: Some(10), ..Usage::default() };
        assert_eq!(usage.prompt_total(), Some(100));
        assert_eq!(usage.completion_total(), None);
        assert_eq!(usage.total(), Some(100));
    }

    #[test]
    fn later_reports_replace_and_never_add() {
        let mut usage = Usage { input: Some(10), output: Some(1), ..Usage::default() };
        usage.update(&Usage { output: Some(25), ..Usage::default() });
        assert_eq!((usage.input, usage.output), (Some(10), Some(25)));
    }
}
