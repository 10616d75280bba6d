//! Answers for requests that come again: in a file of SQLite, in Redis, in Qdrant, or as objects of S3.

#[cfg(feature = "sqlite")]
mod disk;
#[cfg(feature = "s3")]
mod objects;
#[cfg(feature = "qdrant")]
mod qdrant;
#[cfg(any(feature = "qdrant", feature = "s3"))]
mod service;
#[cfg(feature = "redis")]
mod shared;

#[cfg(feature = "sqlite")]
pub use disk::DiskAnswers;
#[cfg(feature = "s3")]
pub use objects::ObjectAnswers;
#[cfg(feature = "qdrant")]
pub use qdrant::QdrantAnswers;
#[cfg(feature = "redis")]
pub use shared::RedisAnswers;
