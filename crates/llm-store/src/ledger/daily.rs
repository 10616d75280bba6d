//! Sums of calls by day, added up in memory before they are added to those in the database.

use std::collections::BTreeMap;

use llm_core::money::NanoDollars;
use llm_governance::{Day, RowRef, Scope, Sums};

use super::columns::{failed, number};
use super::kinds::Kind;
use super::spent::subjects;

use crate::database::{Batch, DatabaseError, Transaction, Value, fitting};

/// The columns that are added up, in the order of [`counts`].
pub(super) const COUNTS: [&str; 11] = [
    "requests",
    "failures",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "cost",
    "took_micros",
    "first_content_micros",
    "first_contents",
];

/// What a sum is of. In this order rows are written, so that gateways never wait for each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Of {
    scope: &'static str,
    subject: String,
    day: i64,
    key: String,
    model_group: String,
    model: String,
    provider: String,
}

/// The columns of [`Of`].
const PARTS: [&str; 7] = ["scope", "subject", "day", "key", "model_group", "model", "provider"];

/// Those of a subject as a whole, for a day or for [`SPAN`] days.
const WHOLE: [&str; 4] = ["scope", "subject", "span", "day"];

/// So many days have sums of their own, too: questions about a month or a quarter read a few of those in place of all days.
pub(super) const SPAN: i64 = 8;

impl Of {
    fn parts(self) -> Vec<Value> {
        let Self { scope, subject, day, key, model_group, model, provider } = self;
        vec![
            scope.into(),
            subject.into(),
            day.into(),
            key.into(),
            model_group.into(),
            model.into(),
            provider.into(),
        ]
    }
}

/// Adds calls to the sums of their days.
pub(super) async fn add(transaction: &mut Transaction, kinds: &[Kind<'_, '_>]) -> Result<(), DatabaseError> {
    let mut sums: BTreeMap<Of, Sums> = BTreeMap::new();
    for kind in kinds {
        for of in all_of(kind.row) {
            merge(sums.entry(of).or_default(), &kind.sums);
        }
    }
    for span in [1, SPAN] {
        insert(transaction, "llm_daily_subjects", &WHOLE, of_subjects(&sums, span).into_iter()).await?;
    }
    insert(transaction, "llm_daily", &PARTS, sums.into_iter().map(|(of, sums)| (of.parts(), sums))).await
}

/// The sums of each subject as a whole, for every so many days. The whole gateway has none: its sums know no keys and are
/// few.
fn of_subjects(sums: &BTreeMap<Of, Sums>, span: i64) -> Vec<(Vec<Value>, Sums)> {
    let mut whole: Vec<((&str, &str, i64), Sums)> = Vec::new();
    for (of, some) in sums.iter().filter(|(of, _)| of.scope != Scope::Global.name()) {
        let first = of.day.div_euclid(span) * span;
        let (scope, subject) = (of.scope, of.subject.as_str());
        match whole.last_mut().filter(|(last, _)| *last == (scope, subject, first)) {
            Some((_, all)) => merge(all, some),
            None => whole.push(((scope, subject, first), *some)),
        }
    }
    let row = |((scope, subject, day), sums): ((&str, &str, i64), Sums)| {
        (vec![scope.into(), subject.into(), span.into(), day.into()], sums)
    };
    whole.into_iter().map(row).collect()
}

/// Adds to the sums of a table that `names` tell apart.
async fn insert(
    transaction: &mut Transaction,
    table: &str,
    names: &[&str],
    rows: impl Iterator<Item = (Vec<Value>, Sums)>,
) -> Result<(), DatabaseError> {
    let columns: Vec<&str> = names.iter().copied().chain(COUNTS).collect();
    let added = COUNTS.map(|name| format!("{name} = {table}.{name} + excluded.{name}")).join(", ");
    let conflict = format!("ON CONFLICT ({}) DO UPDATE SET {added}", names.join(", "));
    let batch = Batch { table, columns: &columns, conflict: &conflict };
    let values = rows.map(|(names, sums)| names.into_iter().chain(counts(&sums)).collect::<Vec<Value>>());
    transaction.insert_many(batch, values).await.map(|_| ())
}

/// All sums that a call goes into. Members of teams have none: those of the team know its keys.
fn all_of(row: &RowRef<'_>) -> Vec<Of> {
    let key = row.key.map(|key| key.hex()).unwrap_or_default();
    let mut all = subjects(row);
    all.retain(|(scope, _)| *scope != Scope::TeamMember);
    let of = |(scope, subject): (Scope, String)| Of {
        subject: fitting(&subject).into_owned(),
        day: Day::of(row.started).0,
        // The whole gateway's sums would be those of all keys once more.
        key: if scope == Scope::Global { String::new() } else { key.clone() },
        scope: scope.name(),
        model_group: fitting(row.model_group).into_owned(),
        model: fitting(row.upstream_model).into_owned(),
        provider: fitting(row.provider).into_owned(),
    };
    all.into_iter().map(of).collect()
}

/// No call counts for more: what a vendor says that is beyond all reason must not make a sum overflow.
const MOST: i64 = 1_000_000_000_000_000;

pub(super) fn counted(row: &RowRef<'_>) -> Sums {
    let used = |name: &str| number(row.usage.get(name).unwrap_or(0)).min(MOST);
    let most = |count: u64| number(count).min(MOST);
    Sums {
        requests: 1,
        failures: i64::from(failed(row)),
        prompt_tokens: most(row.prompt_tokens),
        completion_tokens: most(row.completion_tokens),
        cache_read_tokens: used("cache_read"),
        cache_write_tokens: used("cache_write_5m").saturating_add(used("cache_write_1h")),
        reasoning_tokens: used("reasoning"),
        cost: NanoDollars(row.cost.0.clamp(-MOST, MOST)),
        took_micros: most(row.took_micros),
        first_content_micros: most(row.first_content_micros.unwrap_or(0)),
        first_contents: i64::from(row.first_content_micros.is_some()),
    }
}

pub(super) fn merge(sums: &mut Sums, one: &Sums) {
    sums.requests += one.requests;
    sums.failures += one.failures;
    sums.prompt_tokens += one.prompt_tokens;
    sums.completion_tokens += one.completion_tokens;
    sums.cache_read_tokens += one.cache_read_tokens;
    sums.cache_write_tokens += one.cache_write_tokens;
    sums.reasoning_tokens += one.reasoning_tokens;
    sums.cost += one.cost;
    sums.took_micros += one.took_micros;
    sums.first_content_micros += one.first_content_micros;
    sums.first_contents += one.first_contents;
}

fn counts(sums: &Sums) -> [Value; 11] {
    [
        sums.requests.into(),
        sums.failures.into(),
        sums.prompt_tokens.into(),
        sums.completion_tokens.into(),
        sums.cache_read_tokens.into(),
        sums.cache_write_tokens.into(),
        sums.reasoning_tokens.into(),
        sums.cost.0.into(),
        sums.took_micros.into(),
        sums.first_content_micros.into(),
        sums.first_contents.into(),
    ]
}
