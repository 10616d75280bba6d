//! Where state lives that outlasts or leaves a process.
//!
//! - [`settings`]: where stores are.
//! - [`redis`] (feature `redis`): limits and cooldowns that several gateways share.

#[cfg(feature = "redis")]
pub mod redis;
pub mod settings;

pub use settings::RedisSettings;
