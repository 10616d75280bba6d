//! Organisations changed and deleted.

use llm_governance::entity::{Column, Organization, Team, VirtualKey};
use llm_governance::{Changed, Filter, ListQuery};
use serde_json::Value;

use super::new::{apply, check};
use super::show::{missing, whole};
use crate::bounds::{self, Bound};
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::routes::keys::delete_keys;
use crate::routes::teams::delete_teams;

/// Changes an organisation.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let id = fields.required("organization_id")?;
    change(call, &id, fields).await
}

/// Changes the organisation of the path.
pub(super) async fn patch(call: &Call<'_>) -> Answered {
    change(call, call.in_path("organization_id"), call.fields()?).await
}

async fn change(call: &Call<'_>, id: &str, fields: Fields) -> Answered {
    let before = own(call, id).await?;
    let (mut wanted, mut left) = (before.clone(), fields.clone());
    apply(&mut left, &mut wanted)?;
    if !call.is_admin() {
        allow(&before, &wanted)?;
    }
    check(call, &wanted).await?;
    let organization = call.change_organization(id, |one| apply(&mut fields.clone(), one)).await?;
    let row = whole(call, &[organization]).await?.pop().unwrap_or_default();
    Ok(left.answer(row))
}

/// An organisation's own administrators may narrow what the gateway's gave it, and not widen it.
fn allow(before: &Organization, wanted: &Organization) -> Result<(), Refused> {
    let mut filled = wanted.terms.clone();
    bounds::fill(&before.terms, &mut filled);
    if filled != wanted.terms || (before.terms.blocked && !wanted.terms.blocked) {
        let message = "a limit of an organization may be narrowed by its administrators, not taken away: ask an \
                       administrator of the gateway";
        return Err(Refused::forbidden(message).detail());
    }
    let whose = format!("organization {} (an administrator set it)", before.id);
    Bound { whose, terms: &before.terms }.check(&wanted.terms).map_err(Refused::detail)
}

/// The organisation of an id, for whoever administrates it.
///
/// # Errors
/// When there is none, or the caller does not administrate it.
pub(super) async fn own(call: &Call<'_>, id: &str) -> Result<Organization, Refused> {
    if !call.administrates_organization(Some(id)).await? {
        let message = format!("only administrators, of the gateway or of organization {id}, change it");
        return Err(Refused::forbidden(message).detail());
    }
    let found: Option<Organization> = call.management.get(id).await?;
    found.ok_or_else(|| missing(id))
}

/// Deletes organisations with their teams and keys; the answer is what they were.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let ids = fields.texts("organization_ids")?.value().filter(|ids| !ids.is_empty());
    let ids = ids.ok_or_else(|| Refused::field_missing("organization_ids"))?;
    let mut found = Vec::new();
    for id in &ids {
        found.push(own(call, id).await?);
    }
    let shown = whole(call, &found).await?;
    for organization in &found {
        delete_one(call, organization).await?;
    }
    Ok(fields.answer(Value::Array(shown)))
}

async fn delete_one(call: &Call<'_>, organization: &Organization) -> Result<(), Refused> {
    let id = organization.id.as_str();
    let of_it = || {
        let filters = vec![("organization_id", Filter::Is(Column::from(id)))];
        ListQuery { filters, ..ListQuery::default() }
    };
    let teams = call.management.all::<Team>(of_it()).await?;
    delete_teams(call, &teams).await?;
    let keys = call.management.all::<VirtualKey>(of_it()).await?;
    delete_keys(call, &keys.iter().map(|key| key.hash.hex()).collect::<Vec<_>>()).await?;
    for member in &organization.members {
        call.leaves_organization(&member.user_id, id).await?;
    }
    call.delete::<Organization>(&[id.to_owned()]).await?;
    call.management.changed(Changed::Organization(id.to_owned()));
    Ok(())
}
