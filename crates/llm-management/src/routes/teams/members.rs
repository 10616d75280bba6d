//! Members added to teams.

use llm_governance::entity::{Member, Team, User};
use llm_governance::{ListQuery, Terms};
use serde_json::{Value, json};

use super::rows;
use super::show::memberships;
use crate::caller::member;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::membership::{Invited, TEAM_ROLES, member_terms};
use crate::refused::Refused;
use crate::routes::users;

/// The most members that one request adds.
const AT_ONCE: usize = 500;

/// Adds members.
pub(super) async fn add(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let team = team(call, &mut fields).await?;
    let entries = fields.objects("member")?.value().ok_or_else(|| Refused::field_missing("member"))?;
    let mut invited = Vec::new();
    for mut entry in entries {
        invited.push(Invited::read(&mut entry, &TEAM_ROLES)?);
    }
    let of = terms(&mut fields)?;
    let (mut added, mut joined) = (Vec::<Member>::new(), Vec::new());
    for one in &invited {
        let user = new_member(call, &team, one).await?;
        added.retain(|other| other.user_id != user.id);
        added.push(made_member(&user, one, of.as_ref()));
        joined.push(user.id);
    }
    let team = call.add_to_team(&team.id, &added).await?;
    let mut shown = crate::show::fields(
        rows(call.management, std::slice::from_ref(&team)).await?.pop().unwrap_or_default(),
    );
    let added = team.members.iter().filter(|member| joined.contains(&member.user_id));
    let memberships = memberships(call.management, &team, added).await?;
    let updated: Vec<User> = call.management.get_many(&joined).await?;
    shown.insert("updated_users".to_owned(), users::rows(call.management, &updated).await?.into());
    shown.insert("updated_team_memberships".to_owned(), memberships.into());
    Ok(fields.answer(Value::Object(shown)))
}

/// Adds many members, or every user there is; who could not be added is told beside those who were.
pub(super) async fn bulk(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let team = team(call, &mut fields).await?;
    let all = fields.switch("all_users")?.value().unwrap_or(false);
    let mut entries = fields.objects("members")?.value().unwrap_or_default();
    if all {
        if !call.is_admin() {
            return Err(Refused::forbidden("only an administrator adds all users").about("all_users"));
        }
        let everybody: Vec<User> = call.management.all(ListQuery::default()).await?;
        let new = everybody.into_iter().filter(|user| member(&team.members, &user.id).is_none());
        entries = new.map(|user| Fields::of(crate::show::fields(json!({"user_id": user.id})))).collect();
    } else if entries.is_empty() || entries.len() > AT_ONCE {
        let message = format!("name 1 to {AT_ONCE} members, or say `\"all_users\": true`");
        return Err(Refused::field("members", message));
    }
    let of = terms(&mut fields)?;
    let (total, mut results, mut added) = (entries.len(), Vec::new(), Vec::new());
    for mut entry in entries {
        let invited = Invited::read(&mut entry, &TEAM_ROLES)?;
        match new_member(call, &team, &invited).await {
            Ok(user) => {
                results.push(
                    json!({"user_id": user.id, "user_email": user.email, "success": true, "error": null}),
                );
                added.push(made_member(&user, &invited, of.as_ref()));
            }
            Err(refused) => results.push(json!({
                "user_id": invited.user_id,
                "user_email": invited.user_email,
                "success": false,
                "error": refused.message,
            })),
        }
    }
    let team = call.add_to_team(&team.id, &added).await?;
    let row = rows(call.management, std::slice::from_ref(&team)).await?.pop();
    Ok(fields.answer(json!({
        "team_id": team.id,
        "results": results,
        "total_requested": total,
        "successful_additions": added.len(),
        "failed_additions": total - added.len(),
        "updated_team": row,
    })))
}

/// The team that is meant, for its administrators, and for whoever may join it.
async fn team(call: &Call<'_>, fields: &mut Fields) -> Result<Team, Refused> {
    let id = fields.required("team_id")?;
    let joins_itself = call.settings.teams.available.contains(&id) && names_only(call, fields);
    if joins_itself { call.team(&id).await } else { call.own_team(&id).await }
}

/// Whether the caller is the only member that is named, and as nothing more than a user.
fn names_only(call: &Call<'_>, fields: &Fields) -> bool {
    let mut fields = fields.clone();
    let entries = fields.objects("member").ok().and_then(crate::given::Given::value);
    let Some([entry]) = entries.as_deref() else { return false };
    let invited = Invited::read(&mut entry.clone(), &TEAM_ROLES);
    let has_terms =
        ["max_budget_in_team", "budget_duration", "allowed_models"].iter().any(|name| fields.has(name));
    invited.is_ok_and(|one| {
        call.is_user(one.user_id.as_deref()) && one.role == llm_governance::entity::MemberRole::User
    }) && !has_terms
}

/// Terms of the members that are added.
fn terms(fields: &mut Fields) -> Result<Option<Terms>, Refused> {
    let mut of = None;
    member_terms(fields, &mut of)?;
    Ok(of)
}

async fn new_member(call: &Call<'_>, team: &Team, invited: &Invited) -> Result<User, Refused> {
    let user = call.user_invited(invited).await?;
    if member(&team.members, &user.id).is_some() {
        let message = format!("User already in team. Member: user_id={}, team_id={}", user.id, team.id);
        return Err(Refused::error(400, "team_member_already_in_team", message).about("user_id"));
    }
    Ok(user)
}

fn made_member(user: &User, invited: &Invited, of: Option<&Terms>) -> Member {
    Member {
        user_id: user.id.clone(),
        user_email: user.email.clone().or_else(|| invited.user_email.clone()),
        role: invited.role,
        terms: of.cloned(),
    }
}
