//! The ledger in the database: rows of calls, what was spent, sums by day, and what is read of them.
//!
//! [`Drain`] takes rows out of the [`Journal`](crate::Journal) and books them, each once; [`Books`] answers
//! [`Reports`] and lets go of old rows. Three tables of rows and sums: `llm_ledger` (with `llm_ledger_tags` and
//! `llm_ledger_seconds`, where lists look for rows, and `llm_ledger_words`, where what was said is kept), `llm_daily` (with
//! `llm_daily_subjects`, subjects as a whole), and `llm_spent`, which budgets are read from.

mod activity;
mod archive;
mod book;
mod columns;
mod conditions;
mod daily;
mod drain;
mod kinds;
mod retention;
mod rows;
mod seconds;
mod spent;
mod words;

use futures_util::future::BoxFuture;
use llm_governance::{
    Activity, ActivityQuery, Counted, LedgerRow, Reports, RowPage, RowQuery, StoreError, Sums,
};

use crate::database::Database;
pub use archive::Archive;
pub use drain::{Drain, DrainSettings, DrainStatus, DrainThread};
pub use words::Words;

/// What can be read of a ledger, and how it is kept small.
#[derive(Clone, Debug)]
pub struct Books {
    database: Database,
}

impl Books {
    /// The ledger in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl Reports for Books {
    fn rows<'a>(&'a self, query: &'a RowQuery) -> BoxFuture<'a, Result<RowPage, StoreError>> {
        Box::pin(async move { rows::page(&self.database, query).await.map_err(StoreError::from) })
    }

    fn count<'a>(&'a self, query: &'a RowQuery, most: u64) -> BoxFuture<'a, Result<Counted, StoreError>> {
        Box::pin(async move { rows::count(&self.database, query, most).await.map_err(StoreError::from) })
    }

    fn row<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<LedgerRow>, StoreError>> {
        Box::pin(async move {
            let mut row = rows::one(&self.database, id).await?;
            if let Some(row) = &mut row {
                words::put_into(&self.database, row).await?;
            }
            Ok(row)
        })
    }

    fn activity<'a>(&'a self, query: &'a ActivityQuery) -> BoxFuture<'a, Result<Vec<Activity>, StoreError>> {
        Box::pin(async move { activity::sums(&self.database, query).await.map_err(StoreError::from) })
    }

    fn activity_and_total<'a>(
        &'a self,
        query: &'a ActivityQuery,
    ) -> BoxFuture<'a, Result<(Vec<Activity>, Sums), StoreError>> {
        Box::pin(
            async move { activity::sums_and_total(&self.database, query).await.map_err(StoreError::from) },
        )
    }
}
