//! Reads a configuration and builds the gateway that it describes. Only this crate and the programs read files and
//! the environment.
//!
//! ```
//! use llm_config::{Options, build, describe, load};
//!
//! // No file, no variables: the built-in mock.
//! let loaded = load(&Options::default()).expect("nothing can be wrong with nothing");
//! assert!(describe(&loaded).contains("mock/echo"));
//! let parts = build(&loaded).expect("the mock can always be built");
//! assert!(parts.router.resolve("mock/echo").is_ok());
//! ```
//!
//! - [`load()`]: from files and variables to a checked [`Config`], or to a [`Report`] of everything that is wrong.
//! - [`config`], [`settings`]: what a configuration says, typed.
//! - [`build()`]: what a gateway is made from.
//! - [`check`]: what would be served, in words.
//! - [`vendors()`]: who can be called with a key alone.
//! - [`schema()`], [`reference()`]: the key table for editors and for the docs.
//!
//! The key table (`keys`) is the one source of what a file may say; a file becomes a tree that keeps places and
//! spellings (`node`), is checked against the table (`strict`), and its deployments (`deployments`) find their
//! vendors (`inference`). The price table may be a file or an address (`prices`).

mod alerts;
mod answers;
pub mod build;
pub mod check;
pub mod config;
mod deployments;
mod dotenv;
mod environment;
mod files;
mod guardrails;
mod health;
mod inference;
mod kept;
mod keys;
pub mod load;
mod node;
mod prices;
mod programs;
mod recordings;
pub mod reference;
mod references;
mod relays;
mod replaced;
pub mod report;
pub mod schema;
pub mod services;
pub mod settings;
mod shared;
mod stored;
mod strict;
mod team;
mod vendors;

pub use build::{Builder, build};
pub use check::describe;
pub use config::{Config, DeploymentConfig, HealthConfig, Loaded, Origin, Sources};
pub use load::{Options, load};
pub use reference::reference;
pub use report::{Place, Problem, Report, Severity};
pub use schema::schema;
pub use services::{Asked, Imported, Models, Prepared, Services, Unopened, import_litellm};
pub use settings::{
    AlertFormat, AlertKind, AlertSettings, AlertTarget, BudgetConfig, CacheConfig, CachePlace,
    DashboardSettings, Flags, GovernanceSettings, GuardrailConfig, HookConfig, HookTarget, LimitSettings,
    RecordingSettings, ServerSettings, StorageSettings,
};
pub use team::TeamName;
pub use vendors::{KnownVendor, vendors};
