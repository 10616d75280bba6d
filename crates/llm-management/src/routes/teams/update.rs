//! Teams changed, blocked and unblocked.

use llm_governance::entity::Team;
use serde_json::{Value, json};

use super::new::{apply, check};
use super::rows;
use crate::bounds::{self, Bound};
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;

/// Changes a team.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let id = fields.required("team_id")?;
    let (row, fields) = change(call, &id, fields).await?;
    Ok(fields.answer(json!({"team_id": id, "data": row})))
}

/// Changes the team of the path.
pub(super) async fn patch(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let id = call.in_path("team_id");
    if fields.text("team_id")?.value().is_some_and(|other| other != id) {
        return Err(Refused::bad("`team_id` is not the team of the path").about("team_id"));
    }
    let (row, fields) = change(call, id, fields).await?;
    Ok(fields.answer(row))
}

async fn change(call: &Call<'_>, id: &str, fields: Fields) -> Result<(Value, Fields), Refused> {
    let before = call.own_team(id).await?;
    let (mut wanted, mut left) = (before.clone(), fields.clone());
    apply(&mut left, &mut wanted)?;
    allow(call, &before, &wanted).await?;
    check(call, &wanted).await?;
    let again = |team: &mut Team| apply(&mut fields.clone(), team);
    let team = call.change_team(id, "updated", again).await?;
    let row = rows(call.management, &[team]).await?.pop().unwrap_or_default();
    Ok((row, left))
}

/// A team's own administrators may narrow what the gateway's or the organisation's gave it, and not widen it.
async fn allow(call: &Call<'_>, before: &Team, wanted: &Team) -> Result<(), Refused> {
    if call.is_admin() {
        return Ok(());
    }
    if wanted.organization_id != before.organization_id
        && !call.administrates_organization(wanted.organization_id.as_deref()).await?
    {
        let message = "only administrators move a team to another organization";
        return Err(Refused::forbidden(message).about("organization_id"));
    }
    if call.administrates_organization(before.organization_id.as_deref()).await? {
        return Ok(());
    }
    let mut filled = wanted.terms.clone();
    bounds::fill(&before.terms, &mut filled);
    let is_freed = before.terms.blocked && !wanted.terms.blocked;
    if filled != wanted.terms || is_freed || wanted.organization_id != before.organization_id {
        let message = "a limit of a team may be narrowed by its administrators, not taken away: ask an administrator \
                       of the gateway";
        return Err(Refused::forbidden(message));
    }
    Bound { whose: format!("team {} (an administrator set it)", before.id), terms: &before.terms }
        .check(&wanted.terms)
}

/// Blocks a team.
pub(super) async fn block(call: &Call<'_>) -> Answered {
    set_blocked(call, true).await
}

/// Lets a blocked team be used again.
pub(super) async fn unblock(call: &Call<'_>) -> Answered {
    set_blocked(call, false).await
}

async fn set_blocked(call: &Call<'_>, blocked: bool) -> Answered {
    let mut fields = call.fields()?;
    let id = fields.required("team_id")?;
    let team = call.own_team(&id).await?;
    if !call.administrates_organization(team.organization_id.as_deref()).await? {
        let message = "only administrators, of the gateway or of the organization, block and unblock teams";
        return Err(Refused::forbidden(message));
    }
    let set = |team: &mut Team| {
        team.terms.blocked = blocked;
        Ok(())
    };
    let team = call.change_team(&id, if blocked { "blocked" } else { "unblocked" }, set).await?;
    let row = rows(call.management, &[team]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}
