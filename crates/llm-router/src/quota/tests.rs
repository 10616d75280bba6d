//! Reserving, settling and giving back, on one thread and on many.

use std::sync::atomic::AtomicU32;

use llm_core::ErrorKind;
use llm_testkit::fake::inbound;
use proptest::prelude::*;

use super::*;

fn quota(spec: QuotaSpec) -> Quota {
    Quota::new(spec, Vec::new(), None)
}

fn finished(tokens: Option<u64>, output_tokens: Option<u64>) -> Finished<'static> {
    Finished {
        error: None,
        tokens,
        output_tokens,
        cost: None,
        first_content: Duration::ZERO,
        took: Duration::ZERO,
        stream: false,
    }
}

#[test]
fn many_threads_get_exactly_what_there_is() {
    let quota = quota(QuotaSpec { rpm: Some(1_000), ..QuotaSpec::default() });
    let admitted = AtomicU32::new(0);
    let now = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    admitted.fetch_add(u32::from(quota.reserve(&Ask::at(now)).is_ok()), Relaxed);
                }
            });
        }
    });
    assert_eq!(admitted.into_inner(), 1_000);
    assert_eq!(quota.in_flight(), 0);
}

#[test]
fn slots_come_back_when_an_attempt_is_dropped() {
    let quota = quota(QuotaSpec { max_parallel: Some(2), ..QuotaSpec::default() });
    let ask = Ask::at(Instant::now());
    let (first, _second) = (quota.reserve(&ask).expect("a slot"), quota.reserve(&ask).expect("a slot"));
    let full = Rule::Full { limit: "max_parallel_requests", until: None };
    assert_eq!(quota.reserve(&ask).err(), Some(full.clone()));
    assert_eq!(quota.glance(ask.now), Some(full));
    drop(first);
    assert!(quota.glance(ask.now).is_none() && quota.reserve(&ask).is_ok());
}

#[test]
fn requests_count_as_made_and_unused_tokens_come_back() {
    let quota = quota(QuotaSpec { rpm: Some(3), tpm: Some(1_000), ..QuotaSpec::default() });
    let body = inbound(r#"{"model":"m","text":"twenty-four letters or so"}"#);
    let now = Instant::now();
    let ask = Ask::of(&body, false, now);
    let dropped = quota.reserve(&ask).expect("room");
    assert_eq!(quota.standing(now).tokens, ask.input_tokens() + USUAL_OUTPUT);
    drop(dropped);
    let mut failed = quota.reserve(&ask).expect("room");
    let error = Error::new(ErrorKind::UpstreamFailure, "no");
    failed.settle(&Finished { error: Some(&error), ..finished(None, None) });
    drop(failed);
    let mut answered = quota.reserve(&ask).expect("room");
    answered.settle(&finished(Some(70), Some(10)));
    drop(answered);
    let standing = quota.standing(now);
    assert_eq!((standing.requests, standing.tokens), (3, 70));
    let later = quota.state.origin + Duration::from_secs(60);
    let Some(Rule::Full { limit: "rpm", until: Some(until) }) = quota.reserve(&ask).err() else {
        panic!("three requests are three requests")
    };
    assert!(until >= later && until <= now + Duration::from_secs(60));
    assert!(quota.reserve(&Ask { now: until, ..ask }).is_ok());
}

#[test]
fn answers_are_taken_for_as_long_as_they_were() {
    let quota = quota(QuotaSpec { tpm: Some(100_000), ..QuotaSpec::default() });
    let body = inbound(r#"{"model":"m","text":"x"}"#);
    let ask = Ask::of(&body, false, Instant::now());
    for _ in 0..200 {
        let mut reservation = quota.reserve(&ask).expect("room");
        reservation.settle(&finished(Some(50), Some(40)));
    }
    assert_eq!(quota.state.mean_output(), 40);
}

#[test]
fn money_is_held_for_the_estimate_and_settled_to_the_cost() {
    let budget = Arc::new(Budget::new("max_budget", NanoDollars(1_000), None));
    let price = Price::new(|input, output| i64::try_from(input + output).ok().map(NanoDollars));
    let quota = Quota::new(QuotaSpec::default(), vec![Arc::clone(&budget)], Some(price));
    let body = inbound(r#"{"model":"m","text":"x"}"#);
    let ask = Ask::of(&body, false, Instant::now());
    let mut reservation = quota.reserve(&ask).expect("money");
    assert_eq!(budget.standing(ask.now).held.0, 262);
    reservation.settle(&Finished { cost: Some(NanoDollars(900)), ..finished(Some(5), Some(2)) });
    drop(reservation);
    assert_eq!((budget.standing(ask.now).held.0, budget.standing(ask.now).spent.0), (0, 900));
    assert!(quota.reserve(&ask).is_ok(), "answers turned out to be short");
    budget.hold(NanoDollars(100), ask.now).expect("the rest").settle(None);
    assert_eq!(quota.reserve(&ask).err(), Some(Rule::Full { limit: "max_budget", until: None }));
    assert_eq!(quota.in_flight(), 0);
}

#[test]
fn what_finds_no_money_takes_neither_slot_nor_request() {
    let budget = Arc::new(Budget::new("max_budget", NanoDollars(0), None));
    let spec = QuotaSpec { rpm: Some(1), max_parallel: Some(1), ..QuotaSpec::default() };
    let quota = Quota::new(spec, vec![budget], None);
    assert!(quota.reserve(&Ask::at(Instant::now())).is_err());
    assert_eq!((quota.in_flight(), quota.standing(Instant::now()).requests), (0, 0));
}

proptest! {
    #[test]
    fn no_order_of_steps_passes_a_limit_or_loses_a_slot(
        steps in proptest::collection::vec((0..3u8, 0..8usize), 0..120)
    ) {
        let spec = QuotaSpec { rpm: Some(20), max_parallel: Some(4), ..QuotaSpec::default() };
        let quota = quota(spec);
        let now = Instant::now();
        let (mut open, mut made) = (Vec::new(), 0u64);
        for (step, which) in steps {
            if step == 0 && !open.is_empty() {
                drop(open.swap_remove(which % open.len()));
            } else {
                let reserved = quota.reserve(&Ask::at(now));
                prop_assert_eq!(reserved.is_ok(), open.len() < 4 && made < 20);
                made += u64::from(reserved.is_ok());
                open.extend(reserved);
            }
            prop_assert_eq!(quota.in_flight() as usize, open.len());
            prop_assert_eq!(quota.standing(now).requests, made);
        }
    }
}
