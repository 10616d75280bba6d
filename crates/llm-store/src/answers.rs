//! Answers for requests that come again, in a file of SQLite or in Redis.

#[cfg(feature = "sqlite")]
mod disk;
#[cfg(feature = "redis")]
mod shared;

#[cfg(feature = "sqlite")]
pub use disk::DiskAnswers;
#[cfg(feature = "redis")]
pub use shared::RedisAnswers;
