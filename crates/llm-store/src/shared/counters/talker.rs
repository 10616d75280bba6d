//! What is said to the server of limits and budgets, and what becomes of its answers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::lease::CounterLease;
use super::memory::Memory;
use super::piece::{Piece, What};
use super::{CounterLeases, CounterLine, Said, Script};
use crate::shared::talk::Talker;

/// How many settlements go in one write after a connection was made.
const MOST: usize = 1_024;

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Takes what a call wants.
    Reserve(Reserve),
    /// Puts what was used in place of what was taken.
    Settle(Settle),
    /// Begins again what keys begin with this.
    Forget(String),
}

/// What a call wants, beside or in place of what it has.
#[derive(Debug)]
pub(super) struct Reserve {
    pub(super) name: String,
    pub(super) own: Vec<Piece>,
    pub(super) wants: Vec<Piece>,
    pub(super) life: Weak<()>,
    /// The lease of a call that has none yet.
    pub(super) lease: Option<Box<CounterLease>>,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// A lease, and what its call has for as long as it lives.
type Live<'a> = (&'a String, &'a (Weak<()>, Vec<Piece>));

/// Whether a call has what it wants.
#[derive(Debug)]
pub(super) enum Answer {
    Granted { lease: Option<Box<CounterLease>>, has: Vec<Piece>, epoch: u64, left: Vec<u64> },
    Refused { index: usize, left: u64, after: Option<Duration> },
}

/// What a call has used.
#[derive(Clone, Debug)]
pub(super) struct Settle {
    pub(super) lease: String,
    pub(super) things: Vec<Thing>,
    /// `None`: nobody was asked for it.
    pub(super) epoch: Option<u64>,
}

/// What it has used of one counter, as the script takes it.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) key: Arc<str>,
    pub(super) kind: char,
    pub(super) amount: i64,
    pub(super) when: String,
    /// What its gateway knew of this budget.
    pub(super) known: u64,
}

/// What is said to the server.
pub(super) struct CounterTalker {
    /// The key of this gateway: what it settled last.
    gateway: Arc<str>,
    leases: CounterLeases,
    overflow: Arc<Mutex<Vec<Command>>>,
    memory: RefCell<Memory>,
    renewed: Cell<Instant>,
}

impl Talker for CounterTalker {
    type Line = Rc<dyn CounterLine>;
    type Command = Command;
    type Session = ();

    const TICK: Duration = Duration::from_millis(250);

    /// Before anybody asks, the server knows all that this gateway has settled.
    async fn begin(&self, line: &Rc<dyn CounterLine>) -> Result<(), String> {
        let gone = || "it was lost at once".to_owned();
        let settled = self.memory.borrow().settled().to_string();
        let met = line.say(vec![self.said(Script::Meet, Vec::new(), vec![settled])]).await;
        if met.ok_or_else(gone)?.iter().any(|said| !said.is_empty()) {
            self.memory.borrow_mut().epoch += 1;
        }
        self.memory.borrow_mut().number_debts();
        loop {
            let (all, last) = self.unbooked();
            if all.is_empty() {
                return Ok(());
            }
            let said = line.say(all).await.ok_or_else(gone)?;
            self.booked(last, &said);
        }
    }

    fn send(self: &Rc<Self>, line: &Rc<dyn CounterLine>, _: &Rc<()>, commands: Vec<Command>) {
        let (mut all, mut asked, mut last) = (Vec::new(), Vec::new(), 0);
        for command in commands {
            match command {
                Command::Reserve(reserve) => asked.push(reserve),
                Command::Settle(settle) => {
                    last = self.memory.borrow_mut().number(settle);
                    let memory = self.memory.borrow();
                    all.extend(memory.unbooked.back().map(|(_, settle)| self.settle(last, settle)));
                }
                Command::Forget(beginning) => {
                    for (key, life) in self.memory.borrow_mut().forget(&beginning) {
                        all.push(self.said(Script::Forget, vec![key], vec![life]));
                    }
                }
            }
        }
        let before = all.len();
        // Room that comes back with the same write is there for those who ask in it.
        all.extend(asked.iter().map(|reserve| self.reserve(reserve)));
        if all.is_empty() {
            return;
        }
        let (said, talker) = (line.say(all), Rc::clone(self));
        spawn_local(async move {
            match said.await {
                Some(said) => {
                    let (settled, granted) = said.split_at(before.min(said.len()));
                    talker.booked(last, settled);
                    asked.into_iter().zip(granted).for_each(|(one, said)| talker.answer(one, said));
                }
                // Nobody knows whether they have it: they do not want it any more.
                None => asked.into_iter().for_each(|reserve| talker.give_back(&reserve)),
            }
        });
    }

    fn tick(self: &Rc<Self>, line: &Rc<dyn CounterLine>, session: &Rc<()>) {
        let overflow = std::mem::take(&mut *self.overflow.lock());
        if !overflow.is_empty() {
            self.send(line, session, overflow);
        }
        if self.renewed.get().elapsed() >= self.leases.slots / 3 {
            self.renewed.set(Instant::now());
            self.renew(line);
        }
    }

    fn alone(&self, command: Command) {
        match command {
            Command::Settle(settle) => self.memory.borrow_mut().keep(settle),
            Command::Forget(beginning) => drop(self.memory.borrow_mut().forget(&beginning)),
            Command::Reserve(_) => {}
        }
    }
}

impl CounterTalker {
    pub(super) fn new(gateway: String, leases: CounterLeases, overflow: Arc<Mutex<Vec<Command>>>) -> Self {
        let (memory, renewed) = (RefCell::default(), Cell::new(Instant::now()));
        Self { gateway: gateway.into(), leases, overflow, memory, renewed }
    }

    fn lasting(&self) -> [String; 2] {
        [self.leases.slots, self.leases.holds].map(|lease| lease.as_millis().to_string())
    }

    /// The first settlements that are not booked, and the number of the last of them.
    fn unbooked(&self) -> (Vec<Said>, u64) {
        let memory = self.memory.borrow();
        let some = memory.unbooked.iter().take(MOST);
        let all: Vec<Said> = some.map(|(number, settle)| self.settle(*number, settle)).collect();
        let last = memory.settled() + u64::try_from(all.len()).unwrap_or_default();
        (all, last)
    }

    fn said(&self, script: Script, keys: Vec<Arc<str>>, arguments: Vec<String>) -> Said {
        Said { script, gateway: Arc::clone(&self.gateway), keys, places: Vec::new(), arguments }
    }

    fn reserve(&self, reserve: &Reserve) -> Said {
        let memory = self.memory.borrow();
        let mut keys: Vec<_> = reserve.wants.iter().map(|want| Arc::clone(&want.key)).collect();
        let places = reserve.wants.iter().map(|want| Arc::clone(&want.place)).collect();
        let mut arguments = vec![reserve.name.clone()];
        arguments.extend(self.lasting());
        arguments.push(reserve.wants.len().to_string());
        for want in &reserve.wants {
            let (life, heard) = memory.of(&want.key);
            arguments.extend(want.wanted(same(&reserve.own, want), life, heard));
        }
        for one in reserve.own.iter().filter(|one| same(&reserve.wants, one).is_none()) {
            let [kind, bucket, amount] = match &one.what {
                What::Flow { is_request: true, .. } => continue,
                What::Flow { bucket, amount, .. } => {
                    ["f".to_owned(), bucket.clone().unwrap_or_default(), amount.to_string()]
                }
                What::Slot { .. } => ["s".to_owned(), String::new(), String::new()],
                What::Money { .. } => ["m".to_owned(), String::new(), String::new()],
            };
            keys.push(Arc::clone(&one.key));
            arguments.extend([kind, bucket, amount]);
        }
        Said { places, ..self.said(Script::Reserve, keys, arguments) }
    }

    fn settle(&self, number: u64, settle: &Settle) -> Said {
        let memory = self.memory.borrow();
        let (mut keys, mut arguments) = (Vec::new(), vec![number.to_string(), settle.lease.clone()]);
        // What was taken of a server that is gone is not given back to another one.
        let is_there = |thing: &&Thing| thing.kind != 'f' || settle.epoch == Some(memory.epoch);
        for thing in settle.things.iter().filter(is_there) {
            let (life, heard) = memory.of(&thing.key);
            keys.push(Arc::clone(&thing.key));
            arguments.extend([thing.kind.to_string(), thing.amount.to_string(), thing.when.clone()]);
            arguments.extend([life.to_owned(), heard.to_string()]);
        }
        self.said(Script::Settle, keys, arguments)
    }

    /// Settlements up to this number are booked; what the server said of each.
    fn booked(&self, number: u64, said: &[Vec<String>]) {
        let mut memory = self.memory.borrow_mut();
        memory.booked(number);
        for [key, life, spent] in said.iter().flat_map(|said| said.as_chunks::<3>().0) {
            memory.hear_more(key, life, spent.parse().unwrap_or(0));
        }
    }

    fn answer(&self, reserve: Reserve, said: &[String]) {
        let number = |at: usize| said.get(at).and_then(|text| text.parse::<u64>().ok());
        if number(0) != Some(1) {
            let (index, left) = (number(1).unwrap_or(0), number(2).unwrap_or(0));
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let _ = reserve.reply.send(Answer::Refused {
                index,
                left,
                after: number(3).map(Duration::from_millis),
            });
            return;
        }
        let mut memory = self.memory.borrow_mut();
        let Reserve { name, own, wants: mut has, life, lease, reply } = reserve;
        let mut left = Vec::with_capacity(has.len());
        for (piece, [rest, first, second]) in
            has.iter_mut().zip(said.get(1..).unwrap_or_default().as_chunks::<3>().0)
        {
            piece.granted(same(&own, piece), first);
            if matches!(piece.what, What::Money { .. }) {
                memory.hear(&piece.key, first, second.parse().unwrap_or(0));
            }
            left.push(rest.parse().unwrap_or(0));
        }
        memory.live.insert(name, (life, has.clone()));
        let epoch = memory.epoch;
        drop(memory);
        let lease = lease.map(|mut lease| {
            (lease.has, lease.epoch) = (has.clone(), Some(epoch));
            lease
        });
        // Nobody waits any more: a new lease gives back what it has; what was raised ends with the call.
        let _ = reply.send(Answer::Granted { lease, has, epoch, left });
    }

    /// Gives back the slots and the money that a call may have got without hearing of it.
    fn give_back(&self, reserve: &Reserve) {
        let is_new = |piece: &&Piece| same(&reserve.own, piece).is_none();
        let thing = |piece: &Piece| {
            let (kind, when) = match &piece.what {
                What::Flow { .. } => return None,
                What::Slot { .. } => ('s', String::new()),
                What::Money { over, .. } => ('m', over.clone()),
            };
            Some(Thing { key: Arc::clone(&piece.key), kind, amount: 0, when, known: 0 })
        };
        let things: Vec<Thing> = reserve.wants.iter().filter(is_new).filter_map(thing).collect();
        if !things.is_empty() {
            let mut memory = self.memory.borrow_mut();
            let (lease, epoch) = (reserve.name.clone(), Some(memory.epoch));
            let has = memory.live.remove(&lease);
            memory.keep(Settle { lease: lease.clone(), things, epoch });
            if let Some(has) = has {
                memory.live.insert(lease, has);
            }
        }
    }

    fn renew(&self, line: &Rc<dyn CounterLine>) {
        let mut memory = self.memory.borrow_mut();
        memory.sweep();
        let all: Vec<_> = memory.live.iter().collect();
        let lives: Vec<Said> = all.chunks(64).map(|some| self.lives(some)).collect();
        // A gateway without calls lives as well.
        let said = if lives.is_empty() { vec![self.lives(&[])] } else { lives };
        spawn_local(line.say(said));
    }

    /// Signs of life of calls.
    fn lives(&self, some: &[Live<'_>]) -> Said {
        let (mut keys, mut arguments) = (Vec::new(), self.lasting().to_vec());
        for (lease, (_, has)) in some {
            for piece in has {
                let [kind, amount, over] = match &piece.what {
                    What::Flow { .. } | What::Money { amount: 0, .. } => continue,
                    What::Slot { .. } => ["s".to_owned(), String::new(), String::new()],
                    What::Money { amount, over, .. } => ["m".to_owned(), amount.to_string(), over.clone()],
                };
                keys.push(Arc::clone(&piece.key));
                arguments.extend([kind, (*lease).clone(), amount, over]);
            }
        }
        self.said(Script::Renew, keys, arguments)
    }
}

fn same<'a>(pieces: &'a [Piece], one: &Piece) -> Option<&'a Piece> {
    pieces.iter().find(|piece| piece.key == one.key)
}
