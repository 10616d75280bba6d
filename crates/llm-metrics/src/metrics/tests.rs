//! What is counted is what is shown.

use std::time::Duration;

use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::{ErrorKind, Usage};

use super::*;
use crate::prices::Cost;

fn labels(model_id: &str) -> DeploymentLabels {
    DeploymentLabels {
        model: "large-1".to_owned(),
        requested_model: "large".to_owned(),
        api_provider: "lab".to_owned(),
        model_id: model_id.to_owned(),
    }
}

fn observation() -> Observation {
    Observation {
        operation: Operation::Chat,
        usage: Usage {
            input: Some(60),
            cache_read: Some(40),
            output: Some(8),
            reasoning: Some(2),
            ..Usage::default()
        },
        cost: Cost { total: NanoDollars(1_500), ..Cost::default() },
        total: Duration::from_millis(1_000),
        upstream: Duration::from_micros(999_900),
        time_to_first_token: Some(Duration::from_millis(200)),
        streamed: true,
    }
}

/// The value of a sample by its whole name with labels.
fn value(text: &str, sample: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned))
}

const OWN: &str = r#"api_provider="lab",model="large-1",model_id="a",requested_model="large""#;

#[test]
fn a_success_is_shown_in_tokens_money_and_times() {
    let metrics = Metrics::new();
    let deployment = metrics.deployment(labels("a"));
    deployment.success(&observation());
    deployment.success(&observation());
    let text = metrics.render();
    for (name, expected) in [
        ("litellm_spend_metric_total", "0.000003"),
        ("litellm_input_tokens_metric_total", "200"),
        ("litellm_output_tokens_metric_total", "20"),
        ("litellm_total_tokens_metric_total", "220"),
        ("litellm_input_cached_tokens_metric_total", "80"),
        ("litellm_output_reasoning_tokens_metric_total", "4"),
        ("litellm_deployment_success_responses_total", "2"),
        ("litellm_deployment_total_requests_total", "2"),
        ("litellm_deployment_state", "0"),
        ("litellm_request_total_latency_metric_count", "2"),
        ("litellm_request_total_latency_metric_sum", "2"),
        ("litellm_llm_api_latency_metric_sum", "1.9998"),
        ("litellm_llm_api_time_to_first_token_metric_sum", "0.4"),
        ("litellm_overhead_latency_metric_sum", "0.0002"),
        ("litellm_deployment_latency_per_output_token_sum", "0.19998"),
    ] {
        assert_eq!(value(&text, &format!("{name}{{{OWN}}}")).as_deref(), Some(expected), "{name}");
    }
    let bucket = format!("litellm_llm_api_time_to_first_token_metric_bucket{{{OWN},le=\"0.25\"}}");
    assert_eq!(value(&text, &bucket).as_deref(), Some("2"));
}

#[test]
fn failures_are_shown_by_kind_and_count_as_requests() {
    let metrics = Metrics::new();
    let deployment = metrics.deployment(labels("a"));
    deployment.failure(Operation::Chat, ErrorKind::RateLimited, Duration::ZERO);
    deployment.failure(Operation::Chat, ErrorKind::Internal, Duration::ZERO);
    deployment.cooled_down(429);
    deployment.cooled_down(418);
    deployment.set_state(DeploymentState::Out);
    let text = metrics.render();
    for (kind, own) in [("rate_limited", OWN), ("other", OWN)] {
        let (head, tail) = own.split_once(",model=").expect("labels are sorted");
        let sample = format!(
            "litellm_deployment_failure_responses_total{{{head},exception_class=\"{kind}\",model={tail}}}"
        );
        assert_eq!(value(&text, &sample).as_deref(), Some("1"), "{text}");
    }
    assert_eq!(
        value(&text, &format!("litellm_deployment_total_requests_total{{{OWN}}}")).as_deref(),
        Some("2")
    );
    for status in ["429", "other"] {
        let (head, tail) = OWN.split_once(",model=").expect("labels are sorted");
        let sample = format!(
            "litellm_deployment_cooled_down_total{{{head},exception_status=\"{status}\",model={tail}}}"
        );
        assert_eq!(value(&text, &sample).as_deref(), Some("1"), "{text}");
    }
    assert_eq!(value(&text, &format!("litellm_deployment_state{{{OWN}}}")).as_deref(), Some("2"));
}

#[test]
fn status_pages_get_plain_numbers() {
    let metrics = Metrics::new();
    metrics.deployment(labels("b"));
    let deployment = metrics.deployment(labels("a"));
    deployment.success(&observation());
    deployment.failure(Operation::Chat, ErrorKind::Timeout, Duration::ZERO);
    let status = metrics.deployments();
    assert_eq!(status.iter().map(|status| status.labels.model_id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let expected = Totals {
        requests: 2,
        failures: 1,
        streamed: 1,
        input_tokens: 100,
        output_tokens: 10,
        cost: NanoDollars(1_500),
        average_latency: Some(Duration::from_micros(999_900)),
        state: DeploymentState::Healthy,
    };
    assert_eq!(status.first().map(|status| status.totals), Some(expected));
    assert_eq!(status.last().map(|status| status.totals), Some(Totals::default()));
}

#[test]
fn money_adds_up_without_any_rounding() {
    let metrics = Metrics::new();
    let deployment = metrics.deployment(labels("a"));
    let tiny = Observation {
        cost: Cost { total: NanoDollars(1), ..Cost::default() },
        ..Observation::of(Operation::Chat)
    };
    (0..100_000).for_each(|_| deployment.success(&tiny));
    assert_eq!(deployment.totals().cost, NanoDollars(100_000));
    assert_eq!(
        value(&metrics.render(), &format!("litellm_spend_metric_total{{{OWN}}}")).as_deref(),
        Some("0.0001")
    );
}

#[test]
fn the_same_labels_give_the_same_counters_and_gateways_do_not_mix() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.deployment(labels("a")).success(&observation());
    assert_eq!(one.deployment(labels("a")).totals().requests, 1);
    assert_eq!(other.deployment(labels("a")).totals().requests, 0);
}

#[test]
fn requests_are_shown_by_route_model_and_status() {
    let metrics = Metrics::new();
    metrics.route("/v1/messages", "large").finished(200);
    let unknown = metrics.route("/v1/messages", UNKNOWN_MODEL);
    unknown.finished(400);
    unknown.finished(400);
    let text = metrics.render();
    let total = "litellm_proxy_total_requests_metric_total";
    let ok = format!(r#"{total}{{requested_model="large",route="/v1/messages",status_code="200"}}"#);
    let bad = format!(r#"{total}{{requested_model="None",route="/v1/messages",status_code="400"}}"#);
    assert_eq!((value(&text, &ok).as_deref(), value(&text, &bad).as_deref()), (Some("1"), Some("2")));
    let failed = "litellm_proxy_failed_requests_metric_total";
    let sample = format!(r#"{failed}{{exception_status="400",requested_model="None",route="/v1/messages"}}"#);
    assert_eq!(value(&text, &sample).as_deref(), Some("2"));
    assert_eq!(text.matches(&format!("{failed}{{")).count(), 1, "a success is no failure");
}

#[test]
fn requests_in_flight_rise_and_fall_on_any_thread() {
    let metrics = Metrics::new();
    let guards = [metrics.enter(), metrics.enter()];
    assert_eq!(value(&metrics.render(), "litellm_in_flight_requests").as_deref(), Some("2"));
    std::thread::spawn(move || drop(guards)).join().expect("dropping does not panic");
    assert_eq!(value(&metrics.render(), "litellm_in_flight_requests").as_deref(), Some("0"));
}

#[test]
fn handles_that_nobody_holds_are_forgotten_before_they_grow_without_bound() {
    let metrics = Metrics::new();
    let held = metrics.deployment(labels("held"));
    held.success(&observation());
    for at in 0..MOST {
        metrics.deployment(labels(&at.to_string()));
    }
    assert!(metrics.deployments().len() < MOST);
    assert_eq!(metrics.deployment(labels("held")).totals().requests, 1);
}

#[test]
fn other_crates_add_collectors_of_their_own() {
    let metrics = Metrics::new();
    let gauge = prometheus::IntGauge::new("cache_entries", "Entries").expect("a valid name");
    metrics.registry().register(Box::new(gauge.clone())).expect("a new name");
    gauge.set(3);
    assert_eq!(value(&metrics.render(), "cache_entries").as_deref(), Some("3"));
}

#[test]
fn every_family_has_help_a_type_and_at_most_twelve_bounds() {
    let metrics = Metrics::new();
    metrics.deployment(labels("a")).success(&observation());
    let text = metrics.render();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    for sample in samples {
        let name = sample.split(['{', ' ']).next().unwrap_or_default();
        let family =
            ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        assert!(text.contains(&format!("# TYPE {family} ")), "{name}");
        assert!(text.contains(&format!("# HELP {family} ")), "{name}");
        assert!(text.matches(&format!("{family}_bucket{{")).count() <= 13, "{name}");
    }
}
