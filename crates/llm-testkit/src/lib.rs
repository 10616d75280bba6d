#![doc = include_str!("../README.md")]

pub mod answers;
pub mod fake;
pub mod fake_objects;
pub mod fake_qdrant;
mod fake_server;
#[cfg(feature = "keys")]
pub mod keys;
#[cfg(unix)]
pub mod postgres;
pub mod recordings;
pub mod redis;
pub mod replay;
pub mod scripted;

pub use recordings::{Recording, recordings};
