//! Prompts kept in the store, with versions. Only administrators of the gateway change them: models are told what they say.

use llm_governance::Changed;
use llm_governance::entity::Setting;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::stored::{read, setting};
use crate::declared::{Field, any, text};
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Method::{Delete, Get, Patch, Post, Put};
use crate::request::Reply;
use crate::route::Access::Admin;
use crate::route::Route;
use crate::secret::now;
use crate::serving::{STORED_PROMPT, StoredPrompt, StoredVersion};

/// Routes of prompts. Lists come before prompts that would be called so.
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/prompts/list", Admin, |call| Box::pin(list(call)))
        .about("Lists prompts, those of the configuration too, each as it is newest."),
    Route::change(Post, "/prompts", Admin, |call| Box::pin(new(call)))
        .about("Adds a prompt, as its first version.")
        .takes(
            &[&[text("prompt_id", "what it is called").needed()], PROMPT],
            r#"{"prompt_id": "greeting", "messages": [{"role": "system", "content": "Greet {{name}}."}]}"#,
        ),
    Route::look(Get, "/prompts/{prompt_id}", Admin, |call| Box::pin(info(call)))
        .about("Shows a prompt: its newest version, or with `.v2` behind its name another one."),
    Route::look(Get, "/prompts/{prompt_id}/info", Admin, |call| Box::pin(info(call)))
        .about("Shows a prompt: its newest version, or with `.v2` behind its name another one."),
    Route::look(Get, "/prompts/{prompt_id}/versions", Admin, |call| Box::pin(versions(call)))
        .about("Shows all versions of a prompt, the newest first."),
    Route::change(Put, "/prompts/{prompt_id}", Admin, |call| Box::pin(add(call)))
        .about("Adds a version to a prompt.")
        .takes(&[SAME, PROMPT], SECOND),
    Route::change(Patch, "/prompts/{prompt_id}", Admin, |call| Box::pin(mend(call)))
        .about("Changes the newest version of a prompt.")
        .takes(&[SAME, PROMPT], SECOND),
    Route::change(Delete, "/prompts/{prompt_id}", Admin, |call| Box::pin(delete(call)))
        .about("Deletes a prompt with all its versions."),
];

/// What a prompt says: one of the first two.
const PROMPT: &[Field] = &[
    any("litellm_params", "the prompt in LiteLLM's form, with `dotprompt_content`"),
    any("messages", "the prompt as messages, with `{{variables}}`"),
    any("model", "the model that it is for"),
    any("temperature", "randomness"),
    any("top_p", "nucleus sampling"),
    any("max_tokens", "the most tokens of answers"),
    any("prompt_info", "notes"),
];

/// The id once more.
const SAME: &[Field] = &[text("prompt_id", "as in the path")];

const SECOND: &str = r#"{"messages": [{"role": "system", "content": "Greet {{name}} warmly."}]}"#;

/// Members of an entry that say what a prompt is.
const SAID: [&str; 7] =
    ["litellm_params", "messages", "model", "temperature", "top_p", "max_tokens", "prompt_info"];

/// Adds a prompt, as its first version.
async fn new(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let mut fields = call.fields()?;
    let id = fields.required("prompt_id")?;
    check_id(&id)?;
    let said = said(&mut fields)?;
    if of_files(call).iter().any(|(known, _)| *known == id) {
        return Err(
            Refused::bad(format!("Prompt {id} is one of the configuration: choose another id")).detail()
        );
    }
    let made = now();
    let version = StoredVersion {
        version: 1,
        said,
        created_by: Some(call.actor()),
        created_at: made,
        updated_at: made,
    };
    can_be_served(call, &id, &version)?;
    let prompt = StoredPrompt { id: id.clone(), versions: vec![version] };
    if call.management.get::<Setting>(&name(&id)).await?.is_some() {
        return Err(Refused::bad(format!("Prompt {id} exists already: PUT adds a version")).detail());
    }
    call.insert(&[setting(&prompt)?]).await?;
    tell(call, id).await;
    Ok(fields.answer(newest(&prompt)))
}

/// Adds a version.
async fn add(call: &Call<'_>) -> Answered {
    let actor = call.actor();
    change(call, move |prompt, said| {
        let made = now();
        let version = prompt.versions.iter().map(|one| one.version).max().unwrap_or(0) + 1;
        let said = said.clone();
        prompt.versions.push(StoredVersion {
            version,
            said,
            created_by: Some(actor.clone()),
            created_at: made,
            updated_at: made,
        });
    })
    .await
}

/// Changes the newest version.
async fn mend(call: &Call<'_>) -> Answered {
    change(call, |prompt, said| {
        if let Some(last) = prompt.versions.last_mut() {
            last.said.extend(said.clone());
            last.updated_at = now();
        }
    })
    .await
}

async fn change(
    call: &Call<'_>,
    put: impl Fn(&mut StoredPrompt, &Map<String, Value>) + Send + Sync,
) -> Answered {
    may_store(call)?;
    let id = call.in_path("prompt_id").to_owned();
    let mut fields = call.fields()?;
    let _ = fields.text("prompt_id")?;
    let said = said(&mut fields)?;
    let row = name(&id);
    let changed = call.change::<Setting>(&row, "updated", |before| {
        let mut prompt = read::<StoredPrompt>(&before)?;
        put(&mut prompt, &said);
        if let Some(last) = prompt.versions.last() {
            can_be_served(call, &id, last)?;
        }
        setting(&prompt)
    });
    let changed =
        changed.await.map_err(|refused| if refused.status == 404 { unknown(&id) } else { refused })?;
    let prompt = read::<StoredPrompt>(&changed)?;
    tell(call, id).await;
    Ok(fields.answer(newest(&prompt)))
}

/// Deletes a prompt with all its versions.
async fn delete(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let id = call.in_path("prompt_id").to_owned();
    if call.delete::<Setting>(&[name(&id)]).await?.is_empty() {
        return Err(unknown(&id));
    }
    let message = format!("Prompt {id} deleted successfully");
    tell(call, id).await;
    Ok(Reply::ok(json!({"message": message})))
}

/// All prompts, each as it is newest.
async fn list(call: &Call<'_>) -> Answered {
    let mut shown: Vec<Value> = all(call).await?.iter().map(newest).collect();
    shown.extend(
        of_files(call).into_iter().filter_map(|(id, versions)| Some(of_file(&id, *versions.last()?))),
    );
    Ok(Reply::ok(json!({"prompts": shown})))
}

/// One version of a prompt: `name` for the newest, `name.v2` for another.
async fn info(call: &Call<'_>) -> Answered {
    let asked = call.in_path("prompt_id");
    let split = asked.rsplit_once(".v").and_then(|(id, version)| Some((id, version.parse::<u64>().ok()?)));
    let (id, version) = split.map_or((asked, None), |(id, version)| (id, Some(version)));
    let spec = match call.management.get::<Setting>(&name(id)).await? {
        Some(setting) => {
            let prompt = read::<StoredPrompt>(&setting)?;
            let wanted = |one: &&StoredVersion| version.is_none_or(|version| one.version == version);
            prompt.versions.iter().rfind(wanted).map(|one| spec(id, one))
        }
        None => of_files(call).into_iter().find(|(known, _)| known == id).and_then(|(_, versions)| {
            let found = versions.iter().rfind(|one| version.is_none_or(|version| **one == version));
            found.map(|version| of_file(id, *version))
        }),
    };
    let spec = spec.ok_or_else(|| unknown(asked))?;
    Ok(Reply::ok(json!({"prompt_spec": spec, "raw_prompt_template": null})))
}

/// All versions of a prompt, the newest first.
async fn versions(call: &Call<'_>) -> Answered {
    let id = call.in_path("prompt_id");
    let shown: Vec<Value> = match call.management.get::<Setting>(&name(id)).await? {
        Some(setting) => {
            read::<StoredPrompt>(&setting)?.versions.iter().rev().map(|one| spec(id, one)).collect()
        }
        None => {
            let found = of_files(call).into_iter().find(|(known, _)| known == id);
            let (_, versions) = found.ok_or_else(|| unknown(id))?;
            versions.iter().rev().map(|version| of_file(id, *version)).collect()
        }
    };
    Ok(Reply::ok(json!({"prompts": shown})))
}

async fn all(call: &Call<'_>) -> Result<Vec<StoredPrompt>, Refused> {
    call.settings_under(STORED_PROMPT).await?.iter().map(read).collect()
}

/// What a body says of a prompt.
fn said(fields: &mut Fields) -> Result<Map<String, Value>, Refused> {
    let mut said = Map::new();
    for name in SAID {
        if let Some(value) = fields.any(name).value().filter(|value| !value.is_null()) {
            said.insert(name.to_owned(), value);
        }
    }
    if said.is_empty() {
        return Err(Refused::field_missing("litellm_params"));
    }
    Ok(said)
}

fn check_id(id: &str) -> Result<(), Refused> {
    let is_plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
    let has_version = id.rsplit_once(".v").is_some_and(|(_, version)| version.parse::<u64>().is_ok());
    if id.is_empty() || id.len() > 128 || !id.chars().all(is_plain) || has_version || id == "list" {
        let message = "Input should be letters, digits, `_`, `-`, `.` and `:`, without a version at its end";
        return Err(Refused::field("prompt_id", message));
    }
    Ok(())
}

fn name(id: &str) -> String {
    format!("{STORED_PROMPT}{id}")
}

/// Prompts of the configuration, with their versions in order.
fn of_files(call: &Call<'_>) -> Vec<(String, Vec<u64>)> {
    call.management.serving().map(|serving| serving.prompts()).unwrap_or_default()
}

fn newest(prompt: &StoredPrompt) -> Value {
    prompt.versions.last().map_or(Value::Null, |version| spec(&prompt.id, version))
}

#[derive(Serialize)]
struct Spec<'a> {
    prompt_id: &'a str,
    version: u64,
    #[serde(flatten)]
    said: &'a Map<String, Value>,
    created_by: Option<&'a str>,
    created_at: String,
    updated_at: String,
}

fn spec(id: &str, version: &StoredVersion) -> Value {
    let said = &version.said;
    let shown = Spec {
        prompt_id: id,
        version: version.version,
        said,
        created_by: version.created_by.as_deref(),
        created_at: version.created_at.iso(),
        updated_at: version.updated_at.iso(),
    };
    let mut shown = serde_json::to_value(shown).unwrap_or_default();
    let mut info = said.get("prompt_info").and_then(Value::as_object).cloned().unwrap_or_default();
    info.insert("prompt_type".to_owned(), "db".into());
    shown["prompt_info"] = info.into();
    shown
}

fn of_file(id: &str, version: u64) -> Value {
    json!({"prompt_id": id, "version": version, "prompt_info": {"prompt_type": "config"},
           "litellm_params": {"prompt_id": id, "prompt_integration": "dotprompt"},
           "created_at": null, "updated_at": null})
}

fn unknown(id: &str) -> Refused {
    let shown: String = id.chars().filter(|letter| !letter.is_control()).take(64).collect();
    Refused::missing(format!("Prompt {shown} not found"))
}

/// # Errors
/// When the operator wants nothing of this kind in the store.
fn may_store(call: &Call<'_>) -> Result<(), Refused> {
    call.may_store("prompts are", "write the prompt into the configuration")
}

/// # Errors
/// Why the gateway that runs could not serve it.
fn can_be_served(call: &Call<'_>, id: &str, version: &StoredVersion) -> Result<(), Refused> {
    let Some(serving) = call.management.serving() else { return Ok(()) };
    serving.check_prompt(&version.entry(id)).map_err(|why| Refused::bad(why).detail())
}

/// Tells everybody, and answers when this gateway serves what the store has.
async fn tell(call: &Call<'_>, id: String) {
    call.management.changed(Changed::Setting(format!("{STORED_PROMPT}{id}")));
    if let Some(serving) = call.management.serving() {
        serving.refresh().await;
    }
}
