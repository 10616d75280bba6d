//! Which deployment answers a request, and what happens when it does not: groups of deployments under one
//! public name, strategies, retries that avoid what just failed, and fallbacks.
//!
//! - [`Deployment`]: one model of one vendor with one credential, and how it has been doing.
//! - [`Group`]: deployments that may answer the same public name, and the [`Strategy`] that picks among them.
//! - [`Router`]: names to groups (exact, alias, wildcard), fallback lists, settings.
//! - [`run`]: the one loop that makes attempts until an answer begins.
//!
//! The router sees no vendor, no socket and no HTTP: it calls [`llm_core::Provider`]s.

pub mod deployment;
pub mod group;
pub mod pattern;
pub mod router;
pub mod run;
pub mod started;
pub mod strategy;

pub use deployment::{Deployment, DeploymentSpec, Limits};
pub use group::Group;
pub use pattern::Pattern;
pub use router::{Alias, Router, RouterSettings};
pub use run::{Attempt, Route, Routed, Unanswered};
pub use started::Started;
pub use strategy::{Strategy, strategy_named};
