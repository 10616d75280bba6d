//! What a key has spent, corrected.

use llm_governance::{Changed, Scope, Subject};
use serde_json::json;

use crate::dollars::{show, show_some};
use crate::management::{Answered, Call};
use crate::refused::Refused;
use crate::{periods, show};

/// Sets what a key has spent in its running period to less.
pub(super) async fn reset(call: &Call<'_>) -> Answered {
    let mut fields = call.fields()?;
    let amount = fields.money("reset_to")?.value().ok_or_else(|| Refused::field_missing("reset_to"))?;
    let key = call.own_key(call.in_path("key"), "/key/{key_id}/reset_spend").await?;
    if call.is_user(key.user_id.as_deref()) && !call.rules_key(&key).await? {
        return Err(Refused::forbidden(
            "only administrators, of the gateway or of the key's team, reset its spend",
        ));
    }
    let rows = call.management.budget_rows(std::iter::once(&key.terms)).await?;
    let terms = periods::in_force(&key.terms, &rows);
    let subject = Subject::new(Scope::Key, key.hash.hex());
    let before = call.management.spend((subject.clone(), &terms, key.created_at)).await?;
    if amount > before.amount {
        let message = format!("reset_to ({amount}) must be at most what is spent ({})", before.amount);
        return Err(Refused::bad(message).about("reset_to"));
    }
    call.management.correct_spend((subject.clone(), &terms, key.created_at), amount).await?;
    call.audited_reset(&key, before.amount, amount).await?;
    call.management.changed(Changed::Spent(subject));
    call.management.changed(Changed::Key(key.hash));
    Ok(fields.answer(json!({
        "key_hash": key.hash,
        "spend": show(amount),
        "previous_spend": show(before.amount),
        "max_budget": show_some(terms.max_budget),
        "budget_reset_at": show::time(before.resets),
    })))
}
