//! What can be asked of a ledger: its rows, and the sums that are kept by day.
//!
//! Pages that show days, keys, models … read sums ([`Reports::activity`]) and stay quick however many rows there are;
//! lists of calls read rows ([`Reports::rows`]), one page at a time.

use std::fmt;

use futures_util::future::BoxFuture;
use llm_core::money::NanoDollars;

use crate::ledger::LedgerRow;
use crate::store::StoreError;
use crate::subject::Scope;
use crate::time::Timestamp;

/// A day in UTC: days since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

const MICROS_A_DAY: i64 = 86_400_000_000;

impl Day {
    /// The day that a moment is in.
    pub fn of(at: Timestamp) -> Self {
        Self(at.0.div_euclid(MICROS_A_DAY))
    }

    /// When it begins.
    pub fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(MICROS_A_DAY))
    }

    /// Reads `2026-11-21`, or the day of a time.
    pub fn parse(text: &str) -> Option<Self> {
        Timestamp::parse(text).map(Self::of)
    }
}

/// As `2026-11-21`.
impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let iso = self.start().iso();
        formatter.write_str(iso.split_once('T').map_or(&*iso, |(day, _)| day))
    }
}

/// What rows can be chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowField {
    /// The key's hash in hexadecimal.
    Key,
    /// The team.
    Team,
    /// The user.
    User,
    /// The organisation.
    Organization,
    /// The customer.
    Customer,
    /// What the request belongs to.
    Session,
    /// The model that was asked for.
    Model,
    /// The public model whose deployment answered.
    ModelGroup,
    /// The deployment.
    Deployment,
    /// The provider.
    Provider,
    /// What was asked for: `acompletion` …
    CallType,
    /// Why it ended, by [`crate::Ending::name`].
    Ending,
    /// The kind of the error.
    Error,
}

/// What rows can be sorted by. Rows that are equal in it are sorted by their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RowSort {
    /// When the request came.
    #[default]
    Started,
    /// When the answer ended.
    Ended,
    /// What it cost.
    Cost,
    /// Prompt tokens.
    PromptTokens,
    /// Answer tokens.
    CompletionTokens,
    /// Both.
    TotalTokens,
    /// How long it took.
    Took,
}

/// Which rows, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowQuery {
    /// That came then or later.
    pub from: Option<Timestamp>,
    /// That came before.
    pub until: Option<Timestamp>,
    /// Of which each field is one of these.
    pub only: Vec<(RowField, Vec<String>)>,
    /// That have one of these tags; empty: whatever tags they have.
    pub tags: Vec<String>,
    /// That failed, or did not.
    pub failed: Option<bool>,
    /// That came from the cache, or did not.
    pub cache_hit: Option<bool>,
    /// That cost as much or more.
    pub min_cost: Option<NanoDollars>,
    /// That cost as much or less.
    pub max_cost: Option<NanoDollars>,
    /// The order.
    pub sort: RowSort,
    /// From the lowest.
    pub ascending: bool,
    /// Behind this row: the next page.
    pub after: Option<RowCursor>,
    /// How many to pass over; the more, the slower. [`Self::after`] is not.
    pub offset: u64,
    /// How many at most.
    pub limit: u64,
}

/// The place of a row in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowCursor {
    /// What it is sorted by.
    pub value: i64,
    /// Its id.
    pub id: String,
}

impl RowCursor {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (value, id) = text.split_once('.')?;
        Some(Self { value: value.parse().ok()?, id: id.to_owned() })
    }
}

impl fmt::Display for RowCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.value, self.id)
    }
}

/// A page of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowPage {
    /// The rows.
    pub rows: Vec<LedgerRow>,
    /// Where the next page begins; `None`: this is the last one.
    pub next: Option<RowCursor>,
}

/// How many rows there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// So many were found.
    pub found: u64,
    /// Those are all; otherwise there may be more.
    pub is_all: bool,
}

/// What sums are asked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The day.
    Day,
    /// The subject of the scope.
    Subject,
    /// The key that was used; of the whole gateway's sums it is empty: ask for the scope of keys.
    Key,
    /// The public model whose deployment answered.
    ModelGroup,
    /// The model at the vendor.
    Model,
    /// The provider.
    Provider,
}

/// Which sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityQuery {
    /// Whose: of the whole gateway, or of subjects of this kind. Of members of teams there are none.
    pub scope: Scope,
    /// Of these alone; empty: of all.
    pub subjects: Vec<String>,
    /// Of calls with these keys alone; empty: of all.
    pub keys: Vec<String>,
    /// Of these public models alone; empty: of all.
    pub model_groups: Vec<String>,
    /// From this day …
    pub from: Day,
    /// … to this day, which is part of it.
    pub until: Day,
    /// One sum for each of these; empty: a single sum.
    pub by: Vec<Dimension>,
    /// The dearest of them alone; `None`: all, in the order of the dimensions.
    pub dearest: Option<u64>,
}

impl ActivityQuery {
    /// All of a kind, from one day to another, which is part of it: one sum for each of `by`.
    pub fn new(scope: Scope, (from, until): (Day, Day), by: impl Into<Vec<Dimension>>) -> Self {
        let (subjects, keys, model_groups) = (Vec::new(), Vec::new(), Vec::new());
        Self { scope, subjects, keys, model_groups, from, until, by: by.into(), dearest: None }
    }
}

/// What calls used and cost together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Calls.
    pub requests: i64,
    /// Those that failed.
    pub failures: i64,
    /// Prompt tokens of all buckets.
    pub prompt_tokens: i64,
    /// Answer tokens of all buckets.
    pub completion_tokens: i64,
    /// Prompt tokens that a vendor's cache had.
    pub cache_read_tokens: i64,
    /// Prompt tokens that were written to a vendor's cache.
    pub cache_write_tokens: i64,
    /// Tokens of thinking.
    pub reasoning_tokens: i64,
    /// Money.
    pub cost: NanoDollars,
    /// Microseconds from request to end.
    pub took_micros: i64,
    /// Microseconds from request to first content …
    pub first_content_micros: i64,
    /// … of so many calls that had one.
    pub first_contents: i64,
}

/// A sum, and what it is of; a dimension that was not asked for is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The day.
    pub day: Option<Day>,
    /// The subject.
    pub subject: String,
    /// The key.
    pub key: String,
    /// The public model.
    pub model_group: String,
    /// The model at the vendor.
    pub model: String,
    /// The provider.
    pub provider: String,
    /// The sum.
    pub sums: Sums,
}

/// What can be asked of a ledger.
pub trait Reports: Send + Sync + 'static {
    /// A page of rows.
    fn rows<'a>(&'a self, query: &'a RowQuery) -> BoxFuture<'a, Result<RowPage, StoreError>>;

    /// How many rows there are, counted up to `most`, and no further than is quick.
    fn count<'a>(&'a self, query: &'a RowQuery, most: u64) -> BoxFuture<'a, Result<Counted, StoreError>>;

    /// The row with this id, or of the answer to which the vendor gave this id.
    fn row<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<LedgerRow>, StoreError>>;

    /// Sums by day.
    fn activity<'a>(&'a self, query: &'a ActivityQuery) -> BoxFuture<'a, Result<Vec<Activity>, StoreError>>;

    /// The same, and what all of them come to, also where the dearest alone are asked for.
    fn activity_and_total<'a>(
        &'a self,
        query: &'a ActivityQuery,
    ) -> BoxFuture<'a, Result<(Vec<Activity>, Sums), StoreError>> {
        Box::pin(async move {
            let whole = ActivityQuery { by: Vec::new(), dearest: None, ..query.clone() };
            let total = self.activity(&whole).await?.first().map(|one| one.sums).unwrap_or_default();
            Ok((self.activity(query).await?, total))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_written() {
        let day = Day::parse("2026-11-21").expect("a day");
        assert_eq!(day.to_string(), "2026-11-21");
        assert_eq!(Day::of(Timestamp(day.start().0 - 1)), Day(day.0 - 1));
        assert_eq!(Day::of(Timestamp(-1)), Day(-1));
        assert_eq!(Day::parse("2026-11-21T23:59:59Z"), Some(day));
        assert_eq!(Day::parse("today"), None);
    }

    #[test]
    fn cursors_are_read_and_written() {
        let cursor = RowCursor { value: -5, id: "a.b".to_owned() };
        assert_eq!(RowCursor::parse(&cursor.to_string()), Some(cursor));
        assert_eq!(RowCursor::parse("x.y"), None);
    }
}
