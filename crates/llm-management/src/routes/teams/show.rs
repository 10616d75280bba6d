//! Teams looked at one by one.

use llm_governance::entity::{BudgetRow, Column, Member, Team, VirtualKey};
use llm_governance::{Filter, ListQuery, Subject};
use llm_governance::{Scope, Terms};
use serde_json::{Value, json};

use crate::caller::member;
use crate::management::{Answered, Call, Management};
use crate::refused::Refused;
use crate::request::Reply;
use crate::routes::keys;
use crate::show::{TeamView, membership, team_row};

/// Teams with what they have spent.
///
/// # Errors
/// When the store cannot be asked.
async fn views<'a>(
    management: &Management,
    teams: &'a [Team],
    rows: &'a [BudgetRow],
) -> Result<Vec<TeamView<'a>>, Refused> {
    let terms: Vec<Terms> = teams.iter().map(|team| crate::periods::in_force(&team.terms, rows)).collect();
    let asked = teams.iter().zip(&terms);
    let asked = asked.map(|(team, of)| (Subject::new(Scope::Team, team.id.as_str()), of, team.created_at));
    let asked: Vec<_> = asked.collect();
    let spends = management.spends(&asked).await?;
    Ok(teams.iter().zip(spends).map(|(team, spend)| TeamView { team, spend, rows }).collect())
}

/// The rows of teams.
///
/// # Errors
/// When the store cannot be asked.
pub(crate) async fn rows(management: &Management, teams: &[Team]) -> Result<Vec<Value>, Refused> {
    let budgets = management.budget_rows(teams.iter().map(|team| &team.terms)).await?;
    let views = views(management, teams, &budgets).await?;
    Ok(views.into_iter().map(|view| Value::Object(team_row(view))).collect())
}

/// What members may do and have spent within a team.
///
/// # Errors
/// When the store cannot be asked.
pub(super) async fn memberships<'a>(
    management: &Management,
    team: &Team,
    members: impl Iterator<Item = &'a Member> + Send,
) -> Result<Vec<Value>, Refused> {
    let members: Vec<&Member> = members.collect();
    let terms: Vec<Terms> = members.iter().map(|member| terms_of(team, member)).collect();
    let asked = members.iter().zip(&terms);
    let asked = asked.map(|(one, of)| (Subject::member(&team.id, &one.user_id), of, team.created_at));
    let asked: Vec<_> = asked.collect();
    let spends = management.spends(&asked).await?;
    Ok(members.into_iter().zip(spends).map(|(one, spend)| membership(team, one, spend)).collect())
}

/// What a member may do within a team: its own terms over those of all members.
pub(super) fn terms_of(team: &Team, member: &Member) -> Terms {
    member.terms.clone().unwrap_or_default().over(Some(&team.member_terms))
}

/// One team with its keys and members.
pub(super) async fn info(call: &Call<'_>) -> Answered {
    let query = call.query();
    let id = query.text("team_id").or(call.caller.team_id());
    let Some(id) = id else { return Err(Refused::query("team_id", "Field required")) };
    let team = visible(call, id).await?;
    let limit = query.count("key_limit", 500, 500)?;
    let of_team = vec![("team_id", Filter::Is(Column::from(id)))];
    let of_team = ListQuery { filters: of_team, limit, ..ListQuery::default() };
    let mut of_team = call.management.list::<VirtualKey>(&of_team).await?.items;
    if !call.may_with_keys_of(&team, "/key/info").await? && !call.sees_all() {
        of_team.retain(|key| call.is_user(key.user_id.as_deref()) || call.caller.key() == Some(key.hash));
    }
    let keys = keys::rows(call.management, &of_team).await?;
    let memberships = memberships(call.management, &team, team.members.iter()).await?;
    let row = rows(call.management, std::slice::from_ref(&team)).await?.pop();
    Ok(Reply::ok(json!({
        "team_id": id,
        "team_info": row,
        "keys": keys,
        "team_memberships": memberships,
    })))
}

/// A team that the caller may see.
pub(super) async fn visible(call: &Call<'_>, id: &str) -> Result<Team, Refused> {
    let forbidden = || {
        let message = format!(
            "key not allowed to access this team's info. Key team_id={:?}, requested team_id={id}",
            call.caller.team_id().unwrap_or("none")
        );
        Refused::forbidden(message).about("team_id")
    };
    let team = match call.management.get::<Team>(id).await? {
        Some(team) => team,
        None if call.sees_all() => return call.team(id).await,
        None => return Err(forbidden()),
    };
    let is_its = call.caller.team_id() == Some(id)
        || call.user_id().is_some_and(|user| member(&team.members, user).is_some());
    if call.sees_all() || is_its || call.administrates_team(&team).await? {
        return Ok(team);
    }
    Err(forbidden())
}
