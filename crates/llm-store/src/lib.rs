#![doc = include_str!("../README.md")]

#[cfg(any(feature = "sqlite", feature = "redis", feature = "qdrant", feature = "s3"))]
pub mod answers;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod behind;
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
pub use ledger::{Archive, Books, Drain, DrainSettings, DrainStatus, DrainThread, Words};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use seal::Seal;
pub use settings::{DatabaseSettings, ObjectSettings, QdrantSettings, Quantization, RedisSettings};
