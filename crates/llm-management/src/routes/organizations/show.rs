//! Organisations looked at.

use llm_governance::entity::{Column, Organization, Team};
use llm_governance::{Filter, ListQuery, Scope, Subject, Terms};
use serde_json::Value;

use crate::caller::member;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;
use crate::routes::teams;
use crate::show::{organization_member, organization_row};

/// The most organisations of a list; it has no pages.
const MOST: u64 = 1_000;

/// The rows of organisations, without their members and teams.
///
/// # Errors
/// When the store cannot be asked.
pub(super) async fn rows(call: &Call<'_>, organizations: &[Organization]) -> Result<Vec<Value>, Refused> {
    let budgets = call.management.budget_rows(organizations.iter().map(|one| &one.terms)).await?;
    let terms: Vec<Terms> =
        organizations.iter().map(|one| crate::periods::in_force(&one.terms, &budgets)).collect();
    let asked = organizations.iter().zip(&terms);
    let asked =
        asked.map(|(one, of)| (Subject::new(Scope::Organization, one.id.as_str()), of, one.created_at));
    let asked: Vec<_> = asked.collect();
    let spends = call.management.spends(&asked).await?;
    let shown = organizations.iter().zip(spends);
    Ok(shown.map(|(one, spend)| Value::Object(organization_row(one, spend, &budgets))).collect())
}

/// The rows of organisations with their members and teams.
///
/// # Errors
/// When the store cannot be asked.
pub(super) async fn whole(call: &Call<'_>, organizations: &[Organization]) -> Result<Vec<Value>, Refused> {
    let mut shown = rows(call, organizations).await?;
    for (row, one) in shown.iter_mut().zip(organizations) {
        let of_one = vec![("organization_id", Filter::Is(Column::from(one.id.as_str())))];
        let query = ListQuery { filters: of_one, limit: MOST, ..ListQuery::default() };
        let of_one = call.management.list::<Team>(&query).await?.items;
        let members = one.members.iter().map(|member| organization_member(&one.id, member, one.updated_at));
        if let Some(row) = row.as_object_mut() {
            row.insert("members".to_owned(), members.collect());
            row.insert("teams".to_owned(), teams::rows(call.management, &of_one).await?.into());
        }
    }
    Ok(shown)
}

/// One organisation.
pub(super) async fn info(call: &Call<'_>) -> Answered {
    let query = call.query();
    let Some(id) = query.text("organization_id") else {
        return Err(Refused::query("organization_id", "Field required"));
    };
    let organization = visible(call, id).await?;
    Ok(Reply::ok(whole(call, &[organization]).await?.pop().unwrap_or_default()))
}

/// Several organisations.
pub(super) async fn infos(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let ids = fields.texts("organizations")?.value().filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| Refused::field_missing("organizations"))?;
    let mut found = Vec::new();
    for id in &ids {
        found.push(visible(call, id).await?);
    }
    let shown = whole(call, &found).await?;
    Ok(fields.answer(Value::Array(shown)))
}

/// All organisations, or those of whoever asks.
pub(super) async fn list(call: &Call<'_>) -> Answered {
    let query = call.query();
    let mut filters = Vec::new();
    if let Some(id) = query.text("org_id") {
        filters.push(("id", Filter::Is(Column::from(id))));
    }
    if let Some(alias) = query.text("org_alias") {
        filters.push(("alias", Filter::Contains(alias.to_owned())));
    }
    if !call.sees_all() {
        let own = call.user().await?.map(|user| user.organizations).unwrap_or_default();
        filters.push(("id", Filter::OneOf(own)));
    }
    let query = ListQuery { filters, limit: MOST, ..ListQuery::default() };
    let found = call.management.list::<Organization>(&query).await?.items;
    Ok(Reply::ok(Value::Array(whole(call, &found).await?)))
}

/// An organisation that the caller may see: as its member, by its key, or because it sees all.
async fn visible(call: &Call<'_>, id: &str) -> Result<Organization, Refused> {
    let found: Option<Organization> = call.management.get(id).await?;
    let is_its = call.caller.organization_id() == Some(id)
        || found
            .as_ref()
            .is_some_and(|one| call.user_id().is_some_and(|user| member(&one.members, user).is_some()));
    if !call.sees_all() && !is_its {
        let message = format!("you may not see organization {id}: you are not a member of it");
        return Err(Refused::forbidden(message).detail());
    }
    found.ok_or_else(|| missing(id))
}

/// There is no such organisation.
pub(super) fn missing(id: &str) -> Refused {
    Refused::missing(format!("Organization not found, passed organization_id={id}")).detail()
}
