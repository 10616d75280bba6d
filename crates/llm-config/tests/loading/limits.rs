//! Limits out of every place that may say them, and what is said about those that cannot be meant.

use std::time::Duration;

use llm_config::build;
use llm_core::money::NanoDollars;
use llm_router::QueueSettings;

use super::{loaded, yaml};

const FILE: &str = "
model_list:
  - model_name: own
    litellm_params: {model: mock/echo, rpm: 5, tpm: 100, max_parallel_requests: 2, adaptive_concurrency: false,
      max_budget: 1.5, budget_duration: 2h}
  - model_name: plain
    litellm_params: {model: mock/echo}
router_settings:
  default_max_parallel_requests: 7
  adaptive_concurrency: true
  queue_timeout: 2.5
  max_queue: 9
  default_priority: 3
  provider_budget_config: {mock: {budget_limit: 10, time_period: 1mo}}
general_settings: {max_in_flight_requests_per_worker: 50}
";

#[test]
fn what_a_deployment_does_not_say_the_router_says() {
    let loaded = loaded("limits", &[("config.yaml", FILE)], &[]).expect("it loads");
    assert_eq!(loaded.warnings.to_string(), "0 errors, 0 warnings");
    let parts = build(&loaded).expect("it builds");
    let settings = parts.router.settings();
    assert_eq!(settings.queue, Some(QueueSettings { timeout: Duration::from_millis(2_500), most: 9 }));
    assert_eq!((settings.default_priority, parts.max_calls), (3, Some(50)));
    let deployment = |name: &str| {
        let (group, _) = parts.router.resolve(name).expect("it is served");
        std::sync::Arc::clone(&group.deployments()[0])
    };
    let (own, plain) = (deployment("own"), deployment("plain"));
    let quota = own.quota().spec();
    assert_eq!(
        (quota.rpm, quota.tpm, quota.max_parallel, quota.adaptive),
        (Some(5), Some(100), Some(2), false)
    );
    let quota = plain.quota().spec();
    assert_eq!((quota.rpm, quota.tpm, quota.max_parallel, quota.adaptive), (None, None, Some(7), true));
    let limits: Vec<_> =
        own.budgets.iter().map(|budget| budget.standing(std::time::Instant::now()).limit).collect();
    assert_eq!(limits, [NanoDollars(1_500_000_000), NanoDollars(10_000_000_000)]);
    assert!(std::sync::Arc::ptr_eq(&own.budgets[1], &plain.budgets[0]), "one purse for the whole vendor");
}

#[test]
fn without_a_word_there_is_no_limit_and_no_queue() {
    let text = "model_list: [{model_name: a, litellm_params: {model: mock/echo}}]\n";
    let parts =
        build(&loaded("no-limits", &[("config.yaml", text)], &[]).expect("it loads")).expect("it builds");
    assert_eq!((parts.router.settings().queue, parts.max_calls), (None, None));
    let (group, _) = parts.router.resolve("a").expect("it is served");
    assert_eq!(*group.deployments()[0].quota().spec(), llm_router::QuotaSpec::default());
}

#[test]
fn a_price_is_known_before_the_call() {
    let text = "model_list: [{model_name: a, litellm_params: {model: openai/gpt-4o, api_key: sk-1}}]\n";
    let parts =
        build(&loaded("limit-price", &[("config.yaml", text)], &[]).expect("it loads")).expect("it builds");
    let (group, _) = parts.router.resolve("a").expect("it is served");
    let price = group.deployments()[0].price.as_ref().expect("the table knows it");
    assert_eq!(price.of(1_000_000, 0), Some(NanoDollars(2_500_000_000)));
}

#[test]
fn budgets_that_cannot_be_meant_are_errors() {
    let with = |config: &str| {
        let text = format!(
            "model_list: [{{model_name: a, litellm_params: {{model: mock/echo}}}}]\n\
             router_settings: {{provider_budget_config: {config}}}\n"
        );
        match loaded("budgets", &[("config.yaml", text.as_str())], &[]) {
            Ok(loaded) => build(&loaded).err().expect("nobody is meant").to_string(),
            Err(report) => report.to_string(),
        }
    };
    assert!(with("{opanai: {budget_limit: 1}}").contains("did you mean `openai`?"));
    assert!(with("{openai: {time_period: 1d}}").contains("has no `budget_limit`"));
    assert!(with("{openai: {budget_limit: 1, time_period: soon}}").contains("30s, 10m, 1h, 7d, 4w or 1mo"));
    let told = yaml(
        "budget-time",
        "model_list: [{model_name: a, litellm_params: {model: mock/echo, budget_duration: 1}}]\n",
    );
    assert!(told.contains("`budget_duration` must be a time with its unit"), "{told}");
}
