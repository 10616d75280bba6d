//! Users deleted, with their keys and memberships.

use llm_governance::entity::{Column, Organization, User, VirtualKey};
use llm_governance::{Changed, Filter, ListQuery};
use serde_json::json;

use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::routes::keys::delete_keys;

/// Deletes users; the answer is how many.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let ids = fields.texts("user_ids")?.value().filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| Refused::field_missing("user_ids"))?;
    let users: Vec<User> = call.management.get_many(&ids).await?;
    if let Some(missing) = ids.iter().find(|id| !users.iter().any(|user| user.id == **id)) {
        return Err(Refused::missing(format!("User not found, passed user_id={missing}")).about("user_ids"));
    }
    for user in &users {
        delete_user(call, user).await?;
    }
    Ok(fields.answer(json!(users.len())))
}

async fn delete_user(call: &Call<'_>, user: &User) -> Result<(), Refused> {
    let filters = vec![("user_id", Filter::Is(Column::from(user.id.as_str())))];
    let keys = call.management.all::<VirtualKey>(ListQuery { filters, ..ListQuery::default() }).await?;
    delete_keys(call, &keys.iter().map(|key| key.hash.hex()).collect::<Vec<_>>()).await?;
    for team in &user.teams {
        let left = call.change_team(team, "updated", |team| {
            team.members.retain(|member| member.user_id != user.id);
            Ok(())
        });
        gone_is_fine(left.await)?;
    }
    for organization in &user.organizations {
        let leave = |organization: &mut Organization| {
            organization.members.retain(|member| member.user_id != user.id);
            Ok(())
        };
        gone_is_fine(call.change_organization(organization, leave).await)?;
    }
    call.delete::<User>(std::slice::from_ref(&user.id)).await?;
    call.management.changed(Changed::User(user.id.clone()));
    Ok(())
}

/// What a user belonged to may have been deleted before it.
fn gone_is_fine<T>(result: Result<T, Refused>) -> Result<(), Refused> {
    match result {
        Err(refused) if refused.status != 404 => Err(refused),
        _ => Ok(()),
    }
}
