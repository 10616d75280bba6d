//! Log lines for machines: one JSON object each, written straight into the line without a tree between.

use std::cell::RefCell;
use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::logging::clock::Moment;
use crate::logging::text::{quoted, quoted_debug};

/// One JSON object a line: time, level, target, then the event's own fields.
pub(crate) struct Json;

impl<S, N> FormatEvent<S, N> for Json
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
        // A line has some eighty pieces: they are joined in a text of the thread's own, where that costs little, and
        // go through the writer's virtual call as one.
        thread_local! {
            static LINE: RefCell<String> = RefCell::default();
        }
        LINE.with(|line| match line.try_borrow_mut() {
            Ok(mut line) => {
                line.clear();
                write_line(&mut *line, event)?;
                writer.write_str(&line)
            }
            // A value that logs while it is written.
            Err(_) => write_line(&mut writer, event),
        })
    }
}

fn write_line<W: Write>(out: &mut W, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    out.write_str(r#"{"timestamp":""#)?;
    Moment::now().write_whole(out)?;
    out.write_str(r#"","level":""#)?;
    out.write_str(metadata.level().as_str())?;
    out.write_str(r#"","target":""#)?;
    out.write_str(metadata.target())?;
    out.write_char('"')?;
    let mut members = Members { out, result: Ok(()) };
    event.record(&mut members);
    members.result?;
    members.out.write_str("}\n")
}

/// Writes fields as members of the object; keeps the first error for the end.
struct Members<'a, W> {
    out: &'a mut W,
    result: fmt::Result,
}

impl<W: Write> Members<'_, W> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut W) -> fmt::Result) {
        if self.result.is_err() {
            return;
        }
        // Field names are identifiers of our own code: nothing to escape.
        self.result = (|| {
            self.out.write_str(",\"")?;
            self.out.write_str(field.name())?;
            self.out.write_str("\":")?;
            value(self.out)
        })();
    }
}

impl<W: Write> Visit for Members<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |out| quoted(out, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |out| quoted_debug(out, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |out| out.write_str(itoa::Buffer::new().format(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |out| out.write_str(itoa::Buffer::new().format(value)));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.member(field, |out| out.write_str(itoa::Buffer::new().format(value)));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.member(field, |out| out.write_str(itoa::Buffer::new().format(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |out| out.write_str(if value { "true" } else { "false" }));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinities.
        self.member(
            field,
            |out| if value.is_finite() { write!(out, "{value}") } else { out.write_str("null") },
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const MODEL: &str = "a\n\"b\"";

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
    fn an_event_is_one_json_object() {
        let sink = Arc::new(Sink(Mutex::default()));
        let layer = tracing_subscriber::fmt::layer().event_format(Json).with_writer(Arc::clone(&sink));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let model = MODEL;
            let none: Option<u64> = None;
            tracing::info!(target: "t", model, status = 200, none, ok = true, share = 0.5, bad = f64::NAN, "{}", "done");
        });
        let line = String::from_utf8(sink.0.lock().clone()).expect("text");
        assert_eq!(line.lines().count(), 1);
        let mut value: serde_json::Value = serde_json::from_str(&line).expect("valid JSON");
        let time = value.as_object_mut().and_then(|members| members.remove("timestamp")).expect("a time");
        assert_eq!(time.as_str().map(str::len), Some("2026-11-20T19:05:07.123Z".len()));
        assert_eq!(
            value,
            serde_json::json!({
                "level": "INFO", "target": "t", "message": "done", "model": MODEL, "status": 200,
                "ok": true, "share": 0.5, "bad": null,
            })
        );
    }
}
