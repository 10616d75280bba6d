//! The router against fake vendors.

#[path = "router/fit.rs"]
mod fit;
#[path = "router/health.rs"]
mod health;
#[path = "router/limits.rs"]
mod limits;
#[path = "router/reliability.rs"]
mod reliability;
#[path = "router/run.rs"]
mod run;
#[path = "router/shared.rs"]
mod shared;
#[path = "router/strategies.rs"]
mod strategies;
