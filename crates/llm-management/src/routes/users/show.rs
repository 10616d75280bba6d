//! Users looked at one by one.

use llm_governance::entity::{Column, Team, User, VirtualKey};
use llm_governance::{Filter, ListQuery, Scope, Subject, Terms};
use serde_json::{Value, json};

use crate::management::{Answered, Call, Management};
use crate::refused::Refused;
use crate::request::Reply;
use crate::routes::{keys, teams};
use crate::show::user_row;

/// The most keys that are shown of a user.
const KEYS: u64 = 500;

/// The rows of users.
///
/// # Errors
/// When the store cannot be asked.
pub(crate) async fn rows(management: &Management, users: &[User]) -> Result<Vec<Value>, Refused> {
    let budgets = management.budget_rows(users.iter().map(|user| &user.terms)).await?;
    let terms: Vec<Terms> =
        users.iter().map(|user| crate::periods::in_force(&user.terms, &budgets)).collect();
    let asked = users.iter().zip(&terms);
    let asked = asked.map(|(user, of)| (Subject::new(Scope::User, user.id.as_str()), of, user.created_at));
    let asked: Vec<_> = asked.collect();
    let spends = management.spends(&asked).await?;
    Ok(users.iter().zip(spends).map(|(user, spend)| Value::Object(user_row(user, spend))).collect())
}

/// A user with its keys and teams.
pub(super) async fn info(call: &Call<'_>) -> Answered {
    let user = named(call).await?;
    let filters = vec![("user_id", Filter::Is(Column::from(user.id.as_str())))];
    let query = ListQuery { filters, limit: KEYS, ..ListQuery::default() };
    let own = call.management.list::<VirtualKey>(&query).await?.items;
    let keys = keys::rows(call.management, &own).await?;
    let of: Vec<Team> = call.management.get_many(&user.teams).await?;
    let teams = teams::rows(call.management, &of).await?;
    let id = user.id.clone();
    let row = rows(call.management, &[user]).await?.pop();
    Ok(Reply::ok(json!({"user_id": id, "user_info": row, "keys": keys, "teams": teams})))
}

/// A user alone.
pub(super) async fn info_v2(call: &Call<'_>) -> Answered {
    let user = named(call).await?;
    Ok(Reply::ok(rows(call.management, &[user]).await?.pop().unwrap_or_default()))
}

/// The user that is named, or the one who asks.
async fn named(call: &Call<'_>) -> Result<User, Refused> {
    let query = call.query();
    let Some(id) = query.text("user_id").or(call.user_id()) else {
        let message = "this key is nobody's: name a user with `?user_id=`";
        return Err(Refused::bad(message).about("user_id"));
    };
    let user: Option<User> = call.management.get(id).await?;
    if call.sees_all() || call.is_user(Some(id)) || leads(call, user.as_ref()).await? {
        return user.ok_or_else(|| Refused::missing(format!("User {id} not found")).about("user_id"));
    }
    let message = format!(
        "key not allowed to access this user's info. user_id={id}, key's user_id={}",
        call.user_id().unwrap_or("none")
    );
    Err(Refused::forbidden(message).about("user_id"))
}

/// Whether the caller administrates an organisation that the user is in.
///
/// # Errors
/// When the store cannot be asked.
pub(crate) async fn leads(call: &Call<'_>, user: Option<&User>) -> Result<bool, Refused> {
    for organization in user.map(|user| user.organizations.as_slice()).unwrap_or_default() {
        if call.administrates_organization(Some(organization)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
