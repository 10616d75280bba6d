//! Metrics told to a collector of OpenTelemetry, over OTLP/HTTP in JSON: at an interval, by a thread of their own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use llm_governance::Timestamp;
use llm_metrics::{Instrument, Kind, Point, Reading};
use serde_json::{Value, json};

use crate::delivery::Undelivered;
use crate::otlp::{Otlp, attribute, nanos};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: each message tells everything since the start, so that a lost one costs nothing.
const CUMULATIVE: u8 = 2;

/// How long a collector may take.
const DEADLINE: Duration = Duration::from_secs(15);

/// How long it may take when the gateway ends.
const LAST: Duration = Duration::from_secs(5);

/// Where metrics go, and how often.
#[derive(Clone, Debug)]
pub struct MetricSettings {
    /// The collector.
    pub to: Otlp,
    /// How long the thread waits between two messages.
    pub interval: Duration,
}

/// Reads all instruments.
pub type ReadInstruments = Arc<dyn Fn() -> Vec<Instrument> + Send + Sync>;

/// Tells metrics until it is dropped; whoever drops it waits until the last message is delivered, or has failed.
pub struct MetricThread {
    ending: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl MetricThread {
    /// Begins to tell.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(settings: MetricSettings, read: ReadInstruments) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (ending, ended) = sync_channel(0);
        let run = move || {
            let (headers, started) = (settings.to.header_map(), Timestamp::now());
            loop {
                let more = ended.recv_timeout(settings.interval) == Err(RecvTimeoutError::Timeout);
                let message = message(&settings.to, &read(), started, Timestamp::now());
                let sent = settings.to.post(&headers, &message, "rejectedDataPoints");
                let within = if more { DEADLINE } else { LAST };
                match runtime
                    .block_on(async { tokio::time::timeout(within, sent).await })
                    .unwrap_or_else(late)
                {
                    Ok(0) => {}
                    Ok(refused) => {
                        tracing::warn!(target: "llm_callbacks", refused, "metrics were refused by the collector");
                    }
                    // The next message tells all that this one would have.
                    Err(failure) => {
                        let why = failure.why.as_str();
                        tracing::warn!(target: "llm_callbacks", why, "metrics were not delivered");
                    }
                }
                if !more {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(run)?;
        Ok(Self { ending: Some(ending), thread: Some(thread) })
    }
}

impl Drop for MetricThread {
    fn drop(&mut self) {
        self.ending = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say, not even that it panicked: that is in the log.
            let _ = thread.join();
        }
    }
}

fn late<T>(_: tokio::time::error::Elapsed) -> Result<T, Undelivered> {
    Err(Undelivered { why: "it took too long".to_owned(), again: true, after: None })
}

fn message(to: &Otlp, instruments: &[Instrument], started: Timestamp, now: Timestamp) -> Value {
    let times = (nanos(started.0), nanos(now.0));
    let metrics: Vec<Value> = instruments.iter().map(|one| metric(to, one, (&times.0, &times.1))).collect();
    to.message(["resourceMetrics", "scopeMetrics", "metrics"], &metrics)
}

fn metric(to: &Otlp, instrument: &Instrument, times: (&str, &str)) -> Value {
    let points: Vec<Value> = instrument.points.iter().map(|one| point(to, one, times)).collect();
    let (field, data) = match instrument.kind {
        Kind::Sum => {
            let sum =
                json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true});
            ("sum", sum)
        }
        Kind::Gauge => ("gauge", json!({"dataPoints": points})),
        Kind::Distribution => {
            ("histogram", json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE}))
        }
    };
    json!({"name": instrument.name, "unit": instrument.unit, "description": instrument.about, field: data})
}

fn point(to: &Otlp, point: &Point, (started, now): (&str, &str)) -> Value {
    let attributes = point.attributes.iter().map(|(name, value)| {
        let value = if name == "gen_ai.provider.name" { to.vendor(value) } else { value };
        attribute(name, &json!(value))
    });
    let attributes: Vec<Value> = attributes.collect();
    match &point.reading {
        Reading::Number(number) => json!({
            "attributes": attributes, "startTimeUnixNano": started, "timeUnixNano": now, "asDouble": number,
        }),
        Reading::Distribution { bounds, counts, sum, count } => json!({
            "attributes": attributes,
            "startTimeUnixNano": started,
            "timeUnixNano": now,
            "count": count.to_string(),
            "sum": sum,
            "bucketCounts": counts.iter().map(u64::to_string).collect::<Vec<_>>(),
            "explicitBounds": bounds,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_shape_of_the_protocol() {
        let to = Otlp {
            url: String::new(),
            headers: Vec::new(),
            resource: vec![("service.name".to_owned(), "mine".to_owned())],
            vendors: &[("acme", "acme.ai")],
        };
        let distribution =
            Reading::Distribution { bounds: vec![0.5, 1.0], counts: vec![1, 0, 2], sum: 7.25, count: 3 };
        let point =
            |reading| Point { attributes: vec![("gen_ai.provider.name".into(), "acme".into())], reading };
        let instrument = |name: &'static str, kind, reading| Instrument {
            name: name.into(),
            unit: "s",
            about: "words".into(),
            kind,
            points: vec![point(reading)],
        };
        let all = [
            instrument("a", Kind::Distribution, distribution),
            instrument("b", Kind::Sum, Reading::Number(2.0)),
            instrument("c", Kind::Gauge, Reading::Number(1.0)),
        ];
        let message = message(&to, &all, Timestamp(1), Timestamp(2));
        let resource = &message["resourceMetrics"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"], json!({"stringValue": "mine"}));
        let metrics = &resource["scopeMetrics"][0]["metrics"];
        let attributes = json!([{"key": "gen_ai.provider.name", "value": {"stringValue": "acme.ai"}}]);
        let expected = json!({
            "name": "a", "unit": "s", "description": "words",
            "histogram": {"aggregationTemporality": 2, "dataPoints": [{
                "attributes": attributes, "startTimeUnixNano": "1000", "timeUnixNano": "2000",
                "count": "3", "sum": 7.25, "bucketCounts": ["1", "0", "2"], "explicitBounds": [0.5, 1.0],
            }]},
        });
        assert_eq!(metrics[0], expected);
        assert_eq!(metrics[1]["sum"]["isMonotonic"], json!(true));
        assert_eq!(metrics[1]["sum"]["dataPoints"][0]["asDouble"], json!(2.0));
        assert_eq!(metrics[2]["gauge"]["dataPoints"][0]["asDouble"], json!(1.0));
    }
}
