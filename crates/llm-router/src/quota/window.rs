//! What was let through in the last minute: a log of admissions that slides with the clock.
//!
//! The log is exact to the nanosecond while it is short. Where a minute holds more than [`EXACT`] admissions, those
//! within [`GRAIN`] of each other share an entry that leaves with the youngest of them: room comes back that much
//! later, and never too early.

use std::collections::VecDeque;
use std::time::Duration;

/// How far back the log reaches, in nanoseconds.
const MINUTE: u64 = 60_000_000_000;

/// Up to so many entries, each admission has its own.
const EXACT: usize = 512;

/// Beyond them, admissions that are nearer to each other share one, in nanoseconds.
const GRAIN: u64 = 50_000_000;

/// A point in time: nanoseconds since the quota was made.
pub(crate) type Moment = u64;

/// The moment that is so long after the quota was made.
pub(crate) fn moment(since: Duration) -> Moment {
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What was let through in the last minute, and how much may be.
#[derive(Debug)]
pub(crate) struct Window {
    requests_limit: Option<u64>,
    tokens_limit: Option<u64>,
    entries: VecDeque<Entry>,
    /// How many entries have left: the number of the first one that is there.
    left: u64,
    requests: u64,
    tokens: u64,
    exact: usize,
}

#[derive(Debug)]
struct Entry {
    first: Moment,
    last: Moment,
    requests: u64,
    tokens: u64,
}

/// What an admission holds of a window.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The entry's number, counted from the first one ever.
    entry: u64,
    pub(crate) tokens: u64,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    /// The limit that is reached.
    pub limit: &'static str,
    /// When there is room again; `None`: never.
    pub until: Option<Moment>,
}

impl Window {
    pub(crate) fn new(requests_limit: Option<u64>, tokens_limit: Option<u64>) -> Self {
        Self {
            requests_limit,
            tokens_limit,
            entries: VecDeque::new(),
            left: 0,
            requests: 0,
            tokens: 0,
            exact: EXACT,
        }
    }

    /// Takes a request of so many tokens in. One that is larger than the whole limit is let through alone: sizes are
    /// estimates, and it would never get another chance.
    ///
    /// # Errors
    /// The limit that is in the way longest.
    pub(crate) fn take(&mut self, now: Moment, tokens: u64) -> Result<Ticket, Lack> {
        self.may_take(now, tokens)?;
        Ok(self.admit(now, tokens))
    }

    /// Whether there is room now. Forgets what is older than a minute.
    ///
    /// # Errors
    /// As for [`Self::take`].
    pub(crate) fn may_take(&mut self, now: Moment, tokens: u64) -> Result<(), Lack> {
        self.slide(now);
        let short_of_requests = self.requests_limit.filter(|limit| self.requests >= *limit).map(|limit| {
            let until = self.when(self.requests.saturating_sub(limit) + 1, |entry| entry.requests);
            Lack { limit: "rpm", until: until.filter(|_| limit > 0) }
        });
        let short_of_tokens = self.tokens_limit.and_then(|limit| {
            let over = self.tokens.saturating_add(tokens.min(limit)).saturating_sub(limit);
            let until = self.when(over, |entry| entry.tokens);
            (over > 0 || limit == 0).then_some(Lack { limit: "tpm", until: until.filter(|_| limit > 0) })
        });
        match (short_of_requests, short_of_tokens) {
            (None, None) => Ok(()),
            (Some(lack), None) | (None, Some(lack)) => Err(lack),
            (Some(requests), Some(tokens)) => {
                let later = |lack: &Lack| lack.until.unwrap_or(Moment::MAX);
                Err(if later(&tokens) > later(&requests) { tokens } else { requests })
            }
        }
    }

    /// Puts what was really used in place of what was taken, as long as it is not forgotten.
    pub(crate) fn settle(&mut self, ticket: &mut Ticket, tokens: u64) {
        let at = ticket.entry.checked_sub(self.left).and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
            entry.tokens = entry.tokens.saturating_sub(ticket.tokens).saturating_add(tokens);
            self.tokens = self.tokens.saturating_sub(ticket.tokens).saturating_add(tokens);
        }
        ticket.tokens = tokens;
    }

    /// Takes an admission back as if it had never been: the attempt is not made.
    pub(crate) fn cancel(&mut self, ticket: &Ticket) {
        let at = ticket.entry.checked_sub(self.left).and_then(|at| usize::try_from(at).ok());
        if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
            entry.requests = entry.requests.saturating_sub(1);
            entry.tokens = entry.tokens.saturating_sub(ticket.tokens);
            self.requests = self.requests.saturating_sub(1);
            self.tokens = self.tokens.saturating_sub(ticket.tokens);
        }
    }

    /// Requests and tokens of the last minute.
    pub(crate) fn used(&mut self, now: Moment) -> (u64, u64) {
        self.slide(now);
        (self.requests, self.tokens)
    }

    /// Clocks of two threads may stand in another order than their turns: the log never runs backwards.
    fn admit(&mut self, now: Moment, tokens: u64) -> Ticket {
        let tokens = self.tokens_limit.map_or(tokens, |limit| tokens.min(limit));
        let now = self.entries.back().map_or(now, |entry| entry.last.max(now));
        self.requests += 1;
        self.tokens = self.tokens.saturating_add(tokens);
        let crowded = self.entries.len() >= self.exact;
        match self.entries.back_mut().filter(|entry| crowded && now - entry.first < GRAIN) {
            Some(entry) => {
                entry.last = now;
                entry.requests += 1;
                entry.tokens = entry.tokens.saturating_add(tokens);
            }
            None => self.entries.push_back(Entry { first: now, last: now, requests: 1, tokens }),
        }
        Ticket { entry: self.left + self.entries.len() as u64 - 1, tokens }
    }

    fn slide(&mut self, now: Moment) {
        while let Some(entry) = self.entries.front()
            && entry.last + MINUTE <= now
        {
            self.requests -= entry.requests;
            self.tokens = self.tokens.saturating_sub(entry.tokens);
            self.left += 1;
            self.entries.pop_front();
        }
    }

    /// When entries with a sum of at least `needed` will have left.
    fn when(&self, needed: u64, of: impl Fn(&Entry) -> u64) -> Option<Moment> {
        let mut freed: u64 = 0;
        self.entries.iter().find_map(|entry| {
            freed = freed.saturating_add(of(entry));
            (freed >= needed).then_some(entry.last + MINUTE)
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
