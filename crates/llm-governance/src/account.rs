//! Subjects in memory: their terms, and the counters that outlive a change of the terms.

use std::collections::HashMap;
use std::sync::Arc;

use llm_core::money::NanoDollars;
use parking_lot::Mutex;

use crate::budget::Counter;
use crate::duration::BudgetDuration;
use crate::store::{Directory, Spent, StoreError};
use crate::subject::Subject;
use crate::terms::Terms;
use crate::time::Timestamp;

/// A subject with its terms, and the counters of its budgets.
#[derive(Debug)]
pub struct Account {
    /// Who.
    pub subject: Subject,
    /// What people call it.
    pub alias: Option<String>,
    /// What it may do; of a key, without its metadata. Equal terms are the same ones in memory.
    pub terms: Arc<Terms>,
    /// Its budgets.
    pub budgets: Vec<Budget>,
}

/// A cap, and the counter that it holds for.
#[derive(Debug)]
pub struct Budget {
    /// What may be spent; `None`: it is counted, and never refused.
    pub cap: Option<NanoDollars>,
    /// What may be spent before somebody is told.
    pub soft: Option<NanoDollars>,
    /// The model of a single model's budget.
    pub model: Option<Arc<str>>,
    /// What is spent and held.
    pub counter: Arc<Counter>,
}

/// What a budget is of: the counter is the same as long as this is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Name {
    subject: Subject,
    model: Option<Arc<str>>,
    duration: Option<BudgetDuration>,
    anchor: Timestamp,
}

/// The counters of all accounts, by subject and period. A subject that is looked up again finds its counters.
#[derive(Debug, Default)]
pub struct Accounts {
    counters: Mutex<HashMap<Name, Arc<Counter>>>,
}

/// What a budget is before its counter is found.
struct Planned {
    name: Name,
    cap: Option<NanoDollars>,
    soft: Option<NanoDollars>,
}

impl Accounts {
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
        let zone: Option<Arc<str>> = terms.budget_time_zone.as_deref().map(Arc::from);
        let planned = plan(&subject, &terms, made);
        let now = Timestamp::now();
        let missing: Vec<&Name> = {
            let counters = self.counters.lock();
            planned.iter().map(|one| &one.name).filter(|name| !counters.contains_key(*name)).collect()
        };
        let mut spent: Vec<Spent> = missing.iter().map(|name| name.asked(zone.as_deref(), now)).collect();
        if !spent.is_empty() {
            directory.spent(&mut spent).await?;
        }
        let mut counters = self.counters.lock();
        for (name, spent) in missing.into_iter().zip(spent) {
            // Somebody may have been quicker: the first one is the one that calls hold from.
            counters.entry(name.clone()).or_insert_with(|| {
                let (model, duration) = (name.model.clone(), name.duration);
                let periods = (name.anchor, zone.clone());
                let began = (spent.period, spent.amount);
                Arc::new(Counter::new(name.subject.clone(), model, duration, periods, began))
            });
        }
        let budgets = planned.into_iter().filter_map(|one| {
            let counter = Arc::clone(counters.get(&one.name)?);
            Some(Budget { cap: one.cap, soft: one.soft, model: one.name.model, counter })
        });
        let budgets = budgets.collect();
        Ok(Arc::new(Account { subject, alias, terms, budgets }))
    }
}

impl Accounts {
    /// What this subject spent is asked of the directory when its account is opened again.
    pub fn forget(&self, subject: &Subject) {
        self.counters.lock().retain(|name, _| name.subject != *subject);
    }
}

impl Name {
    fn asked(&self, zone: Option<&str>, now: Timestamp) -> Spent {
        let period =
            self.duration.map_or(crate::Period::EVER, |duration| duration.period(self.anchor, zone, now));
        Spent { subject: self.subject.clone(), model: self.model.clone(), period, amount: NanoDollars(0) }
    }
}

fn plan(subject: &Subject, terms: &Terms, made: Timestamp) -> Vec<Planned> {
    let anchor = terms.budget_start.unwrap_or(made);
    let name = |model: Option<&str>, duration: Option<BudgetDuration>| Name {
        subject: subject.clone(),
        model: model.map(Arc::from),
        duration,
        anchor,
    };
    let mut planned = vec![Planned {
        name: name(None, terms.budget_duration),
        cap: terms.max_budget,
        soft: terms.soft_budget,
    }];
    for one in &terms.budget_limits {
        planned.push(Planned { name: name(None, one.duration), cap: Some(one.max_budget), soft: None });
    }
    for (model, one) in &terms.model_max_budget {
        planned.push(Planned {
            name: name(Some(model), one.duration),
            cap: Some(one.max_budget),
            soft: None,
        });
    }
    planned
}
