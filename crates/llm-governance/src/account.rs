//! Subjects in memory: their terms, and the meters that outlive a change of the terms.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use llm_core::money::NanoDollars;
use llm_core::sync::{AtomicU64, Mutex};

use crate::budget::{self, BookName, Books, Budget, BudgetStanding};
use crate::callers::Held;
use crate::duration::Period;
use crate::events::{self, Events};
use crate::limit::{self, Limit, Windows};
use crate::means::Means;
use crate::meter::{BySubject, Meter};
use crate::store::{Directory, Spent, StoreError};
use crate::subject::{Scope, Subject};
use crate::terms::Terms;
use crate::time::Timestamp;

/// Meters are found under as many locks.
const SHARDS: usize = 16;

/// A subject with its terms, and its meter where anything of it is capped or limited.
#[derive(Debug)]
pub struct Account {
    /// Who.
    pub subject: Subject,
    /// What people call it.
    pub alias: Option<Box<str>>,
    /// What it may do; of a key, without its metadata. Equal terms are the same ones in memory.
    pub terms: Arc<Terms>,
    made: Timestamp,
    /// Equal ones are the same one in memory.
    pub(crate) planned: Arc<Planned>,
    pub(crate) meter: Option<Arc<Meter>>,
    /// Of a key whose spending no meter counts: what it has spent, for those who look.
    spent: AtomicI64,
    pub(crate) house: Arc<House>,
}

/// The budgets and limits of terms, each with its place in a meter.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Planned {
    pub budgets: Box<[Budget]>,
    pub limits: Box<[Limit]>,
}

/// The meters of all accounts. A subject that is looked up again finds its meter.
#[derive(Debug)]
pub struct Accounts(Arc<House>);

/// What all accounts of a gateway share.
pub(crate) struct House {
    shards: [Mutex<HashSet<BySubject>>; SHARDS],
    hasher: RandomState,
    /// What accounts of the same terms have in common, by where their terms are in memory.
    planned: Mutex<Held<usize, Planned>>,
    /// How many books were begun: calls under way may not have seen the last ones.
    begun: AtomicU64,
    pub windows: Windows,
    pub events: Arc<dyn Events>,
    pub means: Option<Means>,
}

/// What terms need of a meter.
struct Plan {
    budgets: Vec<(BookName, Budget)>,
    limits: Vec<Limit>,
    counts_slots: bool,
}

impl Accounts {
    /// Accounts that nothing was asked of yet. `means` are kept where calls hold what such calls cost on average.
    pub(crate) fn new(windows: Windows, events: Arc<dyn Events>, means: Option<Means>) -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(HashSet::new()));
        let (hasher, begun) = (RandomState::new(), AtomicU64::new(0));
        let planned = Mutex::new(Held::new());
        Self(Arc::new(House { shards, hasher, planned, begun, windows, events, means }))
    }

    /// The account of a subject. What was spent before is asked of the directory where memory does not know it.
    ///
    /// # Errors
    /// When the directory cannot be asked.
    pub async fn open(
        &self,
        (subject, alias): (Subject, Option<String>),
        (terms, made): (Arc<Terms>, Timestamp),
        directory: &dyn Directory,
    ) -> Result<Arc<Account>, StoreError> {
        let mut plan = Plan::of(&terms, made);
        let mut spent = NanoDollars(0);
        let meter = match plan.needs_meter() {
            true => Some(self.0.meter(&subject, &mut plan, directory).await?),
            false => {
                if subject.scope == Scope::Key {
                    let name = BookName::new(&terms, made, (None, terms.budget_duration));
                    spent =
                        asked(&subject, &[name], directory).await?.first().map_or(spent, |one| one.amount);
                }
                None
            }
        };
        let budgets = plan.budgets.into_iter().map(|(_, budget)| budget).collect();
        let planned = Planned { budgets, limits: plan.limits.into_boxed_slice() };
        let planned = self.0.planned(&terms, planned);
        Ok(Arc::new(Account {
            subject,
            alias: alias.map(String::into_boxed_str),
            terms,
            made,
            planned,
            meter,
            spent: AtomicI64::new(spent.0),
            house: Arc::clone(&self.0),
        }))
    }

    /// What this subject has spent is asked of the directory when its account is opened again.
    pub fn forget(&self, subject: &Subject) {
        if let Some(meter) = self.0.find(subject) {
            meter.lock().books.iter_mut().for_each(|books| books.is_doubted = true);
        }
    }

    /// What everybody has spent is asked of the directory when their accounts are opened again.
    pub(crate) fn doubt(&self) {
        for shard in &self.0.shards {
            for one in shard.lock().iter() {
                one.meter.lock().books.iter_mut().for_each(|books| books.is_doubted = true);
            }
        }
    }

    /// One takes the place of another: what that one has taken, and what its calls under way settle, counts as the new
    /// one's.
    pub(crate) fn hand_over(&self, old: &Subject, new: Subject) {
        let Some(one) = self.0.shard(old).lock().take(old) else { return };
        // Somebody who already asks as the new one has counters of its own, which the directory began.
        let shard = self.0.shard(&new);
        shard.lock().replace(one.of(new));
    }

    /// Forgets windows that are over, and meters of nobody in memory that know nothing which the directory does not: it
    /// has the rows of all calls that ended before `stored` ([`Timestamp`] 0: nobody can say). To be called from time
    /// to time.
    pub fn sweep(&self, at: Timestamp, stored: Timestamp) {
        let now = limit::moment(at);
        for shard in &self.0.shards {
            // Nobody else has a meter that only the set has, and nobody gets it while the set is locked.
            let is_used =
                |one: &BySubject| !one.meter.lock().sweep(now, stored) || Arc::strong_count(&one.meter) > 1;
            let mut meters = shard.lock();
            meters.retain(is_used);
            if meters.len() * 4 < meters.capacity() {
                meters.shrink_to_fit();
            }
        }
    }

    /// How many subjects have a meter.
    pub fn meters(&self) -> usize {
        self.0.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

impl Account {
    /// What was spent in the running period of its own budget. `None`: nobody counts it in memory, because it has no
    /// cap.
    pub fn spent(&self, at: Timestamp) -> Option<NanoDollars> {
        let uncounted = || NanoDollars(self.spent.load(Relaxed));
        let own = self.planned.budgets.iter().find(|budget| budget.model.is_none());
        let spent = own.zip(self.meter.as_ref()).map(|(budget, meter)| {
            let mut state = meter.lock();
            let books = state.books_of(budget);
            books.turn(at);
            books.spent()
        });
        spent.or_else(|| (self.subject.scope == Scope::Key).then(uncounted))
    }

    /// How its budgets stand; none where nothing is capped.
    pub fn budgets(&self, at: Timestamp) -> Vec<BudgetStanding> {
        let Some(meter) = &self.meter else { return Vec::new() };
        let mut state = meter.lock();
        let stand = |budget: &Budget| {
            let books = state.books_of(budget);
            books.turn(at);
            let (cap, soft, model) = (budget.cap(at), budget.soft, budget.model.clone());
            let (period, spent, held) = (books.period(), books.spent(), books.held());
            BudgetStanding { model, cap, soft, period, spent, held }
        };
        self.planned.budgets.iter().map(stand).collect()
    }

    /// The period that a call of that moment is booked into where no budget says another one.
    pub(crate) fn plain_period(&self, at: Timestamp) -> Period {
        let Some(duration) = self.terms.budget_duration else { return Period::EVER };
        BookName::new(&self.terms, self.made, (None, Some(duration))).period(at)
    }

    /// Whether one of its budgets is of all calls in the period of its terms.
    pub(crate) fn counts_plainly(&self) -> bool {
        self.terms.max_budget.is_some() || self.terms.soft_budget.is_some()
    }

    /// Whether the directory knows better what was spent.
    pub(crate) fn is_doubted(&self) -> bool {
        self.meter.as_ref().is_some_and(|meter| meter.lock().books.iter().any(|books| books.is_doubted))
    }

    /// Remembers a cost that no meter counts.
    pub(crate) fn note(&self, cost: NanoDollars) {
        if self.subject.scope == Scope::Key {
            self.spent.fetch_add(cost.0, Relaxed);
        }
    }
}

impl House {
    /// A number that changes whenever books are begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Acquire)
    }

    /// The meter of a subject, where it has one.
    pub(crate) fn find(&self, subject: &Subject) -> Option<Arc<Meter>> {
        self.shard(subject).lock().get(subject).map(|one| Arc::clone(&one.meter))
    }

    /// The one that others with the same terms have.
    fn planned(&self, terms: &Arc<Terms>, planned: Planned) -> Arc<Planned> {
        let place = Arc::as_ptr(terms).addr();
        let mut held = self.planned.lock();
        if let Some(same) = held.get(&place).filter(|same| **same == planned) {
            return same;
        }
        let planned = Arc::new(planned);
        held.insert(place, &planned);
        planned
    }

    fn shard(&self, subject: &Subject) -> &Mutex<HashSet<BySubject>> {
        &self.shards[usize::try_from(self.hasher.hash_one(subject)).unwrap_or_default() % SHARDS]
    }

    /// The meter of a subject with all that a plan needs; the plan learns where it is.
    async fn meter(
        &self,
        subject: &Subject,
        plan: &mut Plan,
        directory: &dyn Directory,
    ) -> Result<Arc<Meter>, StoreError> {
        let known = self.find(subject);
        let is_missing = |name: &BookName| known.as_ref().is_none_or(|meter| !meter.lock().has_books(name));
        let names = plan.budgets.iter().map(|(name, _)| name);
        let missing: Vec<BookName> = names.filter(|name| is_missing(name)).cloned().collect();
        let spent = asked(subject, &missing, directory).await?;
        let mut shard = self.shard(subject).lock();
        let meter = match shard.get(subject) {
            Some(one) => Arc::clone(&one.meter),
            None => {
                let meter = Arc::new(Meter::new(subject.clone()));
                shard.insert(BySubject::new(Arc::clone(&meter)));
                meter
            }
        };
        plan.settle_in(&meter, missing.into_iter().zip(spent).collect());
        drop(shard);
        self.begun.fetch_add(1, Release);
        Ok(meter)
    }
}

impl Plan {
    fn of(terms: &Terms, made: Timestamp) -> Self {
        let (budgets, limits) = (budget::plan(terms, made), limit::plan(terms));
        Self { budgets, limits, counts_slots: terms.max_parallel_requests.is_some() }
    }

    fn needs_meter(&self) -> bool {
        self.counts_slots || !self.budgets.is_empty() || !self.limits.is_empty()
    }

    /// Finds the place of everything, or makes it. Somebody may have been quicker: the first books are those that calls
    /// hold from.
    fn settle_in(&mut self, meter: &Meter, mut began: Vec<(BookName, Spent)>) {
        let mut state = meter.lock();
        for (name, budget) in &mut self.budgets {
            let at = began.iter().position(|(missing, _)| missing == name);
            let (period, spent) = at.map(|at| began.swap_remove(at).1).map_or_else(
                || (name.period(Timestamp::now()), NanoDollars(0)),
                |spent| (spent.period, spent.amount),
            );
            budget.book = state.book(name, || Books::new(name.clone(), period, spent));
            let books = state.books_of(budget);
            if books.is_doubted {
                books.correct(period, spent);
            }
            events::catch_up(budget, state.books_of(budget));
        }
        for limit in &mut self.limits {
            limit.flow = state.flow(limit);
        }
    }
}

/// What was spent in the running period of each.
async fn asked(
    subject: &Subject,
    names: &[BookName],
    directory: &dyn Directory,
) -> Result<Vec<Spent>, StoreError> {
    let now = Timestamp::now();
    let ask = |name: &BookName| Spent {
        subject: subject.clone(),
        model: name.model.clone(),
        period: name.period(now),
        amount: NanoDollars(0),
    };
    let mut spent: Vec<Spent> = names.iter().map(ask).collect();
    if !spent.is_empty() {
        directory.spent(&mut spent).await?;
    }
    Ok(spent)
}

impl std::fmt::Debug for House {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("House").field("windows", &self.windows).finish_non_exhaustive()
    }
}
