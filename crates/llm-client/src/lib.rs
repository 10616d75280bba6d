#![doc = include_str!("../README.md")]
//!
//! # How it works
//!
//! A [`Client`] is a door to a [`Gateway`] in the same process: what is asked goes the whole way that a request over HTTP
//! goes, with retries, fallbacks, limits, budgets, guardrails, caches and hooks, and no socket in between. Ask a gateway
//! in another process with the SDK that you know.

mod answer;
#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
mod chat;
mod client;
mod error;
mod global;
mod stream;
mod told;

pub use answer::{Answer, ToolCall, Vectors};
pub use builder::{Builder, Model};
pub use chat::Chat;
pub use client::Client;
pub use error::Error;
pub use global::{chat, global, install};
pub use llm_config::Report;
pub use llm_core::money::NanoDollars;
pub use llm_gateway::{Gateway, GatewayParts};
pub use stream::{ChatStream, Piece};
pub use told::{Told, Usage};

/// What a call comes to.
pub type Result<T, E = Error> = std::result::Result<T, E>;
