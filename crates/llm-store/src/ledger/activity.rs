//! Sums by day, subject, key, model and provider, read from what is kept of each day.

use llm_core::money::NanoDollars;
use llm_governance::{Activity, ActivityQuery, Day, Dimension, Sums};

use super::columns::number;
use super::conditions::Conditions;
use super::daily::COUNTS;
use crate::database::{Database, DatabaseError, Row, fitting};

/// Sums that match, one for each combination of the dimensions.
pub(super) async fn sums(database: &Database, query: &ActivityQuery) -> Result<Vec<Activity>, DatabaseError> {
    let mut conditions = Conditions::default();
    conditions.compare("scope", "=", query.scope.name());
    conditions.compare("day", ">=", query.from.0);
    conditions.compare("day", "<=", query.until.0);
    let lists = [("subject", &query.subjects), ("key", &query.keys), ("model_group", &query.model_groups)];
    for (column, texts) in lists.into_iter().filter(|(_, texts)| !texts.is_empty()) {
        let texts: Vec<String> = texts.iter().map(|text| fitting(text).into_owned()).collect();
        conditions.one_of(column, &texts);
    }
    let where_ = conditions.text();
    let names: Vec<&str> = query.by.iter().map(|dimension| column(*dimension)).collect();
    let sums = COUNTS.map(|name| format!("COALESCE(CAST(SUM({name}) AS BIGINT), 0) AS sum_{name}"));
    let columns: Vec<&str> = names.iter().copied().chain(sums.iter().map(String::as_str)).collect();
    let group = if names.is_empty() { String::new() } else { format!("GROUP BY {}", names.join(", ")) };
    let dearest = query.dearest.is_some().then_some("sum_cost DESC");
    let order: Vec<&str> = dearest.into_iter().chain(names.iter().copied()).collect();
    let order = if order.is_empty() { String::new() } else { format!("ORDER BY {}", order.join(", ")) };
    let limit = query.dearest.map(|most| format!("LIMIT {}", conditions.place(number(most))));
    let text = format!(
        "SELECT {} FROM llm_daily {where_} {group} {order} {}",
        columns.join(", "),
        limit.unwrap_or_default()
    );
    let rows = database.query(&text, &conditions.values).await?;
    rows.iter().map(|row| read(row, &query.by)).collect()
}

fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Day => "day",
        Dimension::Subject => "subject",
        Dimension::Key => "key",
        Dimension::ModelGroup => "model_group",
        Dimension::Model => "model",
        Dimension::Provider => "provider",
    }
}

fn read(row: &Row, by: &[Dimension]) -> Result<Activity, DatabaseError> {
    let mut activity = Activity { sums: read_sums(row)?, ..Activity::default() };
    for dimension in by {
        let name = column(*dimension);
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

fn read_sums(row: &Row) -> Result<Sums, DatabaseError> {
    Ok(Sums {
        requests: row.get("sum_requests")?,
        failures: row.get("sum_failures")?,
        prompt_tokens: row.get("sum_prompt_tokens")?,
        completion_tokens: row.get("sum_completion_tokens")?,
        cache_read_tokens: row.get("sum_cache_read_tokens")?,
        cache_write_tokens: row.get("sum_cache_write_tokens")?,
        reasoning_tokens: row.get("sum_reasoning_tokens")?,
        cost: NanoDollars(row.get("sum_cost")?),
        took_micros: row.get("sum_took_micros")?,
        first_content_micros: row.get("sum_first_content_micros")?,
        first_contents: row.get("sum_first_contents")?,
    })
}
