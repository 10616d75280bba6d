//! Providers against a scripted vendor on this machine.
#![cfg(all(feature = "openai", feature = "anthropic"))]

#[path = "providers/build.rs"]
mod build;
#[path = "providers/client.rs"]
mod client;
#[cfg(feature = "dashscope")]
#[path = "providers/dashscope.rs"]
mod dashscope;
#[path = "providers/faults.rs"]
mod faults;
#[path = "providers/pairs.rs"]
mod pairs;
#[path = "providers/recorded.rs"]
mod recorded;
#[path = "providers/relay.rs"]
mod relay;
#[path = "providers/samples.rs"]
mod samples;
