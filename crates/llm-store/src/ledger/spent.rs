//! What was spent: each cost is added to the periods that it was held in, and to what its subjects ever spent.

use std::collections::{BTreeMap, BTreeSet};

use llm_core::order;
use llm_governance::{Period, RowRef, Scope, Subject};

use super::kinds::Kind;
use crate::database::{Batch, DatabaseError, Transaction, Value, fitting};

/// One counter. In this order rows are written, so that gateways never wait for each other in a circle.
type Counter = (&'static str, String, String, i64, i64);

const BATCH: Batch<'_> = Batch {
    table: "llm_spent",
    columns: &["scope", "subject", "model", "period_start", "period_end", "amount"],
    conflict: "ON CONFLICT (scope, subject, model, period_start, period_end) \
               DO UPDATE SET amount = llm_spent.amount + excluded.amount",
};

/// Adds the costs of calls.
pub(super) async fn add(transaction: &mut Transaction, kinds: &[Kind<'_, '_>]) -> Result<(), DatabaseError> {
    let mut spent: BTreeMap<Counter, i64> = BTreeMap::new();
    for kind in kinds {
        for (counter, amount) in of(kind) {
            let sum = spent.entry(counter).or_default();
            *sum = sum.saturating_add(amount);
        }
    }
    let values = spent.into_iter().map(|((scope, subject, model, start, end), amount)| {
        vec![Value::from(scope), subject.into(), model.into(), start.into(), end.into(), amount.into()]
    });
    transaction.insert_many(BATCH, values).await.map(|_| ())
}

/// What calls of a kind add to each counter. Two budgets of a subject with the same period have one counter.
fn of(kind: &Kind<'_, '_>) -> Vec<(Counter, i64)> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for charge in &kind.row.charges {
        let (whose, model) = ((charge.scope, &*charge.id.text()), charge.model.unwrap_or_default());
        let counter = counter(whose, model, charge.period);
        all.push((counter, kind.amount(charge)));
    }
    for (scope, id) in subjects(kind.row) {
        all.push((counter((scope, &id), "", Period::EVER), kind.cost));
    }
    all.retain(|(counter, amount)| *amount != 0 && seen.insert(counter.clone()));
    all
}

fn counter((scope, id): (Scope, &str), model: &str, period: Period) -> Counter {
    let end = period.end.map_or(0, |end| end.0);
    (scope.name(), fitting(id).into_owned(), fitting(model).into_owned(), period.start.0, end)
}

/// Everybody whom a call concerns, each once.
pub(super) fn subjects(row: &RowRef<'_>) -> Vec<(Scope, String)> {
    let mut all = vec![(Scope::Global, String::new())];
    let mut add = |scope, id: Option<&str>| {
        all.extend(id.filter(|id| !id.is_empty()).map(|id| (scope, id.to_owned())));
    };
    add(Scope::Organization, row.organization_id);
    add(Scope::Team, row.team_id);
    if let (Some(team), Some(user)) = (row.team_id, row.user_id) {
        add(Scope::TeamMember, Some(&Subject::member(team, user).id.text()));
    }
    add(Scope::User, row.user_id);
    add(Scope::Key, row.key.map(|key| key.hex()).as_deref());
    add(Scope::Customer, row.customer);
    let tags = order::set_of(row.tags.iter().copied().filter(|tag| !tag.is_empty()));
    all.extend(tags.into_iter().map(|tag| (Scope::Tag, tag.to_owned())));
    all
}
