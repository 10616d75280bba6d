//! What is written, and what it means.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use llm_router::{AllowedFails, CheckSpec, Cooldown, HealthSettings};

use super::{Credentials, check, settings};
use crate::config::{Config, Loaded};
use crate::load::{Options, load};

fn loaded(name: &str, text: &str) -> Loaded {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let file = std::env::temp_dir().join(format!("llm-config-health-{}-{name}.yaml", std::process::id()));
    std::fs::write(&file, text).expect("a file");
    let options = Options {
        config: Some(file.clone()),
        directory: file.with_extension("nowhere"),
        ..Options::default()
    };
    let loaded = load(&options);
    std::fs::remove_file(&file).expect("it was there");
    loaded.unwrap_or_else(|report| panic!("{report}"))
}

fn health(name: &str, router: &str) -> HealthSettings {
    loaded(name, &format!("model_list: []\nrouter_settings: {{{router}}}\n")).config.router.health
}

#[test]
fn the_routers_settings_mean_what_litellm_means() {
    let defaults = HealthSettings::default();
    assert_eq!(health("none", ""), defaults);
    let second = Duration::from_secs(1);
    assert_eq!(health("time", "cooldown_time: 60").cooldown, Cooldown::Fixed(60 * second));
    let grown = Cooldown::Growing { first: 2 * second, most: 8 * second };
    assert_eq!(health("both", "cooldown_time: 2, max_cooldown_time: 8").cooldown, grown);
    let grown = Cooldown::Growing { first: 3 * second, most: 3 * second };
    assert_eq!(health("most", "max_cooldown_time: 3").cooldown, grown);
    assert!(!health("zero", "cooldown_time: 0").enabled);
    assert!(!health("off", "disable_cooldowns: true").enabled);
    assert_eq!(health("slow", "slow_start_time: 0").slow_start, Duration::ZERO);
    assert_eq!(health("fails", "allowed_fails: 3").allowed_fails, Some(3));
    let policy = "allowed_fails_policy: {RateLimitErrorAllowedFails: 2, BadRequestErrorAllowedFails: 5}";
    let borne = AllowedFails { rate_limit: Some(2), ..AllowedFails::default() };
    assert_eq!(health("policy", policy).allowed_fails_policy, borne);
}

#[test]
fn the_module_settings_give_way_to_the_routers() {
    let text = "model_list: []\nlitellm_settings: {allowed_fails: 7, cooldown_time: 9}\n";
    let health = loaded("module", text).config.router.health;
    assert_eq!((health.allowed_fails, health.cooldown), (Some(7), Cooldown::Fixed(Duration::from_secs(9))));
    let both = format!("{text}router_settings: {{allowed_fails: 1}}\n");
    assert_eq!(loaded("modules", &both).config.router.health.allowed_fails, Some(1));
}

const DEPLOYMENTS: &str = "
model_list:
  - {model_name: plain, litellm_params: {model: openai/a, api_key: sk-one}}
  - model_name: own
    litellm_params: {model: openai/b, api_key: sk-one, cooldown_time: 30}
    model_info: {allowed_fails: 4, health_check_model: openai/tiny, health_check_timeout: 5}
  - model_name: other
    litellm_params: {model: openai/c, api_key: sk-two, cooldown_time: 0}
    model_info: {allowed_fails_policy: {TimeoutErrorAllowedFails: 1}, disable_background_health_check: true}
  - {model_name: elsewhere, litellm_params: {model: openai/d, api_key: sk-one, api_base: 'http://localhost:1/v1'}}
  - {model_name: vectors, litellm_params: {model: openai/e, api_key: sk-one}, model_info: {mode: embedding}}
  - {model_name: any/*, litellm_params: {model: openai/*, api_key: sk-one}}
router_settings: {allowed_fails_policy: {RateLimitErrorAllowedFails: 2}}
general_settings: {background_health_checks: true, health_check_interval: 60}
";

fn deployments() -> Config {
    loaded("deployments", DEPLOYMENTS).config
}

#[test]
fn a_deployment_has_the_last_word_on_itself() {
    let config = deployments();
    let router = &config.router.health;
    let of = |at: usize| settings(&config.deployments[at], router);
    assert_eq!(of(0), None);
    let own = of(1).expect("it says something");
    assert_eq!(own.cooldown, Cooldown::Always(Duration::from_secs(30)));
    assert_eq!((own.allowed_fails, own.allowed_fails_policy), (Some(4), AllowedFails::default()));
    let other = of(2).expect("it says something");
    let policy = AllowedFails { timeout: Some(1), rate_limit: Some(2), ..AllowedFails::default() };
    assert_eq!((other.enabled, other.allowed_fails_policy), (false, policy));
}

#[test]
fn who_shows_the_same_key_at_the_same_address_shares_a_credential() {
    let config = deployments();
    let credentials = Credentials::default();
    let shown: Vec<_> = config.deployments.iter().map(|one| credentials.of(one)).collect();
    let same = |a: usize, b: usize| std::sync::Arc::ptr_eq(&shown[a], &shown[b]);
    assert!(same(0, 1) && same(0, 4));
    assert!(!same(0, 2) && !same(0, 3));
}

#[test]
fn chat_models_are_checked_unless_they_say_no() {
    let config = deployments();
    assert_eq!(config.router.check_interval, Some(Duration::from_secs(60)));
    let checks: Vec<Option<CheckSpec>> = config.deployments.iter().map(check).collect();
    let spec = |model: &str, seconds| {
        Some(CheckSpec { model: model.to_owned(), timeout: Duration::from_secs(seconds) })
    };
    assert_eq!(checks, [spec("a", 60), spec("tiny", 5), None, spec("d", 60), None, None]);
}
