//! The counters as Prometheus families. Here, and only here, whole numbers become floats: the format has no others.

use std::sync::Arc;

use prometheus::core::Desc;
use prometheus::proto::{Bucket, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};

use super::Book;
use super::deployment::{Counter, DeploymentLabels, DeploymentMetrics, FAILURES, Limit, STATUSES, Timing};
use super::route::{PLACES, RouteLabels, RouteMetrics, is_failure, status_label};

/// Nano-units in a unit: nano-dollars in a dollar, nanoseconds in a second.
const NANO: u64 = 1_000_000_000;

/// A counter's name, its meaning, and how many of its cell's units make one of its own.
const COUNTERS: [(Counter, &str, &str, u64); 9] = [
    (Counter::SpendNanos, "litellm_spend_metric_total", "Dollars spent", NANO),
    (Counter::Input, "litellm_input_tokens_metric_total", "Prompt tokens", 1),
    (Counter::Output, "litellm_output_tokens_metric_total", "Answer tokens", 1),
    (Counter::CacheRead, "litellm_input_cached_tokens_metric_total", "Prompt tokens read from a cache", 1),
    (
        Counter::CacheWrite,
        "litellm_input_cache_creation_tokens_metric_total",
        "Prompt tokens written to a cache",
        1,
    ),
    (Counter::AudioIn, "litellm_input_audio_tokens_metric_total", "Audio tokens of prompts", 1),
    (Counter::AudioOut, "litellm_output_audio_tokens_metric_total", "Audio tokens of answers", 1),
    (Counter::Reasoning, "litellm_output_reasoning_tokens_metric_total", "Thinking tokens", 1),
    (Counter::Successes, "litellm_deployment_success_responses_total", "Attempts that succeeded", 1),
];

const TIMINGS: [(Timing, &str, &str); 5] = [
    (
        Timing::Total,
        "litellm_request_total_latency_metric",
        "Seconds from the request to the end of its answer",
    ),
    (Timing::Upstream, "litellm_llm_api_latency_metric", "Seconds that the vendor took"),
    (
        Timing::FirstToken,
        "litellm_llm_api_time_to_first_token_metric",
        "Seconds until the vendor's first content, streams only",
    ),
    (Timing::Overhead, "litellm_overhead_latency_metric", "Seconds that the gateway added"),
    (
        Timing::PerToken,
        "litellm_deployment_latency_per_output_token",
        "Seconds that the vendor took for each answer token",
    ),
];

/// Reads the book when Prometheus asks.
pub(super) struct Collector {
    book: Arc<Book>,
    /// The registry wants one description to tell collectors apart; families describe themselves.
    describes: Desc,
}

impl Collector {
    pub(super) fn new(book: Arc<Book>) -> Self {
        let name = "litellm_in_flight_requests".to_owned();
        let describes = Desc::new(name, "Requests being served".to_owned(), Vec::new(), Default::default());
        Self { book, describes: describes.expect("the name is a valid constant") }
    }
}

impl prometheus::core::Collector for Collector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.describes]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = vec![in_flight(&self.book), shared(&self.book)];
        families.extend(callbacks(&self.book.callbacks.lock()));
        families.extend(of_routes(&self.book.routes()));
        families.extend(of_deployments(&self.book.deployments()));
        families.retain(|family| !family.get_metric().is_empty());
        families
    }
}

fn in_flight(book: &Book) -> MetricFamily {
    let sample = gauge(Vec::new(), book.in_flight.sum(0));
    family("litellm_in_flight_requests", "Requests being served", MetricType::GAUGE, vec![sample])
}

fn shared(book: &Book) -> MetricFamily {
    let sample = (*book.shared.lock()).map(|connected| gauge(Vec::new(), u64::from(connected)));
    let help = "Whether the Redis that gateways share answers: 1 it does, 0 each counts for itself";
    family("llm_redis_connected", help, MetricType::GAUGE, sample.into_iter().collect())
}

fn callbacks(counts: &[(String, [u64; 3])]) -> [MetricFamily; 3] {
    let each = |pick: fn(&[u64; 3]) -> u64| {
        let sample = |(name, counts): &(String, [u64; 3])| {
            counter(label_pairs(&[("callback_name", name)]), pick(counts), 1)
        };
        counts.iter().map(sample).collect()
    };
    let kind = MetricType::COUNTER;
    [
        family(
            "llm_callback_sent_total",
            "Calls that a callback was told of",
            kind,
            each(|counts| counts[0]),
        ),
        family(
            "litellm_callback_logging_failures_metric_total",
            "Calls that a callback was not told of: not delivered, or dropped",
            kind,
            each(|counts| counts[1].saturating_add(counts[2])),
        ),
        family(
            "llm_callback_dropped_total",
            "Calls that a callback was not told of, because too many waited",
            kind,
            each(|counts| counts[2]),
        ),
    ]
}

fn of_routes(routes: &[(RouteLabels, RouteMetrics)]) -> [MetricFamily; 2] {
    let (mut all, mut failed) = (Vec::new(), Vec::new());
    for (labels, metrics) in routes {
        for place in 0..PLACES {
            let (count, status) = (metrics.at(place), status_label(place));
            let pairs = |status_name| {
                let model = ("requested_model", &*labels.requested_model);
                label_pairs(&[model, ("route", labels.route), (status_name, &status)])
            };
            if count > 0 {
                all.push(counter(pairs("status_code"), count, 1));
            }
            if count > 0 && is_failure(place) {
                failed.push(counter(pairs("exception_status"), count, 1));
            }
        }
    }
    [
        family("litellm_proxy_total_requests_metric_total", "Requests of clients", MetricType::COUNTER, all),
        family(
            "litellm_proxy_failed_requests_metric_total",
            "Requests of clients that failed",
            MetricType::COUNTER,
            failed,
        ),
    ]
}

fn of_deployments(deployments: &[(DeploymentLabels, DeploymentMetrics)]) -> Vec<MetricFamily> {
    let each = |sample: &dyn Fn(&DeploymentMetrics, Vec<LabelPair>) -> Metric| -> Vec<Metric> {
        deployments.iter().map(|(labels, metrics)| sample(metrics, of_labels(labels, None))).collect()
    };
    let mut families = Vec::new();
    for (cell, name, help, scale) in COUNTERS {
        let samples = each(&|metrics, labels| counter(labels, metrics.counter(cell), scale));
        families.push(family(name, help, MetricType::COUNTER, samples));
    }
    for (timing, name, help) in TIMINGS {
        let samples = each(&|metrics, labels| histogram(labels, metrics, timing));
        families.push(family(name, help, MetricType::HISTOGRAM, samples));
    }
    let tokens = each(&|metrics, labels| {
        counter(labels, metrics.counter(Counter::Input).wrapping_add(metrics.counter(Counter::Output)), 1)
    });
    let help = "Prompt and answer tokens";
    families.push(family("litellm_total_tokens_metric_total", help, MetricType::COUNTER, tokens));
    let requests = each(&|metrics, labels| counter(labels, metrics.totals().requests, 1));
    families.push(family(
        "litellm_deployment_total_requests_total",
        "Attempts",
        MetricType::COUNTER,
        requests,
    ));
    families.push(cooldowns(deployments));
    let states = each(&|metrics, labels| gauge(labels, metrics.state() as u64));
    let help = "0 healthy, 1 degraded, 2 out";
    families.push(family("litellm_deployment_state", help, MetricType::GAUGE, states));
    families.push(failures(deployments));
    families.extend(limits(deployments));
    families
}

fn limits(deployments: &[(DeploymentLabels, DeploymentMetrics)]) -> [MetricFamily; 3] {
    [
        (Limit::Requests, "litellm_deployment_rpm_limit", "Requests a minute at most"),
        (Limit::Tokens, "litellm_deployment_tpm_limit", "Tokens a minute at most"),
        (
            Limit::Concurrency,
            "llm_deployment_concurrency_limit",
            "Attempts at a time that the deployment is thought to bear",
        ),
    ]
    .map(|(limit, name, help)| {
        let sample = |(labels, metrics): &(DeploymentLabels, DeploymentMetrics)| {
            Some(gauge(of_labels(labels, None), metrics.limit(limit)?))
        };
        family(name, help, MetricType::GAUGE, deployments.iter().filter_map(sample).collect())
    })
}

fn cooldowns(deployments: &[(DeploymentLabels, DeploymentMetrics)]) -> MetricFamily {
    let mut samples = Vec::new();
    for (labels, metrics) in deployments {
        for at in 0..=STATUSES.len() {
            let (count, status) = (metrics.cooldowns_at(at), STATUSES.get(at).map(u16::to_string));
            if count > 0 {
                let status = ("exception_status", status.as_deref().unwrap_or("other"));
                samples.push(counter(of_labels(labels, Some(status)), count, 1));
            }
        }
    }
    let help = "How often the deployment was left alone for a while";
    family("litellm_deployment_cooled_down_total", help, MetricType::COUNTER, samples)
}

fn failures(deployments: &[(DeploymentLabels, DeploymentMetrics)]) -> MetricFamily {
    let mut samples = Vec::new();
    for (labels, metrics) in deployments {
        for at in 0..=FAILURES.len() {
            let (count, kind) =
                (metrics.failures_at(at), FAILURES.get(at).map_or("other", |kind| kind.name()));
            if count > 0 {
                samples.push(counter(of_labels(labels, Some(("exception_class", kind))), count, 1));
            }
        }
    }
    family("litellm_deployment_failure_responses_total", "Attempts that failed", MetricType::COUNTER, samples)
}

fn family(name: &str, help: &str, kind: MetricType, samples: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(samples);
    family
}

fn counter(labels: Vec<LabelPair>, count: u64, scale: u64) -> Metric {
    let mut counter = prometheus::proto::Counter::default();
    counter.set_value(scaled(count, scale));
    let mut metric = Metric::from_label(labels);
    metric.set_counter(counter);
    metric
}

fn gauge(labels: Vec<LabelPair>, value: u64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(scaled(value, 1));
    let mut metric = Metric::from_label(labels);
    metric.set_gauge(gauge);
    metric
}

fn histogram(labels: Vec<LabelPair>, metrics: &DeploymentMetrics, timing: Timing) -> Metric {
    let read = metrics.distribution(timing);
    let bucket = |(bound, count)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(scaled(bound, NANO));
        bucket.set_cumulative_count(count);
        bucket
    };
    let mut histogram = Histogram::default();
    histogram.set_sample_count(read.count);
    histogram.set_sample_sum(scaled(read.sum, NANO));
    histogram.set_bucket(read.cumulative.into_iter().map(bucket).collect());
    let mut metric = Metric::from_label(labels);
    metric.set_histogram(histogram);
    metric
}

#[expect(clippy::cast_precision_loss, reason = "the text format has floats only; the counters stay exact")]
fn scaled(count: u64, scale: u64) -> f64 {
    count as f64 / scale as f64
}

fn of_labels(labels: &DeploymentLabels, also: Option<(&str, &str)>) -> Vec<LabelPair> {
    let own = [
        ("api_provider", labels.api_provider.as_str()),
        ("model", &labels.model),
        ("model_id", &labels.model_id),
        ("requested_model", &labels.requested_model),
    ];
    label_pairs(&own.into_iter().chain(also).collect::<Vec<_>>())
}

/// Labels sorted by name, as the format wants them.
fn label_pairs(labels: &[(&str, &str)]) -> Vec<LabelPair> {
    let mut labels = labels.to_vec();
    labels.sort_unstable();
    let pair = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    labels.into_iter().map(pair).collect()
}
