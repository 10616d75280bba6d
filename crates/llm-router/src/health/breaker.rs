//! A circuit breaker in one word: every change is one exchange of it, so that no two threads can both be the probe.
//!
//! Times are microseconds of one clock. Nothing here looks at a clock, counts failures or knows what failed.

use super::atomic::{AtomicU64, Ordering};
use super::trouble;

/// A circuit breaker.
#[derive(Debug, Default)]
pub(crate) struct Breaker(AtomicU64);

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) phase: Phase,
    /// When the bench or the probe's lease ends, or when the recovery began.
    pub(crate) time: u64,
    /// How often it was benched without a longer time of health between.
    pub(crate) streak: u32,
    /// Nobody may insist.
    pub(crate) strict: bool,
}

/// What a breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Everything.
    Well,
    /// Nothing until its time, then one probe.
    Benched,
    /// One probe is under way; until its time nothing else, then another probe.
    Probing,
    /// Everything; it was benched not long ago.
    Recovering,
}

/// What the attempt of a probe shows at its end: the word that made it the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(u64);

/// What a breaker says to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go.
    Open,
    /// Go, and tell how it ended.
    Probe(Token),
    /// Stay away.
    Closed {
        /// When it may be asked again.
        until: u64,
        strict: bool,
    },
}

/// How long a bench is to last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sentence {
    /// In microseconds.
    pub(crate) length: u64,
    /// The vendor said so: it knows more than a probe that is under way.
    pub(crate) said: bool,
    /// Nobody may insist.
    pub(crate) strict: bool,
}

/// A bench that was just begun, or began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Benched {
    pub(crate) until: u64,
    /// It was let through before; else a probe failed.
    pub(crate) fresh: bool,
}

const MOST_STREAK: u32 = 31;

impl State {
    fn new(phase: Phase, time: u64, streak: u32, strict: bool) -> Self {
        Self { phase, time, streak: streak.min(MOST_STREAK), strict }
    }

    /// Time, then five bits of streak, one of strictness, two of phase. The word of rest is 0.
    fn pack(self) -> u64 {
        self.time << 8 | u64::from(self.streak) << 3 | u64::from(self.strict) << 2 | self.phase as u64
    }

    fn of(word: u64) -> Self {
        let phase = match word & 3 {
            0 => Phase::Well,
            1 => Phase::Benched,
            2 => Phase::Probing,
            _ => Phase::Recovering,
        };
        let streak = (word >> 3 & u64::from(MOST_STREAK)) as u32;
        Self { phase, time: word >> 8, streak, strict: word >> 2 & 1 == 1 }
    }

    /// Until when it lets nothing through.
    pub(crate) fn closed_until(self, now: u64) -> Option<u64> {
        let closed = matches!(self.phase, Phase::Benched | Phase::Probing) && now < self.time;
        closed.then_some(self.time)
    }
}

impl Breaker {
    /// How it stands.
    pub(crate) fn state(&self) -> State {
        State::of(self.word())
    }

    /// Asks for an attempt. A probe has `lease` to show how it ended; then another one may try. A recovery is over
    /// after `forget`.
    pub(crate) fn admit(&self, now: u64, lease: u64, forget: u64) -> Verdict {
        loop {
            let word = self.word();
            let state = State::of(word);
            match state.phase {
                Phase::Well => return Verdict::Open,
                Phase::Recovering if now < state.time.saturating_add(forget) => return Verdict::Open,
                Phase::Recovering => {
                    self.exchange(word, 0);
                    return Verdict::Open;
                }
                Phase::Benched | Phase::Probing if now < state.time => {
                    return Verdict::Closed { until: state.time, strict: state.strict };
                }
                Phase::Benched | Phase::Probing => {
                    let end = now.saturating_add(lease).max(now + 1);
                    let probing = State { phase: Phase::Probing, time: end, ..state }.pack();
                    if self.exchange(word, probing) {
                        return Verdict::Probe(Token(probing));
                    }
                }
            }
        }
    }

    /// The token of an attempt that goes through a closed breaker because there is no other way.
    pub(crate) fn insist(&self) -> Option<Token> {
        let word = self.word();
        matches!(State::of(word).phase, Phase::Benched | Phase::Probing).then_some(Token(word))
    }

    /// A failure that is worth a bench. `sentence` is asked with how often it was benched before; a longer bench
    /// extends the one there is, a shorter one never shortens it.
    pub(crate) fn trip(
        &self,
        now: u64,
        token: Option<Token>,
        sentence: impl Fn(u32) -> Sentence,
    ) -> Option<Benched> {
        loop {
            let word = self.word();
            let state = State::of(word);
            let shown = token == Some(Token(word));
            let (streak, least) = match state.phase {
                Phase::Well => (0, 0),
                Phase::Recovering => (state.streak, 0),
                Phase::Probing if shown => (state.streak, 0),
                Phase::Benched if shown => (state.streak, state.time),
                // An attempt that began before the bench, or lost its lease: it adds at most how long.
                Phase::Benched => (state.streak.saturating_sub(1), state.time),
                Phase::Probing => (state.streak.saturating_sub(1), 0),
            };
            let sentence = sentence(streak);
            let until = now.saturating_add(sentence.length).max(least);
            let adds = match state.phase {
                Phase::Well | Phase::Recovering => true,
                Phase::Probing => shown || sentence.said,
                Phase::Benched => shown || until > least,
            };
            if !adds {
                return None;
            }
            let strict = sentence.strict || (state.phase == Phase::Benched && state.strict);
            let next = State::new(Phase::Benched, until, streak + 1, strict);
            if self.exchange(word, next.pack()) {
                let fresh = matches!(state.phase, Phase::Well | Phase::Recovering);
                let news = fresh || (state.phase == Phase::Probing && shown);
                return news.then_some(Benched { until, fresh });
            }
        }
    }

    /// Another gateway benched it. Only extends; says whether it was let through before. A probe of ours that is under
    /// way shows more than what others found.
    pub(crate) fn bench_until(&self, until: u64, strict: bool) -> bool {
        loop {
            let word = self.word();
            let state = State::of(word);
            let fresh = matches!(state.phase, Phase::Well | Phase::Recovering);
            if !fresh && (state.phase == Phase::Probing || state.time >= until) {
                return false;
            }
            let strict = strict || (!fresh && state.strict);
            let next = State::new(Phase::Benched, until, state.streak.max(1), strict);
            if self.exchange(word, next.pack()) {
                return fresh;
            }
        }
    }

    /// Another gateway had an answer: it is let through again. Says whether it was not before.
    pub(crate) fn released(&self, now: u64) -> bool {
        loop {
            let word = self.word();
            let state = State::of(word);
            if state.phase != Phase::Benched {
                return false;
            }
            if self
                .exchange(word, State { phase: Phase::Recovering, time: now, strict: false, ..state }.pack())
            {
                return true;
            }
        }
    }

    /// The attempt that holds the token got an answer. Says whether that ended the bench: it does not when another
    /// failure was heard of in between.
    pub(crate) fn succeed(&self, now: u64, token: Token) -> bool {
        loop {
            let word = self.word();
            let state = State::of(word);
            let lent_again = state.phase == Phase::Probing && State::of(token.0).phase == Phase::Probing;
            if token != Token(word) && !lent_again {
                return false;
            }
            if self
                .exchange(word, State { phase: Phase::Recovering, time: now, strict: false, ..state }.pack())
            {
                return true;
            }
        }
    }

    /// The attempt that holds the token ended without showing anything: the next one may be the probe.
    pub(crate) fn abandon(&self, now: u64, token: Token) {
        let state = State::of(token.0);
        if state.phase == Phase::Probing {
            self.exchange(token.0, State { phase: Phase::Benched, time: now, ..state }.pack());
        }
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        while !self.exchange(self.word(), 0) {}
    }

    fn word(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Whether the word was the expected one, and is now the next one.
    fn exchange(&self, word: u64, next: u64) -> bool {
        let exchanged = self.0.compare_exchange(word, next, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let state = State::of(next);
        if exchanged && matches!(state.phase, Phase::Benched | Phase::Probing) {
            trouble::until(state.time);
        }
        exchanged
    }
}
