//! `llm stats`: requests, spend and latency of the last days, as pictures and tables.

use std::fmt::Write as _;

use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::usage::{self, Group, latency};
use crate::backend::Backend;
use crate::days::last;
use crate::failure::Failure;
use crate::numbers::{count, dollars, percent, short};
use crate::sparkline::sparkline;
use crate::terminal::{BAD, FAINT, GOOD, NAME, STRONG, Style, Terminal, WARN};

/// How many models and teams are shown.
const SHOWN: u16 = 8;

/// Which days.
#[derive(Args)]
#[command(after_help = "\
Examples:
  llm stats                the last 14 days
  llm stats --days 90

JSON: {\"from\", \"to\", \"total\": {…}, \"days\": [{day, requests, errors, cost, …}], \"models\": [{model, …}]}, with the \
numbers of `llm usage`.")]
pub(crate) struct Stats {
    /// How many days, today the last of them.
    #[arg(short, long, default_value = "14", value_parser = clap::value_parser!(u16).range(1..=365))]
    pub days: u16,
}

/// Prints them.
///
/// # Errors
/// When the gateway does not say.
pub(crate) async fn run(asked: &Stats, backend: &Backend, terminal: Terminal) -> Result<(), Failure> {
    let span = last(asked.days);
    let by_day = backend.get(&usage::path(Group::Day, span, 1_000)).await?;
    let by_model = backend.get(&usage::path(Group::Model, span, SHOWN)).await?;
    if terminal.json {
        let report = json!({
            "from": by_day["from"],
            "to": by_day["to"],
            "total": by_day["total"],
            "days": by_day["results"],
            "models": by_model["results"],
        });
        return terminal.print_json(&report, false);
    }
    terminal.print(&shown(span, &by_day, &by_model, terminal))
}

fn shown(span: (Date, Date), by_day: &Value, by_model: &Value, terminal: Terminal) -> String {
    let mut out = format!("{}\n\n", terminal.paint(STRONG, format!("{} to {}", span.0, span.1)));
    let (days, total) = (each_day(span, by_day), &by_day["total"]);
    for line in lines(total) {
        let numbers: Vec<Option<f64>> = days.iter().map(|day| (line.of)(day.as_ref()?)).collect();
        let numbers = if line.is_sum {
            numbers.iter().map(|number| Some(number.unwrap_or(0.0))).collect()
        } else {
            numbers
        };
        let most = numbers.iter().flatten().copied().fold(0.0, f64::max);
        let width = usize::from(terminal.width).saturating_sub(50).clamp(10, 60);
        let picture = terminal.paint(line.style, sparkline(&numbers, width));
        let peak = terminal.paint(FAINT, format!("most {}", (line.show)(most)));
        // A string takes everything.
        let _ = writeln!(out, "  {:<12} {:>12}  {picture}  {peak}", line.name, line.total);
    }
    out.push('\n');
    let models = by_model["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    if models.is_empty() {
        out.push_str(&terminal.paint(FAINT, "  nothing was used\n"));
    } else {
        out.push_str(&usage::table(Group::Model, models, total, &[], terminal));
    }
    out
}

/// One line of numbers by day.
struct Line {
    name: &'static str,
    total: String,
    style: Style,
    /// Whether a day of nothing counts as zero.
    is_sum: bool,
    of: fn(&Value) -> Option<f64>,
    show: fn(f64) -> String,
}

fn lines(total: &Value) -> [Line; 6] {
    let number = |name: &str| total[name].as_u64().unwrap_or(0);
    let (requests, errors) = (number("requests"), number("errors"));
    #[expect(clippy::cast_precision_loss, reason = "a share is rounded anyhow")]
    let rate = percent(errors as f64, requests as f64);
    let line = |name, total: String, style, is_sum, of, show| Line { name, total, style, is_sum, of, show };
    let milliseconds: fn(f64) -> String = |number| latency(&json!(number));
    [
        line("requests", count(requests), NAME, true, |day| day["requests"].as_f64(), whole),
        line(
            "spend",
            dollars(total["cost"].as_f64().unwrap_or(0.0)),
            GOOD,
            true,
            |day| day["cost"].as_f64(),
            dollars,
        ),
        line("tokens", short(number("total_tokens")), NAME, true, |day| day["total_tokens"].as_f64(), whole),
        line("errors", rate, BAD, true, |day| day["errors"].as_f64(), whole),
        line(
            "latency",
            latency(&total["average_latency_ms"]),
            WARN,
            false,
            |day| day["average_latency_ms"].as_f64(),
            milliseconds,
        ),
        line(
            "first token",
            latency(&total["average_time_to_first_token_ms"]),
            WARN,
            false,
            |day| day["average_time_to_first_token_ms"].as_f64(),
            milliseconds,
        ),
    ]
}

fn whole(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let number = number as u64;
    short(number)
}

/// What there is of every day of a span; `None` of days without a call.
fn each_day((from, until): (Date, Date), by_day: &Value) -> Vec<Option<Value>> {
    let results = by_day["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |day: Date| {
        let day = day.to_string();
        results.iter().find(|one| one["day"].as_str() == Some(&day)).cloned()
    };
    from.series(jiff::Span::new().days(1)).take_while(|day| *day <= until).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_pictures() {
        let day = |day: &str, requests: u64| {
            json!({
                "day": day, "requests": requests, "errors": 1, "total_tokens": 10 * requests, "cost": 0.5,
                "average_latency_ms": 300.0, "average_time_to_first_token_ms": 100.0,
            })
        };
        let total = json!({
            "requests": 30, "errors": 2, "total_tokens": 300, "cost": 1.0, "average_latency_ms": 300.0,
            "average_time_to_first_token_ms": null,
        });
        let by_day = json!({"results": [day("2026-11-20", 10), day("2026-11-22", 20)], "total": total});
        let model = json!({
            "model": "smart", "requests": 30, "errors": 2, "prompt_tokens": 200, "completion_tokens": 100,
            "average_latency_ms": 300.0, "cost": 1.0,
        });
        let span = ("2026-11-19".parse().expect("a day"), "2026-11-22".parse().expect("a day"));
        insta::assert_snapshot!(shown(span, &by_day, &json!({"results": [model]}), Terminal::plain(100)));
    }
}
