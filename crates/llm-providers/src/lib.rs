#![doc = include_str!("../README.md")]

pub mod base_url;
mod cache_points;
mod credentials;
mod dialects;
pub mod files;
mod headers;
mod http_provider;
#[cfg(feature = "mock")]
pub mod mock;
pub mod parameters;
pub mod programs;
pub mod providers;
pub mod recordings;
pub mod registry;
pub mod vendor;

pub use cache_points::{CachePoint, PointRole};
pub use credentials::aws_signer;
pub use dialects::{CHAT_DEFAULTS, aws_region_of, chat_defaults, dialects, ingresses};
pub use files::Files;
pub use headers::Forwarding;
pub use http_provider::media::MediaSettings;
pub use parameters::Parameters;
pub use programs::Programs;
pub use providers::{DeploymentSpec, MockSettings, Providers};
pub use recordings::{Mode, Recordings, Shelf, Unwritten};
pub use registry::Registry;
pub use vendor::{Auth, Status, Vendor};
