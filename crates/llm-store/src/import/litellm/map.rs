//! Keys, customers and budgets of LiteLLM's as ours.

use std::collections::HashMap;

use llm_governance::entity::{BudgetRow, Customer, KeyKind, VirtualKey};
use llm_governance::{KeyHash, Scope, Subject, Terms, Timestamp};

use super::row::{SourceRow, Unread};
use super::terms::terms;
use crate::import::keep::Arrival;
use crate::import::spending::Spending;

/// The team of the keys that LiteLLM's dashboard makes for those who log in.
const DASHBOARD: &str = "litellm-dashboard";

/// The budget rows, by their ids.
pub(super) type Budgets = HashMap<String, (Terms, Option<Timestamp>)>;

/// The budget rows of the table, as far as they can be read.
pub(super) fn budgets(rows: &[SourceRow]) -> Budgets {
    let read = |row: &SourceRow| Some((row.id("budget_id"), (own(row).ok()?, row.time("budget_reset_at"))));
    rows.iter().filter_map(read).collect()
}

fn own(row: &SourceRow) -> Result<Terms, Unread> {
    Ok(Terms { budget_id: None, ..terms(row)? })
}

/// A budget row.
///
/// # Errors
/// What cannot be read.
pub(super) fn budget(row: &SourceRow, _: &Budgets) -> Result<Arrival<BudgetRow>, Unread> {
    let entity = BudgetRow {
        id: row.id("budget_id"),
        terms: own(row)?,
        created_by: row.text("created_by"),
        created_at: made(row),
        updated_by: row.text("updated_by"),
        updated_at: updated(row),
    };
    Ok(Arrival { entity, spending: Vec::new() })
}

/// A virtual key. Its hash is the same here and there.
///
/// # Errors
/// What cannot be read.
pub(super) fn key(row: &SourceRow, budgets: &Budgets) -> Result<Arrival<VirtualKey>, Unread> {
    let hash = KeyHash::parse(&row.id("token"))
        .ok_or("`token` is no SHA-256: the key was never hashed there, make a new one")?;
    let team_id = row.text("team_id");
    if team_id.as_deref() == Some(DASHBOARD) {
        return Err("a session of litellm's dashboard, not a key of anybody's".to_owned());
    }
    let mut terms = terms(row)?;
    let service_account = terms.metadata.contains_key("service_account_id");
    let kind = kind(&mut terms);
    let name = row.text("key_name").unwrap_or_else(|| "sk-...".to_owned());
    let entity = VirtualKey {
        hash,
        name,
        alias: row.text("key_alias"),
        user_id: row.text("user_id"),
        team_id,
        organization_id: row.text("organization_id"),
        kind,
        service_account,
        expires: row.time("expires"),
        replaced: None,
        former: Vec::new(),
        terms,
        created_by: row.text("created_by"),
        created_at: made(row),
        updated_by: row.text("updated_by"),
        updated_at: updated(row),
    };
    let subject = Subject::new(Scope::Key, hash.hex());
    let spending = spending(row, budgets, subject, &entity.terms, entity.created_at)?;
    Ok(Arrival { entity, spending: vec![spending] })
}

/// LiteLLM keeps the kind of a key as the routes that it may use.
fn kind(terms: &mut Terms) -> KeyKind {
    let kind = match terms.allowed_routes.as_slice() {
        [one] if one == "llm_api_routes" => KeyKind::LlmApi,
        [one] if one == "management_routes" => KeyKind::Management,
        [one] if one == "info_routes" => KeyKind::ReadOnly,
        _ => return KeyKind::Default,
    };
    terms.allowed_routes.clear();
    kind
}

/// A customer.
///
/// # Errors
/// What cannot be read.
pub(super) fn customer(row: &SourceRow, budgets: &Budgets) -> Result<Arrival<Customer>, Unread> {
    let id = row.id("user_id");
    let entity = Customer {
        id: id.clone(),
        alias: row.text("alias"),
        allowed_model_region: row.text("allowed_model_region"),
        default_model: row.text("default_model"),
        terms: terms(row)?,
        created_at: made(row),
        updated_at: updated(row),
    };
    let subject = Subject::new(Scope::Customer, id);
    let spending = spending(row, budgets, subject, &entity.terms, entity.created_at)?;
    Ok(Arrival { entity, spending: vec![spending] })
}

/// What a row says was spent.
///
/// # Errors
/// When it is no money.
pub(super) fn spending(
    row: &SourceRow,
    budgets: &Budgets,
    subject: Subject,
    terms: &Terms,
    made: Timestamp,
) -> Result<Spending, Unread> {
    let named = terms.budget_id.as_ref().and_then(|id| budgets.get(id));
    let amount = row.money("spend")?.unwrap_or_default();
    let resets = row.time("budget_reset_at").or_else(|| named.and_then(|(_, resets)| *resets));
    let terms = terms.clone().over(named.map(|(terms, _)| terms));
    Ok(Spending { subject, terms, made, amount, resets })
}

/// When it was made; older versions do not know.
pub(super) fn made(row: &SourceRow) -> Timestamp {
    row.time("created_at").unwrap_or_default()
}

/// When it was changed last.
pub(super) fn updated(row: &SourceRow) -> Timestamp {
    row.time("updated_at").unwrap_or_else(|| made(row))
}
