//! What a subject may do: models, routes, limits and money, in one form for keys, teams, users and all others.

use std::collections::BTreeMap;

use llm_core::money::NanoDollars;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::authorise::matches;
use crate::duration::BudgetDuration;
use crate::time::Timestamp;

/// What a subject may do. Whatever is empty or `None` narrows nothing, and is not written: a store holds a million of
/// these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// Names or patterns of models, access groups, or LiteLLM's words `all-proxy-models`, `all-team-models`,
    /// `no-default-models`; empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Other names for models: what a client asks for, and what it gets.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub aliases: BTreeMap<String, String>,
    /// What may be spent in a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_budget: Option<NanoDollars>,
    /// What may be spent besides [`Self::max_budget`], until that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temp_budget: Option<(NanoDollars, Timestamp)>,
    /// What may be spent before somebody is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_budget: Option<NanoDollars>,
    /// How long a period is; `None`: for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_duration: Option<BudgetDuration>,
    /// From when rolling periods are counted; the default is the time when the entity was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_start: Option<Timestamp>,
    /// The time zone of calendar periods (`Europe/Berlin`); `None`: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_time_zone: Option<String>,
    /// Further budgets with periods of their own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budget_limits: Vec<BudgetLimit>,
    /// Budgets of single models, or of all whose names a pattern (`openai/*`) matches: all that match hold.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub model_max_budget: BTreeMap<String, BudgetLimit>,
    /// Models that calls go to, in order, when the budget of a single model leaves no room for them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub budget_fallbacks: BTreeMap<String, Vec<String>>,
    /// The budget row whose terms hold where these say nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_id: Option<String>,
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<u64>,
    /// Tokens a minute, prompt and answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_limit: Option<u64>,
    /// Tokens a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpd_limit: Option<u64>,
    /// Calls at a time, streams included until they end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel_requests: Option<u32>,
    /// Requests a minute of single models, or patterns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub model_rpm_limit: BTreeMap<String, u64>,
    /// Tokens a minute of single models, or patterns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub model_tpm_limit: BTreeMap<String, u64>,
    /// Paths, or LiteLLM's names for sets of them (`llm_api_routes`, `management_routes`, `info_routes`); empty: all
    /// that the role allows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_routes: Vec<String>,
    /// Addresses and networks that may use it (`10.0.0.0/8`); empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<String>,
    /// Nothing may be done at all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub blocked: bool,
    /// Tags that every call has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Guardrails that every call passes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<String>,
    /// Fields that every request must have (`user`, `metadata.generation_name`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enforced_params: Vec<String>,
    /// Switches, as LiteLLM has them.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub permissions: Map<String, Value>,
    /// Whatever the administrator wants to remember.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Fields of LiteLLM's that mean nothing here yet: kept, and given back.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub other: Map<String, Value>,
}

/// Money that may be spent in a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLimit {
    /// What may be spent.
    pub max_budget: NanoDollars,
    /// How long a period is; `None`: for ever.
    #[serde(default)]
    pub duration: Option<BudgetDuration>,
}

impl Terms {
    /// The models that take the calls for a model whose own budget is spent: by its name, else by a pattern.
    pub fn fallbacks_of(&self, model: &str) -> Option<&Vec<String>> {
        let by_pattern = || self.budget_fallbacks.iter().find(|(pattern, _)| matches(pattern, model));
        self.budget_fallbacks.get(model).or_else(|| by_pattern().map(|(_, models)| models))
    }

    /// These terms, and where they say nothing of money and limits, those of a budget row that they name.
    #[must_use]
    pub fn over(mut self, row: Option<&Self>) -> Self {
        let Some(row) = row else { return self };
        // A budget and its period belong together.
        if self.max_budget.is_none() {
            self.max_budget = row.max_budget;
            self.budget_duration = self.budget_duration.or(row.budget_duration);
            self.budget_start = self.budget_start.or(row.budget_start);
            self.budget_time_zone = self.budget_time_zone.or_else(|| row.budget_time_zone.clone());
        }
        self.soft_budget = self.soft_budget.or(row.soft_budget);
        self.rpm_limit = self.rpm_limit.or(row.rpm_limit);
        self.tpm_limit = self.tpm_limit.or(row.tpm_limit);
        self.tpd_limit = self.tpd_limit.or(row.tpd_limit);
        self.max_parallel_requests = self.max_parallel_requests.or(row.max_parallel_requests);
        if self.model_max_budget.is_empty() {
            self.model_max_budget.clone_from(&row.model_max_budget);
        }
        if self.budget_limits.is_empty() {
            self.budget_limits.clone_from(&row.budget_limits);
        }
        if self.models.is_empty() {
            self.models.clone_from(&row.models);
        }
        self
    }
}
