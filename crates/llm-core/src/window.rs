//! What was let through lately: a log of admissions that slides with the clock, for limits of requests and tokens.
//!
//! The log is exact to the nanosecond while it is short. Where a window holds more than `EXACT` admissions, those
//! that are nearer to each other than its grain share an entry that leaves with the youngest of them: room comes back
//! that much later, and never too early.

use std::collections::VecDeque;
use std::time::Duration;

/// The length of the windows of most limits.
pub const MINUTE: Duration = Duration::from_secs(60);

/// Up to so many entries, each admission has its own.
const EXACT: u32 = 512;

/// Beyond them, admissions that are nearer to each other than this part of the length share one: 50 ms of a minute.
const GRAINS: u64 = 1_200;

/// A point in time: nanoseconds since one that whoever asks has chosen.
pub type Moment = u64;

/// The moment that is so long after the first one.
pub fn moment(since: Duration) -> Moment {
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// What may be let through in the length of a window. `None`: without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Requests.
    pub requests: Option<u64>,
    /// Tokens.
    pub tokens: Option<u64>,
}

/// What was let through lately. How much may be is said with each question: limits change, what was used stays.
#[derive(Debug)]
pub struct Window {
    length: u64,
    /// All of it leaves together, so long after the first admission.
    fixed: bool,
    exact: u32,
    entries: VecDeque<Entry>,
    /// How many entries have left: the number of the first one that is there.
    left: u64,
    requests: u64,
    tokens: u64,
}

#[derive(Debug)]
struct Entry {
    first: Moment,
    last: Moment,
    requests: u64,
    tokens: u64,
}

/// What an admission holds of a window.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    /// The entry's number, counted from the first one ever.
    entry: u64,
    /// Tokens that it counts for.
    pub tokens: u64,
}

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Requests.
    Requests,
    /// Tokens.
    Tokens,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The limit that is reached.
    pub of: Unit,
    /// When there is room again; `None`: never.
    pub until: Option<Moment>,
}

impl Window {
    /// A window that slides: at every moment no more than the limit was let through in the time before it.
    pub fn sliding(length: Duration) -> Self {
        let (entries, length) = (VecDeque::new(), moment(length));
        Self { length, fixed: false, exact: EXACT, entries, left: 0, requests: 0, tokens: 0 }
    }

    /// A window that begins with its first admission, ends so much later, and then begins anew: twice the limit may
    /// be let through around its end.
    pub fn fixed(length: Duration) -> Self {
        Self { fixed: true, exact: 0, ..Self::sliding(length) }
    }

    /// Takes a request of so many tokens in. One that is larger than the whole limit is let through alone: sizes are
    /// estimates, and it would never get another chance.
    ///
    /// # Errors
    /// The limit that is in the way longest.
    pub fn take(&mut self, now: Moment, tokens: u64, caps: Caps) -> Result<Ticket, Lack> {
        self.may_take(now, tokens, caps)?;
        Ok(self.admit(now, caps.tokens.map_or(tokens, |limit| tokens.min(limit))))
    }

    /// Whether there is room now. Forgets what has left.
    ///
    /// # Errors
    /// As for [`Self::take`].
    pub fn may_take(&mut self, now: Moment, tokens: u64, caps: Caps) -> Result<(), Lack> {
        self.slide(now);
        let short_of_requests = caps.requests.filter(|limit| self.requests >= *limit).map(|limit| {
            let until = self.when(self.requests.saturating_sub(limit) + 1, |entry| entry.requests);
            Lack { of: Unit::Requests, until: until.filter(|_| limit > 0) }
        });
        let short_of_tokens = caps.tokens.and_then(|limit| {
            let over = self.tokens.saturating_add(tokens.min(limit)).saturating_sub(limit);
            let until = self.when(over, |entry| entry.tokens);
            (over > 0 || limit == 0).then_some(Lack { of: Unit::Tokens, until: until.filter(|_| limit > 0) })
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

    /// Takes a request in, whatever the limits are. Clocks of two threads may stand in another order than their turns:
    /// the log never runs backwards.
    pub fn admit(&mut self, now: Moment, tokens: u64) -> Ticket {
        let now = self.entries.back().map_or(now, |entry| entry.last.max(now));
        self.requests += 1;
        self.tokens = self.tokens.saturating_add(tokens);
        let crowded = self.entries.len() >= self.exact as usize;
        let grain = if self.fixed { self.length } else { self.length / GRAINS };
        match self.entries.back_mut().filter(|entry| crowded && now - entry.first < grain) {
            Some(entry) => {
                entry.last = now;
                entry.requests += 1;
                entry.tokens = entry.tokens.saturating_add(tokens);
            }
            None => self.begin(Entry { first: now, last: now, requests: 1, tokens }),
        }
        Ticket { entry: self.left + self.entries.len() as u64 - 1, tokens }
    }

    /// Puts what was really used in place of what was taken, as long as it is not forgotten.
    pub fn settle(&mut self, ticket: &mut Ticket, tokens: u64) {
        if let Some(entry) = at(&mut self.entries, self.left, ticket) {
            entry.tokens = entry.tokens.saturating_sub(ticket.tokens).saturating_add(tokens);
            self.tokens = self.tokens.saturating_sub(ticket.tokens).saturating_add(tokens);
        }
        ticket.tokens = tokens;
    }

    /// Takes an admission back as if it had never been: the attempt is not made.
    pub fn cancel(&mut self, ticket: &Ticket) {
        if let Some(entry) = at(&mut self.entries, self.left, ticket) {
            entry.requests = entry.requests.saturating_sub(1);
            entry.tokens = entry.tokens.saturating_sub(ticket.tokens);
            self.requests = self.requests.saturating_sub(1);
            self.tokens = self.tokens.saturating_sub(ticket.tokens);
        }
    }

    /// Requests and tokens in the window.
    pub fn used(&mut self, now: Moment) -> (u64, u64) {
        self.slide(now);
        (self.requests, self.tokens)
    }

    /// When all that is in the window now will have left; `None`: it is empty.
    pub fn empties(&self) -> Option<Moment> {
        self.entries.back().map(|entry| self.leaves(entry))
    }

    /// Whether it remembers nothing at that moment, and so is as good as a new one.
    pub fn is_empty(&mut self, now: Moment) -> bool {
        self.slide(now);
        self.entries.is_empty()
    }

    /// Most windows of many are small: a log grows from one entry.
    fn begin(&mut self, entry: Entry) {
        if self.entries.capacity() == 0 {
            self.entries.reserve_exact(1);
        }
        self.entries.push_back(entry);
    }

    fn leaves(&self, entry: &Entry) -> Moment {
        let from = if self.fixed { entry.first } else { entry.last };
        from.saturating_add(self.length)
    }

    fn slide(&mut self, now: Moment) {
        // A clock that was set back by more than the window: nothing in it can be told apart any more.
        if self.entries.back().is_some_and(|entry| entry.last > now.saturating_add(self.length)) {
            self.left += self.entries.len() as u64;
            self.entries.clear();
            (self.requests, self.tokens) = (0, 0);
        }
        while let Some(entry) = self.entries.front()
            && self.leaves(entry) <= now
        {
            self.requests = self.requests.saturating_sub(entry.requests);
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
            (freed >= needed).then(|| self.leaves(entry))
        })
    }
}

/// The entry of a ticket, where it has not left.
fn at<'a>(entries: &'a mut VecDeque<Entry>, left: u64, ticket: &Ticket) -> Option<&'a mut Entry> {
    let at = ticket.entry.checked_sub(left).and_then(|at| usize::try_from(at).ok());
    entries.get_mut(at?)
}

#[cfg(all(test, not(loom)))]
mod tests;
