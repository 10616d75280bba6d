//! Lists: filtered, sorted and paged by the database.

use llm_governance::entity::{Column, Entity};
use llm_governance::{Filter, ListQuery, Page, SPEND, StoreError, Timestamp};

use super::spent;
use super::table::{Table, entity, value};
use crate::database::{Database, Value};

/// The columns that say when something was made, the best one first.
const MADE: [&str; 3] = ["created_at", "at", "updated_at"];

/// A condition that nothing meets.
const NOTHING: &str = "1 = 0";

/// One page of those that match.
pub(super) async fn page<E: Entity>(database: &Database, query: &ListQuery) -> Result<Page<E>, StoreError> {
    let table = Table::name::<E>();
    let mut wanted = Wanted::default();
    for (column, filter) in &query.filters {
        let condition = wanted.condition::<E>(column, filter)?;
        wanted.conditions.push(condition);
    }
    let (condition, order) = (wanted.all(), order::<E>(query)?);
    let mut values = wanted.values.clone();
    values.extend([whole(query.limit), whole(query.offset)]);
    let (limit, offset) = (values.len() - 1, values.len());
    let text =
        format!("SELECT document FROM {table}{condition} ORDER BY {order} LIMIT ${limit} OFFSET ${offset}");
    let rows = database.query(&text, &values).await?;
    let items = rows.iter().map(entity).collect::<Result<Vec<E>, _>>()?;
    let shown = u64::try_from(items.len()).unwrap_or(u64::MAX);
    // A page that is not full is the last one; an empty one says nothing of those before it.
    let total = if shown < query.limit && (shown > 0 || query.offset == 0) {
        query.offset + shown
    } else {
        let text = format!("SELECT COUNT(*) AS total FROM {table}{condition}");
        let row = database.query_one(&text, &wanted.values).await?;
        let total = row.map(|row| row.get::<i64>("total")).transpose()?;
        u64::try_from(total.unwrap_or(0)).unwrap_or(0)
    };
    Ok(Page { items, total })
}

/// The conditions of a list, and their values.
#[derive(Default)]
struct Wanted {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Wanted {
    /// The condition of one filter; its values are kept.
    fn condition<E: Entity>(&mut self, column: &str, filter: &Filter) -> Result<String, StoreError> {
        let column = match filter {
            // The column beside several filters means nothing.
            Filter::AnyOf(_) => String::new(),
            _ => known::<E>(column)?,
        };
        Ok(match filter {
            Filter::AnyOf(filters) => self.any::<E>(filters)?,
            Filter::Is(Column::Text(None) | Column::Whole(None)) => format!("{column} IS NULL"),
            Filter::Is(wanted) => format!("{column} = {}", self.place(value(wanted))),
            Filter::Contains(text) => {
                let place = self.place(Value::Text(format!("%{}%", escaped(text))));
                format!("LOWER({column}) LIKE LOWER({place}) ESCAPE '\\'")
            }
            Filter::OneOf(texts) if texts.is_empty() => NOTHING.to_owned(),
            Filter::OneOf(texts) => {
                let places = places(self.values.len() + 1, texts.len());
                self.values.extend(texts.iter().map(Value::from));
                format!("{column} IN ({places})")
            }
            Filter::From(number) => format!("{column} >= {}", self.place((*number).into())),
            Filter::Before(number) => format!("{column} < {}", self.place((*number).into())),
        })
    }

    fn any<E: Entity>(&mut self, filters: &[(&'static str, Filter)]) -> Result<String, StoreError> {
        if filters.is_empty() {
            return Ok(NOTHING.to_owned());
        }
        let any = filters.iter().map(|(column, filter)| self.condition::<E>(column, filter));
        Ok(format!("({})", any.collect::<Result<Vec<_>, _>>()?.join(" OR ")))
    }

    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn all(&self) -> String {
        match self.conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", self.conditions.join(" AND ")),
        }
    }
}

/// Places of parameters: `$3, $4`.
pub(super) fn places(first: usize, count: usize) -> String {
    let places: Vec<_> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}

/// Text whose letters all mean themselves in a pattern.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// What a list is sorted by. Rows without a value come after all others, and before them from the highest. Ties are
/// broken by the id, so that no page shows what another one showed.
fn order<E: Entity>(query: &ListQuery) -> Result<String, StoreError> {
    let (column, falling) = match query.sort {
        Some((column, falling)) => (known::<E>(column)?, falling),
        None => {
            let made = MADE.into_iter().find(|made| E::COLUMNS.contains(made));
            (made.unwrap_or("id").to_owned(), true)
        }
    };
    let (direction, nulls) = if falling { ("DESC", "NULLS FIRST") } else { ("ASC", "NULLS LAST") };
    // Where nothing is missing, an index has the order already: asking for more makes SQLite sort.
    let is_there = column == "id" || MADE.contains(&&*column) || column.starts_with('(');
    let nulls = if is_there { "" } else { nulls };
    match &*column {
        "id" => Ok(format!("id {direction}")),
        column => Ok(format!("{column} {direction} {nulls}, id {direction}")),
    }
}

/// What may stand in a statement: a column of the table, or what somebody has spent.
fn known<E: Entity>(column: &str) -> Result<String, StoreError> {
    if let (SPEND, Some(scope)) = (column, E::SCOPE) {
        return Ok(spent::of_each(scope, &Table::name::<E>(), Timestamp::now()));
    }
    let found = ["id"].iter().chain(E::COLUMNS).find(|name| **name == column).copied();
    found
        .map(str::to_owned)
        .ok_or_else(|| StoreError::Failed(format!("{} have no column `{column}`", E::TABLE)))
}

fn whole(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
