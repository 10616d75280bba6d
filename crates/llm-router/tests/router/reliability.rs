//! What the router does when vendors fail or are slow.

#[path = "reliability/common.rs"]
mod common;
#[path = "reliability/fallbacks.rs"]
mod fallbacks;
#[path = "reliability/hedging.rs"]
mod hedging;
#[path = "reliability/plans.rs"]
mod plans;
#[path = "reliability/promises.rs"]
mod promises;
#[path = "reliability/retries.rs"]
mod retries;
