//! Defaults and bounds of keys, users and teams that are made, in LiteLLM's words.

use llm_core::money::NanoDollars;
use llm_governance::Role;
use llm_management::{KeyGeneration, NewKeys, NewTeams, NewUsers, Settings, UpperBounds};
use serde_json::{Map, Value};

use crate::node::Node;
use crate::report::Report;

/// What `litellm_settings` say of everything that is made.
pub(super) fn settings(root: &Node, report: &mut Report) -> Settings {
    let Some(litellm) = root.get("litellm_settings") else { return Settings::default() };
    let generation = litellm.get("key_generation_settings");
    let of = |key: &str| generation.and_then(|generation| generation.get(key));
    Settings {
        keys: NewKeys {
            defaults: object(litellm.get("default_key_generate_params"), report),
            upper_bounds: litellm.get("upperbound_key_generate_params").map(upper_bounds).unwrap_or_default(),
            of_teams: key_generation(of("team_key_generation"), report),
            personal: key_generation(of("personal_key_generation"), report),
        },
        users: NewUsers { defaults: of_users(litellm, report) },
        teams: NewTeams {
            defaults: object(litellm.get("default_team_params"), report),
            ..NewTeams::default()
        },
        ..Settings::default()
    }
}

/// Defaults of new users, and their budget where those have none.
fn of_users(litellm: &Node, report: &mut Report) -> Map<String, Value> {
    let mut defaults = object(litellm.get("default_internal_user_params"), report);
    if !defaults.contains_key("max_budget")
        && let Some(budget) = litellm.get_text("max_internal_user_budget")
    {
        defaults.insert("max_budget".to_owned(), Value::from(budget));
        if let Some(duration) = litellm.get_text("internal_user_budget_duration") {
            defaults.entry("budget_duration").or_insert_with(|| Value::from(duration));
        }
    }
    defaults
}

fn object(node: Option<&Node>, report: &mut Report) -> Map<String, Value> {
    let Some(node) = node else { return Map::new() };
    match serde_json::from_str(node.json().get()) {
        Ok(Value::Object(fields)) => fields,
        _ => {
            report.error(&node.at, "this must be fields with their values");
            Map::new()
        }
    }
}

fn upper_bounds(node: &Node) -> UpperBounds {
    UpperBounds {
        max_budget: node.get_text("max_budget").and_then(NanoDollars::parse),
        budget_duration: node.get_text("budget_duration").map(str::to_owned),
        duration: node.get_text("duration").map(str::to_owned),
        max_parallel_requests: node.get_whole("max_parallel_requests"),
        tpm_limit: node.get_whole("tpm_limit"),
        rpm_limit: node.get_whole("rpm_limit"),
    }
}

fn key_generation(node: Option<&Node>, report: &mut Report) -> KeyGeneration {
    let Some(node) = node else { return KeyGeneration::default() };
    let mut roles = Vec::new();
    for role in node.get("allowed_user_roles").map(Node::elements).unwrap_or_default() {
        match role.text().and_then(Role::named) {
            Some(role) => roles.push(role),
            None => {
                report
                    .error(&role.at, "this is no role")
                    .help("use proxy_admin, internal_user, or another one");
            }
        }
    }
    let members = node.get_texts("allowed_team_member_roles");
    KeyGeneration {
        allowed_user_roles: (!roles.is_empty()).then_some(roles),
        allowed_team_member_roles: (!members.is_empty()).then_some(members),
        required_params: node.get_texts("required_params"),
    }
}
