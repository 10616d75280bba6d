#![doc = include_str!("../README.md")]

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
mod own;
mod payload;
mod process;
mod queue;
mod settings;
mod webhook;
mod words;

pub use delivery::{CallbackThread, Callbacks};
pub use external::{External, ExternalHook, Respondent, Stage};
pub use measured::{MetricSettings, MetricThread, ReadInstruments};
pub use otlp::Otlp;
pub use process::Process;
pub use settings::{Callback, CallbackSettings, Format, MakeCallback, Place, Wanted};
pub use webhook::Webhook;
pub use words::{KeepsWords, Said};
