#![doc = include_str!("../README.md")]

pub mod answers;
pub mod fake;
#[cfg(unix)]
pub mod postgres;
pub mod recordings;
pub mod redis;
pub mod replay;
pub mod scripted;

pub use recordings::{Recording, recordings};
