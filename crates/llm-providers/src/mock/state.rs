//! What one deployment of the mock remembers: how often each of its models was asked, and since when it stands.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::fault::When;

/// Clients name models, so there may be any number of them. At this many counting begins anew.
const MOST_MODELS: usize = 1000;

/// The memory of one deployment.
#[derive(Debug)]
pub(crate) struct State {
    since: Instant,
    calls: AtomicU64,
    faults: AtomicU64,
    turns: Mutex<HashMap<String, u64>>,
}

impl Default for State {
    fn default() -> Self {
        let since = Instant::now();
        Self { since, calls: AtomicU64::new(0), faults: AtomicU64::new(0), turns: Mutex::default() }
    }
}

impl State {
    /// Notes a call of a model, and tells whether its fault is due.
    pub(crate) fn is_due(&self, model: &str, when: When) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match when {
            When::Always => true,
            When::First(most) => self.turn(model) <= most,
            When::Every(number) => self.turn(model).checked_rem(number) == Some(0),
            When::Chance(percent) => llm_core::random::below(100) < percent,
            When::Flapping { up, down } => {
                let into = self.since.elapsed().as_nanos().checked_rem((up + down).as_nanos());
                into.is_some_and(|into| into >= up.as_nanos())
            }
        }
    }

    /// Notes that a call went wrong as its script says.
    pub(crate) fn broke(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// The number of this call among those of its model, from 1.
    fn turn(&self, model: &str) -> u64 {
        let mut turns = self.turns.lock();
        if turns.len() >= MOST_MODELS && !turns.contains_key(model) {
            turns.clear();
        }
        let turn = turns.entry(model.to_owned()).or_default();
        *turn += 1;
        *turn
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn due(state: &State, when: When, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| state.is_due("model", when)).collect()
    }

    #[test]
    fn calls_are_counted_for_each_model() {
        assert_eq!(due(&State::default(), When::First(2), 4), [true, true, false, false]);
        assert_eq!(due(&State::default(), When::Every(3), 6), [false, false, true, false, false, true]);
        let state = State::default();
        assert!(state.is_due("one", When::First(1)) && state.is_due("other", When::First(1)));
        assert!(!state.is_due("one", When::First(1)));
        assert_eq!(state.calls(), 3);
    }

    #[test]
    fn chances_are_kept_at_their_ends() {
        assert_eq!(due(&State::default(), When::Chance(0), 50), [false; 50]);
        assert_eq!(due(&State::default(), When::Chance(100), 50), [true; 50]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flapping_model_is_up_and_down_in_turns() {
        let state = State::default();
        let when = When::Flapping { up: Duration::from_secs(10), down: Duration::from_secs(2) };
        let mut seen = Vec::new();
        for _ in 0..8 {
            seen.extend(due(&state, when, 1));
            tokio::time::advance(Duration::from_secs(5)).await;
        }
        assert_eq!(seen, [false, false, true, false, false, false, false, true]);
    }

    #[test]
    fn names_without_number_cost_no_memory_without_end() {
        let state = State::default();
        for number in 0..3 * MOST_MODELS {
            state.is_due(&number.to_string(), When::First(1));
        }
        assert!(state.turns.lock().len() <= MOST_MODELS);
    }
}
