//! Stored models made, changed and deleted.

use llm_governance::Changed;
use llm_governance::entity::StoredModel;
use serde_json::{Map, Value, json};

use super::show::row;
use crate::change::HIDDEN;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::sealing::seal_members;
use crate::secret::{new_id, now};
use crate::serving::{OpenModel, sealed_for};

type Params = Map<String, Value>;

/// Adds a model.
pub(super) async fn new(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let mut fields = call.fields()?;
    let model_name = fields.required("model_name")?;
    let params = fields.object("litellm_params")?.value();
    let params = params.ok_or_else(|| Refused::field_missing("litellm_params"))?;
    let mut info = fields.object("model_info")?.value().unwrap_or_default();
    let id = id_of(&mut info)?.unwrap_or_else(new_id);
    let (mut merged, made) = (Params::new(), now());
    merge(&mut merged, params, &[]);
    check(&merged)?;
    if call.management.get::<StoredModel>(&id).await?.is_some() {
        return Err(Refused::bad(format!("Model with id={id} exists already: choose another one")).detail());
    }
    let team = team_of(&info)?;
    if let Some(team) = &team {
        call.team(team).await?;
    }
    let open = OpenModel { id, name: model_name, params: merged, team, info };
    can_be_served(call, &open)?;
    let OpenModel { id, name: model_name, params: merged, team: team_id, info } = open;
    let model = StoredModel {
        sealed_params: sealed(call, &id, &merged)?,
        id,
        model_name,
        team_id,
        model_info: info,
        created_by: Some(call.actor()),
        created_at: made,
        updated_by: Some(call.actor()),
        updated_at: made,
    };
    call.insert(std::slice::from_ref(&model)).await?;
    tell(call, model.id.clone()).await;
    Ok(fields.answer(row(&model, &merged)))
}

/// Changes the model that `model_info.id` names.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let mut info = fields.object("model_info")?.value().unwrap_or_default();
    let id = id_of(&mut info)?.ok_or_else(|| Refused::field_missing("model_info.id"))?;
    change(call, &id, info, fields).await
}

/// Changes the model of the path.
pub(super) async fn patch(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let mut info = fields.object("model_info")?.value().unwrap_or_default();
    let id = call.in_path("model_id");
    if id_of(&mut info)?.is_some_and(|named| named != id) {
        return Err(Refused::field("model_info.id", "a model keeps its id: leave it out"));
    }
    change(call, id, info, fields).await
}

/// Changes a model. What is `null` stays as it is, and so does what a reply showed as hidden.
async fn change(call: &Call<'_>, id: &str, info: Params, mut fields: Fields) -> Answered {
    may_store(call)?;
    let name = fields.text("model_name")?.value().filter(|name| !name.is_empty());
    let params = fields.object("litellm_params")?.value().unwrap_or_default();
    let removed = fields.texts("litellm_params_to_remove")?.value().unwrap_or_default();
    let (team, actor) = (team_of(&info)?, call.actor());
    if let Some(team) = &team {
        call.team(team).await?;
    }
    let changed = call.change::<StoredModel>(id, "updated", |mut model| {
        let mut merged = opened(call, &model)?;
        merge(&mut merged, params.clone(), &removed);
        check(&merged)?;
        model.sealed_params = sealed(call, id, &merged)?;
        model.model_name = name.clone().unwrap_or(model.model_name);
        model.model_info.extend(info.clone().into_iter().filter(|(_, value)| !value.is_null()));
        model.team_id = team.clone().or(model.team_id);
        can_be_served(call, &OpenModel::with(&model, merged))?;
        model.updated_by = Some(actor.clone());
        model.updated_at = now();
        Ok(model)
    });
    let missing = || Refused::missing(format!("Model {id} not found on proxy: it is not kept in the store"));
    let model = changed.await.map_err(|refused| if refused.status == 404 { missing() } else { refused })?;
    tell(call, id.to_owned()).await;
    Ok(fields.answer(row(&model, &opened(call, &model)?)))
}

/// Deletes a model.
pub(super) async fn delete(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let mut fields = call.fields()?;
    let id = fields.required("id")?;
    if call.delete::<StoredModel>(std::slice::from_ref(&id)).await?.is_empty() {
        return Err(Refused::bad(format!("Model with id={id} not found in db")).detail());
    }
    let message = format!("Model: {id} deleted successfully");
    tell(call, id).await;
    Ok(fields.answer(json!({"message": message})))
}

/// # Errors
/// When the operator wants no models in the store.
fn may_store(call: &Call<'_>) -> Result<(), Refused> {
    call.may_store("models are", "name the model in the configuration")
}

/// # Errors
/// Why the gateway that runs could not serve it.
fn can_be_served(call: &Call<'_>, model: &OpenModel) -> Result<(), Refused> {
    let Some(serving) = call.management.serving() else { return Ok(()) };
    serving.check(model).map_err(|why| Refused::bad(why).detail())
}

/// Tells everybody, and answers when this gateway serves what the store has.
async fn tell(call: &Call<'_>, id: String) {
    call.management.changed(Changed::Model(id));
    if let Some(serving) = call.management.serving() {
        serving.refresh().await;
    }
}

fn merge(params: &mut Params, wanted: Params, removed: &[String]) {
    params.extend(wanted.into_iter().filter(|(_, value)| !value.is_null() && *value != HIDDEN));
    params.retain(|name, _| !removed.contains(name));
}

/// Parameters that no deployment can be made of are refused at once.
fn check(params: &Params) -> Result<(), Refused> {
    let model = params.get("model").and_then(Value::as_str).unwrap_or_default();
    if model.is_empty() {
        return Err(Refused::field(
            "litellm_params.model",
            "say the vendor and its model: `<vendor>/<model>`",
        ));
    }
    Ok(())
}

/// Takes the id out of a `model_info`.
fn id_of(info: &mut Params) -> Result<Option<String>, Refused> {
    match info.remove("id") {
        None | Some(Value::Null) => Ok(None),
        // It is a part of paths.
        Some(Value::String(id)) if !id.is_empty() && !id.contains('/') => Ok(Some(id)),
        Some(_) => Err(Refused::field("model_info.id", "Input should be a string without `/`")),
    }
}

fn team_of(info: &Params) -> Result<Option<String>, Refused> {
    match info.get("team_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(team)) => Ok(Some(team.clone())),
        Some(_) => Err(Refused::field("model_info.team_id", "Input should be a valid string")),
    }
}

fn sealed(call: &Call<'_>, id: &str, params: &Params) -> Result<String, Refused> {
    seal_members(call.management.sealing()?, &sealed_for(id), params).map_err(|error| failed(&error))
}

fn opened(call: &Call<'_>, model: &StoredModel) -> Result<Params, Refused> {
    OpenModel::of(model, call.management.sealing()?).map(|open| open.params).map_err(|error| failed(&error))
}

fn failed(error: &llm_core::Error) -> Refused {
    Refused::error(500, "internal_server_error", error.message())
}
