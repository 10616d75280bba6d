//! How limits stand, in words of HTTP headers: those that LiteLLM's clients know, and those that everybody knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::subject::Scope;
use crate::time::Timestamp;

/// How a limit stands after a call was let through, or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStanding {
    /// Whose it is.
    pub scope: Scope,
    /// The model of a single model's limit.
    pub model: Option<Arc<str>>,
    /// What it limits.
    pub unit: LimitUnit,
    /// How much there may be.
    pub limit: u64,
    /// How much of it is left.
    pub left: u64,
    /// When all of it is there again, if nothing more is asked for; `None`: when calls under way end.
    pub resets: Option<Timestamp>,
}

/// What a limit limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitUnit {
    /// Requests of a minute.
    Requests,
    /// Tokens of a minute.
    Tokens,
    /// Tokens of a day.
    TokensOfDay,
    /// Calls at a time.
    Slots,
}

impl LimitUnit {
    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::TokensOfDay => "tokens_per_day",
            Self::Slots => "max_parallel_requests",
        }
    }
}

/// LiteLLM's word for whose limit it is.
pub fn descriptor(scope: Scope, of_model: bool) -> &'static str {
    match (scope, of_model) {
        (Scope::Global, false) => "global",
        (Scope::Global, true) => "model",
        (Scope::Organization, false) => "organization",
        (Scope::Organization, true) => "model_per_organization",
        (Scope::Team, false) => "team",
        (Scope::Team, true) => "model_per_team",
        (Scope::TeamMember, false) => "team_member",
        (Scope::TeamMember, true) => "model_per_team_member",
        (Scope::User, false) => "user",
        (Scope::User, true) => "model_per_user",
        (Scope::Key, false) => "api_key",
        (Scope::Key, true) => "model_per_key",
        (Scope::Customer, false) => "end_user",
        (Scope::Customer, true) => "model_per_end_user",
        (Scope::Tag, false) => "tag",
        (Scope::Tag, true) => "model_per_tag",
    }
}

/// The headers of an answer: `x-ratelimit-<whose>-limit-<what>` and `-remaining-` for each limit, and for the tightest
/// one of requests and of tokens `x-ratelimit-limit-<what>`, `-remaining-` and `-reset-` (seconds from `at`).
pub fn rate_headers(limits: &[LimitStanding], at: Timestamp) -> Vec<(String, String)> {
    let mut tightest: BTreeMap<(LimitUnit, &'static str), &LimitStanding> = BTreeMap::new();
    let mut common: BTreeMap<LimitUnit, &LimitStanding> = BTreeMap::new();
    for one in limits {
        keep_tighter(tightest.entry((one.unit, descriptor(one.scope, one.model.is_some()))), one);
        if matches!(one.unit, LimitUnit::Requests | LimitUnit::Tokens) {
            keep_tighter(common.entry(one.unit), one);
        }
    }
    let mut headers = Vec::with_capacity(2 * tightest.len() + 3 * common.len());
    for ((unit, whose), one) in tightest {
        headers.push((format!("x-ratelimit-{whose}-limit-{}", unit.name()), one.limit.to_string()));
        headers.push((format!("x-ratelimit-{whose}-remaining-{}", unit.name()), one.left.to_string()));
    }
    for (unit, one) in common {
        headers.push((format!("x-ratelimit-limit-{}", unit.name()), one.limit.to_string()));
        headers.push((format!("x-ratelimit-remaining-{}", unit.name()), one.left.to_string()));
        if let Some(resets) = one.resets {
            let seconds = at.until(resets).as_millis().div_ceil(1_000);
            headers.push((format!("x-ratelimit-reset-{}", unit.name()), format!("{seconds}s")));
        }
    }
    headers
}

/// The tighter of two is the one that leaves less.
fn keep_tighter<'a, K: Ord>(
    entry: std::collections::btree_map::Entry<'_, K, &'a LimitStanding>,
    one: &'a LimitStanding,
) {
    let kept = entry.or_insert(one);
    if (one.left, one.limit) < (kept.left, kept.limit) {
        *kept = one;
    }
}
