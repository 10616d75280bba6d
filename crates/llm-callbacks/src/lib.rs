#![doc = include_str!("../README.md")]

mod content;
mod delivery;
mod external;
mod file;
mod http;
mod langfuse;
mod objects;
mod otel;
mod payload;
mod process;
mod queue;
mod settings;
mod webhook;

pub use delivery::{CallbackThread, Callbacks};
pub use external::{External, Stage};
pub use process::Process;
pub use settings::{Callback, CallbackSettings, Format, Place, Wanted};
pub use webhook::Webhook;
