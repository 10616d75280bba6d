//! Providers against a scripted vendor on this machine.
#![cfg(all(feature = "openai", feature = "anthropic"))]

#[cfg(feature = "bedrock")]
#[path = "providers/aws.rs"]
mod aws;
#[cfg(feature = "azure")]
#[path = "providers/azure.rs"]
mod azure;
#[path = "providers/build.rs"]
mod build;
#[path = "providers/client.rs"]
mod client;
#[cfg(feature = "dashscope")]
#[path = "providers/dashscope.rs"]
mod dashscope;
#[path = "providers/faults.rs"]
mod faults;
#[path = "providers/fidelity.rs"]
mod fidelity;
#[path = "providers/kinds.rs"]
mod kinds;
#[path = "providers/pairs.rs"]
mod pairs;
#[path = "providers/recorded.rs"]
mod recorded;
#[path = "providers/recorded_rows.rs"]
mod recorded_rows;
#[path = "providers/refrain.rs"]
mod refrain;
#[path = "providers/relay.rs"]
mod relay;
#[path = "providers/samples.rs"]
mod samples;
#[path = "providers/vendors_page.rs"]
mod vendors_page;
