//! Who may ask and what it may cost: budgets and limits of the whole gateway, and what becomes of calls.

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
    guesses_per_minute: u32,
    fail_closed: bool,
}

impl ReadGovernance {
    /// `root` is the checked file: it alone may hold lists.
    pub(super) fn settings(&self, root: &Node, report: &mut Report) -> GovernanceSettings {
        let general = root.get("general_settings");
        let texts = |key: &str| general.map(|general| general.get_texts(key)).unwrap_or_default();
        GovernanceSettings {
            global: Terms { allowed_ips: texts("allowed_ips"), ..self.global() },
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
                ..CallerSettings::default()
            },
            calls: self.calls(general, report),
            routes: RouteRules { public: texts("public_routes"), admin_only: texts("admin_only_routes") },
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

    fn calls(&self, general: Option<&Node>, report: &mut Report) -> CallSettings {
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
        }
    }
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
