//! Models added to and taken from what a team may use.

use llm_governance::entity::Team;

use super::rows;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;

/// LiteLLM's word for a list that allows nothing: an empty one allows everything.
const NONE: &str = "no-default-models";

/// Adds models.
pub(super) async fn add(call: &Call<'_>) -> Answered {
    let (team, models, fields) = named(call).await?;
    if !call.administrates_organization(team.organization_id.as_deref()).await? {
        let message = "only administrators, of the gateway or of the organization, give a team more models";
        return Err(Refused::forbidden(message).about("models"));
    }
    let added = call.change_team(&team.id, "updated", |team| {
        let of = &mut team.terms.models;
        if of.is_empty() {
            // It has all of them: a list would take the others away.
            return Ok(());
        }
        of.retain(|model| model != NONE);
        for model in &models {
            if !of.contains(model) {
                of.push(model.clone());
            }
        }
        Ok(())
    });
    let row = rows(call.management, &[added.await?]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}

/// Takes models away.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    let (team, models, fields) = named(call).await?;
    if team.terms.models.is_empty() {
        let message = "this team may use all models: give it a list first (`/team/update` with `models`)";
        return Err(Refused::bad(message).about("models"));
    }
    let changed = call.change_team(&team.id, "updated", |team: &mut Team| {
        team.terms.models.retain(|model| !models.contains(model));
        if team.terms.models.is_empty() {
            team.terms.models.push(NONE.to_owned());
        }
        Ok(())
    });
    let row = rows(call.management, &[changed.await?]).await?.pop().unwrap_or_default();
    Ok(fields.answer(row))
}

async fn named(call: &Call<'_>) -> Result<(Team, Vec<String>, Fields), Refused> {
    let mut fields = call.fields()?;
    let team = call.own_team(&fields.required("team_id")?).await?;
    let models = fields.texts("models")?.value().ok_or_else(|| Refused::field_missing("models"))?;
    Ok((team, models, fields))
}
