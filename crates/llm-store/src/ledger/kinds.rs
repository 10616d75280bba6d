//! Calls that go into the same sums and counters, added up before those are named: a batch has few kinds of calls.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use llm_governance::{ChargeRef, Day, RowRef, Sums};

use super::daily::{counted, merge};
use super::seconds::second;

/// Calls that go into the same sums and counters.
#[derive(Debug)]
pub(super) struct Kind<'a, 'b> {
    /// One of them.
    pub row: &'a RowRef<'b>,
    /// What they add to sums.
    pub sums: Sums,
    /// What they cost.
    pub cost: i64,
    /// The seconds in which they came; some may be there more than once.
    pub seconds: Vec<i64>,
    /// There is only this one: its charges may be of other amounts than its cost.
    is_alone: bool,
}

impl<'a, 'b> Kind<'a, 'b> {
    fn new(row: &'a RowRef<'b>) -> Self {
        Self { row, sums: Sums::default(), cost: 0, seconds: Vec::new(), is_alone: !is_charged_plainly(row) }
    }

    fn add(&mut self, row: &RowRef<'_>) {
        merge(&mut self.sums, &counted(row));
        self.cost = self.cost.saturating_add(row.cost.0);
        let second = second(row.started);
        if self.seconds.last() != Some(&second) {
            self.seconds.push(second);
        }
    }

    /// What one of the charges comes to.
    pub(super) fn amount(&self, charge: &ChargeRef<'_>) -> i64 {
        if self.is_alone { charge.amount.0 } else { self.cost }
    }
}

/// The kinds of these calls.
pub(super) fn of<'a, 'b>(rows: &[&'a RowRef<'b>]) -> Vec<Kind<'a, 'b>> {
    let mut places: HashMap<Alike<'a, 'b>, usize> = HashMap::new();
    let mut kinds: Vec<Kind<'a, 'b>> = Vec::new();
    // Where the last call went: the next one often goes there, too.
    let mut last = 0;
    for row in rows {
        let place = match kinds.get(last) {
            _ if !is_charged_plainly(row) => kinds.len(),
            Some(kind) if !kind.is_alone && Alike(kind.row) == Alike(row) => last,
            _ => *places.entry(Alike(row)).or_insert(kinds.len()),
        };
        last = place;
        if place == kinds.len() {
            kinds.push(Kind::new(row));
        }
        if let Some(kind) = kinds.get_mut(place) {
            kind.add(row);
        }
    }
    kinds
}

/// Whether each of its charges is its cost.
fn is_charged_plainly(row: &RowRef<'_>) -> bool {
    row.charges.iter().all(|charge| charge.amount == row.cost)
}

/// A row as far as it says where it is added.
struct Alike<'a, 'b>(&'a RowRef<'b>);

impl PartialEq for Alike<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (self.0, other.0);
        let charged = |charge: &ChargeRef<'_>, other: &ChargeRef<'_>| {
            (charge.scope, charge.id, charge.model, charge.period)
                == (other.scope, other.id, other.model, other.period)
        };
        Day::of(one.started) == Day::of(other.started)
            && one.key == other.key
            && one.team_id == other.team_id
            && one.user_id == other.user_id
            && one.organization_id == other.organization_id
            && one.customer == other.customer
            && one.tags == other.tags
            && one.model_group == other.model_group
            && one.upstream_model == other.upstream_model
            && one.provider == other.provider
            && one.charges.len() == other.charges.len()
            && one.charges.iter().zip(&other.charges).all(|(charge, other)| charged(charge, other))
    }
}

impl Eq for Alike<'_, '_> {}

impl Hash for Alike<'_, '_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // What usually tells them apart.
        let row = self.0;
        (row.key, &row.team_id, &row.user_id, &row.customer, &row.model_group).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use llm_core::money::NanoDollars;
    use llm_governance::{IdRef, Period, Scope};

    use super::*;

    fn row(model: &str, cost: i64, charged: i64) -> RowRef<'_> {
        let charge = ChargeRef {
            scope: Scope::Global,
            id: IdRef::Text(""),
            model: None,
            period: Period::EVER,
            amount: NanoDollars(charged),
        };
        RowRef {
            model_group: model,
            cost: NanoDollars(cost),
            charges: [charge].into_iter().collect(),
            ..RowRef::default()
        }
    }

    #[test]
    fn calls_are_added_up_by_kind_and_odd_charges_stay_alone() {
        let rows = [row("a", 2, 2), row("b", 3, 3), row("a", 4, 4), row("a", 5, 1), row("a", 6, 1)];
        let kinds = of(&rows.iter().collect::<Vec<_>>());
        let found: Vec<_> = kinds
            .iter()
            .map(|kind| {
                (kind.row.model_group, kind.sums.requests, kind.cost, kind.amount(&kind.row.charges[0]))
            })
            .collect();
        assert_eq!(found, [("a", 2, 6, 6), ("b", 1, 3, 3), ("a", 1, 5, 1), ("a", 1, 6, 1)]);
    }
}
