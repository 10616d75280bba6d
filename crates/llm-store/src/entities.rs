//! What administrators make, kept in a database: keys, teams, users and all others, with the log of their changes.
//!
//! A row is a document with a column for each field that lists are filtered or sorted by; it is read, changed and
//! written as a whole, and nobody's change is lost when two come at once.

mod change;
mod directory;
mod list;
mod spent;
mod table;

use llm_core::BoxFuture;
use llm_governance::entity::{AuditEntry, Entity, VirtualKey};
use llm_governance::{Audited, Change, KeyHash, ListQuery, Page, Records, Spent, Store, StoreError};

use crate::database::{Database, Value};
use table::Table;

/// How many ids one statement names at most.
const MOST_IDS: usize = 500;

/// What administrators make, in a database. Clones share it.
#[derive(Clone, Debug)]
pub struct Entities {
    database: Database,
}

impl Entities {
    /// The entities of a database that [`Database::open`] brought up to date.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Writes what the program itself remembers, over what it was; no entry in the log: nobody changed anything.
    #[cfg(feature = "postgres")]
    pub(crate) async fn put_setting(
        &self,
        setting: &llm_governance::entity::Setting,
    ) -> Result<(), StoreError> {
        change::put(&self.database, setting).await
    }

    async fn read<E: Entity>(&self, id: &str) -> Result<Option<E>, StoreError> {
        let text = format!("SELECT document FROM {} WHERE id = $1", Table::name::<E>());
        let row = self.database.query_one(&text, &[id.into()]).await?;
        row.map(|row| table::entity(&row)).transpose()
    }

    async fn read_many<E: Entity>(&self, ids: &[String]) -> Result<Vec<E>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MOST_IDS) {
            let text = format!(
                "SELECT document FROM {} WHERE id IN ({})",
                Table::name::<E>(),
                list::places(1, ids.len())
            );
            let values: Vec<_> = ids.iter().map(Value::from).collect();
            let rows = self.database.query(&text, &values).await?;
            found.extend(table::in_order(ids, &rows)?);
        }
        Ok(found)
    }
}

impl<E: Entity> Records<E> for Entities {
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<E>, StoreError>> {
        Box::pin(self.read(id))
    }

    fn get_many<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<E>, StoreError>> {
        Box::pin(self.read_many(ids))
    }

    fn list<'a>(&'a self, query: &'a ListQuery) -> BoxFuture<'a, Result<Page<E>, StoreError>> {
        Box::pin(list::page(&self.database, query))
    }

    fn insert<'a>(
        &'a self,
        entities: &'a [E],
        audit: &'a [AuditEntry],
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(change::insert(&self.database, entities, audit))
    }

    fn update<'a>(&'a self, id: &'a str, change: Change<'a, E>) -> BoxFuture<'a, Result<E, StoreError>> {
        Box::pin(change::update(&self.database, id, change))
    }

    fn delete<'a>(
        &'a self,
        ids: &'a [String],
        audit: Audited<'a, E>,
    ) -> BoxFuture<'a, Result<Vec<E>, StoreError>> {
        Box::pin(change::delete(&self.database, ids, audit))
    }
}

impl Store for Entities {
    fn set_spent<'a>(&'a self, spent: &'a [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(spent::set(&self.database, spent))
    }

    fn rotate<'a>(
        &'a self,
        old: &'a KeyHash,
        new: &'a VirtualKey,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(change::rotate(&self.database, old, new, audit))
    }
}
