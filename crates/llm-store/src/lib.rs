//! Where state lives that outlasts or leaves a process.
//!
//! - [`settings`]: where stores are.
//! - [`journal`]: rows of the ledger on their way to a database, in files.
//! - [`shared`] (features `redis`, `postgres`): limits, budgets and changes that several gateways share.
//! - [`redis`] (feature `redis`): limits and cooldowns of deployments that they share.
//! - [`answers`] (features `redis`, `sqlite`): answers for requests that come again.
//! - [`database`] (features `sqlite`, `postgres`): one SQL database, asked in one way whichever it is.
//! - [`entities`] (with a database): keys, teams and all others that administrators make.
//! - [`import`] (feature `postgres`): what another gateway's database holds, taken over.
//! - [`ledger`] (with a database): what the journal is drained into, and what is read of it.
//! - [`seal`] (with a database): secrets encrypted at rest.

#[cfg(any(feature = "sqlite", feature = "redis"))]
pub mod answers;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod database;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod entities;
#[cfg(any(feature = "redis", feature = "sqlite", feature = "postgres"))]
mod fitting;
#[cfg(feature = "postgres")]
pub mod import;
pub mod journal;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod ledger;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod seal;
pub mod settings;
#[cfg(any(feature = "redis", feature = "postgres"))]
pub mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use database::{Database, DatabaseError, Row, Transaction, Value};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use entities::Entities;
pub use journal::{Durability, Journal, JournalSettings, JournalStatus, WhenFull};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use ledger::{Archive, Books, Drain, DrainSettings, DrainStatus, DrainThread};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use seal::Seal;
pub use settings::{DatabaseSettings, RedisSettings};
