//! Reads a configuration and builds the gateway that it describes.
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
pub mod settings;
mod strict;

pub use config::{Config, DeploymentConfig, Loaded, Origin, Sources};
pub use load::{Options, load};
pub use report::{Place, Problem, Report, Severity};
pub use settings::{Flags, RouterConfig, ServerSettings};
