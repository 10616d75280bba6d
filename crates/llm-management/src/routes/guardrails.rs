//! Guardrails kept in the store, in LiteLLM's shapes. Only administrators of the gateway change them; those of the
//! configuration are shown beside them, and changed there.

use llm_governance::Changed;
use llm_governance::entity::Setting;
use serde_json::{Map, Value, json};

use super::stored::{read, setting};
use crate::change::HIDDEN;
use crate::declared::{Field, any, object, switch, text};
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Method::{Delete, Get, Patch, Post, Put};
use crate::request::Reply;
use crate::route::Access::Admin;
use crate::route::Route;
use crate::secret::{new_id, now};
use crate::serving::{OpenGuardrail, STORED_GUARDRAIL, StoredGuardrail};

type Params = Map<String, Value>;

/// Routes of single guardrails; lists, with what each of them did, are the gateway's own.
pub(super) const ROUTES: &[Route] = &[
    Route::change(Post, "/guardrails", Admin, |call| Box::pin(new(call)))
        .about("Adds a guardrail, which holds at once and on every gateway.")
        .takes(&[WHOLE], EXAMPLE),
    Route::look(Get, "/guardrails/{guardrail_id}", Admin, |call| Box::pin(info(call)))
        .about("Shows a guardrail without its secrets; those of the configuration by their names."),
    Route::look(Get, "/guardrails/{guardrail_id}/info", Admin, |call| Box::pin(info(call)))
        .about("Shows a guardrail without its secrets; those of the configuration by their names."),
    Route::change(Put, "/guardrails/{guardrail_id}", Admin, |call| Box::pin(replace(call)))
        .about("Puts another guardrail in the place of one; a secret that is `***` stays as it was.")
        .takes(&[WHOLE], EXAMPLE),
    Route::change(Patch, "/guardrails/{guardrail_id}", Admin, |call| Box::pin(mend(call)))
        .about("Changes what is named of a guardrail; a parameter that is `null` goes.")
        .takes(
            &[&[
                text("guardrail_name", "another name"),
                switch("default_on", "every call passes it"),
                object("litellm_params", "parameters that change"),
                any("guardrail_info", "what people are told of it"),
            ]],
            r#"{"litellm_params": {"default_on": true}}"#,
        ),
    Route::change(Delete, "/guardrails/{guardrail_id}", Admin, |call| Box::pin(delete(call)))
        .about("Deletes a guardrail; calls that name it are refused from then on."),
];

const WHOLE: &[Field] =
    &[object("guardrail", "`guardrail_name`, `litellm_params`, `guardrail_info`").needed()];

const EXAMPLE: &str = r#"{"guardrail": {"guardrail_name": "no-mail", "litellm_params": {"guardrail": "pii", "mode": "pre_call", "pii_entities_config": {"EMAIL_ADDRESS": "MASK"}}}}"#;

/// What replies have beside what is said of a guardrail: whoever sends one back as it was shown changes nothing by them.
const TOLD: [&str; 6] =
    ["guardrail_id", "guardrail_definition_location", "created_at", "created_by", "updated_at", "counts"];

/// What is said of a guardrail.
struct Said {
    name: String,
    params: Params,
    info: Option<Params>,
}

/// Adds a guardrail.
async fn new(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let mut fields = call.fields()?;
    let Said { name, params, info } = said(&mut fields)?;
    is_free(call, &name, None).await?;
    let made = now();
    let stored = StoredGuardrail {
        id: new_id(),
        name,
        shown: Params::new(),
        sealed_params: String::new(),
        info,
        created_by: Some(call.actor()),
        created_at: made,
        updated_at: made,
    };
    let stored = sealed(call, stored, &params)?;
    call.insert(&[setting(&stored)?]).await?;
    tell(call, &stored.id).await;
    Ok(fields.answer(row(&stored)))
}

/// Puts another one in the place of one.
async fn replace(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let Said { name, params, info } = said(&mut fields)?;
    change(call, fields, Some(&name), |mut stored, before| {
        let mut params = params.clone();
        // What a reply showed as hidden is what it was.
        for (field, value) in params.iter_mut().filter(|(_, value)| **value == HIDDEN) {
            *value = before.get(field).cloned().unwrap_or(Value::Null);
        }
        params.retain(|_, value| !value.is_null());
        (stored.name, stored.info) = (name.clone(), info.clone());
        (stored, params)
    })
    .await
}

/// Changes what is named.
async fn mend(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let name = fields.text("guardrail_name")?.value().filter(|name| !name.is_empty());
    let mut wanted = fields.object("litellm_params")?.value().unwrap_or_default();
    if let Some(on) = fields.switch("default_on")?.value() {
        wanted.insert("default_on".to_owned(), on.into());
    }
    let info = fields.any("guardrail_info").value().and_then(|info| info.as_object().cloned());
    change(call, fields, name.clone().as_deref(), |mut stored, mut params| {
        params.extend(wanted.clone().into_iter().filter(|(_, value)| *value != HIDDEN));
        params.retain(|_, value| !value.is_null());
        stored.name = name.clone().unwrap_or(stored.name);
        stored.info = info.clone().or(stored.info);
        (stored, params)
    })
    .await
}

async fn change(
    call: &Call<'_>,
    fields: Fields,
    name: Option<&str>,
    put: impl Fn(StoredGuardrail, Params) -> (StoredGuardrail, Params) + Send + Sync,
) -> Answered {
    may_store(call)?;
    let id = call.in_path("guardrail_id");
    if let Some(name) = name {
        is_free(call, name, Some(id)).await?;
    }
    let name = row_name(id);
    let changed = call.change::<Setting>(&name, "updated", |before| {
        let before = read::<StoredGuardrail>(&before)?;
        let params = before.params(call.management.sealing()?).map_err(|error| failed(&error))?;
        let (mut stored, params) = put(before, params);
        stored.updated_at = now();
        setting(&sealed(call, stored, &params)?)
    });
    let changed =
        changed.await.map_err(|refused| if refused.status == 404 { unknown(call, id) } else { refused })?;
    let stored = read::<StoredGuardrail>(&changed)?;
    tell(call, id).await;
    Ok(fields.answer(row(&stored)))
}

/// Deletes a guardrail.
async fn delete(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let id = call.in_path("guardrail_id");
    if call.delete::<Setting>(&[row_name(id)]).await?.is_empty() {
        return Err(unknown(call, id));
    }
    tell(call, id).await;
    Ok(Reply::ok(json!({"message": format!("Guardrail {id} deleted successfully")})))
}

/// One guardrail.
async fn info(call: &Call<'_>) -> Answered {
    let id = call.in_path("guardrail_id");
    if let Some(found) = call.management.get::<Setting>(&row_name(id)).await? {
        return Ok(Reply::ok(row(&read::<StoredGuardrail>(&found)?)));
    }
    let found = of_files(call).into_iter().find(|one| one["guardrail_name"] == id);
    found.map(Reply::ok).ok_or_else(|| unknown(call, id))
}

fn said(fields: &mut Fields) -> Result<Said, Refused> {
    let mut said = fields.object("guardrail")?.value().ok_or_else(|| Refused::field_missing("guardrail"))?;
    said.retain(|name, _| !TOLD.contains(&name.as_str()));
    let text = |value: Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let name = said.remove("guardrail_name").and_then(text);
    let name = name.ok_or_else(|| Refused::field_missing("guardrail.guardrail_name"))?;
    let Some(Value::Object(mut params)) = said.remove("litellm_params") else {
        return Err(Refused::field_missing("guardrail.litellm_params"));
    };
    params.retain(|_, value| !value.is_null());
    let info = match said.remove("guardrail_info") {
        None | Some(Value::Null) => None,
        Some(Value::Object(info)) => Some(info),
        Some(_) => {
            return Err(Refused::field("guardrail.guardrail_info", "Input should be a valid dictionary"));
        }
    };
    match said.keys().next() {
        Some(other) => Err(Refused::field(&format!("guardrail.{other}"), "a guardrail has no such field")),
        None => Ok(Said { name, params, info }),
    }
}

/// What is kept, once it is seen that it can be served.
fn sealed(call: &Call<'_>, stored: StoredGuardrail, params: &Params) -> Result<StoredGuardrail, Refused> {
    if let Some(serving) = call.management.serving() {
        let open = OpenGuardrail::of(&stored, params);
        serving.check_guardrail(&open).map_err(|why| Refused::bad(why).detail())?;
    }
    stored.with_params(params, call.management.sealing()?).map_err(|error| failed(&error))
}

/// # Errors
/// When another guardrail has this name: whoever names it must know which is meant.
async fn is_free(call: &Call<'_>, name: &str, own: Option<&str>) -> Result<(), Refused> {
    let taken =
        |whose: &str| Err(Refused::bad(format!("Guardrail {name} {whose}: choose another name")).detail());
    if of_files(call).iter().any(|one| one["guardrail_name"] == name) {
        return taken("is one of the configuration");
    }
    for found in call.settings_under(STORED_GUARDRAIL).await? {
        let stored = read::<StoredGuardrail>(&found)?;
        if stored.name == name && own != Some(stored.id.as_str()) {
            return taken("exists already");
        }
    }
    Ok(())
}

/// A guardrail as replies show it.
fn row(stored: &StoredGuardrail) -> Value {
    json!({
        "guardrail_id": stored.id,
        "guardrail_name": stored.name,
        "litellm_params": stored.shown,
        "guardrail_info": stored.info,
        "guardrail_definition_location": "db",
        "created_at": stored.created_at.iso(),
        "created_by": stored.created_by,
        "updated_at": stored.updated_at.iso(),
    })
}

fn row_name(id: &str) -> String {
    format!("{STORED_GUARDRAIL}{id}")
}

fn of_files(call: &Call<'_>) -> Vec<Value> {
    call.management.serving().map(|serving| serving.guardrails()).unwrap_or_default()
}

fn unknown(call: &Call<'_>, id: &str) -> Refused {
    let shown: String = id.chars().filter(|letter| !letter.is_control()).take(64).collect();
    match of_files(call).iter().any(|one| one["guardrail_name"] == id) {
        true => {
            Refused::bad(format!("Guardrail {shown} is one of the configuration: change it there")).detail()
        }
        false => Refused::missing(format!("Guardrail {shown} not found")),
    }
}

fn failed(error: &llm_core::Error) -> Refused {
    Refused::error(500, "internal_server_error", error.message())
}

/// # Errors
/// When the operator wants nothing of this kind in the store.
fn may_store(call: &Call<'_>) -> Result<(), Refused> {
    call.may_store("guardrails are", "write them into the configuration")
}

/// Tells everybody, and answers when this gateway serves what the store has.
async fn tell(call: &Call<'_>, id: &str) {
    call.management.changed(Changed::Setting(row_name(id)));
    if let Some(serving) = call.management.serving() {
        serving.refresh().await;
    }
}
