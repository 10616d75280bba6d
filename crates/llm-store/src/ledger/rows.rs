//! Lists of calls, a page at a time.

use std::borrow::Cow;

use llm_governance::{Counted, LedgerRow, RowCursor, RowField, RowPage, RowQuery, RowSort, Timestamp};

use super::columns::{COLUMNS, column, number, read};
use super::conditions::Conditions;
use super::seconds::{FIELDS, SECOND, second};
use crate::database::{Database, DatabaseError, Row, Value, fitting};

/// No page is longer.
const LONGEST_PAGE: u64 = 1_000;

/// Where rows come from, and under which conditions.
struct Chosen {
    from: Cow<'static, str>,
    /// The column that is sorted by.
    sort: &'static str,
    /// The id beside it in the same index.
    id: &'static str,
    /// Rows come second by second, from [`super::seconds`].
    by_second: bool,
    /// What an index answers.
    conditions: Conditions,
    /// What each row must be looked at for.
    of_rows: Vec<String>,
}

impl Chosen {
    /// All conditions.
    fn where_(&mut self) -> String {
        std::mem::take(&mut self.of_rows).into_iter().for_each(|text| self.conditions.add(text));
        self.conditions.text()
    }
}

/// So many rows are looked at to count those that match, where an index does not say it.
const LOOKED_AT: u64 = 2_000;

/// A page of rows.
pub(super) async fn page(database: &Database, query: &RowQuery) -> Result<RowPage, DatabaseError> {
    let (text, values) = statement(query);
    let found = database.query(&text, &values).await?;
    let shown = usize::try_from(limit(query)).unwrap_or(usize::MAX).min(found.len());
    let (rows, more) = found.split_at(shown);
    let next = rows.last().filter(|_| !more.is_empty()).map(cursor).transpose()?;
    Ok(RowPage { rows: rows.iter().map(read).collect::<Result<_, _>>()?, next })
}

fn limit(query: &RowQuery) -> u64 {
    query.limit.clamp(1, LONGEST_PAGE)
}

/// What reads a page, and one row more: it says whether there is another page.
fn statement(query: &RowQuery) -> (String, Vec<Value>) {
    let mut chosen = choose(query);
    let Chosen { sort, id, by_second, .. } = chosen;
    let conditions = &mut chosen.conditions;
    let (order, behind) = if query.ascending { ("ASC", ">") } else { ("DESC", "<") };
    let by_second = by_second && query.sort == RowSort::Started;
    if let Some(RowCursor { value, id: last }) = &query.after {
        if by_second {
            conditions.compare("s.second", &format!("{behind}="), second(Timestamp(*value)));
        }
        let (value, last) = (conditions.place(*value), conditions.place(&**last));
        conditions.add(format!("({sort}, {id}) {behind} ({value}, {last})"));
    }
    let first = if by_second { format!("s.second {order}, ") } else { String::new() };
    let where_ = chosen.where_();
    let Chosen { from, mut conditions, .. } = chosen;
    let rows = conditions.place(number(limit(query) + 1));
    let offset = conditions.place(number(query.offset));
    let columns = COLUMNS.map(|name| format!("l.{name} AS {name}")).join(", ");
    let text = format!(
        "SELECT {columns}, {sort} AS sorted_by FROM {from} {where_} \
         ORDER BY {first}{sort} {order}, {id} {order} LIMIT {rows} OFFSET {offset}"
    );
    (text, conditions.values)
}

fn cursor(row: &Row) -> Result<RowCursor, DatabaseError> {
    Ok(RowCursor { value: row.get("sorted_by")?, id: row.get("id")? })
}

/// How many rows there are, counted up to `most`. What an index says is counted there; otherwise a bounded number of rows
/// is looked at, so that no count takes longer than the page that it is for.
pub(super) async fn count(
    database: &Database,
    query: &RowQuery,
    most: u64,
) -> Result<Counted, DatabaseError> {
    let Chosen { from, mut conditions, of_rows, .. } = choose(query);
    let where_ = conditions.text();
    let (matches, most) = match of_rows.is_empty() {
        true => ("1".to_owned(), most),
        false => (format!("CASE WHEN {} THEN 1 ELSE 0 END", of_rows.join(" AND ")), most.min(LOOKED_AT)),
    };
    // One more says that these are not all.
    let limit = conditions.place(number(most.saturating_add(1)));
    let text = format!(
        "SELECT COUNT(*) AS seen, CAST(COALESCE(SUM(matches), 0) AS BIGINT) AS found \
         FROM (SELECT {matches} AS matches FROM {from} {where_} LIMIT {limit}) AS counted"
    );
    let Some(row) = database.query_one(&text, &conditions.values).await? else {
        return Ok(Counted::default());
    };
    let whole = |name| row.get(name).map(|count: i64| u64::try_from(count).unwrap_or(0));
    let (seen, found) = (whole("seen")?, whole("found")?);
    Ok(Counted { found: found.min(most), is_all: seen <= most })
}

/// The row with this id of ours, or of the vendor's; of several of the vendor's, the latest.
pub(super) async fn one(database: &Database, id: &str) -> Result<Option<LedgerRow>, DatabaseError> {
    let columns = COLUMNS.join(", ");
    let id = Value::from(&*fitting(id));
    for (name, order) in [("id", ""), ("vendor_id", "ORDER BY started DESC LIMIT 1")] {
        let text = format!("SELECT {columns} FROM llm_ledger WHERE {name} = $1 {order}");
        if let Some(row) = database.query_one(&text, std::slice::from_ref(&id)).await? {
            return read(&row).map(Some);
        }
    }
    Ok(None)
}

fn choose(query: &RowQuery) -> Chosen {
    let mut conditions = Conditions::default();
    let mut of_rows = Vec::new();
    // The index of a tag has its calls in their order: a list of them is read from there.
    let by_tag = query.tags.len() == 1 && query.sort == RowSort::Started;
    let someone = if by_tag { None } else { someone(query) };
    let (from, id, started) = match (&someone, by_tag) {
        (_, true) => ("llm_ledger_tags t JOIN llm_ledger l ON l.id = t.id".into(), "t.id", "t.started"),
        (Some((field, texts)), _) => (seconds_of(*field, texts, &mut conditions), "l.id", "l.started"),
        (None, _) => ("llm_ledger l".into(), "l.id", "l.started"),
    };
    let tags: Vec<String> = query.tags.iter().map(|tag| fitting(tag).into_owned()).collect();
    if by_tag {
        conditions.one_of("t.tag", &tags);
    } else if !tags.is_empty() {
        let places: Vec<String> = tags.iter().map(|tag| conditions.place(&**tag)).collect();
        let places = places.join(", ");
        of_rows.push(format!("l.id IN (SELECT t.id FROM llm_ledger_tags t WHERE t.tag IN ({places}))"));
    }
    if someone.is_some() {
        conditions.compare_some("s.second", ">=", query.from.map(second));
        conditions.compare_some("s.second", "<=", query.until.map(second));
    }
    conditions.compare_some(started, ">=", query.from.map(|from| from.0));
    conditions.compare_some(started, "<", query.until.map(|until| until.0));
    // A number in the text, not a parameter: an index is of failed calls alone.
    match query.failed {
        // Of somebody's seconds, many are looked through for each call that failed.
        Some(true) if !by_tag && someone.is_none() => conditions.add("l.failed = 1".to_owned()),
        Some(failed) => of_rows.push(format!("l.failed = {}", i64::from(failed))),
        None => {}
    }
    // What follows is of the row itself.
    let first = conditions.texts();
    for (field, texts) in &query.only {
        only(&mut conditions, *field, texts);
    }
    conditions.compare_some("l.cache_hit", "=", query.cache_hit);
    conditions.compare_some("l.cost", ">=", query.min_cost.map(|cost| cost.0));
    conditions.compare_some("l.cost", "<=", query.max_cost.map(|cost| cost.0));
    of_rows.extend(conditions.split_off(first));
    let sort = match query.sort {
        RowSort::Started => started,
        RowSort::Ended => "l.ended",
        RowSort::Cost => "l.cost",
        RowSort::PromptTokens => "l.prompt_tokens",
        RowSort::CompletionTokens => "l.completion_tokens",
        RowSort::TotalTokens => "l.total_tokens",
        RowSort::Took => "l.took_micros",
    };
    Chosen { from, sort, id, by_second: someone.is_some(), conditions, of_rows }
}

/// Whose calls are asked for, where it is known in which seconds there were any: the one that chooses the fewest.
fn someone(query: &RowQuery) -> Option<(RowField, &[String])> {
    let asked = |field| query.only.iter().find(|(asked, texts)| *asked == field && !texts.is_empty());
    FIELDS.into_iter().find_map(asked).map(|(field, texts)| (*field, texts.as_slice()))
}

/// The seconds in which there were calls of these, each with its calls.
fn seconds_of(field: RowField, texts: &[String], conditions: &mut Conditions) -> Cow<'static, str> {
    let fit: Vec<String> = texts.iter().map(|text| fitting(text).into_owned()).collect();
    let (field, places) = (column(field), conditions.places(&fit));
    let whose = format!("field = '{field}' AND value IN ({places})");
    let seconds = match texts {
        [_] => {
            conditions.add(whose);
            "llm_ledger_seconds".to_owned()
        }
        _ => format!("(SELECT DISTINCT second FROM llm_ledger_seconds WHERE {whose})"),
    };
    // The order says to SQLite what is looked for first.
    conditions
        .add(format!("l.started >= s.second * {SECOND} AND l.started < s.second * {SECOND} + {SECOND}"));
    Cow::Owned(format!("{seconds} s CROSS JOIN llm_ledger l"))
}

fn only(conditions: &mut Conditions, field: RowField, texts: &[String]) {
    let texts: Vec<String> = texts.iter().map(|text| fitting(text).into_owned()).collect();
    conditions.one_of(format_args!("l.{}", column(field)), &texts);
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use llm_core::Secret;

    use super::*;
    use crate::settings::DatabaseSettings;

    #[tokio::test]
    async fn pages_of_somebody_are_read_second_by_second() {
        let settings = DatabaseSettings::new(Secret::new("sqlite::memory:".to_owned()));
        let database = Database::open(&settings).await.expect("it opens");
        for field in FIELDS {
            let query = RowQuery { only: vec![(field, vec!["one".to_owned()])], ..RowQuery::default() };
            let after = Some(RowCursor { value: 5, id: "x".to_owned() });
            for (query, bound) in [(query.clone(), ""), (RowQuery { after, ..query }, " AND second<?")] {
                let (text, values) = statement(&query);
                let plan =
                    database.query(&format!("EXPLAIN QUERY PLAN {text}"), &values).await.expect("a plan");
                let plan: Vec<&str> = plan.iter().map(|row| row.get("detail").expect("text")).collect();
                assert_eq!(
                    plan,
                    [
                        &*format!(
                            "SEARCH s USING COVERING INDEX sqlite_autoindex_llm_ledger_seconds_1 \
                             (field=? AND value=?{bound})"
                        ),
                        "SEARCH l USING INDEX llm_ledger_started (started>? AND started<?)",
                    ]
                );
            }
        }
    }

    #[tokio::test]
    async fn pages_are_read_in_the_order_of_an_index() {
        let settings = DatabaseSettings::new(Secret::new("sqlite::memory:".to_owned()));
        let database = Database::open(&settings).await.expect("it opens");
        for (query, index) in [
            (RowQuery::default(), "llm_ledger_started"),
            (RowQuery { failed: Some(true), ..RowQuery::default() }, "llm_ledger_failed"),
            (RowQuery { tags: vec!["a".to_owned()], ..RowQuery::default() }, "llm_ledger_tags_tag"),
        ] {
            let after = Some(RowCursor { value: 5, id: "x".to_owned() });
            for query in [query.clone(), RowQuery { after, ..query }] {
                let (text, values) = statement(&query);
                let plan =
                    database.query(&format!("EXPLAIN QUERY PLAN {text}"), &values).await.expect("a plan");
                let plan: Vec<&str> = plan.iter().map(|row| row.get("detail").expect("text")).collect();
                let plan = plan.join("; ");
                assert!(
                    plan.contains(&format!("INDEX {index} ")) || plan.ends_with(index),
                    "{query:?}: {plan}"
                );
                assert!(!plan.contains("TEMP B-TREE"), "nothing is sorted: {plan}");
            }
        }
    }
}
