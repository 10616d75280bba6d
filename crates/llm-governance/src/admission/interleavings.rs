//! Every interleaving of calls at the meters that they share, explored by loom: `RUSTFLAGS="--cfg loom" cargo test -p
//! llm-governance --lib interleavings`. Nothing is overspent, nothing leaks, nothing waits in a circle.

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::SeqCst;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use loom::thread;

use super::*;
use crate::entity::{Customer, Tag};
use crate::governance::{Governance, GovernanceParts};
use crate::hash::KeyHash;
use crate::store::{Directory, Holder, NoDirectory, Spent, StoreError, WithBudget};
use crate::subject::{Scope, Subject};
use crate::terms::Terms;

const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

/// Runs a model with as much stack as programs have: loom's threads have very little.
fn explore(body: fn()) {
    loom::model(move || beside(body).join().expect("no panic"));
}

fn beside<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> thread::JoinHandle<T> {
    thread::Builder::new().stack_size(1 << 17).spawn(body).expect("a thread")
}

fn open(governance: &Governance, (scope, id): (Scope, &str), terms: Terms) -> Arc<Account> {
    let opened =
        governance.accounts().open((Subject::new(scope, id), None), (Arc::new(terms), NOW), &NoDirectory);
    opened.now_or_never().expect("nothing to wait for").expect("it does not fail")
}

fn caller(accounts: impl IntoIterator<Item = Arc<Account>>) -> Arc<Principal> {
    Arc::new(Principal { accounts: accounts.into_iter().collect(), ..Principal::default() })
}

fn want(cost: i64) -> Want<'static> {
    Want { model: "m", customer: None, tags: &[], tokens: 1, cost: Some(NanoDollars(cost)), at: NOW }
}

fn admit(governance: &Governance, caller: &Arc<Principal>, cost: i64) -> Option<Admission> {
    governance.admit(caller, &want(cost)).now_or_never().expect("nothing to wait for").ok()
}

fn standing(account: &Account) -> (i64, i64) {
    account.budgets(NOW).first().map(|one| (one.spent.0, one.held.0)).expect("it has a budget")
}

#[test]
fn a_budget_is_never_passed_and_all_that_is_not_spent_comes_back() {
    explore(|| {
        let governance = Arc::new(Governance::new(GovernanceParts::default()));
        let capped = Terms { max_budget: Some(NanoDollars(2)), ..Terms::default() };
        let key = open(&governance, (Scope::Key, "k"), capped);
        let caller = caller([Arc::clone(&key)]);
        let (other, its_caller) = (Arc::clone(&governance), Arc::clone(&caller));
        let thread = beside(move || {
            let mut spent = 0;
            for _ in 0..2 {
                if let Some(mut call) = admit(&other, &its_caller, 1) {
                    call.settle(NanoDollars(1), 1);
                    spent += 1;
                }
            }
            spent
        });
        // Held, and given back: the other thread may be refused for it, but nothing is lost.
        let held = admit(&governance, &caller, 1);
        let (spent, holds) = standing(&key);
        assert!(spent + holds <= 2);
        drop(held);
        let spent = thread.join().expect("no panic");
        assert_eq!(standing(&key), (spent, 0));
        assert!(spent >= 1, "one of two was always free");
        assert!(admit(&governance, &caller, 2 - spent).is_some());
    });
}

#[test]
fn calls_of_two_keys_of_a_team_wait_in_no_circle_and_count_exactly() {
    explore(|| {
        let governance = Arc::new(Governance::new(GovernanceParts::default()));
        let terms = Terms { rpm_limit: Some(2), max_parallel_requests: Some(2), ..Terms::default() };
        let one_at_a_time = Terms { max_parallel_requests: Some(1), ..Terms::default() };
        let team = open(&governance, (Scope::Team, "t"), terms);
        let keys = ["a", "b"].map(|id| open(&governance, (Scope::Key, id), one_at_a_time.clone()));
        // The order in which a caller names its accounts does not matter.
        let first = caller([Arc::clone(&team), Arc::clone(&keys[0])]);
        let second = caller([Arc::clone(&keys[1]), Arc::clone(&team)]);
        let other = Arc::clone(&governance);
        let thread = beside(move || usize::from(admit(&other, &second, 0).is_some()));
        let passed = [(); 2].map(|()| usize::from(admit(&governance, &first, 0).is_some()));
        let passed = passed.iter().sum::<usize>() + thread.join().expect("no panic");
        assert_eq!(passed, 2, "of three requests two, and no slot is in the way of a call that has ended");
        for account in keys.iter().chain([&team]) {
            assert_eq!(account.meter.as_ref().map(|meter| meter.lock().slots), Some(0));
        }
    });
}

#[test]
fn a_call_that_goes_on_with_a_dearer_model_passes_no_budget() {
    explore(|| {
        let governance = Arc::new(Governance::new(GovernanceParts::default()));
        let capped = Terms { max_budget: Some(NanoDollars(3)), ..Terms::default() };
        let key = open(&governance, (Scope::Key, "k"), capped);
        let caller = caller([Arc::clone(&key)]);
        let mut call = admit(&governance, &caller, 1).expect("there is room");
        let (other, its_caller) = (Arc::clone(&governance), Arc::clone(&caller));
        let thread = beside(move || {
            let admitted = admit(&other, &its_caller, 2);
            admitted.map(|mut call| call.settle(NanoDollars(2), 1)).is_some()
        });
        let raised = governance.raise(&mut call, &want(3), None).now_or_never().expect("at once").is_ok();
        let (spent, held) = standing(&key);
        assert!(spent + held <= 3);
        call.settle(NanoDollars(if raised { 3 } else { 1 }), 1);
        let admitted = thread.join().expect("no panic");
        assert!(raised != admitted, "one of the two has the room");
        assert_eq!(standing(&key), (3, 0));
    });
}

/// Knows what was recorded until now.
#[derive(Default)]
struct Recorded(AtomicI64);

impl Directory for Recorded {
    fn holder<'a>(&'a self, _: &'a KeyHash) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(ready(Ok(None)))
    }

    fn user<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(ready(Ok(None)))
    }

    fn customer<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<WithBudget<Customer>, StoreError>> {
        Box::pin(ready(Ok(None)))
    }

    fn tag<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<WithBudget<Tag>, StoreError>> {
        Box::pin(ready(Ok(None)))
    }

    fn spent<'a>(&'a self, of: &'a mut [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        of.iter_mut().for_each(|one| one.amount = NanoDollars(self.0.load(SeqCst)));
        Box::pin(ready(Ok(())))
    }
}

#[test]
fn a_first_cap_misses_no_call_that_is_under_way() {
    explore(|| {
        let governance = Arc::new(Governance::new(GovernanceParts::default()));
        let recorded = Arc::new(Recorded::default());
        let before = caller([open(&governance, (Scope::Team, "t"), Terms::default())]);
        let (other, its_rows) = (Arc::clone(&governance), Arc::clone(&recorded));
        let mut call = admit(&governance, &before, 1).expect("nothing is limited");
        let thread = beside(move || {
            let capped = Terms { max_budget: Some(NanoDollars(9)), ..Terms::default() };
            let subject = Subject::new(Scope::Team, "t");
            let opened =
                other.accounts().open((subject, None), (Arc::new(capped), NOW), &*its_rows).now_or_never();
            opened.expect("nothing to wait for").expect("it does not fail")
        });
        // The row is written before the counters are told.
        recorded.0.fetch_add(1, SeqCst);
        thread::yield_now();
        call.settle(NanoDollars(1), 1);
        let account = thread.join().expect("no panic");
        // Both may have counted it, never none.
        assert!((1..=2).contains(&standing(&account).0));
    });
}
