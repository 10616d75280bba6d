//! What accounts take of memory, counted: a million keys must have room in a small gateway.

use std::alloc::System;
use std::sync::Arc;

use futures_util::FutureExt as _;
use llm_core::money::NanoDollars;
use llm_governance::{
    Account, Governance, GovernanceParts, KeyHash, NoDirectory, Principal, Scope, Subject, Terms, Timestamp,
    Want,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const KEYS: usize = 1 << 14;

/// Bytes of a key: with its account, without it, and when its last minute is over.
#[derive(Debug)]
struct Bytes {
    open: usize,
    kept: usize,
    swept: usize,
}

fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

fn open(governance: &Governance, number: usize, terms: &Arc<Terms>) -> Arc<Account> {
    let subject = Subject::new(Scope::Key, KeyHash::of(&number.to_le_bytes()).hex());
    let terms = (Arc::clone(terms), Timestamp(0));
    let opened = governance.accounts().open((subject, None), terms, &NoDirectory).now_or_never();
    opened.expect("nothing to wait for").expect("it does not fail")
}

fn call(governance: &Governance, account: &Arc<Account>) {
    let mut principal = Principal::administrator(None);
    principal.accounts = Box::new([Arc::clone(account)]);
    let cost = Some(NanoDollars(10));
    let want = Want { model: "m", customer: None, tags: &[], tokens: 1, cost, at: Timestamp::now() };
    let admitted = governance.admit(&Arc::new(principal), &want).now_or_never().expect("nothing to wait for");
    admitted.expect("there is room").settle(NanoDollars(7), 1);
}

fn measure(terms: Terms) -> Bytes {
    let governance = Governance::new(GovernanceParts::default());
    let terms = Arc::new(terms);
    let mut accounts = Vec::with_capacity(KEYS);
    let before = in_use();
    accounts.extend((0..KEYS).map(|number| open(&governance, number, &terms)));
    accounts.iter().for_each(|account| call(&governance, account));
    let of_one = || in_use().saturating_sub(before) / KEYS;
    let open = of_one();
    accounts.clear();
    let kept = of_one();
    governance.accounts().sweep(Timestamp(Timestamp::now().0 + 61_000_000), Timestamp(0));
    Bytes { open, kept, swept: of_one() }
}

#[test]
fn a_key_takes_little_and_one_without_limits_leaves_nothing() {
    let free = measure(Terms::default());
    assert!(free.open <= 240 && free.kept <= 4, "{free:?}");
    let capped = Terms { max_budget: Some(NanoDollars(i64::MAX)), ..Terms::default() };
    let money = measure(capped.clone());
    assert!(money.open <= 520 && money.kept <= 330, "{money:?}");
    let limited = measure(Terms { rpm_limit: Some(60), ..Terms::default() });
    assert!(limited.open <= 620 && limited.swept <= 4, "{limited:?}");
    let both = measure(Terms { rpm_limit: Some(60), ..capped });
    assert!(both.open <= 760 && both.swept <= 370, "{both:?}");
}
