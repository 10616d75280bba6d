//! What was spent: each cost is added to the periods that it was held in, and to what its subjects ever spent.

use std::collections::BTreeSet;

use llm_core::money::NanoDollars;
use llm_governance::{Charge, LedgerRow, Period, Scope, Subject};

use crate::database::{DatabaseError, Transaction};
use crate::entities::add_spent;

/// Adds the costs of calls.
pub(super) async fn add(transaction: &mut Transaction, rows: &[&LedgerRow]) -> Result<(), DatabaseError> {
    let charges: Vec<Charge> = rows.iter().flat_map(|row| charges(row)).collect();
    add_spent(transaction, &charges).await
}

/// What a call adds to each counter. Two budgets of a subject with the same period have one counter.
fn charges(row: &LedgerRow) -> Vec<Charge> {
    let ever = subjects(row).into_iter().map(|(scope, id)| Charge {
        subject: Subject::new(scope, id),
        model: None,
        period: Period::EVER,
        amount: row.cost,
    });
    let mut all: Vec<Charge> = row.charges.iter().cloned().chain(ever).collect();
    let mut seen = BTreeSet::new();
    all.retain(|one| {
        one.amount != NanoDollars(0) && seen.insert((one.subject.clone(), one.model.clone(), one.period))
    });
    all
}

/// Everybody whom a call concerns, each once.
pub(super) fn subjects(row: &LedgerRow) -> Vec<(Scope, String)> {
    let mut all = vec![(Scope::Global, String::new())];
    let mut add = |scope, id: &Option<String>| {
        all.extend(id.as_deref().filter(|id| !id.is_empty()).map(|id| (scope, id.to_owned())));
    };
    add(Scope::Organization, &row.organization_id);
    add(Scope::Team, &row.team_id);
    if let (Some(team), Some(user)) = (&row.team_id, &row.user_id) {
        add(Scope::TeamMember, &Some(Subject::member(team, user).id.to_string()));
    }
    add(Scope::User, &row.user_id);
    add(Scope::Key, &row.key.map(|key| key.hex()));
    add(Scope::Customer, &row.customer);
    let tags: BTreeSet<&String> = row.tags.iter().filter(|tag| !tag.is_empty()).collect();
    all.extend(tags.into_iter().map(|tag| (Scope::Tag, tag.clone())));
    all
}
