//! Keys made, within what their maker may give.

mod rules;

use llm_core::money::NanoDollars;
use llm_governance::entity::{BudgetRow, KeyKind, Organization, Team, User, VirtualKey};
use llm_governance::{Changed, Scope, Subject, Terms, Timestamp};
use serde_json::Value;

use crate::bounds;
use crate::fields::Fields;
use crate::given::Given;
use crate::management::{Answered, Call};
use crate::periods::later;
use crate::refused::Refused;
use crate::routes::keys::views;
use crate::routes::users;
use crate::secret::{chosen_key, key_name, new_key, now};
use crate::{show, terms};

/// A new key with its secret, before it is kept.
struct Draft {
    key: VirtualKey,
    secret: String,
    /// What was said of how long it is good.
    duration: Option<String>,
    /// What it has spent already, as an administrator says.
    spend: Option<NanoDollars>,
}

/// Makes a key.
pub(super) async fn generate(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    rules::check(call, &mut fields)?;
    let shown = make(call, &mut fields).await?;
    Ok(fields.answer(shown))
}

/// Makes a key of a team that is nobody's: it stays when people go.
pub(super) async fn service_account(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    if fields.text("user_id")?.value().is_some() {
        let message = "a service account's key has no `user_id`: leave it out, or use `/key/generate`";
        return Err(Refused::bad(message).about("user_id"));
    }
    if !fields.has("team_id") {
        return Err(Refused::bad("team_id is required for service account keys").about("team_id"));
    }
    rules::check(call, &mut fields)?;
    let shown = made(call, &mut fields, true).await?;
    Ok(fields.answer(shown))
}

/// Makes a key as the fields say, and shows it.
///
/// # Errors
/// When the caller may not give what is asked, a field cannot be read, or the key or its alias is there already.
pub(crate) async fn make(call: &Call<'_>, fields: &mut Fields) -> Result<Value, Refused> {
    made(call, fields, false).await
}

async fn made(call: &Call<'_>, fields: &mut Fields, service_account: bool) -> Result<Value, Refused> {
    rules::bound(call, fields)?;
    let mut draft = draft(call, fields, service_account)?;
    let team = allow_owner(call, &draft.key).await?;
    allow_terms(call, &mut draft, team.as_ref()).await?;
    check_named(call, &draft.key).await?;
    keep(call, &draft).await?;
    let rows: Vec<BudgetRow> = call.management.budget_rows(std::iter::once(&draft.key.terms)).await?;
    let keys = [draft.key];
    let views = views(call.management, &keys, &rows).await?;
    let [view] = views.as_slice() else { return Ok(Value::Null) };
    Ok(Value::Object(show::new_key(*view, &draft.secret, draft.duration.as_deref())))
}

/// Reads what the key is to be.
fn draft(call: &Call<'_>, fields: &mut Fields, service_account: bool) -> Result<Draft, Refused> {
    let secret = match fields.text("key")?.value() {
        Some(chosen) => chosen_key(chosen)?,
        None => new_key()?,
    };
    let duration = fields.text("duration")?.value();
    let made = now();
    let expires = match &duration {
        Some(duration) => later("duration", duration, made)?,
        None => None,
    };
    let mut of = Terms::default();
    let kind = kind(fields)?.value().unwrap_or_default();
    terms::apply(fields, &mut of)?;
    let own = call.user_id().filter(|_| !call.is_admin() && !service_account).map(str::to_owned);
    let key = VirtualKey {
        hash: llm_governance::KeyHash::of(secret.as_bytes()),
        name: key_name(&secret),
        alias: fields.text("key_alias")?.value().filter(|alias| !alias.is_empty()),
        user_id: fields.text("user_id")?.value().or(own),
        team_id: fields.text("team_id")?.value(),
        organization_id: fields.text("organization_id")?.value(),
        kind,
        service_account,
        expires,
        replaced: None,
        former: Vec::new(),
        terms: of,
        created_by: Some(call.actor()),
        created_at: made,
        updated_by: Some(call.actor()),
        updated_at: made,
    };
    let spend = fields.money("spend")?.value().filter(|spend| *spend != NanoDollars(0));
    Ok(Draft { key, secret, duration, spend })
}

/// What a key is for.
pub(super) fn kind(fields: &mut Fields) -> Result<Given<KeyKind>, Refused> {
    fields.text("key_type")?.try_map(|kind| match kind.as_str() {
        "default" => Ok(KeyKind::Default),
        "llm_api" => Ok(KeyKind::LlmApi),
        "management" => Ok(KeyKind::Management),
        "read_only" => Ok(KeyKind::ReadOnly),
        _ => Err(Refused::field("key_type", "say `default`, `llm_api`, `management` or `read_only`")),
    })
}

/// Whether the caller may make keys for this user, team and organisation.
pub(super) async fn allow_owner(call: &Call<'_>, key: &VirtualKey) -> Result<Option<Team>, Refused> {
    let team = match &key.team_id {
        Some(id) => Some(call.team(id).await?),
        None => None,
    };
    if call.is_admin() {
        return Ok(team);
    }
    match &team {
        Some(team) => rules::allow_for_team(call, team, key).await?,
        None if call.is_user(key.user_id.as_deref()) => {}
        None if leads(call, key.user_id.as_deref()).await? => {}
        None => {
            let owner = key.user_id.as_deref().unwrap_or("none");
            let own = call.user_id().unwrap_or("none");
            let message =
                format!("User can only create keys for themselves. Got user_id={owner}, Your ID={own}");
            return Err(Refused::forbidden(message).about("user_id"));
        }
    }
    if key.organization_id.is_some()
        && !call.administrates_organization(key.organization_id.as_deref()).await?
        && team.as_ref().is_none_or(|team| team.organization_id != key.organization_id)
    {
        let message = "only its administrators make keys for an organisation";
        return Err(Refused::forbidden(message).about("organization_id"));
    }
    Ok(team)
}

/// Whether the caller administrates an organisation that this user is in.
async fn leads(call: &Call<'_>, user: Option<&str>) -> Result<bool, Refused> {
    let Some(user) = user else { return Ok(false) };
    let user: Option<User> = call.management.get(user).await?;
    users::leads(call, user.as_ref()).await
}

/// Whether the caller may give these terms.
async fn allow_terms(call: &Call<'_>, draft: &mut Draft, team: Option<&Team>) -> Result<(), Refused> {
    if call.is_admin() {
        return Ok(());
    }
    if draft.spend.is_some() {
        return Err(Refused::forbidden("only an administrator says what a key has spent").about("spend"));
    }
    bounds::inherit(call.caller, &mut draft.key.terms);
    allow_bounds(call, &draft.key, team).await
}

/// Whether terms stay within those of the caller and of the key's owners.
pub(super) async fn allow_bounds(
    call: &Call<'_>,
    key: &VirtualKey,
    team: Option<&Team>,
) -> Result<(), Refused> {
    bounds::check_caller(call.caller, &key.terms)?;
    if let Some(team) = team {
        let subject = Subject::new(Scope::Team, team.id.as_str());
        return bounds::Bound::of(&subject, &team.terms).check(&key.terms);
    }
    let Some(id) = &key.user_id else { return Ok(()) };
    match call.management.get::<User>(id).await? {
        Some(user) => {
            bounds::Bound::of(&Subject::new(Scope::User, id.as_str()), &user.terms).check(&key.terms)
        }
        None => Ok(()),
    }
}

/// Whether what a key names is there, and its alias is free.
pub(super) async fn check_named(call: &Call<'_>, key: &VirtualKey) -> Result<(), Refused> {
    let management = call.management;
    if let Some(id) = &key.terms.budget_id
        && management.get::<BudgetRow>(id).await?.is_none()
    {
        let message =
            format!("there is no budget `{id}`: make it with `/budget/new`, or leave `budget_id` out");
        return Err(Refused::bad(message).about("budget_id"));
    }
    if let Some(id) = &key.organization_id
        && management.get::<Organization>(id).await?.is_none()
    {
        let message = format!("there is no organization `{id}`: make it with `/organization/new`");
        return Err(Refused::bad(message).about("organization_id"));
    }
    match &key.alias {
        Some(alias) => rules::check_alias(call, alias, key).await,
        None => Ok(()),
    }
}

async fn keep(call: &Call<'_>, draft: &Draft) -> Result<(), Refused> {
    let key = &draft.key;
    let kept = call.insert(std::slice::from_ref(key)).await;
    kept.map_err(|refused| match refused.status {
        400 => Refused::bad("Key already exists: choose another `key` and `key_alias`, or leave them out")
            .about("key"),
        _ => refused,
    })?;
    if let Some(spend) = draft.spend {
        let subject = Subject::new(Scope::Key, key.hash.hex());
        call.management.correct_spend((subject, &key.terms, key.created_at), spend).await?;
    }
    // Callers with this key may have been refused, and that may be remembered.
    call.management.changed(Changed::Key(key.hash));
    Ok(())
}

/// What `duration` of an update means: a new length from now, or none.
pub(super) fn expiry(fields: &mut Fields, place: &mut Option<Timestamp>) -> Result<(), Refused> {
    let duration = fields.text("duration")?;
    match duration {
        Given::Absent => {}
        Given::Null => *place = None,
        Given::Value(text) => *place = later("duration", &text, now())?,
    }
    Ok(())
}
