//! Entities made, changed and deleted, each with its entry in the audit log.

use llm_core::json::object_of;
use llm_core::money::NanoDollars;
use llm_governance::entity::{AuditEntry, Entity};
use llm_governance::{Records, Store, StoreError};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::caller::actor;
use crate::dollars::show;
use crate::management::Call;
use crate::refused::Refused;
use crate::secret::{new_id, now};

/// What stands in the audit log in place of a secret.
pub(crate) const HIDDEN: &str = "***";

/// Parts of names of fields whose values are secrets.
const SECRET: [&str; 8] =
    ["secret", "password", "api_key", "apikey", "credential", "private_key", "access_token", "sealed"];

impl Call<'_> {
    /// Adds new entities, all or none.
    ///
    /// # Errors
    /// When one is there already, or the store fails.
    pub(crate) async fn insert<E: Entity>(&self, entities: &[E]) -> Result<(), Refused>
    where
        dyn Store: Records<E>,
    {
        let audit: Vec<AuditEntry> =
            entities.iter().map(|entity| self.audit("created", None, Some(entity))).collect();
        Ok(Records::<E>::insert(self.management.store(), entities, &audit).await?)
    }

    /// Changes an entity. `change` may be called again when somebody else changed it meanwhile. Returns what it is
    /// then.
    ///
    /// # Errors
    /// When it is not there, `change` refuses, or the store fails.
    pub(crate) async fn change<E: Entity>(
        &self,
        id: &str,
        action: &'static str,
        change: impl Fn(E) -> Result<E, Refused> + Send + Sync,
    ) -> Result<E, Refused>
    where
        dyn Store: Records<E>,
    {
        // The store's seam carries its own errors alone: what `change` says is kept beside it.
        let refused = Mutex::new(None);
        let audited = |before: E| match change(before.clone()) {
            Ok(after) => {
                let entry = self.audit(action, Some(&before), Some(&after));
                Ok((after, entry))
            }
            Err(error) => {
                *refused.lock() = Some(error);
                Err(StoreError::Failed("refused".to_owned()))
            }
        };
        let changed = Records::<E>::update(self.management.store(), id, Box::new(audited)).await;
        changed.map_err(|error| refused.lock().take().unwrap_or_else(|| error.into()))
    }

    /// Deletes entities, and returns those that were there.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn delete<E: Entity>(&self, ids: &[String]) -> Result<Vec<E>, Refused>
    where
        dyn Store: Records<E>,
    {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let audited = |entity: &E| self.audit("deleted", Some(entity), None);
        Ok(Records::<E>::delete(self.management.store(), ids, Box::new(audited)).await?)
    }

    /// Writes that somebody's spending was corrected: it is no part of an entity.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn audited_reset<E: Entity>(
        &self,
        entity: &E,
        before: NanoDollars,
        after: NanoDollars,
    ) -> Result<(), Refused> {
        let mut entry = self.audit("updated", Some(entity), Some(entity));
        entry.before = Some(json!({"spend": show(before)}));
        entry.after = Some(json!({"spend": show(after)}));
        Ok(Records::<AuditEntry>::insert(self.management.store(), &[entry], &[]).await?)
    }

    /// What is written about a change.
    pub(crate) fn audit<E: Entity>(
        &self,
        action: &'static str,
        before: Option<&E>,
        after: Option<&E>,
    ) -> AuditEntry {
        let shown = |entity: &E| hidden(serde_json::to_value(entity).unwrap_or_default());
        let key = self.caller.key().map_or_else(|| "master_key".to_owned(), |hash| hash.hex());
        let on_behalf = self.request.changed_by.filter(|_| self.is_admin());
        AuditEntry {
            id: new_id(),
            at: now(),
            changed_by: on_behalf.unwrap_or_else(|| actor(self.caller)).to_owned(),
            changed_by_key: key,
            action: action.to_owned(),
            table: E::TABLE.to_owned(),
            object_id: after.or(before).map(Entity::id).unwrap_or_default(),
            before: before.map(shown),
            after: after.map(shown),
        }
    }
}

/// The same without what looks like a secret: administrators put credentials of their tools into metadata.
fn hidden(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let field = |(name, value): (String, Value)| {
                let lower = name.to_ascii_lowercase();
                let is_secret = SECRET.iter().any(|part| lower.contains(part)) && !value.is_null();
                (name, if is_secret { Value::from(HIDDEN) } else { hidden(value) })
            };
            Value::Object(object_of(object.into_iter().map(field)))
        }
        Value::Array(items) => Value::Array(items.into_iter().map(hidden).collect()),
        Value::String(text) if text.starts_with("sk-") && !text.starts_with("sk-...") => Value::from(HIDDEN),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_stand_in_the_audit_log() {
        let shown = hidden(json!({
            "name": "sk-...abcd",
            "metadata": {"logging": [{"callback_vars": {"LANGFUSE_SECRET_KEY": "x", "vendor_api_key": {"a": 1}}}]},
            "key": "sk-1234",
            "tpm_limit": 5,
        }));
        let expected = json!({
            "name": "sk-...abcd",
            "metadata": {"logging": [{"callback_vars": {"LANGFUSE_SECRET_KEY": "***", "vendor_api_key": "***"}}]},
            "key": "***",
            "tpm_limit": 5,
        });
        assert_eq!(shown, expected);
    }
}
