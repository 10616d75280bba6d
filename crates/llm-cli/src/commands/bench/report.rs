//! What a load measured, as a table and as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::load::{Load, Measured};
use crate::numbers::{NOTHING, count, maybe_dollars, milliseconds, short, time};
use crate::table::{Entry, Head, Look, Sheet};
use crate::terminal::{BAD, Terminal};

/// How many different errors are shown.
const ERRORS: usize = 5;

/// Times, the shortest first.
struct Times(Vec<Duration>);

impl Times {
    fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        Self(times)
    }

    /// The time within which this share of all was done.
    fn within(&self, hundredths: usize) -> Option<Duration> {
        let at = (self.0.len() * hundredths).div_ceil(100).max(1) - 1;
        self.0.get(at).copied()
    }

    fn mean(&self) -> Option<Duration> {
        let many = u32::try_from(self.0.len()).ok().filter(|many| *many > 0)?;
        Some(self.0.iter().sum::<Duration>() / many)
    }

    fn json(&self) -> Value {
        let shown = |time: Option<Duration>| time.map(milliseconds);
        json!({
            "mean": shown(self.mean()),
            "p50": shown(self.within(50)),
            "p90": shown(self.within(90)),
            "p95": shown(self.within(95)),
            "p99": shown(self.within(99)),
            "max": shown(self.within(100)),
        })
    }

    fn row(&self, name: &str) -> [Entry; 7] {
        let shown = |at: Option<Duration>| at.map_or_else(|| NOTHING.to_owned(), time);
        [
            Entry::new(name, Look::Strong),
            shown(self.mean()).into(),
            Entry::new(shown(self.within(50)), Look::Good),
            shown(self.within(90)).into(),
            shown(self.within(95)).into(),
            Entry::new(shown(self.within(99)), Look::Warn),
            shown(self.within(100)).into(),
        ]
    }
}

/// The report for people.
pub(super) fn table(load: &Load, measured: &Measured, terminal: Terminal) -> String {
    let (latencies, firsts) = times(measured);
    let heads = [
        Head::Whole("times"),
        Head::Right("mean"),
        Head::Right("p50"),
        Head::Right("p90"),
        Head::Right("p95"),
        Head::Right("p99"),
        Head::Right("max"),
    ];
    let mut sheet = Sheet::new(terminal, &heads);
    sheet.row(latencies.row("latency"));
    if load.stream {
        sheet.row(firsts.row("first token"));
    }
    let mut out = sheet.finish();
    let mut facts = Sheet::new(terminal, &[Head::Whole("of all"), Head::Right("")]);
    for (name, value) in facts_of(load, measured) {
        let look = if name == "failed" && !measured.failures.is_empty() { Look::Bad } else { Look::Plain };
        facts.row([Entry::new(name, Look::Strong), Entry::new(value, look)]);
    }
    out.push_str(&facts.finish());
    for (message, many) in errors(measured).into_iter().take(ERRORS) {
        out.push_str(&format!("{} {message}\n", terminal.paint(BAD, format!("{many} ×"))));
    }
    out
}

fn facts_of(load: &Load, measured: &Measured) -> [(&'static str, String); 8] {
    let (input, output) = measured.tokens();
    [
        ("requests", count(measured.answers.len() as u64 + measured.failures.len() as u64)),
        ("failed", count(measured.failures.len() as u64)),
        ("at a time", load.concurrency.to_string()),
        ("took", time(measured.took)),
        ("requests/s", format!("{:.1}", each_second(measured.answers.len() as u64, measured))),
        ("output tokens/s", format!("{:.0}", each_second(output, measured))),
        ("tokens", format!("{} in, {} out", short(input), short(output))),
        ("cost", maybe_dollars(measured.cost)),
    ]
}

/// The report for programs.
pub(super) fn json(load: &Load, measured: &Measured) -> Value {
    let (latencies, firsts) = times(measured);
    let (input, output) = measured.tokens();
    let errors: Vec<Value> = errors(measured)
        .into_iter()
        .map(|(message, count)| json!({"message": message, "count": count}))
        .collect();
    json!({
        "model": load.question.model,
        "concurrency": load.concurrency,
        "stream": load.stream,
        "requests": measured.answers.len() + measured.failures.len(),
        "failed": measured.failures.len(),
        "seconds": measured.took.as_secs_f64(),
        "requests_per_second": each_second(measured.answers.len() as u64, measured),
        "output_tokens_per_second": each_second(output, measured),
        "latency_ms": latencies.json(),
        "time_to_first_token_ms": firsts.json(),
        "prompt_tokens": input,
        "completion_tokens": output,
        "cost": measured.cost,
        "errors": errors,
    })
}

fn times(measured: &Measured) -> (Times, Times) {
    let latencies = Times::of(measured.answers.iter().map(|answer| answer.latency));
    (latencies, Times::of(measured.answers.iter().filter_map(|answer| answer.first)))
}

#[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyhow")]
fn each_second(many: u64, measured: &Measured) -> f64 {
    let seconds = measured.took.as_secs_f64();
    if seconds > 0.0 { many as f64 / seconds } else { 0.0 }
}

/// What went wrong, the most frequent first.
fn errors(measured: &Measured) -> Vec<(&str, usize)> {
    let mut errors: BTreeMap<&str, usize> = BTreeMap::new();
    for failure in &measured.failures {
        *errors.entry(&failure.message).or_default() += 1;
    }
    let mut errors: Vec<_> = errors.into_iter().collect();
    errors.sort_by_key(|(_, many)| std::cmp::Reverse(*many));
    errors
}

#[cfg(test)]
mod tests {
    use super::super::load::End;
    use super::*;
    use crate::ask::{Answer, Question};
    use crate::failure::{Exit, Failure};

    fn measured() -> Measured {
        let answer = |millis: u64| Answer {
            latency: Duration::from_millis(millis),
            first: Some(Duration::from_millis(millis / 10)),
            input: Some(10),
            output: Some(50),
            ..Answer::default()
        };
        Measured {
            answers: (1..=100).map(|number| answer(number * 10)).collect(),
            failures: vec![Failure::new(Exit::Error, "the vendor is overloaded")],
            took: Duration::from_secs(10),
            cost: Some(0.25),
        }
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = Times::of((1..=100).rev().map(Duration::from_millis));
        assert_eq!(times.within(50), Some(Duration::from_millis(50)));
        assert_eq!(times.within(99), Some(Duration::from_millis(99)));
        assert_eq!(times.within(100), Some(Duration::from_millis(100)));
        assert_eq!(
            Times::of([Duration::from_millis(7)].into_iter()).within(99),
            Some(Duration::from_millis(7))
        );
        assert_eq!(Times(Vec::new()).within(50), None);
    }

    #[test]
    fn a_load_is_a_table() {
        let question = Question { model: Some("smart".to_owned()), ..Question::default() };
        let load = Load { question, end: End::After(101), concurrency: 4, stream: true };
        insta::assert_snapshot!(table(&load, &measured(), Terminal::plain(100)));
        let json = json(&load, &measured());
        assert_eq!(json["latency_ms"]["p50"], 500.0);
        assert_eq!(json["requests_per_second"], 10.0);
        assert_eq!(json["errors"][0]["count"], 1);
    }
}
