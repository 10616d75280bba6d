//! Lists of teams.

use llm_governance::entity::{Column, Organization, Team, User, VirtualKey};
use llm_governance::{Filter, ListQuery, SPEND};
use serde_json::{Value, json};

use super::rows;
use super::show::memberships;
use crate::caller::{is_administrator, member};
use crate::fields::Query;
use crate::management::{Answered, Call};
use crate::paging::{Paging, of_spend, sorting};
use crate::refused::Refused;
use crate::request::Reply;
use crate::routes::keys;

/// What lists of teams are sorted by, and the store's columns for it.
const SORTED: [(&str, &str); 5] = [
    ("team_alias", "alias"),
    ("team_id", "id"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
    ("spend", SPEND),
];

/// The most teams of a list without pages.
const MOST: u64 = 1_000;

type Filters = Vec<(&'static str, Filter)>;

/// Lists teams with their keys and members, without pages.
pub(super) async fn list(call: &Call<'_>) -> Answered {
    let query = call.query();
    let filters = filters(call, &query).await?;
    let sort = sorting(&query, &SORTED, false)?;
    let wanted = ListQuery { filters, sort, limit: MOST, ..ListQuery::default() };
    let page = call.management.list::<Team>(&wanted).await?;
    if page.total > MOST {
        let message =
            format!("there are {} teams, and this list has no pages: use `/v2/team/list`", page.total);
        return Err(Refused::bad(message));
    }
    let mut shown = rows(call.management, &page.items).await?;
    for (row, team) in shown.iter_mut().zip(&page.items) {
        let Some(row) = row.as_object_mut() else { continue };
        let own = call.user_id().and_then(|user| member(&team.members, user));
        let memberships = memberships(call.management, team, own.into_iter()).await?;
        row.insert("team_memberships".to_owned(), memberships.into());
        let of_team = keys_of(call, team).await?;
        row.insert("keys".to_owned(), keys::rows(call.management, &of_team).await?.into());
    }
    Ok(Reply::ok(Value::Array(shown)))
}

/// The keys of a team that the caller may see.
async fn keys_of(call: &Call<'_>, team: &Team) -> Result<Vec<VirtualKey>, Refused> {
    let filters = vec![("team_id", Filter::Is(Column::from(team.id.as_str())))];
    let query = ListQuery { filters, limit: 100, ..ListQuery::default() };
    let mut keys = call.management.list::<VirtualKey>(&query).await?.items;
    if !call.sees_all() && !call.may_with_keys_of(team, "/key/info").await? {
        keys.retain(|key| call.is_user(key.user_id.as_deref()));
    }
    Ok(keys)
}

/// Lists teams page by page.
pub(super) async fn pages(call: &Call<'_>) -> Answered {
    let query = call.query();
    let paging = Paging::read(&query, "page_size", (10, 100))?;
    let filters = filters(call, &query).await?;
    let sort = sorting(&query, &SORTED, false)?;
    let page = call.management.list::<Team>(&ListQuery { filters, sort, ..paging.query() }).await?;
    let mut shown = rows(call.management, &page.items).await?;
    for (row, team) in shown.iter_mut().zip(&page.items) {
        let Some(row) = row.as_object_mut() else { continue };
        let filters = vec![("team_id", Filter::Is(Column::from(team.id.as_str())))];
        let keys = call.management.list::<VirtualKey>(&ListQuery { filters, ..ListQuery::default() }).await?;
        row.insert("members_count".to_owned(), team.members.len().into());
        row.insert("keys_count".to_owned(), keys.total.into());
    }
    Ok(Reply::ok(paging.answer("teams", shown, page.total)))
}

/// Teams that every user may join.
pub(super) async fn available(call: &Call<'_>) -> Answered {
    let mut teams: Vec<Team> = call.management.get_many(&call.settings.teams.available).await?;
    teams.retain(|team| call.user_id().is_none_or(|user| member(&team.members, user).is_none()));
    let shown = teams.iter().map(|team| {
        json!({
            "team_id": team.id,
            "team_alias": team.alias,
            "organization_id": team.organization_id,
            "models": team.terms.models,
            "members_with_roles": [],
        })
    });
    Ok(Reply::ok(shown.collect()))
}

async fn filters(call: &Call<'_>, query: &Query) -> Result<Filters, Refused> {
    let mut filters = Filters::new();
    match query.text("organization_id") {
        None => {}
        Some("default_organization") => filters.push(("organization_id", Filter::Is(Column::Text(None)))),
        Some(id) => filters.push(("organization_id", Filter::Is(Column::from(id)))),
    }
    if let Some(alias) = query.text("team_alias") {
        filters.push(("alias", Filter::Contains(alias.to_owned())));
    }
    if let Some(id) = query.text("team_id") {
        filters.push(("id", Filter::Is(Column::from(id))));
    }
    if let Some(part) = query.text("search") {
        let of_id = match query.text("search_team_id_match") {
            Some("prefix") => Filter::Contains(part.to_owned()),
            _ => Filter::Is(Column::from(part)),
        };
        filters
            .push(("id", Filter::AnyOf(vec![("alias", Filter::Contains(part.to_owned())), ("id", of_id)])));
    }
    match query.text("status") {
        None | Some("active") => {}
        Some("blocked") => filters.push(("blocked", Filter::Is(Column::from(true)))),
        Some(_) => {
            return Err(Refused::query("status", "say `active` or `blocked`: deleted teams are not kept"));
        }
    }
    filters.extend(of_spend(query)?);
    filters.extend(of_user(call, query).await?);
    Ok(filters)
}

/// The teams of a user: of whoever asks, where it may not see all.
async fn of_user(call: &Call<'_>, query: &Query) -> Result<Option<(&'static str, Filter)>, Refused> {
    let asked = query.text("user_id");
    let Some(user) = asked.or_else(|| call.user_id().filter(|_| !call.sees_all())) else {
        let own = call.caller.team_id().map(str::to_owned).into_iter().collect();
        return Ok((!call.sees_all()).then_some(("id", Filter::OneOf(own))));
    };
    if !call.sees_all() && !call.is_user(Some(user)) {
        let message = format!("only administrators list teams of others. user_id={user}");
        return Err(Refused::forbidden(message).about("user_id"));
    }
    let user: Option<User> = call.management.get(user).await?;
    let Some(user) = user else { return Ok(Some(("id", Filter::OneOf(Vec::new())))) };
    let own = ("id", Filter::OneOf(user.teams));
    let organizations: Vec<Organization> = call.management.get_many(&user.organizations).await?;
    let led = organizations.into_iter().filter(|one| is_administrator(&one.members, &user.id));
    let led: Vec<String> = led.map(|one| one.id).collect();
    // An organisation's administrator sees all of its teams.
    Ok(Some(match led.is_empty() || asked.is_some() {
        true => own,
        false => ("id", Filter::AnyOf(vec![own, ("organization_id", Filter::OneOf(led))])),
    }))
}
