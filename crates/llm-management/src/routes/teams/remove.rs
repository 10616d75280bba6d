//! Teams deleted, and their keys with them.

use llm_governance::entity::{Column, Team, VirtualKey};
use llm_governance::{Changed, Filter, ListQuery};
use serde_json::json;

use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::routes::keys::delete_keys;

/// Deletes teams and their keys.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let ids = fields.texts("team_ids")?.value().filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| Refused::field_missing("team_ids"))?;
    let mut teams = Vec::new();
    for id in &ids {
        teams.push(call.own_team(id).await?);
    }
    delete_teams(call, &teams).await?;
    Ok(fields.answer(json!({"deleted_teams": ids})))
}

/// Deletes teams that the caller may delete, with their keys and memberships. The keys go first: where something
/// fails midway, a team without keys is left, and not keys without a team.
///
/// # Errors
/// When the store fails.
pub(crate) async fn delete_teams(call: &Call<'_>, teams: &[Team]) -> Result<(), Refused> {
    for team in teams {
        let filters = vec![("team_id", Filter::Is(Column::from(team.id.as_str())))];
        let keys = call.management.all::<VirtualKey>(ListQuery { filters, ..ListQuery::default() }).await?;
        delete_keys(call, &keys.iter().map(|key| key.hash.hex()).collect::<Vec<_>>()).await?;
        for member in &team.members {
            call.leaves_team(&member.user_id, &team.id).await?;
        }
        call.delete::<Team>(std::slice::from_ref(&team.id)).await?;
        call.management.changed(Changed::Team(team.id.clone()));
    }
    Ok(())
}
