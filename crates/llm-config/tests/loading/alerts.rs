//! Who is told when something is wrong: what a file and variables say, and what cannot be meant.

use std::time::Duration;

use llm_config::{AlertFormat, AlertKind};

use super::loaded;

const MODELS: &str = "model_list: [{model_name: a, litellm_params: {model: mock/echo}}]\n";

#[test]
fn addresses_of_single_types_win_and_nothing_is_shown() {
    let text = format!(
        "{MODELS}general_settings:\n  alerting: [slack, webhook]\n  alert_types: [budget_alerts, outage_alerts, \
         daily_reports]\n  alerting_threshold: 30\n  alert_to_webhook_url:\n    budget_alerts: [https://one.example/hush, \
         https://two.example/hush]\n"
    );
    let variables =
        [("SLACK_WEBHOOK_URL", "https://three.example/hush"), ("WEBHOOK_URL", "https://four.example/hush")];
    let loaded = loaded("alerts", &[("config.yaml", &text)], &variables).expect("it loads");
    assert!(loaded.warnings.to_string().contains("do not exist here yet"), "{}", loaded.warnings);
    let alerts = &loaded.config.alerts;
    assert_eq!(alerts.slow, Duration::from_secs(30));
    let (budget, deployment) = (AlertKind::Budget, AlertKind::Deployment);
    let told: Vec<_> = alerts
        .targets
        .iter()
        .map(|target| (target.format, target.url.expose().as_str(), target.kinds.clone()))
        .collect();
    assert_eq!(
        told,
        [
            (AlertFormat::Slack, "https://one.example/hush", vec![budget]),
            (AlertFormat::Slack, "https://two.example/hush", vec![budget]),
            (AlertFormat::Slack, "https://three.example/hush", vec![deployment]),
            (AlertFormat::Webhook, "https://four.example/hush", vec![budget, deployment]),
        ]
    );
    assert!(!format!("{alerts:?}").contains("hush"));
}

#[test]
fn without_alerting_nobody_is_told() {
    let loaded = loaded("no-alerts", &[("config.yaml", MODELS)], &[("WEBHOOK_URL", "https://a.example")]);
    assert!(loaded.expect("it loads").config.alerts.targets.is_empty());
}

#[test]
fn what_cannot_be_meant_is_told_without_the_address() {
    for (settings, variable, said) in [
        ("alerting: [slack]", "NONE", "there is no address for alerts of the type `budget_alerts`"),
        ("alerting: [webhook]", "NONE", "there is no address for `webhook`"),
        ("alerting: [webhook]", "WEBHOOK_URL", "WEBHOOK_URL is no http or https address"),
        ("alerting: [slack]", "SLACK_WEBHOOK_URL", "SLACK_WEBHOOK_URL is no http or https address"),
        ("alerting: [pigeon]", "NONE", "this is no way of alerting"),
        ("alert_types: [budget_alert]", "NONE", "did you mean `budget_alerts`?"),
        ("alert_to_webhook_url: {budget_alerts: hush.example}", "NONE", "this is no http or https address"),
    ] {
        let text = format!("{MODELS}general_settings: {{{settings}}}\n");
        let report = loaded("wrong-alerts", &[("config.yaml", &text)], &[(variable, "hush.example/x")]);
        let report = report.err().expect("it is refused").to_string();
        assert!(report.contains(said) && !report.contains("hush"), "{report}");
    }
}
