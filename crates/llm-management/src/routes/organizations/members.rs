//! Members of organisations.

use llm_governance::entity::{Member, Organization, User};
use serde_json::{Value, json};

use super::update::own;
use crate::caller::member;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::membership::{Invited, ORGANIZATION_ROLES, role};
use crate::refused::Refused;
use crate::routes::users;
use crate::show::organization_member;

/// A budget of LiteLLM's that nothing here enforces: said so in the answer.
const WITHOUT_EFFECT: [&str; 1] = ["max_budget_in_organization"];

/// Adds members.
pub(super) async fn add(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let organization = own(call, &fields.required("organization_id")?).await?;
    fields.keep(&WITHOUT_EFFECT, &mut serde_json::Map::new());
    let entries = fields.objects("member")?.value().ok_or_else(|| Refused::field_missing("member"))?;
    let mut invited = Vec::new();
    for mut entry in entries {
        invited.push(Invited::read(&mut entry, &ORGANIZATION_ROLES)?);
    }
    let mut added: Vec<Member> = Vec::new();
    for one in &invited {
        let user = call.user_invited(one).await?;
        if member(&organization.members, &user.id).is_some() {
            let message =
                format!("User is already a member of organization {}: user_id={}", organization.id, user.id);
            return Err(Refused::bad(message).detail());
        }
        added.retain(|other| other.user_id != user.id);
        added.push(Member { user_id: user.id, user_email: user.email, role: one.role, terms: None });
    }
    let changed = call.change_organization(&organization.id, |one| {
        for member in &added {
            one.members.retain(|other| other.user_id != member.user_id);
            one.members.push(member.clone());
        }
        Ok(())
    });
    let organization = changed.await?;
    for member in &added {
        call.joins_organization(&member.user_id, &organization.id).await?;
    }
    let ids: Vec<String> = added.iter().map(|member| member.user_id.clone()).collect();
    let updated: Vec<User> = call.management.get_many(&ids).await?;
    let memberships =
        added.iter().map(|member| organization_member(&organization.id, member, organization.updated_at));
    Ok(fields.answer(json!({
        "organization_id": organization.id,
        "updated_users": users::rows(call.management, &updated).await?,
        "updated_organization_memberships": memberships.collect::<Vec<Value>>(),
    })))
}

/// Changes what a member may do.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let (organization, one) = named(call, &mut fields).await?;
    fields.keep(&WITHOUT_EFFECT, &mut serde_json::Map::new());
    let role = role(&mut fields, &ORGANIZATION_ROLES)?.value().unwrap_or(one.role);
    let changed = call.change_organization(&organization.id, |organization| {
        let members = &mut organization.members;
        members
            .iter_mut()
            .filter(|member| member.user_id == one.user_id)
            .for_each(|member| member.role = role);
        Ok(())
    });
    let organization = changed.await?;
    let one = Member { role, ..one };
    Ok(fields.answer(organization_member(&organization.id, &one, organization.updated_at)))
}

/// Takes a member out.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let (organization, one) = named(call, &mut fields).await?;
    let changed = call.change_organization(&organization.id, |organization| {
        organization.members.retain(|member| member.user_id != one.user_id);
        Ok(())
    });
    let organization = changed.await?;
    call.leaves_organization(&one.user_id, &organization.id).await?;
    Ok(fields.answer(organization_member(&organization.id, &one, organization.updated_at)))
}

/// The organisation and the member that are meant, for the organisation's administrators.
async fn named(call: &Call<'_>, fields: &mut Fields) -> Result<(Organization, Member), Refused> {
    let organization = own(call, &fields.required("organization_id")?).await?;
    let (id, email) = (fields.text("user_id")?.value(), fields.text("user_email")?.value());
    if id.is_none() && email.is_none() {
        return Err(Refused::bad("Either user_id or user_email must be provided").detail());
    }
    let is_meant = |one: &&Member| match (&id, &email) {
        (Some(id), _) => one.user_id == *id,
        (None, email) => one.user_email == *email,
    };
    let one = organization.members.iter().find(is_meant).cloned();
    let missing = || Refused::missing(format!("no such member of organization {}", organization.id)).detail();
    let one = one.ok_or_else(missing)?;
    Ok((organization, one))
}
