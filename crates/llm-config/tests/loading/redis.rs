//! The Redis that gateways share: from a file, from variables, and what cannot be meant.

use std::time::Duration;

use llm_config::build;

use super::loaded;

const MODELS: &str = "model_list: [{model_name: a, litellm_params: {model: mock/echo}}]\n";

fn with(settings: &str) -> String {
    format!("{MODELS}router_settings: {{{settings}}}\n")
}

#[test]
fn without_a_host_nothing_is_shared() {
    let loaded = loaded("no-redis", &[("config.yaml", MODELS)], &[("REDIS_PORT", "6380")]).expect("it loads");
    assert!(loaded.config.redis.is_none());
    assert!(build(&loaded).expect("it builds").router.shared().is_none());
}

#[test]
fn a_file_says_where_it_is_and_variables_win() {
    let text = with(
        "redis_host: one.example, redis_port: 7000, redis_password: hush, redis_ssl: true, redis_timeout: 0.2",
    );
    let variables =
        [("REDIS_HOST", "two.example"), ("REDIS_PORT", "tcp://10.96.0.7:6379"), ("REDIS_DB", "3")];
    let loaded = loaded("redis", &[("config.yaml", &text)], &variables).expect("it loads");
    assert_eq!(loaded.warnings.to_string(), "0 errors, 0 warnings");
    let redis = loaded.config.redis.as_ref().expect("it is there");
    assert_eq!((redis.host.as_str(), redis.port, redis.database, redis.tls), ("two.example", 6379, 3, true));
    assert_eq!((redis.prefix.as_str(), redis.timeout), ("llm", Duration::from_millis(200)));
    assert!(!format!("{redis:?}").contains("hush"));
    assert!(llm_config::describe(&loaded).contains("through redis"));
}

#[test]
fn what_cannot_be_meant_is_told_without_the_password() {
    for (settings, told) in [
        ("redis_url: \"http://:hush@here\"", "`redis_url` is no address of a Redis"),
        ("redis_host: h, redis_port: many", "`redis_port` must be a port"),
        ("redis_host: h, redis_timeout: 60", "`redis_timeout` must be between"),
    ] {
        let text = with(settings);
        let report = match loaded("wrong-redis", &[("config.yaml", &text)], &[]) {
            Ok(loaded) => build(&loaded).err().expect("it cannot be built"),
            Err(report) => report,
        };
        let report = report.to_string();
        assert!(
            report.contains(told) && report.contains("config.yaml") && !report.contains("hush"),
            "{report}"
        );
    }
}

#[test]
fn a_key_spelt_wrong_is_told() {
    let text = with("redis_hosts: x");
    let report = loaded("redis-typo", &[("config.yaml", &text)], &[]).err().expect("a typo is an error");
    assert!(report.to_string().contains("redis_host"), "{report}");
}
