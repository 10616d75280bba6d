#![doc = include_str!("../README.md")]

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
mod overrides;
mod own_callbacks;
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
mod stored_alerts;
mod stored_callbacks;
mod stored_guardrails;
mod strict;
mod team;
mod vendors;

pub use build::{Builder, build};
pub use check::describe;
pub use config::{Config, DeploymentConfig, HealthConfig, Loaded, NetworkConfig, Origin, Sources};
pub use load::{Options, load};
pub use reference::reference;
pub use report::{Place, Problem, Report, Severity};
pub use schema::schema;
pub use services::{Asked, DatabaseLink, Imported, Models, Prepared, Services, Unopened, import_litellm};
pub use settings::{
    AlertFormat, AlertKind, AlertSettings, AlertTarget, Bucket, BudgetConfig, CacheConfig, CachePlace,
    CertificateFiles, DashboardSettings, EndpointConfig, Flags, ForwardSettings, GovernanceSettings,
    GuardrailConfig, HookConfig, HookTarget, LimitSettings, RecordingSettings, ServerSettings,
    StorageSettings,
};
pub use stored::dotprompt;
pub use team::TeamName;
pub use vendors::{KnownVendor, vendors};
