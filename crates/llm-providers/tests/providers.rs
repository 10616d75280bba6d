//! Providers against a scripted vendor on this machine.
#![cfg(all(feature = "openai", feature = "anthropic"))]

#[cfg(feature = "bedrock")]
#[path = "providers/aws.rs"]
mod aws;
#[path = "providers/build.rs"]
mod build;
#[path = "providers/client.rs"]
mod client;
#[path = "providers/faults.rs"]
mod faults;
#[path = "providers/pairs.rs"]
mod pairs;
#[path = "providers/recorded.rs"]
mod recorded;
#[path = "providers/samples.rs"]
mod samples;
