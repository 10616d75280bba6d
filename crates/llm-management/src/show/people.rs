//! Teams, users and organisations as LiteLLM's clients read them.

use llm_core::money::NanoDollars;
use llm_governance::entity::{BudgetRow, Member, MemberRole, Organization, Team, User};
use llm_governance::{Terms, Timestamp};
use serde_json::{Value, json};

use super::{Shown, budget, budget_table, fields, terms, time};
use crate::caller::{MEMBER_PERMISSIONS, is_administrator};
use crate::dollars::show;
use crate::spend::Spend;

/// A team with what else is shown of it.
#[derive(Clone, Copy)]
pub(crate) struct TeamView<'a> {
    /// The team.
    pub team: &'a Team,
    /// What it has spent.
    pub spend: Spend,
    /// The rows that it may name.
    pub rows: &'a [BudgetRow],
}

/// A team's row.
pub(crate) fn team_row(view: TeamView<'_>) -> Shown {
    let TeamView { team, spend, rows } = view;
    let of = &team.terms;
    let admins: Vec<&str> = ids(&team.members, |id| is_administrator(&team.members, id));
    let members: Vec<&str> = ids(&team.members, |_| true);
    let mut shown = fields(json!({
        "team_id": team.id,
        "team_alias": team.alias,
        "organization_id": team.organization_id,
        "admins": admins,
        "members": members,
        "members_with_roles": team.members.iter().map(team_member).collect::<Vec<_>>(),
        MEMBER_PERMISSIONS: null,
        "router_settings": null,
        "access_group_ids": null,
        "default_team_member_models": super::list_or_null(&team.member_terms.models),
        "model_id": null,
        "model_spend": {},
        "policies": null,
        "allow_team_guardrail_config": false,
        "litellm_model_table": model_table(of),
        "object_permission": null,
        "object_permission_id": null,
        "litellm_budget_table": budget_table(of, rows),
        "team_member_budget_table": member_table(&team.member_terms),
        "total_spend": show(spend.ever),
        "created_at": team.created_at.iso(),
        "updated_at": team.updated_at.iso(),
    }));
    shown.extend(terms(of, spend, team.created_at));
    shown
}

fn ids(members: &[Member], which: impl Fn(&str) -> bool) -> Vec<&str> {
    members.iter().map(|member| member.user_id.as_str()).filter(|id| which(id)).collect()
}

/// Other names for models of a team.
fn model_table(of: &Terms) -> Value {
    if of.aliases.is_empty() { Value::Null } else { json!({"model_aliases": of.aliases}) }
}

/// What members may spend that have no budget of their own.
fn member_table(of: &Terms) -> Value {
    if *of == Terms::default() { Value::Null } else { budget(None, of) }
}

/// A member of a team.
pub(crate) fn team_member(member: &Member) -> Value {
    let role = if member.role == MemberRole::Admin { "admin" } else { "user" };
    json!({"user_id": member.user_id, "user_email": member.user_email, "role": role})
}

/// What a member may do and spend within a team.
pub(crate) fn membership(team: &Team, member: &Member, spend: Spend) -> Value {
    let of = member.terms.clone().unwrap_or_default().over(Some(&team.member_terms));
    let table = if of == Terms::default() { Value::Null } else { budget(of.budget_id.as_deref(), &of) };
    json!({
        "user_id": member.user_id,
        "team_id": team.id,
        "budget_id": of.budget_id,
        "spend": show(spend.amount),
        "total_spend": show(spend.ever),
        "budget_reset_at": time(spend.resets),
        "litellm_budget_table": table,
    })
}

/// A user's row.
pub(crate) fn user_row(user: &User, spend: Spend) -> Shown {
    let memberships = user.organizations.iter().map(|id| {
        json!({"user_id": user.id, "organization_id": id, "user_role": null, "spend": 0.0, "budget_id": null})
    });
    let mut shown = fields(json!({
        "user_id": user.id,
        "user_alias": user.alias,
        "user_email": user.email,
        "user_role": user.role.name(),
        "team_id": null,
        "sso_user_id": user.sso_user_id,
        "organization_id": user.organizations.first(),
        "organization_memberships": memberships.collect::<Vec<_>>(),
        "object_permission_id": null,
        "object_permission": null,
        "teams": user.teams,
        "allowed_cache_controls": [],
        "policies": [],
        "model_spend": {},
        "total_spend": show(spend.ever),
        "created_at": user.created_at.iso(),
        "updated_at": user.updated_at.iso(),
    }));
    shown.extend(terms(&user.terms, spend, user.created_at));
    shown
}

/// An organisation's row, without its members and teams.
pub(crate) fn organization_row(organization: &Organization, spend: Spend, rows: &[BudgetRow]) -> Shown {
    let of = &organization.terms;
    let maker = of.other.get(MAKER).cloned().unwrap_or(Value::Null);
    let table = match budget_table(of, rows) {
        Value::Null => budget(Some(&organization.id), of),
        table => table,
    };
    let mut shown = terms(of, spend, organization.created_at);
    shown.remove(MAKER);
    shown.extend(fields(json!({
        "organization_id": organization.id,
        "organization_alias": organization.alias,
        // LiteLLM's organisations always have a row: those without one are their own.
        "budget_id": of.budget_id.as_ref().unwrap_or(&organization.id),
        "model_spend": {},
        "total_spend": show(spend.ever),
        "created_by": maker,
        "updated_by": maker,
        "users": null,
        "litellm_budget_table": table,
        "object_permission": null,
        "object_permission_id": null,
        "created_at": organization.created_at.iso(),
        "updated_at": organization.updated_at.iso(),
    })));
    shown
}

/// Where an organisation keeps who made it.
pub(crate) const MAKER: &str = "created_by";

/// A member of an organisation.
pub(crate) fn organization_member(id: &str, member: &Member, made: Timestamp) -> Value {
    let role = match member.role {
        MemberRole::Admin => "org_admin",
        MemberRole::User => "internal_user",
        MemberRole::Viewer => "internal_user_viewer",
    };
    let of = member.terms.clone().unwrap_or_default();
    let table = if of == Terms::default() { Value::Null } else { budget(None, &of) };
    json!({
        "user_id": member.user_id,
        "organization_id": id,
        "user_role": role,
        "user_email": member.user_email,
        "spend": show(NanoDollars(0)),
        "budget_id": of.budget_id,
        "created_at": made.iso(),
        "updated_at": made.iso(),
        "user": null,
        "litellm_budget_table": table,
    })
}
