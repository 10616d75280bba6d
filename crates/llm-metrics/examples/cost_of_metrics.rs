//! How long the counters of a call take: `cargo run --release -p llm-metrics --example cost_of_metrics`.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use llm_core::Usage;
use llm_metrics::{DeploymentLabels, Metrics, Observation, PriceBook};

const ROUNDS: u32 = 2_000_000;

fn main() {
    let metrics = Metrics::new();
    let deployment = metrics.deployment(DeploymentLabels::default());
    let route = metrics.route("/v1/chat/completions", "model");
    let usage = Usage { input: Some(600), cache_read: Some(400), output: Some(100), ..Usage::default() };
    let entry = PriceBook::embedded().lookup("", "gpt-4o").unwrap_or_default();
    let seen = Observation {
        operation: llm_core::operation::Operation::Chat,
        usage,
        cost: entry.price.cost(&usage),
        total: Duration::from_millis(900),
        upstream: Duration::from_millis(899),
        time_to_first_token: Some(Duration::from_millis(120)),
        streamed: true,
    };
    measure("a call's success", || deployment.success(black_box(&seen)));
    measure("a route's request", || route.finished(black_box(200)));
    measure("an in-flight guard", || drop(black_box(metrics.enter())));
    measure("the cost of a call", || {
        black_box(entry.price.cost(black_box(&usage)));
    });
    let book = PriceBook::embedded();
    measure("a lookup in the price book", || drop(black_box(book.lookup("openai", black_box("gpt-4o")))));
}

fn measure(what: &str, mut work: impl FnMut()) {
    let best = (0..5).map(|_| {
        let start = Instant::now();
        (0..ROUNDS / 5).for_each(|_| work());
        start.elapsed() / (ROUNDS / 5)
    });
    println!("{what}: {} ns", best.min().unwrap_or_default().as_nanos());
}
