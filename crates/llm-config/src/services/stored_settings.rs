//! Settings of the store that a running gateway serves: prompts, guardrails, callbacks, what the router and alerts are set to.

use llm_governance::entity::Setting;
use llm_governance::{ListQuery, Records, Store, StoreError};
use llm_management::{
    STORED_ALERTS, STORED_CALLBACK, STORED_GUARDRAIL, STORED_PROMPT, STORED_ROUTER, StoredAlerts,
    StoredCallback, StoredGuardrail, StoredPrompt,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// How many settings are read at a time.
const PAGE: u64 = 500;

/// What the store has of them. One that is damaged is not there: requests that name it say so.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StoredSettings {
    /// By their ids.
    pub(super) prompts: Vec<StoredPrompt>,
    /// The oldest first: in the order in which they look at calls.
    pub(super) guardrails: Vec<StoredGuardrail>,
    /// By their names.
    pub(super) callbacks: Vec<StoredCallback>,
    pub(super) router: Map<String, Value>,
    pub(super) alerts: Option<StoredAlerts>,
}

impl StoredSettings {
    /// # Errors
    /// When the store cannot be read.
    pub(super) async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let (mut found, mut offset) = (Self::default(), 0);
        loop {
            let query = ListQuery { offset, limit: PAGE, ..ListQuery::default() };
            let page = Records::<Setting>::list(store, &query).await?;
            offset += page.items.len() as u64;
            page.items.iter().for_each(|setting| found.take(setting));
            if page.items.is_empty() || offset >= page.total {
                found.prompts.sort_unstable_by(|one, other| one.id.cmp(&other.id));
                found.callbacks.sort_unstable_by(|one, other| one.name.cmp(&other.name));
                found.guardrails.sort_unstable_by(|one, other| {
                    (one.created_at.0, &one.id).cmp(&(other.created_at.0, &other.id))
                });
                return Ok(found);
            }
        }
    }

    fn take(&mut self, setting: &Setting) {
        match setting.name.as_str() {
            STORED_ROUTER => self.router = setting.value.as_object().cloned().unwrap_or_default(),
            STORED_ALERTS => self.alerts = said(setting),
            name if name.starts_with(STORED_PROMPT) => self.prompts.extend(said::<StoredPrompt>(setting)),
            name if name.starts_with(STORED_CALLBACK) => {
                self.callbacks.extend(said::<StoredCallback>(setting));
            }
            name if name.starts_with(STORED_GUARDRAIL) => {
                self.guardrails.extend(said::<StoredGuardrail>(setting));
            }
            _ => {}
        }
    }
}

fn said<T: DeserializeOwned>(setting: &Setting) -> Option<T> {
    let read = T::deserialize(&setting.value);
    read.inspect_err(|_| {
        tracing::error!(name = setting.name, "a setting of the store is damaged: make it again");
    })
    .ok()
}
