//! What callbacks are made from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use llm_core::{Authenticator, Secret};
use serde_json::Value;

use crate::measured::MetricSettings;
use crate::otlp::Otlp;
use crate::words::KeepsWords;

/// Everybody who is told of calls.
#[derive(Clone, Debug, Default)]
pub struct CallbackSettings {
    /// Each of them.
    pub callbacks: Vec<Callback>,
    /// Who is told what was counted of them; `None`: only who asks.
    pub metrics: Option<MetricSettings>,
    /// Makes callbacks of what keys and teams say; `None`: they say nothing.
    pub own: Option<Arc<dyn MakeCallback>>,
    /// Whether nobody is told who asked.
    pub anonymous: bool,
    /// Another number when anything of it is other, credentials included.
    pub version: u64,
}

/// Makes a callback of an element of the `metadata.logging` of a key or a team.
pub trait MakeCallback: fmt::Debug + Send + Sync {
    /// The callback.
    ///
    /// # Errors
    /// Why there is none, in words without secrets.
    fn make(&self, entry: &Value) -> Result<Callback, String>;

    /// Whether any of them may be told what was asked and answered.
    fn may_have_content(&self) -> bool;
}

/// Somebody who is told of calls.
#[derive(Clone, Debug)]
pub struct Callback {
    /// Its name, for metrics and logs.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// What it is told of.
    pub wanted: Wanted,
    /// Whether it is told what was asked and answered. The safe default is not.
    pub content: bool,
    /// How many calls go together at most.
    pub batch: usize,
    /// How long a call waits for others at most.
    pub interval: Duration,
}

impl Callback {
    /// As many calls go together, as in LiteLLM.
    pub const BATCH: usize = 512;

    /// So long calls wait for others, as in LiteLLM.
    pub const INTERVAL: Duration = Duration::from_secs(5);

    /// A callback that is told of all calls, without what was said in them.
    pub fn new(name: impl Into<String>, place: Place) -> Self {
        let (wanted, content) = (Wanted { successes: true, failures: true }, false);
        Self { name: name.into(), place, wanted, content, batch: Self::BATCH, interval: Self::INTERVAL }
    }
}

/// Which calls a callback is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those that were answered.
    pub successes: bool,
    /// Those that failed, or whose client went away.
    pub failures: bool,
}

/// Where a callback is.
#[derive(Clone)]
pub enum Place {
    /// A file of lines.
    File {
        /// Its path.
        path: PathBuf,
        /// From this size on another one is begun.
        max_bytes: u64,
        /// How many older ones are kept.
        keep: usize,
    },
    /// An address that takes batches.
    Http {
        /// The address.
        url: String,
        /// Headers; their values may be credentials.
        headers: Vec<(String, Secret)>,
        /// How calls are written.
        format: Format,
    },
    /// A collector of OpenTelemetry that takes traces.
    Otel(Otlp),
    /// Langfuse.
    Langfuse {
        /// Its address.
        host: String,
        /// The public key.
        public_key: Secret,
        /// The secret key.
        secret_key: Secret,
    },
    /// A store of objects that is asked as S3 is.
    Objects {
        /// The bucket's address, without a slash at its end.
        url: String,
        /// What the names of objects begin with; empty or with a slash at its end.
        prefix: String,
        /// Signs requests.
        signer: Arc<dyn Authenticator>,
    },
    /// A store that keeps what was said, and nothing else of calls.
    Words(Arc<dyn KeepsWords>),
}

impl Place {
    /// What LiteLLM's configurations call it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Http { .. } => "generic_api",
            Self::Otel(_) => "otel",
            Self::Langfuse { .. } => "langfuse",
            Self::Objects { .. } => "s3_v2",
            Self::Words(_) => "spend_logs",
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses may hold keys.
        formatter.write_str(match self {
            Self::File { .. } => "File",
            Self::Http { .. } => "Http",
            Self::Otel(_) => "Otel",
            Self::Langfuse { .. } => "Langfuse",
            Self::Objects { .. } => "Objects",
            Self::Words(_) => "Words",
        })
    }
}

/// How calls are written for an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A list of calls.
    #[default]
    JsonArray,
    /// A line for each call.
    Lines,
    /// A request for each call.
    Single,
}
