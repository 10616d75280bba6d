//! Where state lives that outlasts or leaves a process.
//!
//! - [`redis`] (feature `redis`): limits and cooldowns that several gateways share.

#[cfg(feature = "redis")]
pub mod redis;
