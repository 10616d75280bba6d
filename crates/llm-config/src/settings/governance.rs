//! Who may ask and what it may cost: budgets and limits of the whole gateway, and what becomes of calls.

use std::collections::BTreeMap;
use std::time::Duration;

use http::HeaderName;
use llm_core::money::NanoDollars;
use llm_gateway::{CallSettings, DrainLimits, OnDisconnect, UserHeader, UserKind};
use llm_governance::authorise::RouteRules;
use llm_governance::token::TokenSettings;
use llm_governance::{BudgetDuration, BudgetMode, CallerSettings, Terms, Unpriced, Windows, WithoutShared};
use serde::Deserialize;

use super::management;
use crate::node::Node;
use crate::report::Report;

/// Who may ask and what it may cost.
#[derive(Clone, Debug, Default)]
pub struct GovernanceSettings {
    /// Terms of the whole gateway.
    pub global: Terms,
    /// Terms of customers who have no budget of their own.
    pub customers: Option<Terms>,
    /// Terms of tags that nobody made.
    pub tags: BTreeMap<String, Terms>,
    /// What is held before a call.
    pub mode: BudgetMode,
    /// What happens to calls for a model whose price nobody knows.
    pub unpriced: Unpriced,
    /// How windows of limits move.
    pub windows: Windows,
    /// What happens while counters that gateways share cannot be asked.
    pub without_shared: WithoutShared,
    /// How callers are kept in memory.
    pub callers: CallerSettings,
    /// What holds for all calls.
    pub calls: CallSettings,
    /// Paths that the operator opens or closes.
    pub routes: RouteRules,
    /// Defaults and bounds of keys, users and teams that are made.
    pub management: llm_management::Settings,
    /// Tokens of identity providers; `None`: they are not taken.
    pub tokens: Option<TokenSettings>,
}

#[derive(Deserialize)]
pub(super) struct ReadGovernance {
    rejects_tags: bool,
    budget_mode: String,
    unpriced: String,
    windows: String,
    max_budget: Option<String>,
    soft_budget: Option<String>,
    budget_duration: Option<String>,
    rpm_limit: Option<u64>,
    tpm_limit: Option<u64>,
    default_max_tokens: Option<u64>,
    on_disconnect: String,
    drain_time: f64,
    drain_size_mb: f64,
    drains: usize,
    cache_time: f64,
    cache_size: Option<usize>,
    key_header: Option<String>,
    budget_status: Option<u16>,
    customer_budget: Option<String>,
    enforce_user: bool,
    guesses_per_minute: u32,
    fail_closed: bool,
}

impl ReadGovernance {
    /// `root` is the checked file: it alone may hold lists.
    pub(super) fn settings(&self, root: &Node, report: &mut Report) -> GovernanceSettings {
        let general = root.get("general_settings");
        let texts = |key: &str| general.map(|general| general.get_texts(key)).unwrap_or_default();
        GovernanceSettings {
            global: Terms {
                allowed_ips: texts("allowed_ips"),
                enforced_params: self.enforced(texts("enforced_params")),
                ..self.global()
            },
            customers: self.customers(),
            tags: tags(root, report),
            mode: match self.budget_mode.as_str() {
                "clamp" => BudgetMode::Clamp,
                "estimate" => BudgetMode::Estimate,
                _ => BudgetMode::Strict,
            },
            unpriced: if self.unpriced == "free" { Unpriced::Free } else { Unpriced::Refuse },
            windows: if self.windows == "fixed" { Windows::Fixed } else { Windows::Sliding },
            without_shared: if self.fail_closed { WithoutShared::Refuse } else { WithoutShared::Local },
            callers: CallerSettings {
                time_to_live: Duration::from_secs_f64(self.cache_time),
                guesses_per_minute: self.guesses_per_minute,
                capacity: self.cache_size.unwrap_or(CallerSettings::default().capacity),
                ..CallerSettings::default()
            },
            calls: self.calls(root, report),
            routes: RouteRules {
                public: texts("public_routes"),
                admin_only: texts("admin_only_routes"),
                allowed: texts("allowed_routes"),
            },
            management: management::settings(root, report),
            tokens: None,
        }
    }

    /// A budget is monthly unless the configuration says otherwise.
    fn global(&self) -> Terms {
        let dollars = |text: &Option<String>| NanoDollars::parse(text.as_deref()?);
        let duration = self.budget_duration.as_deref().and_then(BudgetDuration::parse);
        Terms {
            // LiteLLM's own default is 0, and means that there is none.
            max_budget: dollars(&self.max_budget).filter(|budget| budget.0 > 0),
            soft_budget: dollars(&self.soft_budget),
            budget_duration: Some(duration.unwrap_or(BudgetDuration::Months(1))),
            rpm_limit: self.rpm_limit,
            tpm_limit: self.tpm_limit,
            ..Terms::default()
        }
    }

    fn enforced(&self, mut fields: Vec<String>) -> Vec<String> {
        if self.enforce_user && !fields.iter().any(|field| field == "user") {
            fields.push("user".to_owned());
        }
        fields
    }

    fn customers(&self) -> Option<Terms> {
        let max_budget = NanoDollars::parse(self.customer_budget.as_deref()?);
        max_budget.is_some().then(|| Terms { max_budget, ..Terms::default() })
    }

    fn calls(&self, root: &Node, report: &mut Report) -> CallSettings {
        let general = root.get("general_settings");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
        let bytes = (self.drain_size_mb.clamp(0.0, 1_048_576.0) * 1_048_576.0) as u64;
        CallSettings {
            on_disconnect: match self.on_disconnect.as_str() {
                "drain" => OnDisconnect::Drain,
                _ => OnDisconnect::Cancel,
            },
            drains: DrainLimits {
                time: Duration::from_secs_f64(self.drain_time),
                bytes,
                at_a_time: self.drains,
            },
            default_max_tokens: self.default_max_tokens,
            user_headers: user_headers(general, report),
            key_header: self.key_header(general, report),
            tag_headers: tag_headers(root, report),
            budget_status: self.budget_status(root, report),
            tells_callers: false,
            rejects_tags: self.rejects_tags,
        }
    }
}

impl ReadGovernance {
    fn key_header(&self, general: Option<&Node>, report: &mut Report) -> Option<HeaderName> {
        let name = self.key_header.as_deref()?;
        let header = HeaderName::try_from(name).ok();
        if header.is_none() {
            let at = general.and_then(|general| general.get("litellm_key_header_name"));
            let at = at.map(|node| node.at.clone()).unwrap_or_default();
            report.error(&at, format!("`{name}` is no name of a header"));
        }
        header
    }

    fn budget_status(&self, root: &Node, report: &mut Report) -> Option<u16> {
        let status = self.budget_status?;
        if (400..600).contains(&status) {
            return Some(status);
        }
        let at = root.at_path("litellm_settings.budget_exceeded_status_code");
        let at = at.map(|node| node.at.clone()).unwrap_or_default();
        report.error(&at, "`budget_exceeded_status_code` is a status of an error: from 400 to 599");
        None
    }
}

/// `tag_budget_config`.
fn tags(root: &Node, report: &mut Report) -> BTreeMap<String, Terms> {
    let Some(node) = root.at_path("litellm_settings.tag_budget_config") else { return BTreeMap::new() };
    let mut tags = BTreeMap::new();
    for entry in node.entries() {
        let max_budget = entry.value.get_text("max_budget").and_then(NanoDollars::parse);
        let text = entry.value.get_text("budget_duration");
        let duration = text.and_then(BudgetDuration::parse);
        if max_budget.is_none() || (text.is_some() && duration.is_none()) {
            let message = format!("the budget of the tag `{}` cannot be read", entry.key);
            report.error(&entry.at, message).help("say `max_budget`, and a `budget_duration` such as `1d`");
            continue;
        }
        tags.insert(entry.key.clone(), Terms { max_budget, budget_duration: duration, ..Terms::default() });
    }
    tags
}

/// `extra_spend_tag_headers`.
fn tag_headers(root: &Node, report: &mut Report) -> Vec<HeaderName> {
    let list = root.at_path("litellm_settings.extra_spend_tag_headers");
    let mut headers = Vec::new();
    for node in list.map(Node::elements).unwrap_or_default() {
        match node.text().and_then(|name| HeaderName::try_from(name).ok()) {
            Some(name) => headers.push(name),
            None => drop(report.error(&node.at, "this is no name of a header")),
        }
    }
    headers
}

/// `user_header_mappings`, and LiteLLM's older `user_header_name`.
fn user_headers(general: Option<&Node>, report: &mut Report) -> Vec<UserHeader> {
    let Some(general) = general else { return Vec::new() };
    let mut headers = Vec::new();
    let mut add = |node: &Node, kind: Option<&str>, report: &mut Report| {
        let name = node.text().and_then(|name| HeaderName::try_from(name).ok());
        let names = match kind {
            Some("internal_user") => Some(UserKind::InternalUser),
            Some("customer") | None => Some(UserKind::Customer),
            Some(_) => None,
        };
        match (name, names) {
            (Some(name), Some(names)) => headers.push(UserHeader { name, names }),
            (None, _) => drop(report.error(&node.at, "this is no name of a header")),
            (_, None) => {
                let words = "use `customer` or `internal_user`";
                report.error(&node.at, "`litellm_user_role` names nobody whom a header can name").help(words);
            }
        }
    };
    for mapping in general.get("user_header_mappings").map(Node::elements).unwrap_or_default() {
        match mapping.get("header_name") {
            Some(name) => add(name, mapping.get_text("litellm_user_role"), report),
            None => drop(report.error(&mapping.at, "the mapping has no `header_name`")),
        }
    }
    if let Some(name) = general.get("user_header_name") {
        add(name, None, report);
    }
    headers
}
