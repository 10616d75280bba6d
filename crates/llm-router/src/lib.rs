//! Which deployment answers a request, and what happens when it does not: groups of deployments under one
//! public name, strategies, retries that avoid what just failed, and fallbacks.
//!
//! - [`Deployment`]: one model of one vendor with one credential; its [`health::Health`] says whether it is up, its
//!   [`quota::Quota`] whether there is room, its [`pace::Pace`] how fast it is.
//! - [`Rule`]: why a deployment is passed over.
//! - [`Group`]: deployments that may answer the same public name, and the [`Strategy`] that picks among them.
//! - [`Router`]: names to groups (exact, alias, wildcard), fallback lists, settings.
//! - [`run`]: the one loop that makes attempts until an answer begins.
//!
//! The router sees no vendor, no socket and no HTTP: it calls [`llm_core::Provider`]s.

pub mod ask;
pub mod clock;
pub mod deployment;
pub mod group;
pub mod health;
pub mod in_flight;
pub mod pace;
pub mod pattern;
pub mod quota;
pub mod router;
pub mod rule;
pub mod run;
pub mod started;
pub mod strategy;

pub use ask::Ask;
pub use deployment::{CheckSpec, Deployment, DeploymentSpec, Limits};
pub use group::Group;
pub use health::{AllowedFails, Bench, Cooldown, Credential, HealthSettings, Scope, Standing, Stands, Watch};
pub use in_flight::{Finished, InFlight, Patience};
pub use pattern::Pattern;
pub use quota::QuotaSpec;
pub use router::{Alias, Router, RouterSettings};
pub use rule::{Rule, unavailable};
pub use run::{Attempt, Route, RouteOptions, Routed, Unanswered};
pub use started::Started;
pub use strategy::{BuiltIn, Chosen, Strategy};
