//! What governance needs of a store: keys looked up for callers ([`Directory`]), and entities kept for administrators
//! ([`Records`]).

use std::sync::Arc;

use futures_util::future::BoxFuture;
use llm_core::money::NanoDollars;

use crate::duration::Period;
use crate::entity::{
    AuditEntry, BudgetRow, Column, Customer, Entity, Organization, StoredModel, Tag, Team, User, VirtualKey,
};
use crate::hash::KeyHash;
use crate::subject::Subject;

/// Why a store did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// It cannot be reached, or is busy: trying again can help.
    Unavailable(String),
    /// Something of that name is there already.
    Conflict(String),
    /// What was asked is not there.
    Missing(String),
    /// The store refuses, or holds something that cannot be read.
    Failed(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Unavailable(message)
        | Self::Conflict(message)
        | Self::Missing(message)
        | Self::Failed(message)) = self;
        formatter.write_str(message)
    }
}

impl std::error::Error for StoreError {}

/// A key with everybody behind it.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    /// The key; `None` of a caller that showed a token instead of one.
    pub key: Option<VirtualKey>,
    /// The team of the key.
    pub team: Option<Arc<Team>>,
    /// The user whose key it is.
    pub user: Option<Arc<User>>,
    /// The organisation of the team or the key.
    pub organization: Option<Arc<Organization>>,
    /// The budget rows that these name.
    pub budgets: Vec<Arc<BudgetRow>>,
}

/// What a subject has spent in a period.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spent {
    /// Who.
    pub subject: Subject,
    /// Of a single model's budget; `None`: of all models.
    pub model: Option<Arc<str>>,
    /// The period; [`Period::EVER`] for all that was ever spent.
    pub period: Period,
    /// How much.
    pub amount: NanoDollars,
}

/// An entity, and the budget row that it names.
pub type WithBudget<E> = Option<(E, Option<BudgetRow>)>;

/// Where callers are looked up. Called when memory does not know them, never twice at a time for the same one.
pub trait Directory: Send + Sync + 'static {
    /// The key of this hash, with everybody behind it. A key that was replaced is found until its grace ends.
    fn holder<'a>(&'a self, key: &'a KeyHash) -> BoxFuture<'a, Result<Option<Holder>, StoreError>>;

    /// A user with what it belongs to, for callers that show a token of an identity provider.
    fn user<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Holder>, StoreError>>;

    /// Those of a team, a user and an organisation that are there, with the budget rows that they name: whom a token of
    /// an identity provider names. The organisation is the team's, where it has one.
    fn people<'a>(&'a self, ids: [Option<&'a str>; 3]) -> BoxFuture<'a, Result<Holder, StoreError>> {
        let _ = ids;
        let error = StoreError::Failed("this directory knows keys alone".to_owned());
        Box::pin(std::future::ready(Err(error)))
    }

    /// A customer and the budget row that it names.
    fn customer<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<WithBudget<Customer>, StoreError>>;

    /// A tag and the budget row that it names.
    fn tag<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<WithBudget<Tag>, StoreError>>;

    /// What was spent: fills in the amount of each.
    fn spent<'a>(&'a self, of: &'a mut [Spent]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Whether there is nobody to look up.
    fn is_empty(&self) -> bool {
        false
    }
}

/// A gateway without keys of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDirectory;

impl Directory for NoDirectory {
    fn holder<'a>(&'a self, _: &'a KeyHash) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn user<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn customer<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<WithBudget<Customer>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn tag<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<WithBudget<Tag>, StoreError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn spent<'a>(&'a self, _: &'a mut [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn is_empty(&self) -> bool {
        true
    }
}

/// The name of what was spent, in lists, in nano-dollars: in the period that runs (of several the one with the most),
/// and ever of those who have no period.
pub const SPEND: &str = "spend";

/// Which entities a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// All of these must hold; the names are of [`Entity::COLUMNS`], `id`, or [`SPEND`] of those with an
    /// [`Entity::SCOPE`].
    pub filters: Vec<(&'static str, Filter)>,
    /// The column that it is sorted by, and whether from the highest; `None`: as they were made, the latest first.
    pub sort: Option<(&'static str, bool)>,
    /// How many to pass over.
    pub offset: u64,
    /// How many to show at most.
    pub limit: u64,
}

/// What a column must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Exactly this; NULL is equal to NULL.
    Is(Column),
    /// Text that contains this, in upper or lower case.
    Contains(String),
    /// One of these.
    OneOf(Vec<String>),
    /// This or later.
    From(i64),
    /// Before this.
    Before(i64),
    /// At least one of these holds; the column that this filter stands beside means nothing.
    AnyOf(Vec<(&'static str, Filter)>),
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<E> {
    /// What it shows.
    pub items: Vec<E>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Entities of one kind. Each change writes its [`AuditEntry`] in the same transaction.
pub trait Records<E: Entity>: Send + Sync {
    /// The one with this id.
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<E>, StoreError>>;

    /// Those with these ids, as many as there are.
    fn get_many<'a>(&'a self, ids: &'a [String]) -> BoxFuture<'a, Result<Vec<E>, StoreError>>;

    /// One page of those that match.
    fn list<'a>(&'a self, query: &'a ListQuery) -> BoxFuture<'a, Result<Page<E>, StoreError>>;

    /// Adds new ones, all or none; a conflict where one is there already.
    fn insert<'a>(
        &'a self,
        entities: &'a [E],
        audit: &'a [AuditEntry],
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Changes one: `change` is given what is there now and may be called again when another change came between.
    /// Returns what it is then; [`StoreError::Missing`] where there is none. An `Err` of `change` is given back, and
    /// nothing is changed.
    fn update<'a>(&'a self, id: &'a str, change: Change<'a, E>) -> BoxFuture<'a, Result<E, StoreError>>;

    /// Deletes those with these ids, as many as there are, and returns them.
    fn delete<'a>(
        &'a self,
        ids: &'a [String],
        audit: Audited<'a, E>,
    ) -> BoxFuture<'a, Result<Vec<E>, StoreError>>;
}

/// How an entity is changed: what it becomes, and what is written about it.
pub type Change<'a, E> = Box<dyn Fn(E) -> Result<(E, AuditEntry), StoreError> + Send + Sync + 'a>;

/// What is written about an entity that is deleted.
pub type Audited<'a, E> = Box<dyn Fn(&E) -> AuditEntry + Send + Sync + 'a>;

/// All that the management API keeps.
pub trait Store:
    Records<VirtualKey>
    + Records<Team>
    + Records<User>
    + Records<Organization>
    + Records<Customer>
    + Records<BudgetRow>
    + Records<Tag>
    + Records<StoredModel>
    + Records<AuditEntry>
    + Records<crate::entity::Setting>
    + Directory
{
    /// Sets what a subject has spent in the running periods of its budgets, and ever: an administrator corrects it.
    fn set_spent<'a>(&'a self, spent: &'a [Spent]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Replaces a key by another one: the old hash is no longer an entity, the counters of what was spent go over to
    /// the new one.
    fn rotate<'a>(
        &'a self,
        old: &'a KeyHash,
        new: &'a VirtualKey,
        audit: &'a AuditEntry,
    ) -> BoxFuture<'a, Result<(), StoreError>>;
}
