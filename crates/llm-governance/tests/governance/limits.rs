//! Requests, tokens and calls at a time: exactly as many as the limits say.

use std::sync::Arc;

use futures_util::FutureExt as _;
use llm_core::money::NanoDollars;
use llm_core::{ErrorKind, Secret};
use llm_governance::{
    Governance, GovernanceParts, Lacking, LimitUnit, Principal, Refused, Terms, Timestamp, Want, Windows,
    rate_headers,
};

use crate::people::{People, key};

const SECOND: i64 = 1_000_000;

fn parts(terms: Terms) -> GovernanceParts {
    GovernanceParts {
        master_key: Some(Secret::new("sk-master".to_owned())),
        directory: People::of([key("sk-one", terms)]),
        ..GovernanceParts::default()
    }
}

async fn caller(parts: GovernanceParts) -> (Governance, Arc<Principal>) {
    let governance = Governance::new(parts);
    let caller = governance.identify(Some(b"sk-one"), None).await.expect("a key");
    (governance, caller)
}

fn want(model: &str, tokens: u64, at: Timestamp) -> Want<'_> {
    Want { model, customer: None, tags: &[], tokens, cost: Some(NanoDollars(0)), at }
}

/// A time that does not pass while a test runs.
fn soon() -> Timestamp {
    later(Timestamp::now(), 3_600)
}

fn later(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp(at.0 + seconds * SECOND)
}

#[tokio::test]
async fn a_minute_lets_exactly_so_many_requests_through_and_says_when_there_is_room() {
    let (governance, caller) = caller(parts(Terms { rpm_limit: Some(2), ..Terms::default() })).await;
    let now = soon();
    drop(governance.admit(&caller, &want("m", 1, now)).await.expect("the first"));
    let second = governance.admit(&caller, &want("m", 1, later(now, 20))).await.expect("the second");
    let headers = rate_headers(&second.limits(), later(now, 20));
    let shown: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(
        shown,
        [
            "x-ratelimit-api_key-limit-requests: 2",
            "x-ratelimit-api_key-remaining-requests: 0",
            "x-ratelimit-limit-requests: 2",
            "x-ratelimit-remaining-requests: 0",
            "x-ratelimit-reset-requests: 60s",
        ]
    );
    let refused = governance.admit(&caller, &want("m", 1, later(now, 59))).await.expect_err("the third");
    let refusal = refused.refusal().expect("a limit");
    assert_eq!(refusal.lack, Lacking::Requests { limit: 2 });
    assert_eq!((refusal.until, refusal.limits[0].left), (Some(later(now, 60)), 0));
    let headers = refusal.headers();
    assert_eq!(headers[0], ("rate_limit_type", "requests".to_owned()));
    assert!(headers[1].0 == "reset_at" && headers[1].1.ends_with(" UTC"), "{headers:?}");
    let error = refused.error();
    assert_eq!((error.kind(), error.status()), (ErrorKind::RateLimited, 429));
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(1)));
    let message = error.message();
    assert!(
        message.starts_with("Rate limit exceeded for api_key: ") && message.contains(&caller_id(&caller))
    );
    assert!(message.contains("Limit type: requests. Current limit: 2, Remaining: 0. Limit resets at: 20"));
    governance.admit(&caller, &want("m", 1, later(now, 60))).await.expect("the first has left");
    governance.admit(&caller, &want("m", 1, later(now, 61))).await.expect_err("the second has not");
}

fn caller_id(caller: &Principal) -> String {
    caller.key().map(|key| key.hex()).unwrap_or_default()
}

#[tokio::test]
async fn litellms_windows_begin_with_the_first_request_and_end_at_once() {
    let parts = GovernanceParts {
        windows: Windows::Fixed,
        ..parts(Terms { rpm_limit: Some(2), ..Terms::default() })
    };
    let (governance, caller) = caller(parts).await;
    let now = soon();
    for second in [0, 59] {
        governance.admit(&caller, &want("m", 1, later(now, second))).await.expect("two");
    }
    for second in [60, 61] {
        governance.admit(&caller, &want("m", 1, later(now, second))).await.expect("two of the next minute");
    }
    governance.admit(&caller, &want("m", 1, later(now, 62))).await.expect_err("a third");
}

#[tokio::test]
async fn tokens_are_taken_by_estimate_and_settled_to_what_was_used() {
    let (governance, caller) = caller(parts(Terms { tpm_limit: Some(100), ..Terms::default() })).await;
    let now = soon();
    let mut first = governance.admit(&caller, &want("m", 80, now)).await.expect("there is room");
    let refused = governance.admit(&caller, &want("m", 30, now)).await.expect_err("80 and 30");
    let lack = Lacking::Tokens { limit: 100, left: 20, wanted: 30, is_daily: false };
    assert_eq!(refused.refusal().expect("a limit").lack, lack);
    first.settle(NanoDollars(0), 10);
    first.settle(NanoDollars(0), 90);
    drop(first);
    let second = governance.admit(&caller, &want("m", 90, now)).await.expect("10 were used");
    assert_eq!((second.limits()[0].unit, second.limits()[0].left), (LimitUnit::Tokens, 0));
    drop(second);
    governance.admit(&caller, &want("m", 90, now)).await.expect("nothing was used");
}

#[tokio::test]
async fn tokens_of_a_day_are_back_after_a_day() {
    let terms = Terms { tpd_limit: Some(100), tpm_limit: Some(1_000), ..Terms::default() };
    let (governance, caller) = caller(parts(terms)).await;
    let now = soon();
    let mut first = governance.admit(&caller, &want("m", 100, now)).await.expect("there is room");
    first.settle(NanoDollars(0), 100);
    let refused =
        governance.admit(&caller, &want("m", 1, later(now, 80_000))).await.expect_err("the same day");
    assert_eq!(refused.refusal().and_then(|refusal| refusal.until), Some(later(now, 86_400)));
    governance.admit(&caller, &want("m", 1, later(now, 86_400))).await.expect("the next day");
}

#[tokio::test]
async fn slots_come_back_whenever_a_call_ends() {
    let terms = Terms { max_parallel_requests: Some(2), ..Terms::default() };
    let (governance, caller) = caller(parts(terms)).await;
    let now = soon();
    let mut first = governance.admit(&caller, &want("m", 1, now)).await.expect("one");
    let second = governance.admit(&caller, &want("m", 1, now)).await.expect("two");
    let refused = governance.admit(&caller, &want("m", 1, now)).await.expect_err("three");
    assert_eq!(refused.refusal().expect("a limit").lack, Lacking::Slots { limit: 2 });
    assert!(refused.error().retry_after().is_some());
    first.settle(NanoDollars(5), 1);
    drop(first);
    let third = governance.admit(&caller, &want("m", 1, now)).await.expect("a settled call has left");
    drop(second);
    governance.admit(&caller, &want("m", 1, now)).await.expect("so has a dropped one");
    drop(third);
}

#[tokio::test]
async fn limits_of_a_model_are_its_own() {
    let terms =
        Terms { model_rpm_limit: [("dear".to_owned(), 1)].into(), rpm_limit: Some(3), ..Terms::default() };
    let (governance, caller) = caller(parts(terms)).await;
    let now = soon();
    governance.admit(&caller, &want("dear", 1, now)).await.expect("one");
    let refused = governance.admit(&caller, &want("dear", 1, now)).await.expect_err("two");
    assert_eq!(refused.refusal().and_then(|refusal| refusal.model.as_deref()), Some("dear"));
    assert!(refused.error().message().contains("model_per_key"), "{}", refused.error().message());
    governance.admit(&caller, &want("cheap", 1, now)).await.expect("another model");
    governance.admit(&caller, &want("cheap", 1, now)).await.expect("a refused call did not count");
    governance.admit(&caller, &want("cheap", 1, now)).await.expect_err("three of all models");
}

#[tokio::test]
async fn limits_of_the_gateway_hold_without_any_key() {
    let global = Terms {
        max_parallel_requests: Some(1),
        max_budget: Some(NanoDollars(10)),
        rpm_limit: Some(3),
        ..Terms::default()
    };
    let governance = Governance::new(GovernanceParts { global, ..GovernanceParts::default() });
    let anyone = governance.identify(None, None).await.expect("no key is needed");
    let now = soon();
    let dear = Want { cost: Some(NanoDollars(10)), ..want("m", 1, now) };
    let mut first = governance.admit(&anyone, &dear).await.expect("one");
    assert!(governance.admit(&anyone, &want("m", 1, now)).await.is_err(), "one at a time");
    first.settle(NanoDollars(10), 1);
    drop(first);
    let refused = governance.admit(&anyone, &dear).await.map_err(|refused| refused.error().kind());
    assert_eq!(refused.err(), Some(ErrorKind::BudgetExceeded));
}

#[tokio::test]
async fn counters_stay_when_terms_change_or_are_looked_up_again() {
    let (governance, first) = caller(parts(Terms { rpm_limit: Some(1), ..Terms::default() })).await;
    let again = governance.identify(Some(b"sk-one"), None).await.expect("a key");
    let now = soon();
    governance.admit(&first, &want("m", 1, now)).await.expect("one");
    assert!(matches!(governance.admit(&again, &want("m", 1, now)).await, Err(Refused::Limit(_))));
}

#[tokio::test]
async fn of_two_hundred_calls_at_a_time_as_many_pass_as_the_limits_say() {
    let terms = Terms {
        rpm_limit: Some(50),
        tpm_limit: Some(10_000),
        max_parallel_requests: Some(60),
        ..Terms::default()
    };
    let (governance, caller) = caller(parts(terms)).await;
    let now = soon();
    let passed = at_once(200, || {
        let admitted = governance.admit(&caller, &want("m", 1, now)).now_or_never();
        admitted.expect("nothing to wait for").ok()
    });
    assert_eq!(passed.into_iter().flatten().count(), 50);
}

#[tokio::test]
async fn of_two_hundred_calls_at_a_time_a_budget_for_fifty_serves_fifty() {
    let terms = Terms { max_budget: Some(NanoDollars(500)), ..Terms::default() };
    let (governance, caller) = caller(parts(terms)).await;
    let now = soon();
    let want = Want { cost: Some(NanoDollars(10)), ..want("m", 1, now) };
    let passed = at_once(200, || {
        let admitted = governance.admit(&caller, &want).now_or_never().expect("nothing to wait for");
        admitted.ok().map(|mut admission| admission.settle(NanoDollars(10), 1))
    });
    assert_eq!(passed.into_iter().flatten().count(), 50);
    assert_eq!(caller.accounts.last().and_then(|key| key.spent(now)), Some(NanoDollars(500)));
}

/// What so many calls return that four threads make at a time.
fn at_once<T: Send>(calls: usize, call: impl Fn() -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let run = || (0..calls / 4).map(|_| call()).collect::<Vec<T>>();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[tokio::test]
async fn a_time_that_has_long_passed_is_no_clock_that_was_set_back() {
    let (governance, caller) = caller(parts(Terms { rpm_limit: Some(2), ..Terms::default() })).await;
    let now = Timestamp::now();
    governance.admit(&caller, &want("m", 1, now)).await.expect("one");
    governance.admit(&caller, &want("m", 1, later(now, -300))).await.expect("two, of a slow client");
    governance.admit(&caller, &want("m", 1, Timestamp::now())).await.expect_err("three");
}

#[tokio::test]
async fn a_panic_gives_its_slot_back() {
    let terms = Terms { max_parallel_requests: Some(1), ..Terms::default() };
    let (governance, caller) = caller(parts(terms)).await;
    let call = governance.admit(&caller, &want("m", 1, soon())).await.expect("one");
    let thread = std::thread::spawn(move || {
        let _under_way = call;
        panic!("as mistakes do")
    });
    thread.join().expect_err("it panicked");
    governance.admit(&caller, &want("m", 1, soon())).await.expect("the slot is free");
}
