//! Sums by day, subject, key, model and provider, read from what is kept of each day.

use llm_core::money::NanoDollars;
use llm_governance::{Activity, ActivityQuery, Day, Dimension, Scope, Sums};

use super::columns::number;
use super::conditions::Conditions;
use super::daily::{COUNTS, SPAN};
use crate::database::{Database, DatabaseError, Row, fitting};

/// Sums that match, one for each combination of the dimensions.
pub(super) async fn sums(database: &Database, query: &ActivityQuery) -> Result<Vec<Activity>, DatabaseError> {
    let rows = found(database, query, &[]).await?;
    rows.iter().map(|row| Kept::of(query).read(row, &query.by)).collect()
}

/// The same, and their total: read once, for rows that a limit leaves out are part of it.
pub(super) async fn sums_and_total(
    database: &Database,
    query: &ActivityQuery,
) -> Result<(Vec<Activity>, Sums), DatabaseError> {
    // A window over all groups, before the limit.
    let totals = COUNTS.map(|name| format!("CAST(SUM(SUM({name})) OVER () AS BIGINT) AS {TOTAL}{name}"));
    let rows = found(database, query, &totals).await?;
    let total = rows.first().map(|row| read_sums(row, TOTAL)).transpose()?.unwrap_or_default();
    let groups = rows.iter().map(|row| Kept::of(query).read(row, &query.by));
    Ok((groups.collect::<Result<_, _>>()?, total))
}

/// What stands before a column's name in the total of all groups, and in the sums of one.
const TOTAL: &str = "total_";
const SUM: &str = "sum_";

async fn found(
    database: &Database,
    query: &ActivityQuery,
    totals: &[String],
) -> Result<Vec<Row>, DatabaseError> {
    let kept = Kept::of(query);
    let mut conditions = Conditions::default();
    let from = kept.from(query, &mut conditions);
    let names: Vec<&str> = query.by.iter().map(|dimension| kept.column(*dimension)).collect();
    let sums = COUNTS.map(|name| format!("COALESCE(CAST(SUM({name}) AS BIGINT), 0) AS {SUM}{name}"));
    let sums = sums.iter().chain(totals).map(String::as_str);
    let columns: Vec<&str> = names.iter().copied().chain(sums).collect();
    let group = if names.is_empty() { String::new() } else { format!("GROUP BY {}", names.join(", ")) };
    let dearest = query.dearest.is_some().then_some("sum_cost DESC");
    let order: Vec<&str> = dearest.into_iter().chain(names.iter().copied()).collect();
    let order = if order.is_empty() { String::new() } else { format!("ORDER BY {}", order.join(", ")) };
    let limit = query.dearest.map(|most| format!("LIMIT {}", conditions.place(number(most))));
    let text =
        format!("SELECT {} FROM {from} {group} {order} {}", columns.join(", "), limit.unwrap_or_default());
    database.query(&text, &conditions.values).await
}

/// The sums that a question is answered from: the coarsest that tell apart what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    /// Those of subjects as a whole do.
    is_whole: bool,
    /// A key is the subject of its own sums.
    is_of_keys: bool,
}

impl Kept {
    fn of(query: &ActivityQuery) -> Self {
        let is_of_keys = query.scope == Scope::Key;
        let is_told = |dimension: &Dimension| match dimension {
            Dimension::Day | Dimension::Subject => true,
            Dimension::Key => is_of_keys,
            _ => false,
        };
        let is_whole = query.scope != Scope::Global
            && query.model_groups.is_empty()
            && (query.keys.is_empty() || is_of_keys)
            && query.by.iter().all(is_told);
        Self { is_whole, is_of_keys }
    }

    /// What is selected from, with its conditions.
    fn from(self, query: &ActivityQuery, conditions: &mut Conditions) -> String {
        let (from, until) = (query.from.0, query.until.0.saturating_add(1));
        if !self.is_whole {
            return format!("llm_daily {}", self.matching(query, (from, until), None, conditions));
        }
        // Spans that lie within these days whole, and the days before and behind them.
        let first = from.saturating_add(SPAN - 1).div_euclid(SPAN) * SPAN;
        let last = until.div_euclid(SPAN) * SPAN;
        if query.by.contains(&Dimension::Day) || first >= last {
            return format!(
                "llm_daily_subjects {}",
                self.matching(query, (from, until), Some(1), conditions)
            );
        }
        let columns = COUNTS.join(", ");
        let parts = [(1, from, first), (SPAN, first, last), (1, last, until)];
        let parts = parts.map(|(span, from, until)| {
            let matching = self.matching(query, (from, until), Some(span), conditions);
            format!("SELECT subject, {columns} FROM llm_daily_subjects {matching}")
        });
        format!("({}) AS parts", parts.join(" UNION ALL "))
    }

    /// The conditions of a table, for days from one to before another one.
    fn matching(
        self,
        query: &ActivityQuery,
        (from, until): (i64, i64),
        span: Option<i64>,
        conditions: &mut Conditions,
    ) -> String {
        let first = conditions.texts();
        conditions.compare("scope", "=", query.scope.name());
        conditions.compare_some("span", "=", span);
        conditions.compare("day", ">=", from);
        conditions.compare("day", "<", until);
        let key = self.column(Dimension::Key);
        let lists = [("subject", &query.subjects), (key, &query.keys), ("model_group", &query.model_groups)];
        for (column, texts) in lists.into_iter().filter(|(_, texts)| !texts.is_empty()) {
            let texts: Vec<String> = texts.iter().map(|text| fitting(text).into_owned()).collect();
            conditions.one_of(column, &texts);
        }
        format!("WHERE {}", conditions.split_off(first).join(" AND "))
    }

    fn column(self, dimension: Dimension) -> &'static str {
        match dimension {
            Dimension::Day => "day",
            Dimension::Key if !self.is_of_keys => "key",
            Dimension::Subject | Dimension::Key => "subject",
            Dimension::ModelGroup => "model_group",
            Dimension::Model => "model",
            Dimension::Provider => "provider",
        }
    }

    fn read(self, row: &Row, by: &[Dimension]) -> Result<Activity, DatabaseError> {
        let mut activity = Activity { sums: read_sums(row, SUM)?, ..Activity::default() };
        for dimension in by {
            let name = self.column(*dimension);
            let place = match dimension {
                Dimension::Day => {
                    activity.day = Some(Day(row.get(name)?));
                    continue;
                }
                Dimension::Subject => &mut activity.subject,
                Dimension::Key => &mut activity.key,
                Dimension::ModelGroup => &mut activity.model_group,
                Dimension::Model => &mut activity.model,
                Dimension::Provider => &mut activity.provider,
            };
            *place = row.get(name)?;
        }
        Ok(activity)
    }
}

fn read_sums(row: &Row, kind: &str) -> Result<Sums, DatabaseError> {
    // Of nothing at all there is no total.
    let count = |name: &str| row.get::<Option<i64>>(&format!("{kind}{name}")).map(Option::unwrap_or_default);
    Ok(Sums {
        requests: count("requests")?,
        failures: count("failures")?,
        prompt_tokens: count("prompt_tokens")?,
        completion_tokens: count("completion_tokens")?,
        cache_read_tokens: count("cache_read_tokens")?,
        cache_write_tokens: count("cache_write_tokens")?,
        reasoning_tokens: count("reasoning_tokens")?,
        cost: NanoDollars(count("cost")?),
        took_micros: count("took_micros")?,
        first_content_micros: count("first_content_micros")?,
        first_contents: count("first_contents")?,
    })
}
