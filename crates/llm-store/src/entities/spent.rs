//! What was spent, by subject and period: the counters that budgets begin with after a restart.

use std::collections::BTreeMap;

use llm_core::json::map_of;
use llm_core::money::NanoDollars;
use llm_governance::{Period, Scope, Spent, StoreError, Subject, Timestamp};

use super::list::escaped;
use super::table::begin;
use crate::database::{Batch, Database, DatabaseError, Row, Transaction, Value, fitting};

/// How many counters one statement asks for at most.
const MOST_ASKED: usize = 40;

const COLUMNS: [&str; 6] = ["scope", "subject", "model", "period_start", "period_end", "amount"];

const KEY: &str = "ON CONFLICT (scope, subject, model, period_start, period_end)";

/// Which counter. Counters are written in this order, so that two writers never wait for each other in a circle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SpentKey {
    scope: &'static str,
    subject: String,
    /// Empty for all models.
    model: String,
    period_start: i64,
    /// 0 for never.
    period_end: i64,
}

impl SpentKey {
    fn new(subject: &Subject, model: Option<&str>, period: Period) -> Self {
        Self {
            scope: subject.scope.name(),
            subject: fitting(&subject.id.text()).into_owned(),
            model: fitting(model.unwrap_or_default()).into_owned(),
            period_start: period.start.0,
            period_end: period.end.map_or(0, |end| end.0),
        }
    }

    fn values(&self) -> [Value; 5] {
        [
            self.scope.into(),
            (&self.subject).into(),
            (&self.model).into(),
            self.period_start.into(),
            self.period_end.into(),
        ]
    }
}

/// Sets counters to what an administrator says.
pub(super) async fn set(database: &Database, spent: &[Spent]) -> Result<(), StoreError> {
    let amount = |one: &Spent| (SpentKey::new(&one.subject, one.model.as_deref(), one.period), one.amount.0);
    let amounts = map_of(spent.iter().map(amount));
    let mut transaction = begin(database).await?;
    let conflict = format!("{KEY} DO UPDATE SET amount = excluded.amount");
    write(&mut transaction, amounts, &conflict).await?;
    transaction.commit().await.map_err(StoreError::from)
}

async fn write(
    transaction: &mut Transaction,
    amounts: BTreeMap<SpentKey, i64>,
    conflict: &str,
) -> Result<(), DatabaseError> {
    let rows = amounts.into_iter().map(|(key, amount)| {
        let mut row = Vec::from(key.values());
        row.push(amount.into());
        row
    });
    let batch = Batch { table: "llm_spent", columns: &COLUMNS, conflict };
    transaction.insert_many(batch, rows).await.map(|_| ())
}

/// Fills in the amounts: zero where nothing was spent.
pub(super) async fn read(database: &Database, of: &mut [Spent]) -> Result<(), StoreError> {
    for some in of.chunks_mut(MOST_ASKED) {
        let keys: Vec<_> =
            some.iter().map(|one| SpentKey::new(&one.subject, one.model.as_deref(), one.period)).collect();
        let values: Vec<_> = keys.iter().flat_map(SpentKey::values).collect();
        let rows = database.query(&question(keys.len()), &values).await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            let (key, amount) = counter(row)?;
            found.insert(key, amount);
        }
        for (one, key) in some.iter_mut().zip(&keys) {
            one.amount = found.get(key).copied().unwrap_or_default();
        }
    }
    Ok(())
}

/// What each row of a table of subjects has spent, as an expression: in the period that runs, and ever of those who
/// have no period.
pub(super) fn of_each(scope: Scope, table: &str, now: Timestamp) -> String {
    let (scope, now) = (scope.name(), now.0);
    let runs = format!("period_start <= {now} AND period_end > {now}");
    format!(
        "(SELECT CASE WHEN COUNT(NULLIF(period_end, 0)) > 0 \
         THEN COALESCE(MAX(CASE WHEN {runs} THEN amount END), 0) ELSE COALESCE(MAX(amount), 0) END \
         FROM llm_spent WHERE scope = '{scope}' AND subject = {table}.id AND model = '')"
    )
}

/// The statement that reads so many counters.
pub(super) fn question(counters: usize) -> String {
    let condition = |number: usize| {
        let equal = |(column, place): (&&str, usize)| format!("{column} = ${}", number * 5 + place);
        let equal: Vec<_> = COLUMNS[..5].iter().zip(1..).map(equal).collect();
        format!("({})", equal.join(" AND "))
    };
    let conditions: Vec<_> = (0..counters).map(condition).collect();
    format!("SELECT {} FROM llm_spent WHERE {}", COLUMNS.join(", "), conditions.join(" OR "))
}

fn counter(row: &Row) -> Result<(SpentKey, NanoDollars), DatabaseError> {
    let scope = Scope::named(row.get("scope")?);
    let (start, end): (i64, i64) = (row.get("period_start")?, row.get("period_end")?);
    let period = Period { start: Timestamp(start), end: (end != 0).then_some(Timestamp(end)) };
    let subject = Subject::new(scope.unwrap_or(Scope::Global), row.get::<&str>("subject")?);
    let model: &str = row.get("model")?;
    Ok((SpentKey::new(&subject, Some(model), period), NanoDollars(row.get("amount")?)))
}

/// Drops the counters of somebody who is no more; of a team, those of its members too.
pub(super) async fn forget(
    transaction: &mut Transaction,
    scope: Scope,
    subject: &str,
) -> Result<(), DatabaseError> {
    let text = "DELETE FROM llm_spent WHERE scope = $1 AND subject = $2";
    transaction.execute(text, &[scope.name().into(), (&*fitting(subject)).into()]).await?;
    if scope == Scope::Team {
        let members = format!("{}:%", escaped(subject));
        let text = "DELETE FROM llm_spent WHERE scope = $1 AND subject LIKE $2 ESCAPE '\\'";
        transaction.execute(text, &[Scope::TeamMember.name().into(), members.into()]).await?;
    }
    Ok(())
}

/// Gives the counters of one key to the one that takes its place.
pub(super) async fn hand_over(
    transaction: &mut Transaction,
    old: &str,
    new: &str,
) -> Result<(), DatabaseError> {
    let text = "UPDATE llm_spent SET subject = $1 WHERE scope = $2 AND subject = $3";
    transaction.execute(text, &[new.into(), Scope::Key.name().into(), old.into()]).await.map(|_| ())
}
