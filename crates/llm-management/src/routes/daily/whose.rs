//! Whose days a caller is shown.

use llm_governance::entity::{Column, Team, VirtualKey};
use llm_governance::{Filter, ListQuery, Scope};

use crate::fields::Query;
use crate::management::Call;
use crate::refused::Refused;
use crate::whose::{NOBODY, Whose};

/// Whose days are asked for, of those that the caller may see.
///
/// # Errors
/// When it may not see them.
pub(super) async fn whose(call: &Call<'_>, query: &Query, scope: Scope) -> Result<Whose, Refused> {
    let ids = named(query, scope);
    if call.sees_all() {
        // A user's page without a user is the whole gateway's.
        let is_gateway = scope == Scope::User && ids.is_empty();
        let scope = if is_gateway { Scope::Global } else { scope };
        return Ok(Whose { subjects: ids, ..Whose::all(scope) });
    }
    match scope {
        Scope::User if ids.iter().all(|id| call.is_user(Some(id))) => call.whose(),
        Scope::User => Err(Refused::forbidden("you may see your own days alone: leave `user_id` out")),
        Scope::Team => of_teams(call, ids).await,
        Scope::Organization => of_organizations(call, ids).await,
        // Calls with these tags, of all those that are the caller's own.
        _ => Ok(Whose { subjects: ids, keys: own_keys(call).await?, ..Whose::all(scope) }),
    }
}

/// The ids that are named, under the name of their kind.
fn named(query: &Query, scope: Scope) -> Vec<String> {
    let name = match scope {
        Scope::User => "user_id",
        Scope::Team => "team_ids",
        Scope::Organization => "organization_ids",
        Scope::Customer => "end_user_ids",
        _ => "tags",
    };
    list(query, name)
}

/// The ids that are left out.
pub(super) fn excluded(query: &Query, scope: Scope) -> Vec<String> {
    match scope {
        Scope::Team => list(query, "exclude_team_ids"),
        Scope::Organization => list(query, "exclude_organization_ids"),
        Scope::Customer => list(query, "exclude_end_user_ids"),
        _ => Vec::new(),
    }
}

fn list(query: &Query, name: &str) -> Vec<String> {
    let ids = query.text(name).unwrap_or_default().split(',').map(str::trim);
    ids.filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// Teams that the caller administrates are seen whole; of those that it is only a member of, its own keys' calls.
async fn of_teams(call: &Call<'_>, ids: Vec<String>) -> Result<Whose, Refused> {
    let is_named = !ids.is_empty();
    let asked = if is_named { call.management.get_many::<Team>(&ids).await? } else { call.teams().await? };
    let (mut led, mut others) = (Vec::new(), Vec::new());
    for team in asked {
        let is_led = call.administrates_team(&team).await?;
        let is_member =
            call.user_id().is_some_and(|user| crate::caller::member(&team.members, user).is_some());
        match (is_led, is_member || call.caller.team_id() == Some(&team.id)) {
            (true, _) => led.push(team.id),
            (false, true) => others.push(team.id),
            (false, false) => {}
        }
    }
    let found = led.iter().chain(&others);
    if let Some(id) = ids.iter().find(|id| !found.clone().any(|found| found == *id)) {
        return Err(Refused::forbidden(format!("you may not see the days of team {id}: you are not in it")));
    }
    if !led.is_empty() && (others.is_empty() || !is_named) {
        return Ok(Whose { subjects: led, ..Whose::all(Scope::Team) });
    }
    let mut subjects: Vec<String> = found.cloned().collect();
    if subjects.is_empty() {
        let own = call.caller.team_id().map(str::to_owned);
        let missing = || Refused::forbidden("you are in no team: there are no days to show");
        subjects.push(own.ok_or_else(missing)?);
    }
    Ok(Whose { subjects, keys: own_keys(call).await?, ..Whose::all(Scope::Team) })
}

/// Organisations that the caller administrates.
async fn of_organizations(call: &Call<'_>, ids: Vec<String>) -> Result<Whose, Refused> {
    let is_named = !ids.is_empty();
    let asked =
        if is_named { ids } else { call.user().await?.map(|user| user.organizations).unwrap_or_default() };
    let mut led = Vec::new();
    for id in asked {
        if call.administrates_organization(Some(&id)).await? {
            led.push(id);
        } else if is_named {
            let message =
                format!("you may not see the days of organization {id}: you do not administrate it");
            return Err(Refused::forbidden(message));
        }
    }
    if led.is_empty() {
        return Err(Refused::forbidden("you administrate no organization: there are no days to show"));
    }
    Ok(Whose { subjects: led, ..Whose::all(Scope::Organization) })
}

/// The caller's keys, the one that asks among them; never empty, that would mean all.
async fn own_keys(call: &Call<'_>) -> Result<Vec<String>, Refused> {
    let mut keys = vec![call.caller.key().map_or_else(|| NOBODY.to_owned(), |key| key.hex())];
    if let Some(user) = call.user_id() {
        let filters = vec![("user_id", Filter::Is(Column::from(user)))];
        let own = call.management.all::<VirtualKey>(ListQuery { filters, ..ListQuery::default() }).await?;
        keys.extend(own.iter().flat_map(|key| key.former.iter().chain([&key.hash])).map(|hash| hash.hex()));
    }
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}
