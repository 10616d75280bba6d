//! Tokens of a call, in buckets that never overlap.

/// Tokens of a call. The buckets never overlap, so that each has one price and sums are true.
///
/// `None` is "nobody said", which is not zero. Totals as the dialects know them are computed at the edge:
/// [`Usage::prompt_total`], [`Usage::completion_total`]. Later reports of a stream replace earlier ones
/// ([`Usage::update`]); they are never added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Calls of the vendor's own web search.
    pub web_searches: Option<u64>,
    /// What the vendor says the call cost, in nano-dollars; kept beside our own figure.
    pub reported_cost: Option<i64>,
    /// Whether these are counted by the gateway because the vendor did not report.
    pub estimated: bool,
}

/// Adds what is known; `None` only when nothing is.
fn sum(buckets: &[Option<u64>]) -> Option<u64> {
    buckets.iter().copied().flatten().reduce(u64::saturating_add)
}

impl Usage {
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
        self.total().is_none() && self.web_searches.is_none() && self.reported_cost.is_none()
    }

    /// Takes a later, cumulative report in: what it says replaces, what it leaves out stays.
    pub fn update(&mut self, later: &Self) {
        let fields = [
            (&mut self.input, later.input),
            (&mut self.cache_read, later.cache_read),
            (&mut self.cache_write_5m, later.cache_write_5m),
            (&mut self.cache_write_1h, later.cache_write_1h),
            (&mut self.output, later.output),
            (&mut self.reasoning, later.reasoning),
            (&mut self.audio_in, later.audio_in),
            (&mut self.audio_out, later.audio_out),
            (&mut self.image_in, later.image_in),
            (&mut self.image_out, later.image_out),
            (&mut self.web_searches, later.web_searches),
        ];
        for (known, new) in fields {
            *known = new.or(*known);
        }
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
