//! Lists of keys.

use llm_governance::entity::{Column, Team, VirtualKey};
use llm_governance::{Filter, ListQuery, SPEND};
use serde_json::{Value, json};

use super::show::rows;
use crate::caller::{is_administrator, member_permissions};
use crate::fields::Query;
use crate::management::{Answered, Call};
use crate::paging::{Paging, of_spend, sorting};
use crate::refused::Refused;
use crate::request::Reply;
use crate::secret::now;

/// What lists of keys are sorted by, and the store's columns for it.
const SORTED: [(&str, &str); 10] = [
    ("key_alias", "alias"),
    ("key_name", "name"),
    ("token", "id"),
    ("user_id", "user_id"),
    ("team_id", "team_id"),
    ("organization_id", "organization_id"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
    ("expires", "expires"),
    ("spend", SPEND),
];

/// How many keys a page has, and at most.
const SIZES: (u64, u64) = (10, 100);

type Filters = Vec<(&'static str, Filter)>;

/// Lists keys: hashes alone, or whole rows.
pub(super) async fn list(call: &Call<'_>) -> Answered {
    let query = call.query();
    let paging = Paging::read(&query, "size", SIZES)?;
    let mut filters = filters(&query)?;
    filters.extend(visible(call, &query, "/key/list").await?);
    let sort = sorting(&query, &SORTED, true)?;
    let page = call.management.list::<VirtualKey>(&ListQuery { filters, sort, ..paging.query() }).await?;
    let keys = if query.switch("return_full_object")? {
        rows(call.management, &page.items).await?
    } else {
        page.items.iter().map(|key| Value::from(key.hash.hex())).collect()
    };
    Ok(Reply::ok(json!({
        "keys": keys,
        "total_count": page.total,
        "current_page": paging.page,
        "total_pages": paging.pages(page.total),
    })))
}

/// Lists the names that people gave to keys.
pub(super) async fn aliases(call: &Call<'_>) -> Answered {
    let query = call.query();
    let paging = Paging::read(&query, "size", (50, 100))?;
    let mut filters: Filters =
        vec![("alias", Filter::Contains(query.text("search").unwrap_or("").to_owned()))];
    if let Some(team) = query.text("team_id") {
        filters.push(("team_id", Filter::Is(Column::from(team))));
    }
    filters.extend(visible(call, &Query::read("include_team_keys=true"), "/key/aliases").await?);
    let sort = Some(("alias", false));
    let page = call.management.list::<VirtualKey>(&ListQuery { filters, sort, ..paging.query() }).await?;
    let aliases: Vec<String> = page.items.into_iter().filter_map(|key| key.alias).collect();
    Ok(Reply::ok(json!({
        "aliases": aliases,
        "total_count": page.total,
        "current_page": paging.page,
        "total_pages": paging.pages(page.total),
        "size": paging.size,
    })))
}

fn filters(query: &Query) -> Result<Filters, Refused> {
    let mut filters = Filters::new();
    let is_part = query.switch("substring_matching")?;
    for (name, column) in
        [("user_id", "user_id"), ("team_id", "team_id"), ("organization_id", "organization_id")]
    {
        if let Some(text) = query.text(name) {
            filters.push((column, Filter::Is(Column::from(text))));
        }
    }
    if let Some(alias) = query.text("key_alias") {
        let filter =
            if is_part { Filter::Contains(alias.to_owned()) } else { Filter::Is(Column::from(alias)) };
        filters.push(("alias", filter));
    }
    if let Some(hash) = query.text("key_hash") {
        filters.push(("id", Filter::Is(Column::Text(Some(crate::secret::hash_of(hash).hex())))));
    }
    if let Some(part) = query.text("search") {
        let part = || Filter::Contains(part.to_owned());
        filters.push(("id", Filter::AnyOf(vec![("alias", part()), ("id", part()), ("name", part())])));
    }
    filters.extend(status(query)?);
    filters.extend(of_spend(query)?);
    Ok(filters)
}

/// Keys that are good, expired, blocked: LiteLLM's `status`.
fn status(query: &Query) -> Result<Filters, Refused> {
    let now = now().0;
    let unexpired =
        || Filter::AnyOf(vec![("expires", Filter::Is(Column::Whole(None))), ("expires", Filter::From(now))]);
    let blocked = |is: bool| ("blocked", Filter::Is(Column::from(is)));
    Ok(match query.text("status") {
        None => Vec::new(),
        Some("active") => vec![("expires", unexpired()), blocked(false)],
        Some("expired") => vec![("expires", Filter::Before(now))],
        Some("blocked" | "revoked") => vec![blocked(true)],
        Some("deleted") => {
            let message = "deleted keys are not kept: the audit log has what they were";
            return Err(Refused::query("status", message));
        }
        Some(_) => return Err(Refused::query("status", "say `active`, `expired` or `revoked`")),
    })
}

/// Of those who may not see all keys: their own, and what else they ask for and may see.
async fn visible(
    call: &Call<'_>,
    query: &Query,
    deed: &str,
) -> Result<Option<(&'static str, Filter)>, Refused> {
    let Some(user) = call.user_id().filter(|_| !call.sees_all()) else {
        return Ok((!call.sees_all()).then(|| ("id", own_key(call))));
    };
    let mut any = vec![("user_id", Filter::Is(Column::from(user))), ("id", own_key(call))];
    if query.switch("include_created_by_keys")? {
        any.push(("created_by", Filter::Is(Column::from(user))));
    }
    let asks_for_teams = query.switch("include_team_keys")? || query.text("team_id").is_some();
    if asks_for_teams {
        let teams = call.teams().await?;
        let may = |team: &Team| member_permissions(team).iter().any(|permission| permission == deed);
        let led = teams.into_iter().filter(|team| is_administrator(&team.members, user) || may(team));
        any.push(("team_id", Filter::OneOf(led.map(|team| team.id).collect())));
    }
    if let Some(id) = query.text("organization_id")
        && call.administrates_organization(Some(id)).await?
    {
        return Ok(None);
    }
    Ok(Some(("id", Filter::AnyOf(any))))
}

/// The key that asks.
fn own_key(call: &Call<'_>) -> Filter {
    Filter::Is(Column::Text(Some(call.caller.key().map(|key| key.hex()).unwrap_or_default())))
}
