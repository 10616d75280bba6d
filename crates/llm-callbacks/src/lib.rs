//! What a gateway tells others of its calls, and what it asks others about them.
//!
//! - [`Callbacks`] takes note of each call that has ended ([`llm_gateway::CallLog`]) and delivers it, a while later and in
//!   batches, to files, HTTP addresses, collectors of traces and stores of objects. The request path only puts a call into
//!   bounded queues; when one is full the newest call is dropped and counted.
//! - [`MetricThread`] tells a collector of OpenTelemetry what was counted, at an interval.
//! - [`Webhook`] and [`Process`] are hooks ([`llm_gateway::Hook`]) for people without Rust: an address that is asked, and a
//!   program that speaks lines of JSON.
//!
//! Everything is JSON over llm-transport; there is no SDK of anybody's in it.

mod content;
mod delivery;
mod external;
mod file;
mod http;
mod langfuse;
mod measured;
mod objects;
mod otel;
mod otlp;
mod payload;
mod process;
mod queue;
mod settings;
mod webhook;

pub use delivery::{CallbackThread, Callbacks};
pub use external::{External, ExternalHook, Respondent, Stage};
pub use measured::{MetricSettings, MetricThread, ReadInstruments};
pub use otlp::Otlp;
pub use process::Process;
pub use settings::{Callback, CallbackSettings, Format, Place, Wanted};
pub use webhook::Webhook;
