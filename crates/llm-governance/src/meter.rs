//! What a subject has taken: the books of its budgets, the flows of its limits, and its calls under way, behind one lock.
//!
//! A call locks the meters of everybody behind it together, always in the order of subjects: it takes all that it wants
//! or nothing, and nobody sees a part of it.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use llm_core::sync::{Mutex, MutexGuard};
use llm_core::window::Moment;

use crate::budget::{BookName, Books, Budget};
use crate::limit::{Flow, Limit};
use crate::subject::Subject;
use crate::time::Timestamp;

/// What a subject has taken. It outlives changes of the subject's terms.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Whose it was from the beginning.
    subject: Subject,
    state: Mutex<State>,
}

/// The counters of a meter. None is ever removed, so that accounts know them by their places.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub books: Box<[Books]>,
    pub flows: Box<[Flow]>,
    /// Calls under way.
    pub slots: u32,
}

/// A meter in a set, found by whose it is.
#[derive(Debug)]
pub(crate) struct BySubject {
    pub meter: Arc<Meter>,
    /// Whose it is now, where somebody took the place of another one.
    heir: Option<Box<Subject>>,
}

impl BySubject {
    pub(crate) fn new(meter: Arc<Meter>) -> Self {
        Self { meter, heir: None }
    }

    /// The same meter of somebody else.
    pub(crate) fn of(self, heir: Subject) -> Self {
        Self { heir: Some(Box::new(heir)), ..self }
    }

    fn subject(&self) -> &Subject {
        self.heir.as_deref().unwrap_or(&self.meter.subject)
    }
}

impl Meter {
    pub(crate) fn new(subject: Subject) -> Self {
        Self { subject, state: Mutex::new(State::default()) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    /// Whether it is known what was spent of a budget.
    pub(crate) fn has_books(&self, name: &BookName) -> bool {
        self.books.iter().any(|books| books.name == *name && !books.is_doubted)
    }

    /// Where the books of a budget are, begun by `begin` where there are none.
    pub(crate) fn book(&mut self, name: &BookName, begin: impl FnOnce() -> Books) -> u32 {
        let found = self.books.iter().position(|books| books.name == *name);
        place(found.unwrap_or_else(|| push(&mut self.books, begin())))
    }

    /// Where the flow of a limit is.
    pub(crate) fn flow(&mut self, limit: &Limit) -> u32 {
        let found = self.flows.iter().position(|flow| flow.is_of(limit));
        place(found.unwrap_or_else(|| push(&mut self.flows, Flow::of(limit))))
    }

    pub(crate) fn books_of(&mut self, budget: &Budget) -> &mut Books {
        &mut self.books[budget.book as usize]
    }

    pub(crate) fn flow_of(&mut self, limit: &Limit) -> &mut Flow {
        &mut self.flows[limit.flow as usize]
    }

    /// Something was spent at that time.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.books.iter_mut().for_each(|books| books.touch(now));
    }

    /// Forgets windows that are over. Returns whether nothing is left that a new meter would not know, where the
    /// directory knows what was spent before `stored`.
    pub(crate) fn sweep(&mut self, now: Moment, stored: Timestamp) -> bool {
        let busy: usize = self.flows.iter_mut().map(|flow| usize::from(!flow.sweep(now))).sum();
        busy == 0 && self.slots == 0 && self.books.iter().all(|books| books.are_stored(stored))
    }
}

fn place(index: usize) -> u32 {
    u32::try_from(index).expect("memory ends before four billion counters")
}

/// Most meters have one of each: the lists take as much memory as they need.
fn push<T>(list: &mut Box<[T]>, item: T) -> usize {
    let mut longer = std::mem::take(list).into_vec();
    longer.reserve_exact(1);
    longer.push(item);
    *list = longer.into_boxed_slice();
    list.len() - 1
}

impl Borrow<Subject> for BySubject {
    fn borrow(&self) -> &Subject {
        self.subject()
    }
}

impl Hash for BySubject {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.subject().hash(state);
    }
}

impl PartialEq for BySubject {
    fn eq(&self, other: &Self) -> bool {
        self.subject() == other.subject()
    }
}

impl Eq for BySubject {}
