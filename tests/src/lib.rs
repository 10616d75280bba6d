//! What the end-to-end tests stand on: the real gateway in this process, clients that speak to it over sockets, and
//! vendors that say what they are told.
//!
//! - [`stage`]: configuration text becomes a running server.
//! - [`client`], [`request`]: bytes out, bytes in, nothing made nicer.
//! - [`dialect`], [`said`]: vendors' voices and clients' ears, independent of the code under test.
//! - [`raw`]: vendors whose answers are no HTTP, or break off.
//! - [`vendors`]: deployments in YAML.
//! - [`nginx`]: nginx between clients and the gateway.
//! - [`logs`]: everything that was logged.

pub mod client;
pub mod dialect;
pub mod logs;
pub mod nginx;
pub mod raw;
pub mod request;
pub mod said;
pub mod stage;
pub mod vendors;
