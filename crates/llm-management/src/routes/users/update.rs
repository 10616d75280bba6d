//! Users changed: by administrators, and a little by themselves.

use llm_governance::entity::User;
use llm_governance::{Changed, ListQuery, Scope, Subject};
use serde_json::{Value, json};

use super::new::{apply, check_named};
use super::rows;
use crate::fields::Fields;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::secret::now;

/// The most users that one request names.
const AT_ONCE: usize = 500;

/// What users change of themselves.
const OWN: [&str; 3] = ["user_alias", "metadata", "user_email"];

/// Changes a user.
pub(super) async fn update(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let user = named(call, &mut fields).await?;
    if !call.is_admin() {
        allow_own(call, &user, &fields)?;
    }
    let (user, left) = change(call, user, fields).await?;
    let id = user.id.clone();
    let row = rows(call.management, &[user]).await?.pop().unwrap_or_default();
    Ok(left.answer(json!({"user_id": id, "data": row})))
}

/// Changes many users: each as its entry says, or all in the same way.
pub(super) async fn bulk(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let all = fields.switch("all_users")?.value().unwrap_or(false);
    let same = fields.object("user_updates")?.value();
    let mut entries = fields.objects("users")?.value().unwrap_or_default();
    if all {
        let Some(same) = same else { return Err(Refused::field_missing("user_updates")) };
        let everybody: Vec<User> = call.management.all(ListQuery::default()).await?;
        let entry = |user: User| {
            let mut entry = same.clone();
            entry.insert("user_id".to_owned(), json!(user.id));
            Fields::of(entry)
        };
        entries = everybody.into_iter().map(entry).collect();
    } else if entries.is_empty() || entries.len() > AT_ONCE {
        let message = format!("name 1 to {AT_ONCE} users, or say `\"all_users\": true` and `user_updates`");
        return Err(Refused::field("users", message));
    }
    let (total, mut results) = (entries.len(), Vec::new());
    for mut entry in entries {
        let (id, email) = (entry.clone().any("user_id").value(), entry.clone().any("user_email").value());
        let done = match named(call, &mut entry).await {
            Ok(user) => change(call, user, entry).await,
            Err(refused) => Err(refused),
        };
        results.push(match done {
            Ok((user, _)) => {
                let row = rows(call.management, std::slice::from_ref(&user)).await?.pop();
                json!({"user_id": user.id, "user_email": user.email, "success": true, "error": null, "updated_user": row})
            }
            Err(refused) => {
                json!({"user_id": id, "user_email": email, "success": false, "error": refused.message, "updated_user": null})
            }
        });
    }
    let done = results.iter().filter(|result| result["success"] == Value::Bool(true)).count();
    Ok(fields.answer(json!({
        "results": results,
        "total_requested": total,
        "successful_updates": done,
        "failed_updates": total - done,
    })))
}

/// The user that is meant: by its id, or else by its address.
async fn named(call: &Call<'_>, fields: &mut Fields) -> Result<User, Refused> {
    let id = fields.text("user_id")?.value().filter(|id| !id.is_empty());
    let email = if id.is_none() { fields.text("user_email")?.value() } else { None };
    if id.is_none() && email.is_none() {
        return Err(Refused::bad("Either user_id or user_email must be provided").about("user_id"));
    }
    let user = call.known(id.as_deref(), email.as_deref()).await?;
    // Those who may not see all users are not told which ones there are.
    let missing = || Refused::missing("User not found: `/user/list` shows who there is").about("user_id");
    user.ok_or_else(|| if call.sees_all() { missing() } else { not_your_own() })
}

fn not_your_own() -> Refused {
    Refused::forbidden("users change themselves alone; others are changed by administrators").about("user_id")
}

fn allow_own(call: &Call<'_>, user: &User, fields: &Fields) -> Result<(), Refused> {
    if !call.is_user(Some(&user.id)) {
        return Err(not_your_own());
    }
    match fields.names().find(|name| !OWN.contains(name)) {
        None => Ok(()),
        Some(other) => {
            let message =
                format!("users change {} of themselves; `{other}` is for administrators", OWN.join(", "));
            Err(Refused::forbidden(message))
        }
    }
}

async fn change(call: &Call<'_>, user: User, fields: Fields) -> Result<(User, Fields), Refused> {
    let (mut wanted, mut left) = (user.clone(), fields.clone());
    let spend = left.money("spend")?.value();
    if left.has("organizations") {
        let message =
            "organizations have members: use `/organization/member_add` and `/organization/member_delete`";
        return Err(Refused::bad(message).about("organizations"));
    }
    apply(&mut left, &mut wanted)?;
    check_named(call, &wanted).await?;
    let changed = call.change::<User>(&user.id, "updated", |mut user| {
        apply(&mut fields.clone(), &mut user)?;
        user.updated_at = now();
        Ok(user)
    });
    let user = changed.await?;
    if let Some(spend) = spend {
        let subject = Subject::new(Scope::User, user.id.as_str());
        call.management.correct_spend((subject.clone(), &user.terms, user.created_at), spend).await?;
        call.management.changed(Changed::Spent(subject));
    }
    call.management.changed(Changed::User(user.id.clone()));
    Ok((user, left))
}
