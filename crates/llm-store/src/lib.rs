//! Where state lives that outlasts or leaves a process.
//!
//! - [`settings`]: where stores are.
//! - [`redis`] (feature `redis`): limits and cooldowns that several gateways share.
//! - [`database`] (features `sqlite`, `postgres`): one SQL database, asked in one way whichever it is.
//! - [`entities`] (with a database): keys, teams and all others that administrators make.
//! - [`seal`] (with a database): secrets encrypted at rest.

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod database;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod entities;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub mod seal;
pub mod settings;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use database::{Database, DatabaseError, Row, Transaction, Value};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use entities::Entities;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use seal::Seal;
pub use settings::{DatabaseSettings, RedisSettings};
