//! The breaker by itself: what one thread sees, and every order of steps against a simple model.

use proptest::prelude::*;

use super::breaker::{Benched, Breaker, Phase, Sentence, State, Token, Verdict};

const LEASE: u64 = 20;
const FORGET: u64 = 100;

fn plain(length: u64) -> impl Fn(u32) -> Sentence {
    move |_| Sentence { length, said: false, strict: false }
}

fn said(length: u64) -> impl Fn(u32) -> Sentence {
    move |_| Sentence { length, said: true, strict: false }
}

fn probe(breaker: &Breaker, now: u64) -> Token {
    match breaker.admit(now, LEASE, FORGET) {
        Verdict::Probe(token) => token,
        other => panic!("{other:?} at {now}"),
    }
}

#[test]
fn a_bench_ends_with_one_probe() {
    let breaker = Breaker::default();
    assert_eq!(breaker.admit(1, LEASE, FORGET), Verdict::Open);
    assert_eq!(breaker.trip(1, None, plain(10)), Some(Benched { until: 11, fresh: true }));
    assert_eq!(breaker.admit(10, LEASE, FORGET), Verdict::Closed { until: 11, strict: false });
    let token = probe(&breaker, 11);
    assert_eq!(breaker.admit(12, LEASE, FORGET), Verdict::Closed { until: 31, strict: false });
    assert!(breaker.succeed(13, token));
    assert_eq!(breaker.admit(13, LEASE, FORGET), Verdict::Open);
    assert_eq!(breaker.state(), State { phase: Phase::Recovering, time: 13, streak: 1, strict: false });
    assert_eq!(breaker.admit(113, LEASE, FORGET), Verdict::Open);
    assert_eq!(breaker.state().phase, Phase::Well);
}

#[test]
fn a_failed_probe_benches_longer_and_again() {
    let breaker = Breaker::default();
    let growing = |streak: u32| Sentence { length: 10 << streak, said: false, strict: false };
    breaker.trip(1, None, growing);
    let token = probe(&breaker, 11);
    assert_eq!(breaker.trip(12, Some(token), growing), Some(Benched { until: 32, fresh: false }));
    let token = probe(&breaker, 32);
    assert_eq!(breaker.trip(33, Some(token), growing), Some(Benched { until: 73, fresh: false }));
    let token = probe(&breaker, 73);
    assert!(breaker.succeed(74, token));
    // Down again before the benches are forgotten: it goes on where it was.
    assert_eq!(breaker.trip(80, None, growing), Some(Benched { until: 160, fresh: true }));
}

#[test]
fn a_longer_bench_extends_and_a_shorter_one_never_shortens() {
    let breaker = Breaker::default();
    breaker.trip(1, None, said(50));
    assert_eq!(breaker.trip(2, None, said(10)), None);
    assert_eq!(breaker.state().time, 51);
    assert_eq!(breaker.trip(3, None, said(90)), None, "extended, and no news");
    assert_eq!(breaker.state().time, 93);
    assert_eq!(breaker.state().streak, 1, "it is the same bench");
}

#[test]
fn an_answer_to_an_attempt_of_before_the_bench_does_not_end_it() {
    let breaker = Breaker::default();
    breaker.trip(1, None, plain(10));
    let token = probe(&breaker, 11);
    breaker.trip(12, None, said(60));
    assert!(!breaker.succeed(13, token), "the vendor said to stay away in between");
    assert_eq!(breaker.state().closed_until(13), Some(72));
}

#[test]
fn a_straggler_does_not_take_the_probe_away() {
    let breaker = Breaker::default();
    breaker.trip(1, None, plain(10));
    let token = probe(&breaker, 11);
    assert_eq!(breaker.trip(12, None, plain(60)), None);
    assert!(breaker.succeed(13, token));
}

#[test]
fn a_probe_that_is_given_up_makes_room_for_the_next() {
    let breaker = Breaker::default();
    breaker.trip(1, None, plain(10));
    let token = probe(&breaker, 11);
    breaker.abandon(12, token);
    let next = probe(&breaker, 12);
    breaker.abandon(13, token);
    assert_eq!(breaker.admit(13, LEASE, FORGET), Verdict::Closed { until: 32, strict: false });
    assert!(breaker.succeed(14, next));
}

#[test]
fn a_probe_that_hangs_is_followed_by_another_and_may_still_win() {
    let breaker = Breaker::default();
    breaker.trip(1, None, plain(10));
    let (first, second) = (probe(&breaker, 11), probe(&breaker, 31));
    assert_ne!(first, second);
    assert!(breaker.succeed(40, first));
    assert!(!breaker.succeed(41, second), "it is in use already");
}

#[test]
fn who_insists_may_end_the_bench_or_prolong_it() {
    let breaker = Breaker::default();
    assert_eq!(breaker.insist(), None);
    breaker.trip(1, None, plain(50));
    let token = breaker.insist().expect("it is benched");
    assert_eq!(breaker.trip(2, Some(token), plain(10)), None);
    assert_eq!(breaker.state(), State { phase: Phase::Benched, time: 51, streak: 2, strict: false });
    assert!(!breaker.succeed(3, token), "a failure was heard of in between");
    let token = breaker.insist().expect("it is benched");
    assert!(breaker.succeed(4, token));
}

#[test]
fn strictness_lasts_as_long_as_its_bench() {
    let strict = |_| Sentence { length: 10, said: false, strict: true };
    let breaker = Breaker::default();
    breaker.trip(1, None, strict);
    breaker.trip(2, None, said(100));
    assert_eq!(breaker.admit(3, LEASE, FORGET), Verdict::Closed { until: 102, strict: true });
    let token = probe(&breaker, 102);
    breaker.trip(103, Some(token), plain(10));
    assert_eq!(breaker.admit(104, LEASE, FORGET), Verdict::Closed { until: 113, strict: false });
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u64),
    Begin,
    Insist,
    Answer(usize),
    Fail(usize, u64, bool),
    GiveUp(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..30u64).prop_map(Step::Wait),
        Just(Step::Begin),
        Just(Step::Begin),
        Just(Step::Insist),
        (0..4usize).prop_map(Step::Answer),
        (0..4usize, 0..60u64, any::<bool>()).prop_map(|(at, length, said)| Step::Fail(at, length, said)),
        (0..4usize).prop_map(Step::GiveUp),
    ];
    proptest::collection::vec(step, 0..80)
}

/// What must hold, told without the machine: attempts under way, who of them is the probe, and how long it is closed.
#[derive(Default)]
struct Simple {
    now: u64,
    under_way: Vec<Option<Token>>,
    /// The probe that nobody may join, and until when.
    probe: Option<(Token, u64)>,
}

impl Simple {
    fn take(&mut self, at: usize) -> Option<Option<Token>> {
        (at < self.under_way.len()).then(|| self.under_way.swap_remove(at))
    }

    fn ends(&mut self, token: Option<Token>) {
        self.probe = self.probe.filter(|(probe, _)| Some(*probe) != token);
    }

    fn step(&mut self, breaker: &Breaker, step: Step) {
        let before = breaker.state();
        match step {
            Step::Wait(time) => self.now += time,
            Step::Begin => self.begin(breaker, before),
            Step::Insist => self.under_way.extend(breaker.insist().map(Some)),
            Step::Answer(at) => {
                let Some(token) = self.take(at) else { return };
                let over = token.is_some_and(|token| breaker.succeed(self.now, token));
                self.ends(token);
                if over {
                    assert_eq!(breaker.admit(self.now, LEASE, FORGET), Verdict::Open);
                    self.probe = None;
                } else {
                    assert_eq!(breaker.state(), before, "an answer that ends nothing changes nothing");
                }
            }
            Step::Fail(at, length, vendor_said) => {
                let Some(token) = self.take(at) else { return };
                breaker.trip(self.now, token, |_| Sentence { length, said: vendor_said, strict: false });
                self.failed(breaker, before, token, self.now + length, vendor_said);
            }
            Step::GiveUp(at) => {
                let Some(Some(token)) = self.take(at) else { return };
                breaker.abandon(self.now, token);
                self.ends(Some(token));
            }
        }
    }

    fn begin(&mut self, breaker: &Breaker, before: State) {
        match breaker.admit(self.now, LEASE, FORGET) {
            Verdict::Open => {
                assert!(matches!(before.phase, Phase::Well | Phase::Recovering));
                self.under_way.push(None);
            }
            Verdict::Probe(token) => {
                let alone = self.probe.is_none_or(|(_, end)| end <= self.now);
                assert!(alone, "two probes at a time");
                assert_eq!(before.closed_until(self.now), None, "a probe before the end of the bench");
                self.probe = Some((token, self.now + LEASE));
                self.under_way.push(Some(token));
            }
            Verdict::Closed { until, .. } => assert!(until > self.now, "closed without a reason"),
        }
    }

    fn failed(&mut self, breaker: &Breaker, before: State, token: Option<Token>, until: u64, said: bool) {
        let after = breaker.state();
        let probed = token.is_some() && self.probe.map(|(probe, _)| Some(probe)) == Some(token);
        match before.phase {
            Phase::Probing if !probed && !said => assert_eq!(after, before),
            Phase::Benched => {
                assert_eq!((after.phase, after.time), (Phase::Benched, before.time.max(until)));
                assert!(after.streak - before.streak <= 1);
            }
            _ => assert_eq!((after.phase, after.time), (Phase::Benched, until)),
        }
        if after.phase == Phase::Benched {
            self.probe = None;
        }
        self.ends(token);
    }
}

proptest! {
    #[test]
    fn the_breaker_does_what_the_simple_model_says(steps in steps()) {
        let breaker = Breaker::default();
        let mut simple = Simple { now: 1, ..Simple::default() };
        for step in steps {
            simple.step(&breaker, step);
        }
    }
}
