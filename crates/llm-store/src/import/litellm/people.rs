//! Teams, users and organisations of LiteLLM's as ours, with those who are in them.

use std::collections::HashMap;

use llm_core::json::map_of;
use llm_governance::entity::{Member, MemberRole, Organization, Team, User};
use llm_governance::{Role, Scope, Subject, Terms};
use serde_json::Value;

use super::map::{Budgets, made, spending, updated};
use super::row::{SourceRow, Unread, aliases};
use super::terms::terms;
use crate::import::keep::Arrival;

/// Where LiteLLM names the budget row of members that have none of their own.
const MEMBER_BUDGET: &str = "team_member_budget_id";

/// Rows about somebody, by the id of where it is a member.
pub(super) type Memberships = HashMap<String, Vec<SourceRow>>;

/// Rows by what stands in a column.
pub(super) fn by(rows: Vec<SourceRow>, column: &str) -> Memberships {
    let mut all = Memberships::new();
    for row in rows {
        all.entry(row.id(column)).or_default().push(row);
    }
    all
}

fn of<'a>(memberships: &'a Memberships, id: &str) -> &'a [SourceRow] {
    memberships.get(id).map_or(&[], Vec::as_slice)
}

/// A team, with what its members have spent in it. `models` are LiteLLM's tables of other names for models.
///
/// # Errors
/// What cannot be read.
pub(super) fn team(
    row: &SourceRow,
    budgets: &Budgets,
    memberships: &Memberships,
    models: &Memberships,
) -> Result<Arrival<Team>, Unread> {
    let id = row.id("team_id");
    let mut terms = terms(row)?;
    if let Some(table) = of(models, &row.id("model_id")).first().filter(|_| row.says("model_id")) {
        terms.aliases = aliases(&table.json("aliases"));
    }
    let member_budget = terms.metadata.remove(MEMBER_BUDGET);
    let member_budget = member_budget.as_ref().and_then(Value::as_str).and_then(|id| budgets.get(id));
    let rows = of(memberships, &id);
    let mut entity = Team {
        alias: row.text("team_alias"),
        organization_id: row.text("organization_id"),
        members: members(row, rows),
        member_terms: member_budget.map(|(terms, _)| terms.clone()).unwrap_or_default(),
        terms,
        created_at: made(row),
        updated_at: updated(row),
        id,
    };
    let subject = Subject::new(Scope::Team, entity.id.as_str());
    let mut all = vec![spending(row, budgets, subject, &entity.terms, entity.created_at)?];
    for row in rows {
        let user = row.id("user_id");
        let own = row.text("budget_id").map(|id| Terms { budget_id: Some(id), ..Terms::default() });
        let in_force = own.clone().unwrap_or_default().over(Some(&entity.member_terms));
        if let Some(member) = entity.members.iter_mut().find(|member| member.user_id == user) {
            member.terms = own;
        }
        let subject = Subject::member(&entity.id, &user);
        let mut spent = spending(row, budgets, subject, &in_force, entity.created_at)?;
        spent.resets = spent.resets.or_else(|| member_budget.and_then(|(_, resets)| *resets));
        all.push(spent);
    }
    Ok(Arrival { entity, spending: all })
}

/// Who is in a team: as LiteLLM lists them with their roles, in the older lists, or only in the table of memberships.
fn members(row: &SourceRow, memberships: &[SourceRow]) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    let mut add = |user_id: String, user_email: Option<String>, role: MemberRole| {
        if !user_id.is_empty() && members.iter().all(|member| member.user_id != user_id) {
            members.push(Member { user_id, user_email, role, terms: None });
        }
    };
    for one in row.json("members_with_roles").as_array().into_iter().flatten() {
        let text = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
        let role =
            if text("role").as_deref() == Some("admin") { MemberRole::Admin } else { MemberRole::User };
        add(text("user_id").unwrap_or_default(), text("user_email"), role);
    }
    row.texts("admins").into_iter().for_each(|id| add(id, None, MemberRole::Admin));
    row.texts("members").into_iter().for_each(|id| add(id, None, MemberRole::User));
    memberships.iter().for_each(|row| add(row.id("user_id"), None, MemberRole::User));
    members
}

/// A user.
///
/// # Errors
/// What cannot be read, or a role that is not known here.
pub(super) fn user(
    row: &SourceRow,
    budgets: &Budgets,
    organizations: &Memberships,
) -> Result<Arrival<User>, Unread> {
    let id = row.id("user_id");
    let role = match row.text("user_role") {
        None => Role::InternalUser,
        Some(name) => {
            Role::named(&name).ok_or_else(|| format!("`user_role` is no role that is known here: {name}"))?
        }
    };
    let mut organization_ids: Vec<String> = row.text("organization_id").into_iter().collect();
    for row in of(organizations, &id) {
        let organization = row.id("organization_id");
        if !organization_ids.contains(&organization) {
            organization_ids.push(organization);
        }
    }
    let entity = User {
        email: row.text("user_email"),
        alias: row.text("user_alias"),
        role,
        sso_user_id: row.text("sso_user_id"),
        teams: row.texts("teams"),
        organizations: organization_ids,
        terms: terms(row)?,
        created_at: made(row),
        updated_at: updated(row),
        id,
    };
    let subject = Subject::new(Scope::User, entity.id.as_str());
    let spending = spending(row, budgets, subject, &entity.terms, entity.created_at)?;
    Ok(Arrival { entity, spending: vec![spending] })
}

/// An organisation.
///
/// # Errors
/// What cannot be read.
pub(super) fn organization(
    row: &SourceRow,
    budgets: &Budgets,
    memberships: &Memberships,
) -> Result<Arrival<Organization>, Unread> {
    let id = row.id("organization_id");
    let member = |row: &SourceRow| Member {
        user_id: row.id("user_id"),
        user_email: None,
        role: match row.text("user_role").as_deref() {
            Some("org_admin") => MemberRole::Admin,
            Some("internal_user_viewer") => MemberRole::Viewer,
            _ => MemberRole::User,
        },
        terms: row.text("budget_id").map(|id| Terms { budget_id: Some(id), ..Terms::default() }),
    };
    let members = map_of(of(memberships, &id).iter().map(|row| (row.id("user_id"), member(row))));
    let entity = Organization {
        alias: row.text("organization_alias"),
        members: members.into_values().collect(),
        terms: terms(row)?,
        created_at: made(row),
        updated_at: updated(row),
        id,
    };
    let subject = Subject::new(Scope::Organization, entity.id.as_str());
    let spending = spending(row, budgets, subject, &entity.terms, entity.created_at)?;
    Ok(Arrival { entity, spending: vec![spending] })
}
