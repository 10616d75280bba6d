//! Who is told when something is wrong, as administrators set it while the gateway runs: over the files and the environment.

use std::sync::Arc;

use llm_management::{ALERT_ADDRESSES, shown_alert_setting};
use serde_json::{Map, Value as Json, json};

use crate::config::Loaded;
use crate::environment::Environment;
use crate::keys::{ROOT, Shape};
use crate::report::{Place, Report};
use crate::settings::{AlertKind, AlertSettings, settings_under};
use crate::stored::{map, object};
use crate::strict;

/// The section that has them.
const SECTION: &str = "general_settings";

/// Its keys of alerts.
const KEYS: [&str; 4] = ["alerting", "alert_types", "alerting_threshold", "alert_to_webhook_url"];

/// Where settings stand that the database keeps.
const PLACE: Place = Place::Database("alerting");

impl Loaded {
    /// Puts these settings of the store over those of the files, in the place of those that were put there before.
    /// Returns why they cannot be: then the files' hold alone.
    pub fn override_alerts(&mut self, given: &Map<String, Json>) -> Report {
        if given.is_empty() && self.alerts.is_empty() {
            return Report::default();
        }
        let (settings, report) = match self.alerted(given) {
            Ok(settings) => (Some(settings), Report::default()),
            Err(report) => (self.alerted(&Map::new()).ok(), report),
        };
        if let Some(settings) = settings {
            self.config.alerts = settings;
            self.alerts = Arc::new(if report.problems.is_empty() { given.clone() } else { Map::new() });
        }
        report
    }

    /// Whether alerts could be set so.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_alerts(&self, given: &Map<String, Json>) -> Result<(), Report> {
        self.alerted(given).map(|_| ())
    }

    /// The settings of alerts for people who change them, in LiteLLM's form of fields; of addresses their hosts.
    pub fn alert_fields(&self) -> Json {
        let keys = KEYS.into_iter().map(|name| (name, self.root_value(name)));
        let addresses = ALERT_ADDRESSES.map(|name| (name, self.read.environment.get(name).map(Json::from)));
        let field = |(name, filed): (&'static str, Option<Json>)| {
            let stored = self.alerts.get(name).cloned();
            let from = match (&stored, &filed) {
                (Some(_), _) => Json::Bool(true),
                (None, Some(_)) => Json::Bool(false),
                (None, None) => Json::Null,
            };
            json!({
                "field_name": name,
                "field_type": kind(name),
                "field_description": about(name),
                "field_value": stored.or(filed).map(|value| shown_alert_setting(name, &value)),
                "field_default_value": default(name),
                "options": options(name),
                "stored_in_db": from,
                "premium_field": false,
            })
        };
        keys.chain(addresses).map(field).collect()
    }

    fn root_value(&self, name: &str) -> Option<Json> {
        self.read.root.get(SECTION)?.get(name)?.json().read().ok()
    }

    /// # Errors
    /// What is wrong with the settings; what a file only warns of is an error here.
    fn alerted(&self, given: &Map<String, Json>) -> Result<AlertSettings, Report> {
        let (mut report, mut environment) = (Report::default(), self.read.environment.clone());
        let mut general = Map::new();
        for (name, value) in given {
            match (ALERT_ADDRESSES.contains(&name.as_str()), value) {
                (true, Json::String(address)) => environment.put(name, address, PLACE),
                (true, _) => drop(report.error(&PLACE, format!("`{name}` is no text"))),
                (false, value) => drop(general.insert(name.clone(), value.clone())),
            }
        }
        let mut stored = map([(SECTION, object(&general, &PLACE))], &PLACE);
        // Of nobody's environment: a value is not to show what a variable holds.
        strict::check(&mut stored, &ROOT, &Environment::new(&[]), &mut report);
        if !report.problems.is_empty() {
            return Err(report);
        }
        let root = self.read.root.clone().over(&stored);
        let settings = settings_under(&root, Some(&stored), (&environment, &self.read.flags), &mut report);
        let own = report.problems.into_iter().filter(|problem| problem.place == PLACE).collect();
        let report = Report { problems: own };
        if report.problems.is_empty() { Ok(settings.alerts) } else { Err(report) }
    }
}

fn about(name: &str) -> &'static str {
    let Some(Shape::Section(section)) = ROOT.find(SECTION).map(|key| key.shape) else { return "" };
    match section.find(name) {
        Some(key) => key.about,
        None if name == "WEBHOOK_URL" => "Where `webhook` sends fields.",
        None => "Where `slack` sends text.",
    }
}

fn kind(name: &str) -> &'static str {
    match name {
        "alerting" | "alert_types" => "List",
        "alerting_threshold" => "Float",
        "alert_to_webhook_url" => "Dictionary",
        _ => "String",
    }
}

fn default(name: &str) -> Json {
    match name {
        "alert_types" => options(name).into(),
        "alerting_threshold" => json!(300),
        _ => Json::Null,
    }
}

fn options(name: &str) -> Option<Vec<&'static str>> {
    match name {
        "alerting" => Some(vec!["slack", "webhook"]),
        "alert_types" => Some(AlertKind::ALL.map(AlertKind::name).to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Options, load};

    fn loaded(more: &str, variables: &[(&str, &str)]) -> Loaded {
        let models = "model_list:\n  - {model_name: a, litellm_params: {model: mock/echo}}\n";
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load(&Options { text: Some(format!("{models}{more}")), variables, ..Options::default() })
            .expect("it loads")
    }

    fn object(value: &Json) -> Map<String, Json> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn what_is_stored_wins_and_is_given_back() {
        let file =
            "general_settings: {alerting: [slack], alert_types: [budget_alerts], alerting_threshold: 60}\n";
        let mut loaded = loaded(file, &[("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/one")]);
        let before = loaded.config.alerts.clone();
        assert_eq!((before.targets.len(), before.slow.as_secs()), (1, 60));
        let stored = object(&json!({
            "alerting": ["slack", "webhook"], "alerting_threshold": 5, "WEBHOOK_URL": "https://ops.example.com/in?key=1",
            "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/two",
        }));
        assert!(loaded.override_alerts(&stored).problems.is_empty());
        let now = &loaded.config.alerts;
        assert_eq!((now.targets.len(), now.slow.as_secs()), (2, 5));
        assert!(now.targets.iter().all(|one| one.kinds == [AlertKind::Budget]));
        let urls: Vec<&str> = now.targets.iter().map(|one| one.url.expose().as_str()).collect();
        assert_eq!(urls, ["https://hooks.slack.com/services/two", "https://ops.example.com/in?key=1"]);
        let fields = loaded.alert_fields().to_string();
        assert!(
            !fields.contains("two")
                && !fields.contains("key=1")
                && fields.contains("https://ops.example.com/***")
        );
        loaded.override_alerts(&Map::new());
        assert_eq!(loaded.config.alerts, before);
    }

    #[test]
    fn what_cannot_be_is_told() {
        let loaded = loaded("", &[]);
        for wrong in [
            json!({"alerting": ["slack"]}),
            json!({"alerting": ["email"]}),
            json!({"alerting": ["pigeon"]}),
            json!({"alerting": ["webhook"], "WEBHOOK_URL": "no address"}),
            json!({"alerting": ["webhook"], "WEBHOOK_URL": 5}),
            json!({"alert_types": ["daily_reports"]}),
            json!({"alerting_threshold": "soon"}),
            json!({"alerting": ["webhook"], "WEBHOOK_URL": "https://a", "alert_types": ["budget"]}),
        ] {
            assert!(loaded.check_alerts(&object(&wrong)).is_err(), "{wrong}");
        }
        assert!(loaded.check_alerts(&object(&json!({"alerting": []}))).is_ok());
    }
}
