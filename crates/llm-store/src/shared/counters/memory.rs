//! What a gateway remembers of shared counters: how much was spent when it last heard, what its calls have, and what it
//! has settled without having heard that it is booked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::piece::Piece;
use super::talker::{Settle, Thing};

/// What was not asked for that long is known by the database.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// What was heard of the money of a subject.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// The life of the counter that it was heard of; empty: of none.
    pub(super) life: String,
    pub(super) spent: u64,
    used: Instant,
}

/// What a gateway remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    heard: HashMap<Arc<str>, Heard>,
    /// What calls have, by lease, each as long as its call lives.
    pub(super) live: HashMap<String, (Weak<()>, Vec<Piece>)>,
    /// Settlements in the order of their numbers.
    pub(super) unbooked: VecDeque<(u64, Settle)>,
    /// What was spent without asking, while nobody could be told.
    debts: HashMap<Arc<str>, Thing>,
    last: u64,
    /// How often a server was met that did not know this gateway.
    pub(super) epoch: u64,
}

impl Memory {
    /// The life that is known, and what was spent then.
    pub(super) fn of(&self, key: &str) -> (&str, u64) {
        self.heard.get(key).map_or(("", 0), |heard| (&heard.life, heard.spent))
    }

    pub(super) fn hear(&mut self, key: &str, life: &str, spent: u64) {
        let heard = self.heard.get(key).filter(|heard| heard.life == life);
        // Answers may cross; within a life nothing is unspent.
        let spent = heard.map_or(spent, |heard| heard.spent.max(spent));
        let heard = Heard { life: life.to_owned(), spent, used: Instant::now() };
        self.heard.insert(key.into(), heard);
    }

    /// The same for what is remembered already: only who gave what it knew knows a life.
    pub(super) fn hear_more(&mut self, key: &str, life: &str, spent: u64) {
        if self.heard.contains_key(key) {
            self.hear(key, life, spent);
        }
    }

    /// A settlement with the number that it is sent with.
    pub(super) fn number(&mut self, settle: Settle) -> u64 {
        self.live.remove(&settle.lease);
        if settle.epoch.is_none() {
            // What the gateway knew before the first call that asked nobody.
            for thing in &settle.things {
                let (spent, used) = (thing.known, Instant::now());
                let first = || Heard { life: String::new(), spent, used };
                self.heard.entry(thing.key.clone()).or_insert_with(first);
            }
        }
        self.last += 1;
        self.unbooked.push_back((self.last, settle));
        self.last
    }

    /// A settlement that cannot be told now. What nobody was asked for adds up.
    pub(super) fn keep(&mut self, settle: Settle) {
        if settle.epoch.is_some() {
            self.number(settle);
            return;
        }
        for thing in settle.things {
            match self.debts.get_mut(&thing.key) {
                Some(debt) => debt.amount = debt.amount.saturating_add(thing.amount).min(1 << 53),
                None => drop(self.debts.insert(thing.key.clone(), thing)),
            }
        }
    }

    /// Debts are settlements as others are.
    pub(super) fn number_debts(&mut self) {
        let debts: Vec<Thing> = std::mem::take(&mut self.debts).into_values().collect();
        for things in debts.chunks(64) {
            self.number(Settle { lease: String::new(), things: things.to_vec(), epoch: None });
        }
    }

    /// The number of the last settlement that is booked.
    pub(super) fn settled(&self) -> u64 {
        self.unbooked.front().map_or(self.last, |(first, _)| first - 1)
    }

    /// Settlements up to this number are booked.
    pub(super) fn booked(&mut self, number: u64) {
        while self.unbooked.front().is_some_and(|(first, _)| *first <= number) {
            self.unbooked.pop_front();
        }
    }

    /// Drops what nobody needs any more.
    pub(super) fn sweep(&mut self) {
        self.live.retain(|_, (life, _)| life.strong_count() > 0);
        self.heard.retain(|_, heard| heard.used.elapsed() < REMEMBERED);
    }

    /// Forgets what was heard of a subject: its keys and their lives.
    pub(super) fn forget(&mut self, beginning: &str) -> Vec<(Arc<str>, String)> {
        let all = std::mem::take(&mut self.heard);
        let (gone, kept) = all.into_iter().partition(|(key, _)| key.starts_with(beginning));
        self.heard = kept;
        let gone: HashMap<Arc<str>, Heard> = gone;
        gone.into_iter().map(|(key, heard)| (key, heard.life)).collect()
    }
}
