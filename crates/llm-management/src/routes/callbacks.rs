//! Who is told of all calls, kept in the store: made, changed and ended while the gateway runs. Those of the configuration
//! are shown beside them, and changed there.

mod litellm;

use llm_governance::Changed;
use llm_governance::entity::Setting;
use serde_json::{Map, Value, json};

use super::stored::{read, setting};
use crate::change::HIDDEN;
use crate::declared::{Field, object, text};
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Method::{Delete, Get, Post, Put};
use crate::request::Reply;
use crate::route::Access::Admin;
use crate::route::Route;
use crate::secret::now;
use crate::serving::{
    CallsTold, OpenCallback, STORED_CALLBACK, StoredCallback, callback_kind, callback_kinds, vars_of,
};

pub(super) use litellm::put as put_litellm;

type Vars = Map<String, Value>;

/// Routes of callbacks; the list with what became of calls is the gateway's own (`/get/config/callbacks`).
pub(super) const ROUTES: &[Route] = &[
    Route::look(Get, "/callbacks/list", Admin, |call| Box::pin(litellm::list(call)))
        .about("Names who is told of answered calls, of failed ones, and of both."),
    Route::change(Post, "/callbacks", Admin, |call| Box::pin(new(call)))
        .about("Adds a callback, which is told of calls at once and by every gateway.")
        .takes(&[&[NAME, KIND, CALLS, VARS]], EXAMPLE),
    Route::change(Put, "/callbacks/{callback_name}", Admin, |call| Box::pin(replace(call)))
        .about("Sets what a callback is told of and made from; a secret that is `***` stays as it was.")
        .takes(&[&[CALLS, VARS]], r#"{"callback_type": "failure", "callback_vars": {"endpoint": "https://logs.example.com/calls"}}"#),
    Route::change(Delete, "/callbacks/{callback_name}", Admin, |call| Box::pin(delete(call)))
        .about("Ends a callback; what waits for it is still sent."),
    Route::change(Post, "/config/callback/delete", Admin, |call| Box::pin(litellm::delete(call)))
        .about("Ends a callback, as LiteLLM's clients do.")
        .takes(&[&[text("callback_name", "which").needed()]], r#"{"callback_name": "langfuse"}"#),
];

const NAME: Field = text("callback_name", "what it is called, in metrics too").needed();
const KIND: Field =
    text("callback_kind", "`generic_api`, `langfuse`, `otel` or `s3_v2`. Default: as it is called");
const CALLS: Field =
    text("callback_type", "`success`, `failure` or `success_and_failure`, which is the default");
const VARS: Field = object("callback_vars", "addresses, keys, and how calls are sent");

const EXAMPLE: &str = r#"{"callback_name": "logs", "callback_kind": "generic_api", "callback_vars": {"endpoint": "https://logs.example.com/calls", "headers": "authorization=Bearer sk-1"}}"#;

/// The most letters of a name, and the most callbacks: each has a queue and a task.
const MOST: (usize, usize) = (64, 32);

/// Adds a callback.
async fn new(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let mut fields = call.fields()?;
    let name = fields.required("callback_name")?;
    let kind = fields.text("callback_kind")?.value().filter(|kind| !kind.is_empty());
    let calls = calls(fields.text("callback_type")?.value().as_deref())?;
    let vars = plain(fields.object("callback_vars")?.value().unwrap_or_default())?;
    let kind = kind.unwrap_or_else(|| name.clone());
    is_free(call, &name).await?;
    let stored = insert(call, (name, &kind), calls.unwrap_or(CallsTold::SuccessAndFailure), vars).await?;
    tell(call).await;
    Ok(fields.answer(stored.row()))
}

/// Sets what a callback is told of and made from.
async fn replace(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let mut fields = call.fields()?;
    let calls = calls(fields.text("callback_type")?.value().as_deref())?;
    let vars = fields.object("callback_vars")?.value().map(plain).transpose()?;
    let changed = change(call, call.in_path("callback_name"), |before, known| {
        let vars = vars.clone().map(|vars| unhidden(vars, &known)).unwrap_or(known);
        (calls.unwrap_or(before), vars)
    });
    let stored = changed.await?;
    tell(call).await;
    Ok(fields.answer(stored.row()))
}

async fn delete(call: &Call<'_>) -> Answered {
    may_store(call)?;
    let name = call.in_path("callback_name");
    end(call, name).await?;
    tell(call).await;
    Ok(Reply::ok(json!({"message": format!("Callback {name} deleted successfully")})))
}

async fn insert(
    call: &Call<'_>,
    (name, kind): (String, &str),
    calls: CallsTold,
    vars: Vars,
) -> Result<StoredCallback, Refused> {
    let made = now();
    let stored = StoredCallback {
        kind: kind_of(kind)?.to_owned(),
        name,
        calls,
        shown: Vars::new(),
        sealed_vars: String::new(),
        created_by: Some(call.actor()),
        created_at: made,
        updated_at: made,
    };
    let stored = sealed(call, stored, &vars)?;
    call.insert(&[setting(&stored)?]).await?;
    call.management.changed(Changed::Setting(row_name(&stored.name)));
    Ok(stored)
}

async fn change(
    call: &Call<'_>,
    name: &str,
    put: impl Fn(CallsTold, Vars) -> (CallsTold, Vars) + Send + Sync,
) -> Result<StoredCallback, Refused> {
    let row = row_name(name);
    let changed = call.change::<Setting>(&row, "updated", |before| {
        let mut stored = read::<StoredCallback>(&before)?;
        let known = stored.vars(call.management.sealing()?).map_err(|error| failed(&error))?;
        let (calls, vars) = put(stored.calls, known);
        (stored.calls, stored.updated_at) = (calls, now());
        setting(&sealed(call, stored, &vars)?)
    });
    let changed =
        changed.await.map_err(|refused| if refused.status == 404 { unknown(call, name) } else { refused })?;
    call.management.changed(Changed::Setting(row));
    read(&changed)
}

async fn end(call: &Call<'_>, name: &str) -> Result<(), Refused> {
    if call.delete::<Setting>(&[row_name(name)]).await?.is_empty() {
        return Err(unknown(call, name));
    }
    call.management.changed(Changed::Setting(row_name(name)));
    Ok(())
}

/// What is kept, once it is seen that calls can be told.
fn sealed(call: &Call<'_>, stored: StoredCallback, vars: &Vars) -> Result<StoredCallback, Refused> {
    if let Some(other) = vars.keys().find(|name| vars_of(&stored.kind).all(|known| known != *name)) {
        let known: Vec<&str> = vars_of(&stored.kind).collect();
        let message = format!(
            "a callback `{}` is not made from `{other}`: there are {}",
            stored.kind,
            known.join(", ")
        );
        return Err(Refused::bad(message).detail());
    }
    if let Some(serving) = call.management.serving() {
        let open = OpenCallback::of(&stored, vars.clone());
        serving.check_callback(&open).map_err(|why| Refused::bad(why).detail())?;
    }
    stored.with_vars(vars, call.management.sealing()?).map_err(|error| failed(&error))
}

/// # Errors
/// When another callback has this name, or nobody can.
async fn is_free(call: &Call<'_>, name: &str) -> Result<(), Refused> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.len() > MOST.0 || !name.chars().all(is_plain) {
        let message = "a name has letters, digits, `-`, `_` and `.`, and no more than 64 of them";
        return Err(Refused::field("callback_name", message));
    }
    let taken = |whose: &str| Refused::bad(format!("Callback {name} {whose}: choose another name")).detail();
    if of_files(call, name) {
        return Err(taken("is one of the configuration"));
    }
    let stored = call.settings_under(STORED_CALLBACK).await?;
    if stored.iter().any(|one| one.name == row_name(name)) {
        return Err(taken("exists already"));
    }
    if stored.len() >= MOST.1 {
        return Err(Refused::bad("there are 32 callbacks already: end one first").detail());
    }
    Ok(())
}

fn of_files(call: &Call<'_>, name: &str) -> bool {
    let all = call.management.callbacks().unwrap_or_default();
    all.iter().any(|one| one["name"] == name && one["source"] == "config")
}

/// # Errors
/// When the store may have none of this kind.
fn kind_of(kind: &str) -> Result<&'static str, Refused> {
    callback_kind(kind).ok_or_else(|| {
        let kinds: Vec<&str> = callback_kinds().collect();
        let file =
            if kind == "file" { "; a file is of one machine, and named in the configuration" } else { "" };
        Refused::bad(format!("there is no such `callback_kind`: there are {}{file}", kinds.join(", ")))
            .detail()
    })
}

fn calls(name: Option<&str>) -> Result<Option<CallsTold>, Refused> {
    let Some(name) = name else { return Ok(None) };
    let known = CallsTold::ALL.into_iter().find(|calls| calls.name() == name);
    known.map(Some).ok_or_else(|| {
        Refused::field("callback_type", "Input should be 'success', 'failure' or 'success_and_failure'")
    })
}

/// Texts under names in lower case, without those that are empty.
fn plain(vars: Vars) -> Result<Vars, Refused> {
    let mut plain = Vars::new();
    for (name, value) in vars {
        let text = match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            Value::Null => continue,
            _ => return Err(Refused::field("callback_vars", "Input should be a map of texts")),
        };
        if !text.is_empty() {
            plain.insert(name.to_ascii_lowercase(), Value::from(text));
        }
    }
    Ok(plain)
}

/// What a reply showed as hidden is what it was.
fn unhidden(mut vars: Vars, known: &Vars) -> Vars {
    for (name, value) in vars.iter_mut().filter(|(_, value)| **value == HIDDEN) {
        *value = known.get(name).cloned().unwrap_or(Value::Null);
    }
    vars.retain(|_, value| !value.is_null());
    vars
}

fn row_name(name: &str) -> String {
    format!("{STORED_CALLBACK}{name}")
}

fn unknown(call: &Call<'_>, name: &str) -> Refused {
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(MOST.0).collect();
    match of_files(call, name) {
        true => {
            Refused::bad(format!("Callback {shown} is one of the configuration: change it there")).detail()
        }
        false => Refused::missing(format!("Callback {shown} not found")),
    }
}

fn failed(error: &llm_core::Error) -> Refused {
    Refused::error(500, "internal_server_error", error.message())
}

/// # Errors
/// When the operator wants nothing of this kind in the store.
fn may_store(call: &Call<'_>) -> Result<(), Refused> {
    call.may_store("callbacks are", "name them in the configuration")
}

/// Answers when this gateway tells those whom the store names.
async fn tell(call: &Call<'_>) {
    if let Some(serving) = call.management.serving() {
        serving.refresh().await;
    }
}
