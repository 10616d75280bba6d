//! Members of teams changed, deleted and shown.

use llm_core::money::NanoDollars;
use llm_governance::entity::{Column, Member, Team, VirtualKey};
use llm_governance::{Changed, Filter, ListQuery, Subject};
use serde_json::json;

use super::rows;
use super::show::{memberships, terms_of, visible};
use crate::caller::member;
use crate::dollars::show_some;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::membership::{TEAM_ROLES, member_terms, role};
use crate::refused::Refused;
use crate::request::Reply;
use crate::routes::keys::delete_keys;
use crate::show;

/// Changes what a member may do and spend.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let (team, one) = named(call, &mut fields).await?;
    let mut left = fields.clone();
    apply(&mut left, &mut one.clone())?;
    let changed = call.change_team(&team.id, "updated", |team| {
        match team.members.iter_mut().find(|member| member.user_id == one.user_id) {
            Some(member) => apply(&mut fields.clone(), member),
            None => Err(not_in_team(&one.user_id, &team.id)),
        }
    });
    let team = changed.await?;
    call.management.changed(Changed::User(one.user_id.clone()));
    let one = member(&team.members, &one.user_id).cloned().unwrap_or(one);
    let of = one.terms.clone().unwrap_or_default();
    Ok(left.answer(json!({
        "user_id": one.user_id,
        "user_email": one.user_email,
        "team_id": team.id,
        "role": show::team_member(&one)["role"],
        "max_budget_in_team": show_some(of.max_budget),
        "tpm_limit": of.tpm_limit,
        "rpm_limit": of.rpm_limit,
        "budget_duration": of.budget_duration,
        "allowed_models": show::list_or_null(&of.models),
        "temp_budget_increase": null,
        "temp_budget_expiry": null,
        "model_max_budget": show::budget(None, &of)["model_max_budget"],
    })))
}

fn apply(fields: &mut Fields, one: &mut Member) -> Result<(), Refused> {
    role(fields, &TEAM_ROLES)?.put_or_default(&mut one.role);
    member_terms(fields, &mut one.terms)
}

/// Takes a member out of a team; the keys that it has of the team are deleted.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let (team, one) = named(call, &mut fields).await?;
    let filters = vec![
        ("team_id", Filter::Is(Column::from(team.id.as_str()))),
        ("user_id", Filter::Is(Column::from(one.user_id.as_str()))),
    ];
    let keys = call.management.all::<VirtualKey>(ListQuery { filters, ..ListQuery::default() }).await?;
    delete_keys(call, &keys.iter().map(|key| key.hash.hex()).collect::<Vec<_>>()).await?;
    let changed = call.change_team(&team.id, "updated", |team| {
        team.members.retain(|member| member.user_id != one.user_id);
        Ok(())
    });
    let team = changed.await?;
    call.leaves_team(&one.user_id, &team.id).await?;
    let row = rows(call.management, &[team]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}

/// The team and the member that are meant, for the team's administrators.
async fn named(call: &Call<'_>, fields: &mut Fields) -> Result<(Team, Member), Refused> {
    let team = call.own_team(&fields.required("team_id")?).await?;
    let id = fields.text("user_id")?.value();
    let email = fields.text("user_email")?.value();
    let is_meant = |one: &&Member| match (&id, &email) {
        (Some(id), _) => one.user_id == *id,
        (None, email) => email.is_some() && one.user_email == *email,
    };
    let one = team.members.iter().find(is_meant).cloned();
    let shown = id.as_deref().or(email.as_deref());
    let Some(shown) = shown else {
        return Err(Refused::bad("Either user_id or user_email needs to be passed in"));
    };
    let one = one.ok_or_else(|| not_in_team(shown, &team.id))?;
    Ok((team, one))
}

fn not_in_team(user: &str, team: &str) -> Refused {
    Refused::missing(format!("User={user} is not a member of team_id={team}")).about("user_id")
}

/// What the caller's user may do and has spent within a team.
pub(super) async fn me(call: &Call<'_>) -> Answered {
    let team = visible(call, call.in_path("team_id")).await?;
    let user = call.user_id().unwrap_or("none");
    let one = member(&team.members, user).ok_or_else(|| not_in_team(user, &team.id))?;
    let shown = memberships(call.management, &team, std::iter::once(one)).await?.pop();
    let mut shown = show::fields(shown.unwrap_or_default());
    shown.extend(show::fields(show::team_member(one)));
    shown.insert("team_alias".to_owned(), json!(team.alias));
    Ok(Reply::ok(shown.into()))
}

/// Sets what a member has spent within a team to less.
pub(super) async fn reset_spend(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let amount: NanoDollars =
        fields.money("reset_to")?.value().ok_or_else(|| Refused::field_missing("reset_to"))?;
    let team = call.own_team(call.in_path("team_id")).await?;
    let user = call.in_path("user_id");
    let one = member(&team.members, user).ok_or_else(|| not_in_team(user, &team.id))?;
    if call.is_user(Some(user)) && !call.is_admin() {
        return Err(Refused::forbidden("nobody resets what they have spent themselves"));
    }
    let (subject, of) = (Subject::member(&team.id, user), terms_of(&team, one));
    let before = call.management.spend((subject.clone(), &of, team.created_at)).await?;
    if amount > before.amount {
        let message = format!("reset_to ({amount}) must be at most what is spent ({})", before.amount);
        return Err(Refused::bad(message).about("reset_to"));
    }
    call.management.correct_spend((subject.clone(), &of, team.created_at), amount).await?;
    call.audited_reset(&team, before.amount, amount).await?;
    call.management.changed(Changed::Spent(subject));
    let shown = memberships(call.management, &team, std::iter::once(one)).await?.pop();
    Ok(fields.answer(shown.unwrap_or_default()))
}
