//! What gateways share of callers through a server that all of them know, Redis or PostgreSQL: limits and budgets
//! ([`SharedCallCounters`]), changes of keys and their kin ([`Notices`]).
//!
//! A server that is gone, slow or full of errors is left alone for a while; meanwhile every gateway counts for itself,
//! and no call fails or waits. Threads of their own talk to it, so that no worker of a server depends on another one.

pub(crate) mod counters;
pub(crate) mod notices;
pub(crate) mod status;
pub(crate) mod talk;

pub use counters::{CounterLeases, SharedCallCounters};
pub use notices::{Hear, Notices};
