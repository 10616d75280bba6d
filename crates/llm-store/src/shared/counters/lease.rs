//! What a call has of counters that gateways share.

use std::sync::{Arc, Weak};

use futures_util::future::{BoxFuture, FutureExt};
use llm_core::money::NanoDollars;
use llm_governance::{SharedLease, SharedVerdict, SharedWant};
use tokio::sync::oneshot;

use super::office::Office;
use super::piece::{Piece, What};
use super::talker::{Answer, Command, Reserve, Settle, Thing};

/// What a call has. Dropped before it is granted, it has nothing.
#[derive(Debug)]
pub(super) struct CounterLease {
    office: Arc<Office>,
    pub(super) name: String,
    pub(super) has: Vec<Piece>,
    /// Since when the server has lost nothing, as the thread counts it; `None`: nobody was asked.
    pub(super) epoch: Option<u64>,
    /// It may have given back something without knowing it.
    is_unsure: bool,
    is_settled: bool,
    /// Gone with the lease, whatever becomes of the message that it is.
    life: Arc<()>,
}

impl CounterLease {
    pub(super) fn new(office: &Arc<Office>, has: Vec<Piece>) -> Self {
        let (office, name) = (Arc::clone(office), office.name());
        Self { office, name, has, epoch: None, is_unsure: false, is_settled: false, life: Arc::default() }
    }

    /// What tells for how long it is to be renewed.
    pub(super) fn life(&self) -> Weak<()> {
        Arc::downgrade(&self.life)
    }

    async fn change(&mut self, wants: &[SharedWant]) -> SharedVerdict<()> {
        let own = if self.epoch.is_some() { self.has.clone() } else { Vec::new() };
        let (reply, answer) = oneshot::channel();
        let wants: Vec<Piece> = wants.iter().map(|want| Piece::of(&self.office.prefix, want)).collect();
        let money = wants.iter().filter(|want| matches!(want.what, What::Money { .. }));
        let money: Vec<Piece> = money.cloned().collect();
        let (name, life) = (self.name.clone(), self.life());
        let reserve = Reserve { name, own, wants, life, lease: None, reply };
        match self.office.ask(reserve, answer).await {
            Some(Answer::Granted { has, epoch, left, .. }) => {
                (self.has, self.epoch) = (has, Some(epoch));
                SharedVerdict::Granted { lease: (), left }
            }
            Some(Answer::Refused { index, left, after }) => SharedVerdict::Refused { index, left, after },
            None => {
                self.is_unsure = true;
                // The call goes on by what its gateway knows: what it costs is told of these as well.
                let new = money.into_iter().filter(|want| self.has.iter().all(|one| one.key != want.key));
                self.has.extend(new.collect::<Vec<_>>());
                SharedVerdict::Unknown
            }
        }
    }

    fn thing(&self, piece: &Piece, used: Option<(u64, u64)>) -> Option<Thing> {
        let (tokens, cost) = used.unwrap_or_default();
        let (kind, amount, when, known) = match &piece.what {
            What::Flow { is_request: true, .. } => return None,
            What::Flow { amount, bucket, .. } => {
                let difference = i64::try_from(tokens).ok()?.checked_sub(i64::try_from(*amount).ok()?)?;
                let is_counted = self.epoch.is_some() && !(self.is_unsure && difference < 0);
                ('f', Some(difference).filter(|_| is_counted && difference != 0)?, bucket.clone()?, 0)
            }
            What::Slot { .. } => ('s', 0, String::new(), 0),
            What::Money { known, over, .. } => ('m', i64::try_from(cost).ok()?, over.clone(), *known),
        };
        // Nobody was asked: there is nothing but money to tell of.
        (self.epoch.is_some() || (kind == 'm' && amount != 0)).then(|| Thing {
            key: Arc::clone(&piece.key),
            kind,
            amount,
            when,
            known,
        })
    }

    fn finish(&mut self, used: Option<(u64, u64)>) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let things: Vec<Thing> = self.has.iter().filter_map(|piece| self.thing(piece, used)).collect();
        if !things.is_empty() {
            let (lease, epoch) = (self.name.clone(), self.epoch);
            self.office.tell(Command::Settle(Settle { lease, things, epoch }));
        }
    }
}

impl SharedLease for CounterLease {
    fn raise<'a>(&'a mut self, wants: &'a [SharedWant]) -> BoxFuture<'a, SharedVerdict<()>> {
        self.change(wants).boxed()
    }

    fn settle(&mut self, tokens: u64, cost: NanoDollars) {
        let most = |number: u64| number.min(1 << 53);
        self.finish(Some((most(tokens), most(u64::try_from(cost.0).unwrap_or(0)))));
    }
}

impl Drop for CounterLease {
    fn drop(&mut self) {
        self.finish(None);
    }
}
