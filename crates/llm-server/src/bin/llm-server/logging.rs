//! The log: pretty on a terminal, JSON lines otherwise, never waited for by a request.

mod buffer;
mod clock;
mod json;
mod pretty;
mod text;

use std::io;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;

use buffer::Buffer;
use json::Json;
use pretty::Pretty;

/// Crates below us that say too much, some of it (heads of requests) with keys. Nothing lifts these caps.
const NOISY: [(&str, Level); 7] = [
    ("aws_sigv4", Level::WARN),
    ("h2", Level::INFO),
    ("hyper", Level::INFO),
    ("hyper_util", Level::INFO),
    ("mio", Level::INFO),
    ("rustls", Level::INFO),
    ("tokio", Level::INFO),
];

/// How long the end of the program waits for the last lines to be taken.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a log looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// For people, in colours or without.
    Pretty { colours: bool },
    /// For machines.
    Json,
}

/// The log of the program. Dropping it writes what is left.
pub(crate) struct Log(Arc<Buffer>);

impl Drop for Log {
    fn drop(&mut self) {
        self.0.stop(PATIENCE);
    }
}

/// Starts the log on the standard output. `wanted` are directives like `info,llm_router=debug` that replace the
/// usual ones.
pub(crate) fn start(look: Look, debug: bool, wanted: Option<&str>) -> io::Result<Log> {
    let buffer = Arc::new(Buffer::default());
    let tell = |dropped| tracing::warn!(dropped, "log lines were dropped: the output is too slow");
    buffer::write_behind(Arc::clone(&buffer), io::stdout(), tell)?;
    let (to, targets) = (Arc::clone(&buffer), targets(debug, wanted));
    let layer = fmt::layer().with_writer(to);
    let registry = tracing_subscriber::registry().with(targets);
    // An error would mean that a log was set before; this is the only place that does.
    let _ = match look {
        Look::Json => tracing::subscriber::set_global_default(registry.with(layer.event_format(Json))),
        Look::Pretty { colours } => {
            let layer = layer.with_ansi(colours).event_format(Pretty);
            tracing::subscriber::set_global_default(registry.with(layer))
        }
    };
    tell_panics(Arc::clone(&buffer));
    Ok(Log(buffer))
}

fn targets(debug: bool, wanted: Option<&str>) -> Targets {
    let usual = || Targets::new().with_default(if debug { Level::DEBUG } else { Level::INFO });
    let targets = wanted.and_then(|wanted| Targets::from_str(wanted).ok()).unwrap_or_else(usual);
    targets.with_targets(NOISY)
}

/// Logs panics with their place. Their text goes to the debug level: it may quote a prompt.
fn tell_panics(buffer: Arc<Buffer>) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, thread, "panic: please report it with this place");
        let text = panic.payload_as_str().unwrap_or_default();
        tracing::debug!(place, text, "what the panic said");
        buffer.flush(Duration::from_millis(100));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noisy_crates_are_capped_whatever_is_asked_for() {
        for wanted in [None, Some("trace"), Some("trace,hyper=trace,aws_sigv4=trace"), Some("=no=sense=")] {
            let targets = targets(true, wanted);
            assert!(!targets.would_enable("hyper::proto", &Level::DEBUG), "{wanted:?}");
            assert!(!targets.would_enable("aws_sigv4", &Level::INFO), "{wanted:?}");
            assert!(targets.would_enable("llm_router", &Level::DEBUG), "{wanted:?}");
        }
    }
}
