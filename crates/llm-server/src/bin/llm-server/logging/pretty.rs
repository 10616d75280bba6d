//! Log lines for people: time, level, what happened, and the facts behind it in a quieter colour.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::logging::clock::Moment;
use crate::logging::text::{Escaped, is_plain, quoted};

const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// One line an event, for people.
pub(crate) struct Pretty;

impl<S, N> FormatEvent<S, N> for Pretty
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let colours = writer.has_ansi_escapes();
        let level = event.metadata().level();
        let mut line = Line { out: &mut writer, colours, result: Ok(()) };
        line.coloured(DIM, |out| Moment::now().write_time(out))?;
        line.out.write_char(' ')?;
        line.coloured(colour(*level), |out| write!(out, "{:<5}", level.as_str()))?;
        event.record(&mut Message(&mut line));
        event.record(&mut Facts(&mut line));
        line.result?;
        writer.write_char('\n')
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        _ => "\u{1b}[34m",
    }
}

struct Line<'a, W> {
    out: &'a mut W,
    colours: bool,
    result: fmt::Result,
}

impl<W: Write> Line<'_, W> {
    fn coloured(&mut self, colour: &str, text: impl FnOnce(&mut W) -> fmt::Result) -> fmt::Result {
        if !self.colours {
            return text(self.out);
        }
        self.out.write_str(colour)?;
        text(self.out)?;
        self.out.write_str(PLAIN)
    }

    fn fact(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if field.name() == "message" || self.result.is_err() {
            return;
        }
        let key = field.name();
        self.result = self.coloured(DIM, |out| write!(out, " {key}=")).and_then(|()| {
            let text = value.to_string();
            if is_plain(&text) { self.out.write_str(&text) } else { quoted(self.out, &text) }
        });
    }
}

/// Writes what happened.
struct Message<'a, 'b, W>(&'a mut Line<'b, W>);

impl<W: Write> Visit for Message<'_, '_, W> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" && self.0.result.is_ok() {
            let out = &mut *self.0.out;
            self.0.result = out.write_char(' ').and_then(|()| write!(Escaped(out), "{value:?}"));
        }
    }
}

/// Writes everything else.
struct Facts<'a, 'b, W>(&'a mut Line<'b, W>);

impl<W: Write> Visit for Facts<'_, '_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.fact(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.fact(field, format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    struct Sink(Mutex<Vec<u8>>);

    impl std::io::Write for &Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_that_no_value_can_break() {
        let sink = Arc::new(Sink(Mutex::default()));
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(Pretty)
            .with_writer(Arc::clone(&sink));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let model = "a\n\u{1b}[31mforged";
            tracing::warn!(status = 500, model, deployment = "one", "failed {}", "a\nb");
        });
        let line = String::from_utf8(sink.0.lock().clone()).expect("text");
        let (_time, rest) = line.split_once(' ').expect("a time");
        assert_eq!(rest, "WARN  failed a\\nb status=500 model=\"a\\n\\u001b[31mforged\" deployment=one\n");
    }
}
