//! Shared counters for tests: in memory, shared by several gateways, without a clock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;

use futures_util::future::{BoxFuture, ready};
use llm_core::money::NanoDollars;
use llm_governance::{Period, SharedCounters, SharedLease, SharedLimit, SharedVerdict, SharedWant, Subject};
use parking_lot::Mutex;

/// What one want is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name(Subject, Option<Arc<str>>, Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Requests,
    Tokens(u64),
    Slot,
    Budget(Period),
}

/// Counters that several gateways share.
#[derive(Clone, Debug, Default)]
pub(crate) struct InMemory(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_gone: AtomicBool,
    taken: Mutex<HashMap<Name, u64>>,
    asked: Mutex<usize>,
}

/// What a call has, by what it is counted under.
#[derive(Debug)]
struct Lease {
    state: Arc<State>,
    has: Vec<(Name, u64)>,
}

impl InMemory {
    /// Nobody can ask from now on, or everybody again.
    pub(crate) fn go(&self, is_gone: bool) {
        self.0.is_gone.store(is_gone, SeqCst);
    }

    /// All that is taken of one kind of thing by a scope.
    pub(crate) fn money(&self) -> u64 {
        self.sum(|kind| matches!(kind, Kind::Budget(_)))
    }

    pub(crate) fn slots(&self) -> u64 {
        self.sum(|kind| kind == Kind::Slot)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.sum(|kind| kind == Kind::Requests)
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        *self.0.asked.lock()
    }

    fn sum(&self, of: impl Fn(Kind) -> bool) -> u64 {
        self.0.taken.lock().iter().filter(|(name, _)| of(name.2)).map(|(_, taken)| taken).sum()
    }
}

impl State {
    /// Takes wants in place of what a call has.
    fn take(&self, wants: &[SharedWant], has: &mut Vec<(Name, u64)>) -> SharedVerdict<()> {
        *self.asked.lock() += 1;
        if self.is_gone.load(SeqCst) {
            return SharedVerdict::Unknown;
        }
        let mut taken = self.taken.lock();
        let own = |name: &Name| has.iter().find(|(own, _)| own == name).map_or(0, |(_, amount)| *amount);
        let mut left = Vec::new();
        for (index, want) in wants.iter().enumerate() {
            let (name, cap, amount, known) = read(want);
            let others = taken.entry(name.clone()).or_insert(known).saturating_sub(own(&name));
            let rest = cap.saturating_sub(others);
            if amount.max(own(&name)) > rest {
                return SharedVerdict::Refused { index, left: rest, after: None };
            }
            left.push(rest - amount.max(own(&name)));
        }
        let wanted: Vec<(Name, u64)> = wants.iter().map(|want| (read(want).0, read(want).2)).collect();
        let mut has_now = Vec::new();
        for (name, amount) in wanted {
            let before = own(&name);
            let now = amount.max(before);
            *taken.entry(name.clone()).or_default() += now - before;
            has_now.push((name, now));
        }
        for (name, amount) in has.iter().filter(|(name, _)| has_now.iter().all(|(other, _)| other != name)) {
            give_back(&mut taken, name, *amount);
        }
        *has = has_now;
        SharedVerdict::Granted { lease: (), left }
    }
}

fn read(want: &SharedWant) -> (Name, u64, u64, u64) {
    let whole = |money: NanoDollars| u64::try_from(money.0).expect("no debts");
    let (kind, cap, amount, known) = match &want.of {
        SharedLimit::Requests { limit } => (Kind::Requests, *limit, 1, 0),
        SharedLimit::Tokens { limit, amount, window } => (Kind::Tokens(window.as_secs()), *limit, *amount, 0),
        SharedLimit::Slot { limit } => (Kind::Slot, u64::from(*limit), 1, 0),
        SharedLimit::Budget { cap, amount, period, known } => {
            (Kind::Budget(*period), cap.map_or(u64::MAX, whole), whole(*amount), whole(*known))
        }
    };
    (Name(want.subject.clone(), want.model.clone(), kind), cap, amount, known)
}

fn give_back(taken: &mut HashMap<Name, u64>, name: &Name, amount: u64) {
    if name.2 != Kind::Requests {
        let entry = taken.get_mut(name).expect("it was taken");
        *entry = entry.checked_sub(amount).expect("nothing is given back twice");
    }
}

impl SharedCounters for InMemory {
    fn reserve<'a>(&'a self, wants: &'a [SharedWant]) -> BoxFuture<'a, SharedVerdict> {
        let mut has = Vec::new();
        let verdict = self.0.take(wants, &mut has);
        let lease = Lease { state: Arc::clone(&self.0), has };
        Box::pin(ready(verdict.map(|()| Box::new(lease) as Box<dyn SharedLease>)))
    }

    fn is_connected(&self) -> bool {
        !self.0.is_gone.load(SeqCst)
    }
}

impl SharedLease for Lease {
    fn raise<'a>(&'a mut self, wants: &'a [SharedWant]) -> BoxFuture<'a, SharedVerdict<()>> {
        let verdict = self.state.take(wants, &mut self.has);
        Box::pin(ready(verdict))
    }

    fn settle(&mut self, tokens: u64, cost: NanoDollars) {
        let mut taken = self.state.taken.lock();
        for (name, amount) in self.has.drain(..) {
            let used = match name.2 {
                Kind::Requests => continue,
                Kind::Tokens(_) => tokens,
                Kind::Slot => 0,
                Kind::Budget(_) => u64::try_from(cost.0).expect("no debts"),
            };
            give_back(&mut taken, &name, amount);
            *taken.entry(name).or_default() += used;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut taken = self.state.taken.lock();
        for (name, amount) in self.has.drain(..) {
            give_back(&mut taken, &name, amount);
        }
    }
}
