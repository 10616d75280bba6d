//! The window against a model that keeps everything and counts anew each time.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;
const LENGTH: u64 = 60 * SECOND;
const GRAIN: u64 = LENGTH / GRAINS;

fn caps(requests: impl Into<Option<u64>>, tokens: impl Into<Option<u64>>) -> Caps {
    Caps { requests: requests.into(), tokens: tokens.into() }
}

/// Every admission there ever was.
struct Model {
    requests_limit: u64,
    tokens_limit: u64,
    log: Vec<(Moment, u64)>,
}

impl Model {
    fn sums(&self, now: Moment) -> (u64, u64) {
        let recent = self.log.iter().filter(|(at, _)| at + LENGTH > now);
        recent.fold((0, 0), |(requests, tokens), (_, own)| (requests + 1, tokens + own))
    }

    fn has_room(&self, now: Moment, tokens: u64) -> bool {
        let (requests, used) = self.sums(now);
        requests < self.requests_limit && used + tokens.min(self.tokens_limit) <= self.tokens_limit
    }
}

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Take(u64),
    Settle(usize, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..20 * SECOND).prop_map(Step::Pass),
        (0..SECOND / 50).prop_map(Step::Pass),
        (0..400u64).prop_map(Step::Take),
        (0..400u64).prop_map(Step::Take),
        (any::<usize>(), 0..400u64).prop_map(|(which, tokens)| Step::Settle(which, tokens)),
    ];
    vec(step, 0..300)
}

proptest! {
    #[test]
    fn it_lets_through_exactly_what_the_model_does(rpm in 1u64..20, tpm in 1u64..2_000, steps in steps()) {
        let mut window = Window::sliding(MINUTE);
        let mut model = Model { requests_limit: rpm, tokens_limit: tpm, log: Vec::new() };
        let mut tickets: Vec<Ticket> = Vec::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Pass(time) => now += time,
                Step::Take(tokens) => {
                    let taken = window.take(now, tokens, caps(rpm, tpm));
                    prop_assert_eq!(taken.is_ok(), model.has_room(now, tokens));
                    match taken {
                        Ok(ticket) => {
                            model.log.push((now, tokens.min(tpm)));
                            tickets.push(ticket);
                        }
                        Err(Lack { until, .. }) => {
                            let until = until.expect("entries leave after a minute");
                            prop_assert!(until > now);
                            prop_assert!(!model.has_room(until - 1, tokens) && model.has_room(until, tokens));
                        }
                    }
                }
                Step::Settle(which, tokens) if !tickets.is_empty() => {
                    let which = which % tickets.len();
                    window.settle(&mut tickets[which], tokens);
                    model.log[which].1 = tokens;
                }
                Step::Settle(..) => {}
            }
            prop_assert_eq!(window.used(now), model.sums(now));
        }
    }

    #[test]
    fn a_crowded_log_is_never_too_generous_and_a_grain_late_at_most(steps in steps()) {
        let (rpm, tpm) = (100, 10_000);
        let mut window = Window { exact: 4, ..Window::sliding(MINUTE) };
        let mut model = Model { requests_limit: rpm, tokens_limit: tpm, log: Vec::new() };
        let mut now = 0;
        for step in steps {
            match step {
                Step::Pass(time) => now += time,
                Step::Take(tokens) => match window.take(now, tokens, caps(rpm, tpm)) {
                    Ok(_) => {
                        prop_assert!(model.has_room(now, tokens));
                        model.log.push((now, tokens));
                    }
                    Err(Lack { until, .. }) => {
                        prop_assert!(now < GRAIN || !model.has_room(now - GRAIN, tokens));
                        prop_assert!(model.has_room(until.expect("entries leave"), tokens));
                    }
                },
                Step::Settle(..) => {}
            }
        }
    }
}

#[test]
fn a_busy_minute_takes_a_bounded_log() {
    let mut window = Window::sliding(MINUTE);
    for step in 0..600_000 {
        assert!(window.take(step * SECOND / 10_000, 1, caps(1_000_000, None)).is_ok());
    }
    assert!(window.entries.len() <= EXACT as usize + 1 + GRAINS as usize, "{}", window.entries.len());
    assert_eq!(window.used(60 * SECOND - 1), (600_000, 600_000));
}

#[test]
fn a_limit_of_nothing_lets_nothing_through_for_ever() {
    let refused = |caps| Window::sliding(MINUTE).take(0, 1, caps).err();
    assert_eq!(refused(caps(0, None)), Some(Lack { of: Unit::Requests, until: None }));
    assert_eq!(refused(caps(None, 0)), Some(Lack { of: Unit::Tokens, until: None }));
}

#[test]
fn a_request_larger_than_the_limit_goes_through_alone() {
    let mut window = Window::sliding(MINUTE);
    assert!(window.take(0, 1_000, caps(None, 100)).is_ok());
    let lack = Lack { of: Unit::Tokens, until: Some(LENGTH) };
    assert_eq!(window.take(1, 1, caps(None, 100)).err(), Some(lack));
}

#[test]
fn what_is_settled_after_its_minute_is_forgotten() {
    let mut window = Window::sliding(MINUTE);
    let mut ticket = window.take(0, 100, caps(None, 100)).expect("there is room");
    assert_eq!(window.used(LENGTH), (0, 0));
    window.settle(&mut ticket, 90);
    assert_eq!(window.used(LENGTH), (0, 0));
}

#[test]
fn a_fixed_window_begins_with_its_first_admission_and_empties_at_once() {
    let mut window = Window::fixed(MINUTE);
    let two = caps(2, None);
    for at in [5 * SECOND, 64 * SECOND] {
        assert!(window.take(at, 1, two).is_ok());
    }
    let lack = Lack { of: Unit::Requests, until: Some(65 * SECOND) };
    assert_eq!(window.take(65 * SECOND - 1, 1, two).err(), Some(lack));
    assert_eq!((window.empties(), window.entries.len()), (Some(65 * SECOND), 1));
    assert!(window.take(65 * SECOND, 1, two).is_ok() && window.take(66 * SECOND, 1, two).is_ok());
    assert_eq!(window.used(124 * SECOND), (2, 2));
}

#[test]
fn a_clock_that_was_set_back_far_begins_anew() {
    let mut window = Window::sliding(MINUTE);
    let mut ticket = window.take(3_600 * SECOND, 7, caps(1, None)).expect("there is room");
    assert!(window.take(3_590 * SECOND, 7, caps(1, None)).is_err(), "a little is no reason");
    assert!(window.take(SECOND, 7, caps(1, None)).is_ok());
    window.settle(&mut ticket, 1);
    assert_eq!(window.used(SECOND), (1, 7));
}

#[test]
fn limits_change_and_what_was_used_stays() {
    let mut window = Window::sliding(MINUTE);
    for _ in 0..3 {
        assert!(window.take(0, 1, caps(3, None)).is_ok());
    }
    assert!(window.take(1, 1, caps(2, None)).is_err());
    assert!(window.take(1, 1, caps(4, None)).is_ok());
}
