//! What an admission and its settlement cost by how much is limited, alone and of two threads at a time, and what
//! accounts take of memory: `cargo bench --package llm-governance`.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::alloc::System;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use llm_core::money::NanoDollars;
use llm_governance::{
    Account, Governance, GovernanceParts, KeyHash, NoDirectory, Principal, Scope, Subject, Terms, Timestamp,
    Want,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Short runs, many of them: on a busy machine some are not interrupted.
const ROUNDS: u32 = 200;
const RUNS: usize = 501;
const KEYS: usize = 1_000_000;

fn main() {
    println!(
        "{:<12} {:>10} {:>16} {:>16} {:>12}",
        "limits", "alone", "2, other keys", "2, same key", "allocations"
    );
    for (name, kind) in [("none", Kind::Nothing), ("3", Kind::Three), ("10", Kind::Ten)] {
        let governance = Governance::new(GovernanceParts::default());
        let (first, second) = (caller(&governance, kind, "a"), caller(&governance, kind, "b"));
        let alone = fastest(|| round(&governance, &first));
        let before = ALLOCATOR.stats().allocations;
        (0..100).for_each(|_| round(&governance, &first));
        let allocations = (ALLOCATOR.stats().allocations - before) / 100;
        let apart = contended(&governance, [&first, &second]);
        let together = contended(&governance, [&first, &first]);
        let shown = [alone, apart, together].map(|time| format!("{time:.0?}"));
        println!("{name:<12} {:>10} {:>16} {:>16} {allocations:>12}", shown[0], shown[1], shown[2]);
    }
    memory("without limits", &Terms::default(), false);
    memory("with a budget", &budget(), false);
    memory(
        "with a budget and requests a minute, used once",
        &Terms { rpm_limit: Some(60), ..budget() },
        true,
    );
}

#[derive(Clone, Copy)]
enum Kind {
    Nothing,
    Three,
    Ten,
}

fn budget() -> Terms {
    Terms { max_budget: Some(NanoDollars(i64::MAX)), ..Terms::default() }
}

/// A key of a team behind a gateway. Three limits: its budget, requests and tokens. Ten: the same of the team and the
/// gateway, and calls at a time.
fn caller(governance: &Governance, kind: Kind, id: &str) -> Arc<Principal> {
    let three = Terms { rpm_limit: Some(u64::MAX), tpm_limit: Some(u64::MAX), ..budget() };
    let terms = match kind {
        Kind::Nothing => [Terms::default(), Terms::default(), Terms::default()],
        Kind::Three => [Terms::default(), Terms::default(), three],
        Kind::Ten => [three.clone(), three.clone(), Terms { max_parallel_requests: Some(1_000), ..three }],
    };
    let subjects = [Subject::global(), Subject::new(Scope::Team, "t"), Subject::new(Scope::Key, id)];
    let accounts =
        subjects.into_iter().zip(terms).map(|(subject, terms)| open(governance, subject, Arc::new(terms)));
    behind(accounts.collect())
}

fn behind(accounts: Box<[Arc<Account>]>) -> Arc<Principal> {
    let mut principal = Principal::administrator(None);
    principal.accounts = accounts;
    Arc::new(principal)
}

fn open(governance: &Governance, subject: Subject, terms: Arc<Terms>) -> Arc<Account> {
    let opened = governance.accounts().open((subject, None), (terms, Timestamp::now()), &NoDirectory);
    opened.now_or_never().expect("nothing to wait for").expect("no directory fails")
}

fn round(governance: &Governance, caller: &Arc<Principal>) {
    let cost = Some(NanoDollars(10));
    let want = Want { model: "gpt-4o", customer: None, tags: &[], tokens: 100, cost, at: Timestamp::now() };
    let admitted = governance.admit(caller, &want).now_or_never().expect("nothing to wait for");
    let mut admission = admitted.expect("there is room");
    admission.settle(NanoDollars(7), 50);
    black_box(&admission);
}

/// What a round took in each run, from the fastest.
fn runs(mut round: impl FnMut()) -> Vec<Duration> {
    let run = |_| {
        let began = Instant::now();
        (0..ROUNDS).for_each(|_| round());
        began.elapsed() / ROUNDS
    };
    let mut runs: Vec<Duration> = (0..RUNS).map(run).collect();
    runs.sort();
    runs
}

fn fastest(round: impl FnMut()) -> Duration {
    runs(round)[0]
}

/// What a round takes each of two threads that run at the same time, at the median: a run without the other one is no
/// measure.
fn contended(governance: &Governance, callers: [&Arc<Principal>; 2]) -> Duration {
    let run = |caller: &Arc<Principal>| runs(|| round(governance, caller))[RUNS / 2];
    std::thread::scope(|scope| {
        let threads = callers.map(|caller| scope.spawn(move || run(caller)));
        threads.into_iter().map(|thread| thread.join().expect("no panic")).max().unwrap_or_default()
    })
}

/// What a million keys take: their accounts, and what stays when the accounts are forgotten.
fn memory(name: &str, terms: &Terms, is_used: bool) {
    let governance = Governance::new(GovernanceParts::default());
    // As callers do: equal terms are the same ones in memory.
    let terms = Arc::new(terms.clone());
    let before = in_use();
    let mut accounts = Vec::with_capacity(KEYS);
    for number in 0..KEYS {
        let hash = KeyHash::of(&number.to_le_bytes());
        accounts.push(open(&governance, Subject::new(Scope::Key, hash.hex()), Arc::clone(&terms)));
    }
    if is_used {
        for account in &accounts {
            round(&governance, &behind(Box::new([Arc::clone(account)])));
        }
    }
    let open = (in_use() - before) / KEYS;
    drop(accounts);
    let kept = in_use().saturating_sub(before) / KEYS;
    governance.accounts().sweep(Timestamp(Timestamp::now().0 + 61_000_000), Timestamp(0));
    let swept = in_use().saturating_sub(before) / KEYS;
    println!("a key {name}: {open} bytes, {kept} without its account, {swept} a minute later");
}

fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}
