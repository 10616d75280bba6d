//! Organisations made by the gateway's administrators.

use llm_governance::entity::{BudgetRow, Organization};
use llm_governance::{Changed, Terms};
use serde_json::json;

use super::show::rows;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::secret::{new_id, now};
use crate::show::MAKER;
use crate::terms;

/// Makes an organisation.
pub(super) async fn new(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let made = now();
    let mut organization = Organization {
        id: fields.text("organization_id")?.value().filter(|id| !id.is_empty()).unwrap_or_else(new_id),
        alias: Some(fields.required("organization_alias")?),
        members: Vec::new(),
        terms: Terms::default(),
        created_at: made,
        updated_at: made,
    };
    apply(&mut fields, &mut organization)?;
    organization.terms.other.insert(MAKER.to_owned(), json!(call.actor()));
    check(call, &organization).await?;
    if call.management.get::<Organization>(&organization.id).await?.is_some() {
        let message = format!("Organization id = {} already exists: choose another one", organization.id);
        return Err(Refused::bad(message).detail());
    }
    call.insert(std::slice::from_ref(&organization)).await?;
    call.management.changed(Changed::Organization(organization.id.clone()));
    let row = rows(call, &[organization]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}

/// Changes an organisation as the fields say.
///
/// # Errors
/// When a field cannot be read.
pub(super) fn apply(fields: &mut Fields, organization: &mut Organization) -> Result<(), Refused> {
    fields.text("organization_alias")?.put(&mut organization.alias);
    terms::apply(fields, &mut organization.terms)
}

/// Whether the budget that an organisation names is there.
///
/// # Errors
/// When it is not.
pub(super) async fn check(call: &Call<'_>, organization: &Organization) -> Result<(), Refused> {
    match &organization.terms.budget_id {
        Some(id) if call.management.get::<BudgetRow>(id).await?.is_none() => {
            let message = format!("there is no budget `{id}`: make it with `/budget/new`");
            Err(Refused::bad(message).detail())
        }
        _ => Ok(()),
    }
}
