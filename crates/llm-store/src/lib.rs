//! Where state lives that outlasts or leaves a process.
//!
//! - [`settings`]: where stores are.
//! - [`journal`]: rows of the ledger on their way to a database, in files.
//! - [`redis`] (feature `redis`): limits and cooldowns that several gateways share.

pub mod journal;
#[cfg(feature = "redis")]
pub mod redis;
pub mod settings;

pub use journal::{Durability, Journal, JournalSettings, JournalStatus, WhenFull};
pub use settings::RedisSettings;
