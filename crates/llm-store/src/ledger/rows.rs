//! Lists of calls, a page at a time.

use llm_governance::{LedgerRow, RowCursor, RowField, RowPage, RowQuery, RowSort};

use super::columns::{COLUMNS, column, number, read};
use super::conditions::Conditions;
use crate::database::{Database, DatabaseError, Row, Value, fitting};

/// No page is longer.
const LONGEST_PAGE: u64 = 1_000;

/// Where rows come from, and under which conditions.
struct Chosen {
    from: &'static str,
    /// The column that is sorted by.
    sort: &'static str,
    /// The id beside it in the same index.
    id: &'static str,
    conditions: Conditions,
}

/// A page of rows.
pub(super) async fn page(database: &Database, query: &RowQuery) -> Result<RowPage, DatabaseError> {
    let mut chosen = choose(query);
    let limit = query.limit.clamp(1, LONGEST_PAGE);
    let (order, behind) = if query.ascending { ("ASC", ">") } else { ("DESC", "<") };
    let Chosen { from, sort, id, ref mut conditions } = chosen;
    if let Some(RowCursor { value, id: last }) = &query.after {
        let (value, last) = (conditions.place(*value), conditions.place(&**last));
        conditions.add(format!("({sort}, {id}) {behind} ({value}, {last})"));
    }
    let conditions_text = conditions.text();
    // One more than is shown says whether there is another page.
    let rows = conditions.place(number(limit + 1));
    let offset = conditions.place(number(query.offset));
    let columns = COLUMNS.map(|name| format!("l.{name} AS {name}")).join(", ");
    let text = format!(
        "SELECT {columns}, {sort} AS sorted_by FROM {from} {conditions_text} \
         ORDER BY {sort} {order}, {id} {order} LIMIT {rows} OFFSET {offset}"
    );
    let found = database.query(&text, &conditions.values).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX).min(found.len());
    let (rows, more) = found.split_at(shown);
    let next = rows.last().filter(|_| !more.is_empty()).map(cursor).transpose()?;
    Ok(RowPage { rows: rows.iter().map(read).collect::<Result<_, _>>()?, next })
}

fn cursor(row: &Row) -> Result<RowCursor, DatabaseError> {
    Ok(RowCursor { value: row.get("sorted_by")?, id: row.get("id")? })
}

/// How many rows there are, counted up to `most`.
pub(super) async fn count(database: &Database, query: &RowQuery, most: u64) -> Result<u64, DatabaseError> {
    let Chosen { from, mut conditions, .. } = choose(query);
    let where_ = conditions.text();
    let most = conditions.place(number(most));
    let text =
        format!("SELECT COUNT(*) AS found FROM (SELECT 1 AS one FROM {from} {where_} LIMIT {most}) AS some");
    let row = database.query_one(&text, &conditions.values).await?;
    let found: i64 = row.map_or(Ok(0), |row| row.get("found"))?;
    Ok(u64::try_from(found).unwrap_or(0))
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
    // The index of a tag has its calls in their order: a list of them is read from there.
    let by_tag = query.tags.len() == 1 && query.sort == RowSort::Started;
    let (from, id, started) = if by_tag {
        ("llm_ledger_tags t JOIN llm_ledger l ON l.id = t.id", "t.id", "t.started")
    } else {
        ("llm_ledger l", "l.id", "l.started")
    };
    let tags: Vec<String> = query.tags.iter().map(|tag| fitting(tag).into_owned()).collect();
    if by_tag {
        conditions.one_of("t.tag", &tags);
    } else if !tags.is_empty() {
        let places: Vec<String> = tags.iter().map(|tag| conditions.place(&**tag)).collect();
        let places = places.join(", ");
        conditions.add(format!("l.id IN (SELECT t.id FROM llm_ledger_tags t WHERE t.tag IN ({places}))"));
    }
    conditions.compare_some(started, ">=", query.from.map(|from| from.0));
    conditions.compare_some(started, "<", query.until.map(|until| until.0));
    for (field, texts) in &query.only {
        only(&mut conditions, *field, texts);
    }
    // A number in the text, not a parameter: an index is of failed calls alone.
    if let Some(failed) = query.failed {
        conditions.add(format!("l.failed = {}", i64::from(failed)));
    }
    conditions.compare_some("l.cache_hit", "=", query.cache_hit);
    conditions.compare_some("l.cost", ">=", query.min_cost.map(|cost| cost.0));
    conditions.compare_some("l.cost", "<=", query.max_cost.map(|cost| cost.0));
    let sort = match query.sort {
        RowSort::Started => started,
        RowSort::Ended => "l.ended",
        RowSort::Cost => "l.cost",
        RowSort::PromptTokens => "l.prompt_tokens",
        RowSort::CompletionTokens => "l.completion_tokens",
        RowSort::TotalTokens => "l.total_tokens",
        RowSort::Took => "l.took_micros",
    };
    Chosen { from, sort, id, conditions }
}

fn only(conditions: &mut Conditions, field: RowField, texts: &[String]) {
    let texts: Vec<String> = texts.iter().map(|text| fitting(text).into_owned()).collect();
    conditions.one_of(format_args!("l.{}", column(field)), &texts);
}
