//! The keys, users and tags that spent most.

use llm_core::order;
use llm_governance::entity::{User, VirtualKey};
use llm_governance::{Activity, ActivityQuery, Dimension, Scope};
use serde_json::{Value, json};

use crate::days::Days;
use crate::dollars::show;
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::request::Reply;
use crate::routes::{keys, users};
use crate::whose::Whose;

/// How many are shown, and at most.
const MOST: (u64, u64) = (100, 1_000);

/// The dearest of a kind, by one dimension.
///
/// # Errors
/// When the ledger cannot be asked.
pub(crate) async fn dearest(
    call: &Call<'_>,
    whose: &Whose,
    by: Dimension,
    (days, most): (Days, u64),
) -> Result<Vec<Activity>, Refused> {
    let query = ActivityQuery { dearest: Some(most), ..whose.query(days, &[by]) };
    Ok(call.management.reports()?.activity(&query).await?)
}

/// Keys, the dearest first: all, or the caller's own.
pub(super) async fn keys(call: &Call<'_>) -> Answered {
    let query = call.query();
    let days = Days::read(&query, "start_date", "end_date")?;
    let most = query.count("limit", MOST.0, MOST.1)?;
    let whose = call.whose()?.keyed();
    let found = dearest(call, &whose, Dimension::Key, (days, most)).await?;
    let ids: Vec<String> = found.into_iter().map(|one| one.key).filter(|key| !key.is_empty()).collect();
    let keys: Vec<VirtualKey> = call.management.get_many(&ids).await?;
    let mut rows: Vec<Value> = keys::rows(call.management, &keys).await?;
    // The store gives them in its own order.
    order::sort_by_key(&mut rows, |row| ids.iter().position(|id| row["token"] == **id));
    Ok(Reply::ok(rows.into()))
}

/// Users, the dearest first: one, all, or whoever asks.
pub(super) async fn users(call: &Call<'_>) -> Answered {
    let query = call.query();
    let days = Days::read(&query, "start_date", "end_date")?;
    let named = if call.sees_all() { query.text("user_id") } else { call.user_id() };
    let ids: Vec<String> = match named {
        Some(user) => vec![user.to_owned()],
        None if !call.sees_all() => Vec::new(),
        None => {
            let most = query.count("limit", MOST.0, MOST.1)?;
            let whose = Whose::all(Scope::User);
            let found = dearest(call, &whose, Dimension::Subject, (days, most)).await?;
            found.into_iter().map(|one| one.subject).collect()
        }
    };
    let found: Vec<User> = call.management.get_many(&ids).await?;
    let mut rows = users::rows(call.management, &found).await?;
    order::sort_by_key(&mut rows, |row| ids.iter().position(|id| row["user_id"] == **id));
    Ok(Reply::ok(rows.into()))
}

/// Tags of calls, the dearest first.
pub(super) async fn tags(call: &Call<'_>) -> Answered {
    let query = call.query();
    let days = Days::read(&query, "start_date", "end_date")?;
    let found = dearest(call, &Whose::all(Scope::Tag), Dimension::Subject, (days, MOST.1)).await?;
    let row = |one: Activity| {
        json!({
            "individual_request_tag": one.subject,
            "log_count": one.sums.requests,
            "total_spend": show(one.sums.cost),
        })
    };
    Ok(Reply::ok(found.into_iter().map(row).collect()))
}
