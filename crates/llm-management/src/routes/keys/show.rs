//! Keys looked at one by one.

use llm_governance::entity::{BudgetRow, VirtualKey};
use llm_governance::{Scope, Subject};
use serde_json::{Value, json};

use crate::management::{Answered, Call, Management};
use crate::refused::Refused;
use crate::request::Reply;
use crate::secret::hash_of;
use crate::show::{KeyView, key_row};

/// Keys with what they have spent.
///
/// # Errors
/// When the store cannot be asked.
pub(crate) async fn views<'a>(
    management: &Management,
    keys: &'a [VirtualKey],
    rows: &'a [BudgetRow],
) -> Result<Vec<KeyView<'a>>, Refused> {
    let terms: Vec<_> = keys.iter().map(|key| crate::periods::in_force(&key.terms, rows)).collect();
    let asked = keys.iter().zip(&terms);
    let asked = asked.map(|(key, of)| (Subject::new(Scope::Key, key.hash.hex()), of, key.created_at));
    let asked: Vec<_> = asked.collect();
    let spends = management.spends(&asked).await?;
    Ok(keys.iter().zip(spends).map(|(key, spend)| KeyView { key, spend, rows }).collect())
}

/// The rows of keys as they are shown in lists.
///
/// # Errors
/// When the store cannot be asked.
pub(crate) async fn rows(management: &Management, keys: &[VirtualKey]) -> Result<Vec<Value>, Refused> {
    let budgets = management.budget_rows(keys.iter().map(|key| &key.terms)).await?;
    let views = views(management, keys, &budgets).await?;
    Ok(views.into_iter().map(|view| Value::Object(key_row(view))).collect())
}

/// One key: the one that is named, or the one that asks.
pub(super) async fn info(call: &Call<'_>) -> Answered {
    let query = call.query();
    let (named, key) = match (query.text("key"), call.caller.key()) {
        (Some(shown), _) => (shown.to_owned(), visible(call, shown).await?),
        (None, Some(own)) => (own.hex(), call.key(&own.hex()).await?),
        (None, None) => {
            let message = "the master key has no entry: name a key with `?key=`";
            return Err(Refused::bad(message).about("key"));
        }
    };
    let info = row_without_hash(call, &key).await?;
    // What was asked for is given back as LiteLLM does, but a key itself never.
    let named = if named.starts_with("sk-") { key.hash.hex() } else { named };
    Ok(Reply::ok(json!({"key": named, "info": info})))
}

/// Several keys.
pub(super) async fn infos(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let keys = fields.texts("keys")?.value();
    let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
        return Err(Refused::field_missing("keys"));
    };
    let ids: Vec<String> = keys.iter().map(|key| hash_of(key).hex()).collect();
    let mut info = Vec::new();
    for key in call.management.get_many::<VirtualKey>(&ids).await? {
        if call.may_see_key(&key).await? {
            info.push(row_without_hash(call, &key).await?);
        }
    }
    Ok(fields.answer(json!({"key": ids, "info": info})))
}

async fn visible(call: &Call<'_>, shown: &str) -> Result<VirtualKey, Refused> {
    let forbidden = || {
        let message =
            "You are not allowed to access this key's info. Your role does not see it, and it is not yours";
        Refused::forbidden(message).about("key")
    };
    match call.key(shown).await {
        // Those who may not see all keys are not told which ones there are.
        Err(refused) if refused.status == 404 && !call.sees_all() => Err(forbidden()),
        Err(refused) => Err(refused),
        Ok(key) if call.may_see_key(&key).await? => Ok(key),
        Ok(_) => Err(forbidden()),
    }
}

async fn row_without_hash(call: &Call<'_>, key: &VirtualKey) -> Result<Value, Refused> {
    let mut row = rows(call.management, std::slice::from_ref(key)).await?.pop().unwrap_or_default();
    if let Some(row) = row.as_object_mut() {
        row.remove("token");
    }
    Ok(row)
}
