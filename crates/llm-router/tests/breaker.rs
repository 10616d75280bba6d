//! Every way in which threads may get into each other's way at a breaker: loom runs them all.

#[expect(dead_code, reason = "what one thread does alone is tested beside the breaker")]
#[path = "../src/health/breaker.rs"]
mod breaker;

mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
}

/// Remembers nothing: one breaker is enough here.
mod trouble {
    pub(crate) fn until(_micros: u64) {}
}

use breaker::{Breaker, Phase, Sentence, Token, Verdict};
use loom::sync::Arc;
use loom::thread;

const LEASE: u64 = 20;
const FORGET: u64 = 100;

fn benched(until: u64) -> Arc<Breaker> {
    let breaker = Breaker::default();
    breaker.trip(1, None, sentence(until - 1, true));
    Arc::new(breaker)
}

fn sentence(length: u64, said: bool) -> impl Fn(u32) -> Sentence {
    move |_| Sentence { length, said, strict: false }
}

fn probe(breaker: &Breaker, now: u64) -> Option<Token> {
    match breaker.admit(now, LEASE, FORGET) {
        Verdict::Probe(token) => Some(token),
        _ => None,
    }
}

/// Runs two pieces of work at once on one breaker, in every order.
fn both<A: Send + 'static, B: Send + 'static>(
    breaker: &Arc<Breaker>,
    first: impl FnOnce(&Breaker) -> A + Send + 'static,
    second: impl FnOnce(&Breaker) -> B + Send + 'static,
) -> (A, B) {
    let theirs = Arc::clone(breaker);
    let other = thread::spawn(move || second(&theirs));
    let mine = first(breaker);
    (mine, other.join().expect("no panic"))
}

#[test]
fn exactly_one_of_many_is_the_probe() {
    loom::model(|| {
        let breaker = benched(10);
        let third = {
            let breaker = Arc::clone(&breaker);
            thread::spawn(move || probe(&breaker, 10))
        };
        let (first, second) = both(&breaker, |one| probe(one, 10), |one| probe(one, 10));
        let third = third.join().expect("no panic");
        assert_eq!([first, second, third].into_iter().flatten().count(), 1);
    });
}

#[test]
fn of_two_benches_at_once_the_longer_one_holds() {
    loom::model(|| {
        let breaker = Arc::new(Breaker::default());
        let (short, long) = both(
            &breaker,
            |one| one.trip(1, None, sentence(30, false)),
            |one| one.trip(1, None, sentence(50, true)),
        );
        let state = breaker.state();
        assert_eq!((state.phase, state.time, state.streak), (Phase::Benched, 51, 1));
        let fresh = [short, long].into_iter().flatten().filter(|benched| benched.fresh).count();
        assert_eq!(fresh, 1, "the change is told once");
    });
}

#[test]
fn a_success_closes_or_a_vendors_word_stays() {
    loom::model(|| {
        let breaker = benched(10);
        let token = probe(&breaker, 10).expect("the first to ask");
        let (over, told) =
            both(&breaker, move |one| one.succeed(11, token), |one| one.trip(11, None, sentence(60, true)));
        let state = breaker.state();
        // Whichever came last: a success does not undo a refusal that came before it.
        assert_eq!((state.phase, state.time), (Phase::Benched, 71));
        assert_eq!(over, told.is_some_and(|benched| benched.fresh));
    });
}

#[test]
fn a_success_beats_stragglers_without_a_word_of_the_vendor() {
    loom::model(|| {
        let breaker = benched(10);
        let token = probe(&breaker, 10).expect("the first to ask");
        let (over, _) = both(&breaker, move |one| one.succeed(11, token), |one| probe(one, 11));
        assert!(over);
        assert_eq!(breaker.state().phase, Phase::Recovering);
    });
}

#[test]
fn a_probe_that_is_given_up_leaves_room_for_exactly_one() {
    loom::model(|| {
        let breaker = benched(10);
        let token = probe(&breaker, 10).expect("the first to ask");
        let ((), other) = both(&breaker, move |one| one.abandon(11, token), |one| probe(one, 11));
        let last = probe(&breaker, 12);
        assert_eq!([other, last].into_iter().flatten().count(), 1);
    });
}
