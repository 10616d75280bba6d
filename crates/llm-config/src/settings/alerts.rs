//! Who is told when something is wrong: LiteLLM's `alerting` and its kin.

use std::collections::BTreeMap;
use std::time::Duration;

use llm_core::Secret;
use serde::Deserialize;

use crate::keys::nearest;
use crate::node::Node;
use crate::report::Report;

/// What somebody is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertKind {
    /// A budget has passed a threshold.
    Budget,
    /// An answer took long.
    Slow,
    /// What a call cost could not be written down.
    Unbooked,
    /// The database takes no rows.
    Database,
    /// A deployment is left alone, or back.
    Deployment,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Budget, Self::Slow, Self::Unbooked, Self::Database, Self::Deployment];

    /// LiteLLM's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget_alerts",
            Self::Slow => "llm_too_slow",
            Self::Unbooked => "failed_tracking_spend",
            Self::Database => "db_exceptions",
            Self::Deployment => "cooldown_deployment",
        }
    }

    /// The kind that LiteLLM calls so. A deployment that is gone is what it calls an outage, too.
    fn named(name: &str) -> Option<Self> {
        if name == "outage_alerts" {
            return Some(Self::Deployment);
        }
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// LiteLLM's alerts that there are none of here.
const UNKNOWN_HERE: [&str; 19] = [
    "daily_reports",
    "fallback_reports",
    "internal_user_created",
    "internal_user_deleted",
    "internal_user_updated",
    "llm_exceptions",
    "llm_requests_hanging",
    "model_deprecation_warnings",
    "new_internal_user_created",
    "new_model_added",
    "new_team_created",
    "new_virtual_key_created",
    "region_outage_alerts",
    "spend_reports",
    "team_deleted",
    "team_updated",
    "user_spend_thresholds",
    "virtual_key_deleted",
    "virtual_key_updated",
];

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertFormat {
    /// `{"text": …}`, as Slack and its kin take it.
    Slack,
    /// Fields for programs.
    Webhook,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertTarget {
    /// How they are written.
    pub format: AlertFormat,
    /// The address. Whoever knows it can write there.
    pub url: Secret,
    /// What is told there.
    pub kinds: Vec<AlertKind>,
}

/// Who is told when something is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertSettings {
    /// Where messages go; empty: nobody is told.
    pub targets: Vec<AlertTarget>,
    /// From when on an answer is slow.
    pub slow: Duration,
}

impl AlertSettings {
    /// Whether anybody is told of such things.
    pub fn tells_of(&self, kind: AlertKind) -> bool {
        self.targets.iter().any(|target| target.kinds.contains(&kind))
    }

    fn add(&mut self, format: AlertFormat, url: &Secret, kind: AlertKind) {
        let known = self.targets.iter_mut().find(|target| target.format == format && target.url == *url);
        match known {
            Some(target) => target.kinds.push(kind),
            None => self.targets.push(AlertTarget { format, url: url.clone(), kinds: vec![kind] }),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ReadAlerts {
    slack_url: Option<Secret>,
    webhook_url: Option<Secret>,
    threshold: f64,
}

impl ReadAlerts {
    /// `root` is the checked file: it alone may hold lists.
    pub(super) fn settings(self, root: &Node, report: &mut Report) -> AlertSettings {
        let mut settings =
            AlertSettings { targets: Vec::new(), slow: Duration::from_secs_f64(self.threshold) };
        let Some(general) = root.get("general_settings") else { return settings };
        let kinds = kinds(general, report);
        let own = own_urls(general, report);
        for way in general.get("alerting").map(Node::elements).unwrap_or_default() {
            match way.text().unwrap_or_default() {
                "slack" => self.slack(way, &kinds, &own, &mut settings, report),
                "webhook" => self.webhook(way, &kinds, &mut settings, report),
                "email" | "pagerduty" => {
                    report.warning(&way.at, "this way of alerting does not exist here yet").help(WAYS);
                }
                _ => report.error(&way.at, "this is no way of alerting").help(WAYS),
            }
        }
        if settings.targets.is_empty() && !own.is_empty() {
            let message = "`alert_to_webhook_url` has no effect where `alerting` does not name `slack`";
            report.warning(&general.at, message);
        }
        settings
    }

    fn slack(
        &self,
        way: &Node,
        kinds: &[AlertKind],
        own: &BTreeMap<AlertKind, Vec<Secret>>,
        settings: &mut AlertSettings,
        report: &mut Report,
    ) {
        for kind in kinds {
            match (own.get(kind), &self.slack_url) {
                (Some(urls), _) => urls.iter().for_each(|url| settings.add(AlertFormat::Slack, url, *kind)),
                (None, Some(url)) => settings.add(AlertFormat::Slack, url, *kind),
                (None, None) => {
                    let message = format!("there is no address for alerts of the type `{}`", kind.name());
                    let help = "set SLACK_WEBHOOK_URL, or name one in `alert_to_webhook_url`";
                    return report.error(&way.at, message).help(help);
                }
            }
        }
        if self.slack_url.as_ref().is_some_and(|url| !is_address(url.expose())) {
            report.error(&way.at, "SLACK_WEBHOOK_URL is no http or https address").help(WHOLE);
        }
    }

    fn webhook(&self, way: &Node, kinds: &[AlertKind], settings: &mut AlertSettings, report: &mut Report) {
        match &self.webhook_url {
            Some(url) if is_address(url.expose()) => {
                kinds.iter().for_each(|kind| settings.add(AlertFormat::Webhook, url, *kind));
            }
            Some(_) => report.error(&way.at, "WEBHOOK_URL is no http or https address").help(WHOLE),
            None => report.error(&way.at, "there is no address for `webhook`").help("set WEBHOOK_URL"),
        }
    }
}

const WAYS: &str = "use `slack` and `webhook`";

const WHOLE: &str = "give the whole address, from `https://` on";

fn is_address(url: &str) -> bool {
    let url = url.parse::<http::Uri>();
    url.is_ok_and(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
}

/// `alert_types`, or all that there are.
fn kinds(general: &Node, report: &mut Report) -> Vec<AlertKind> {
    let Some(types) = general.get("alert_types") else { return AlertKind::ALL.to_vec() };
    let mut kinds: Vec<AlertKind> =
        types.elements().iter().filter_map(|name| kind(name.text()?, name, report)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn kind(name: &str, node: &Node, report: &mut Report) -> Option<AlertKind> {
    let kind = AlertKind::named(name);
    if kind.is_none() {
        if UNKNOWN_HERE.contains(&name) {
            report.warning(&node.at, "alerts of this type do not exist here yet").help(name);
        } else {
            let known = AlertKind::ALL.into_iter().map(AlertKind::name).chain(["outage_alerts"]);
            let near = nearest(name, known).map(|near| format!("did you mean `{near}`?"));
            report.error(&node.at, "this is no type of alerts").help_if(near);
        }
    }
    kind
}

/// `alert_to_webhook_url`: addresses of single types.
fn own_urls(general: &Node, report: &mut Report) -> BTreeMap<AlertKind, Vec<Secret>> {
    let mut own: BTreeMap<AlertKind, Vec<Secret>> = BTreeMap::new();
    let Some(map) = general.get("alert_to_webhook_url") else { return own };
    for entry in map.entries() {
        let Some(kind) = kind(&entry.key, &entry.value, report) else { continue };
        for url in entry.value.elements() {
            match url.text().filter(|url| is_address(url)) {
                Some(text) => own.entry(kind).or_default().push(Secret::new(text.to_owned())),
                None => report.error(&url.at, "this is no http or https address").help(WHOLE),
            }
        }
    }
    own
}
