//! The operator's rules for new keys: defaults, upper bounds, who may make them, and names that are taken.

use llm_governance::entity::{Column, MemberRole, Team, VirtualKey};
use llm_governance::{Filter, ListQuery, Timestamp};
use serde_json::{Value, json};

use crate::caller::member;
use crate::dollars;
use crate::fields::{Fields, whole};
use crate::management::Call;
use crate::periods::later;
use crate::refused::Refused;
use crate::settings::{KeyGeneration, UpperBounds};

/// Checks whether the caller may make such keys, and fills in defaults where the fields say nothing.
///
/// # Errors
/// When the caller may not, or something must be said.
pub(super) fn check(call: &Call<'_>, fields: &mut Fields) -> Result<(), Refused> {
    let settings = &call.settings.keys;
    for (name, value) in &settings.defaults {
        fields.fill_in(name, value.clone());
    }
    let rules = if fields.has("team_id") { &settings.of_teams } else { &settings.personal };
    check_roles(call, rules)?;
    for name in &rules.required_params {
        if !fields.has(name) {
            return Err(Refused::bad(format!("Required param {name} not in data")).detail());
        }
    }
    Ok(())
}

/// Checks the operator's bounds, and fills them in where the fields say nothing.
///
/// # Errors
/// When one is exceeded.
pub(super) fn bound(call: &Call<'_>, fields: &mut Fields) -> Result<(), Refused> {
    let bounds = &call.settings.keys.upper_bounds;
    below_money(fields, bounds)?;
    below_whole(fields, "max_parallel_requests", bounds.max_parallel_requests)?;
    below_whole(fields, "tpm_limit", bounds.tpm_limit)?;
    below_whole(fields, "rpm_limit", bounds.rpm_limit)?;
    below_length(fields, "duration", bounds.duration.as_deref())?;
    below_length(fields, "budget_duration", bounds.budget_duration.as_deref())
}

fn check_roles(call: &Call<'_>, rules: &KeyGeneration) -> Result<(), Refused> {
    match &rules.allowed_user_roles {
        Some(allowed) if !call.is_admin() && !allowed.contains(&call.caller.role) => {
            let allowed: Vec<&str> = allowed.iter().map(|role| role.name()).collect();
            let message = format!(
                "Personal key creation has been restricted by admin. Allowed roles={}. Your role={}",
                allowed.join(", "),
                call.caller.role.name()
            );
            Err(Refused::forbidden(message))
        }
        _ => Ok(()),
    }
}

fn exceeds(name: &'static str, wanted: &Value, bound: &Value) -> Refused {
    let message = format!("{name} is over max limit set in config - user_value={wanted}; max_value={bound}");
    Refused::bad(message).about(name)
}

fn below_money(fields: &mut Fields, bounds: &UpperBounds) -> Result<(), Refused> {
    let Some(bound) = bounds.max_budget else { return Ok(()) };
    let wanted = fields.any("max_budget").value();
    match wanted.as_ref().map(|wanted| (wanted, dollars::read(wanted))) {
        Some((wanted, Some(amount))) if amount > bound => {
            return Err(exceeds("max_budget", wanted, &dollars::show(bound)));
        }
        // What cannot be read is refused where it is read.
        _ => {}
    }
    fields.fill_in("max_budget", wanted.unwrap_or_else(|| json!(bound.to_string())));
    Ok(())
}

fn below_whole(fields: &mut Fields, name: &'static str, bound: Option<u64>) -> Result<(), Refused> {
    let Some(bound) = bound else { return Ok(()) };
    let wanted = fields.any(name).value();
    match &wanted {
        Some(wanted) if whole(wanted).is_some_and(|number| number > bound) => {
            return Err(exceeds(name, wanted, &json!(bound)));
        }
        _ => {}
    }
    fields.fill_in(name, wanted.unwrap_or_else(|| json!(bound)));
    Ok(())
}

fn below_length(fields: &mut Fields, name: &'static str, bound: Option<&str>) -> Result<(), Refused> {
    let Some(bound) = bound else { return Ok(()) };
    let wanted = fields.any(name).value();
    if let Some(wanted) = &wanted {
        let end = |text: &str| length(name, text);
        let (asked, most) = (end(wanted.as_str().unwrap_or_default())?, end(bound)?);
        if most.is_some_and(|most| asked.is_none_or(|asked| asked > most)) {
            return Err(exceeds(name, wanted, &json!(bound)));
        }
    }
    fields.fill_in(name, wanted.unwrap_or_else(|| json!(bound)));
    Ok(())
}

/// A length of time as the moment when it ends; words of the calendar are as long as they are at most.
fn length(name: &'static str, text: &str) -> Result<Option<Timestamp>, Refused> {
    let text = match text {
        "daily" => "1d",
        "weekly" => "7d",
        "monthly" => "1mo",
        "yearly" => "1y",
        other => other,
    };
    later(name, text, Timestamp(0))
}

/// Whether the caller may make this key for a team.
///
/// # Errors
/// When it is not in the team, or the team does not let it.
pub(super) async fn allow_for_team(call: &Call<'_>, team: &Team, key: &VirtualKey) -> Result<(), Refused> {
    let user = call.user_id().unwrap_or("none");
    if call.administrates_team(team).await? {
        // A team's administrator makes keys for its members, and for nobody else.
        let owner = key.user_id.as_deref().filter(|owner| !call.is_user(Some(owner)));
        return match owner.filter(|owner| member(&team.members, owner).is_none()) {
            None => Ok(()),
            Some(owner) => Err(not_in_team(owner, &team.id)),
        };
    }
    let Some(own) = member(&team.members, user) else { return Err(not_in_team(user, &team.id)) };
    if key.user_id.is_some() && !call.is_user(key.user_id.as_deref()) {
        let message = format!("User can only create keys for themselves. Your ID={user}");
        return Err(Refused::forbidden(message).about("user_id"));
    }
    let role = if own.role == MemberRole::Admin { "admin" } else { "user" };
    let rules = &call.settings.keys.of_teams;
    if let Some(allowed) = &rules.allowed_team_member_roles
        && !allowed.iter().any(|allowed| allowed == role)
    {
        let allowed = allowed.join(", ");
        let message = format!("Team member role {role} not in allowed_team_member_roles={allowed}");
        return Err(Refused::forbidden(message).about("team_id"));
    }
    let deed = if key.service_account { "/key/service-account/generate" } else { "/key/generate" };
    if call.may_with_keys_of(team, deed).await? {
        return Ok(());
    }
    let message = format!(
        "Team member does not have permissions for endpoint: {deed}. To create keys for team {}, ask its administrator \
         to give them (`/team/permissions_update`)",
        team.id
    );
    Err(Refused::forbidden(message).about("team_id"))
}

fn not_in_team(user: &str, team: &str) -> Refused {
    Refused::forbidden(format!("User={user} not assigned to team={team}")).about("team_id")
}

/// Whether an alias is free, or this key's own.
///
/// # Errors
/// When another key has it.
pub(super) async fn check_alias(call: &Call<'_>, alias: &str, key: &VirtualKey) -> Result<(), Refused> {
    let filters = vec![("alias", Filter::Is(Column::from(alias)))];
    let query = ListQuery { filters, limit: 2, ..ListQuery::default() };
    let page = call.management.list::<VirtualKey>(&query).await?;
    if page.items.iter().all(|other| other.hash == key.hash) {
        return Ok(());
    }
    let message =
        format!("Key with alias '{alias}' already exists. Unique key aliases across all keys are required.");
    Err(Refused::bad(message).about("key_alias"))
}
