//! Lists of users and of their roles.

use llm_core::json::object_of;
use llm_governance::entity::{Column, Organization, Team, User, VirtualKey};
use llm_governance::{Filter, ListQuery, Role, SPEND};
use serde_json::{Value, json};

use super::rows;
use crate::caller::is_administrator;
use crate::fields::Query;
use crate::management::{Answered, Call};
use crate::paging::{Paging, of_spend, sorting};
use crate::refused::Refused;
use crate::request::Reply;

/// What lists of users are sorted by, and the store's columns for it.
const SORTED: [(&str, &str); 7] = [
    ("user_id", "id"),
    ("user_email", "email"),
    ("user_alias", "alias"),
    ("user_role", "role"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
    ("spend", SPEND),
];

type Filters = Vec<(&'static str, Filter)>;

/// Lists users page by page.
pub(super) async fn list(call: &Call<'_>) -> Answered {
    let query = call.query();
    let paging = Paging::read(&query, "page_size", (25, 100))?;
    let mut filters = filters(&query)?;
    filters.extend(of_team(call, &query).await?);
    filters.extend(of_organizations(call, &query).await?);
    let sort = sorting(&query, &SORTED, false)?;
    let page = call.management.list::<User>(&ListQuery { filters, sort, ..paging.query() }).await?;
    let mut shown = rows(call.management, &page.items).await?;
    for (row, user) in shown.iter_mut().zip(&page.items) {
        let filters = vec![("user_id", Filter::Is(Column::from(user.id.as_str())))];
        let keys = call.management.list::<VirtualKey>(&ListQuery { filters, ..ListQuery::default() }).await?;
        if let Some(row) = row.as_object_mut() {
            row.insert("key_count".to_owned(), keys.total.into());
        }
    }
    Ok(Reply::ok(paging.answer("users", shown, page.total)))
}

fn filters(query: &Query) -> Result<Filters, Refused> {
    let mut filters = Filters::new();
    if let Some(role) = query.text("role") {
        if Role::named(role).is_none() {
            return Err(Refused::query("role", "say a role of `/user/available_roles`"));
        }
        filters.push(("role", Filter::Is(Column::from(role))));
    }
    for (name, column) in [("user_ids", "id"), ("sso_user_ids", "sso_user_id")] {
        if let Some(ids) = query.text(name) {
            filters.push((column, Filter::OneOf(split(ids))));
        }
    }
    if let Some(email) = query.text("user_email") {
        filters.push(("email", Filter::Contains(email.to_owned())));
    }
    if let Some(part) = query.text("search") {
        let part = || Filter::Contains(part.to_owned());
        filters.push(("id", Filter::AnyOf(vec![("id", part()), ("email", part()), ("alias", part())])));
    }
    filters.extend(of_spend(query)?);
    Ok(filters)
}

fn split(ids: &str) -> Vec<String> {
    ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// The members of a team.
async fn of_team(call: &Call<'_>, query: &Query) -> Result<Option<(&'static str, Filter)>, Refused> {
    let Some(id) = query.text("team") else { return Ok(None) };
    let team: Option<Team> = call.management.get(id).await?;
    let members = team.into_iter().flat_map(|team| team.members).map(|member| member.user_id);
    Ok(Some(("id", Filter::OneOf(members.collect()))))
}

/// The members of organisations: of those that are named, or that the caller administrates.
async fn of_organizations(call: &Call<'_>, query: &Query) -> Result<Option<(&'static str, Filter)>, Refused> {
    let named = query.text("organization_ids").map(split);
    let ids = match (&named, call.sees_all()) {
        (None, true) => return Ok(None),
        (Some(named), _) => named.clone(),
        (None, false) => call.user().await?.map(|user| user.organizations).unwrap_or_default(),
    };
    let mut organizations: Vec<Organization> = call.management.get_many(&ids).await?;
    if !call.sees_all() {
        let user = call.user_id().unwrap_or_default();
        organizations.retain(|one| is_administrator(&one.members, user));
        if organizations.is_empty() {
            let message = "only administrators, of the gateway or of an organization, list users";
            return Err(Refused::forbidden(message));
        }
    }
    let members = organizations.into_iter().flat_map(|one| one.members).map(|member| member.user_id);
    Ok(Some(("id", Filter::OneOf(members.collect()))))
}

/// The roles that users can have.
pub(super) async fn available_roles(_: &Call<'_>) -> Answered {
    let roles = [
        (Role::ProxyAdmin, "Admin (All Permissions)", "everything: users, teams, keys, models, settings"),
        (Role::ProxyAdminViewer, "Admin (View Only)", "sees everything and changes nothing"),
        (Role::InternalUser, "Internal User (Create/Delete/View)", "makes keys for itself and sees its own"),
        (Role::InternalUserViewer, "Internal Viewer (View Only)", "sees its own keys and spend"),
    ];
    let shown = roles.into_iter().map(|(role, label, description)| {
        (role.name().to_owned(), json!({"description": description, "ui_label": label}))
    });
    Ok(Reply::ok(Value::Object(object_of(shown))))
}
