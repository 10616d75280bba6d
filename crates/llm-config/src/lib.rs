//! Reads a configuration and builds the gateway that it describes.
pub mod build;
pub mod check;
pub mod config;
mod deployments;
mod dotenv;
mod environment;
mod files;
mod inference;
mod keys;
pub mod load;
mod node;
mod references;
pub mod report;
pub mod schema;
pub mod settings;
mod strict;

pub use build::build;
pub use check::describe;
pub use config::{Config, DeploymentConfig, Loaded, Origin, Sources};
pub use load::{Options, load};
pub use report::{Place, Problem, Report, Severity};
pub use schema::schema;
pub use settings::{Flags, RouterConfig, ServerSettings};
