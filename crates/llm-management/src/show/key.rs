//! Keys as LiteLLM's clients read them.

use llm_governance::entity::{BudgetRow, KeyKind, VirtualKey};
use serde_json::{Value, json};

use super::{Shown, budget_table, fields, terms, time};
use crate::dollars::show;
use crate::spend::Spend;

/// A key with what else is shown of it.
#[derive(Clone, Copy)]
pub(crate) struct KeyView<'a> {
    /// The key.
    pub key: &'a VirtualKey,
    /// What it has spent.
    pub spend: Spend,
    /// The rows that it may name.
    pub rows: &'a [BudgetRow],
}

/// A key's row, with its hash.
pub(crate) fn key_row(view: KeyView<'_>) -> Shown {
    let KeyView { key, spend, rows } = view;
    let mut shown = fields(json!({
        "token": key.hash,
        "key_name": key.name,
        "key_alias": key.alias,
        "soft_budget_cooldown": false,
        "total_spend": show(spend.ever),
        "expires": time(key.expires),
        "aliases": key.terms.aliases,
        "config": {},
        "user_id": key.user_id,
        "team_id": key.team_id,
        "agent_id": null,
        "project_id": null,
        "permissions": key.terms.permissions,
        "allowed_cache_controls": [],
        "allowed_routes": key.terms.allowed_routes,
        "key_type": kind(key.kind),
        "model_spend": {},
        "budget_fallbacks": key.terms.budget_fallbacks,
        "organization_id": key.organization_id,
        "org_id": key.organization_id,
        "object_permission_id": null,
        "object_permission": null,
        "access_group_ids": null,
        "router_settings": null,
        "auto_rotate": false,
        "rotation_interval": null,
        "rotation_count": key.former.len(),
        "last_active": null,
        "created_at": key.created_at.iso(),
        "created_by": key.created_by,
        "updated_at": key.updated_at.iso(),
        "updated_by": key.updated_by,
        "litellm_budget_table": budget_table(&key.terms, rows),
    }));
    shown.extend(terms(&key.terms, spend, key.created_at));
    shown
}

/// Fields of LiteLLM's that clients look for and that mean nothing here: what was said, or `null`.
const WITHOUT_EFFECT: [&str; 5] =
    ["policies", "prompts", "rpm_limit_type", "throttle_on_budget_exceeded", "tpm_limit_type"];

/// A key that was just made: the only time that it is shown itself.
pub(crate) fn new_key(view: KeyView<'_>, secret: &str, duration: Option<&str>) -> Shown {
    let mut shown = key_row(view);
    let of = &view.key.terms;
    for name in WITHOUT_EFFECT {
        shown.entry(name).or_insert(Value::Null);
    }
    shown.extend(fields(json!({
        "key": secret,
        "token_id": view.key.hash,
        "duration": duration,
        "tags": super::list_or_null(&of.tags),
        "guardrails": super::list_or_null(&of.guardrails),
        "enforced_params": super::list_or_null(&of.enforced_params),
        "model_rpm_limit": some_map(&of.model_rpm_limit),
        "model_tpm_limit": some_map(&of.model_tpm_limit),
    })));
    shown
}

fn some_map(map: &std::collections::BTreeMap<String, u64>) -> Value {
    if map.is_empty() { Value::Null } else { json!(map) }
}

/// LiteLLM's word for what a key is for.
pub(crate) fn kind(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Default => "default",
        KeyKind::LlmApi => "llm_api",
        KeyKind::Management => "management",
        KeyKind::ReadOnly => "read_only",
    }
}
