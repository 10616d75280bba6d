//! What members of a team may do with its keys.

use llm_governance::ListQuery;
use llm_governance::entity::Team;
use serde_json::{Value, json};

use super::rows;
use super::show::visible;
use crate::caller::{MEMBER_PERMISSIONS, member_permissions};
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;

/// All that members can be allowed.
const ALL: [&str; 14] = [
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/regenerate",
    "/key/service-account/generate",
    "/key/{key_id}/regenerate",
    "/key/block",
    "/key/unblock",
    "/key/bulk_update",
    "/key/{key_id}/reset_spend",
    "/key/info",
    "/key/health",
    "/key/list",
    "/key/aliases",
];

/// Shows what members may do.
pub(super) async fn list(call: &Call<'_>) -> Answered {
    let query = call.query();
    let Some(id) = query.text("team_id") else { return Err(Refused::query("team_id", "Field required")) };
    let team = visible(call, id).await?;
    Ok(Reply::ok(json!({
        "team_id": id,
        "team_member_permissions": member_permissions(&team),
        "all_available_permissions": ALL,
    })))
}

/// Sets what members may do.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let team = call.own_team(&fields.required("team_id")?).await?;
    let permissions = fields.texts(MEMBER_PERMISSIONS)?.value();
    let permissions = permissions.ok_or_else(|| Refused::field_missing(MEMBER_PERMISSIONS))?;
    check(MEMBER_PERMISSIONS, &permissions)?;
    let changed = call.change_team(&team.id, "updated", |team| {
        set(team, &permissions);
        Ok(())
    });
    let row = rows(call.management, &[changed.await?]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}

/// Adds to what members of many teams may do.
pub(super) async fn bulk(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let permissions = fields.texts("permissions")?.value();
    let permissions = permissions.ok_or_else(|| Refused::field_missing("permissions"))?;
    check("permissions", &permissions)?;
    let ids = fields.texts("team_ids")?.value().unwrap_or_default();
    let all = fields.switch("apply_to_all_teams")?.value().unwrap_or(false);
    if all != ids.is_empty() {
        return Err(Refused::field("team_ids", "name `team_ids`, or say `\"apply_to_all_teams\": true`"));
    }
    if all && !call.is_admin() {
        return Err(Refused::forbidden("only an administrator changes all teams").about("apply_to_all_teams"));
    }
    let ids: Vec<String> = if all {
        call.management.all::<Team>(ListQuery::default()).await?.into_iter().map(|team| team.id).collect()
    } else {
        ids
    };
    for id in &ids {
        call.own_team(id).await?;
    }
    for id in &ids {
        let added = call.change_team(id, "updated", |team| {
            let mut may = member_permissions(team);
            may.extend(permissions.iter().filter(|one| !may.contains(one)).cloned().collect::<Vec<_>>());
            set(team, &may);
            Ok(())
        });
        added.await?;
    }
    Ok(fields.answer(json!({
        "message": "Team member permissions updated successfully",
        "teams_updated": ids.len(),
        "permissions_appended": permissions,
    })))
}

fn set(team: &mut Team, permissions: &[String]) {
    team.terms.other.insert(MEMBER_PERMISSIONS.to_owned(), Value::from(permissions.to_vec()));
}

fn check(name: &str, permissions: &[String]) -> Result<(), Refused> {
    match permissions.iter().find(|one| !ALL.contains(&one.as_str())) {
        None => Ok(()),
        Some(other) => {
            Err(Refused::field(name, format!("`{other}` is none: say some of {}", ALL.join(", "))))
        }
    }
}
