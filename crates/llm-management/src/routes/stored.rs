//! Prompts, guardrails and callbacks of the store: each is the value of a setting.

use llm_governance::entity::Setting;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::refused::Refused;
use crate::secret::now;
use crate::serving::{
    STORED_CALLBACK, STORED_GUARDRAIL, STORED_PROMPT, StoredCallback, StoredGuardrail, StoredPrompt,
};

/// What is kept as a setting of its own.
pub(super) trait Stored: Serialize + DeserializeOwned {
    /// What people call it.
    const WHAT: &str;

    /// The name of its setting.
    fn setting_name(&self) -> String;
}

impl Stored for StoredPrompt {
    const WHAT: &str = "prompt";

    fn setting_name(&self) -> String {
        format!("{STORED_PROMPT}{}", self.id)
    }
}

impl Stored for StoredGuardrail {
    const WHAT: &str = "guardrail";

    fn setting_name(&self) -> String {
        format!("{STORED_GUARDRAIL}{}", self.id)
    }
}

impl Stored for StoredCallback {
    const WHAT: &str = "callback";

    fn setting_name(&self) -> String {
        format!("{STORED_CALLBACK}{}", self.name)
    }
}

/// It as a setting, changed now.
pub(super) fn setting<T: Stored>(stored: &T) -> Result<Setting, Refused> {
    let value = serde_json::to_value(stored);
    let value = value.map_err(|_| Refused::bad(format!("the {} cannot be written", T::WHAT)))?;
    Ok(Setting { name: stored.setting_name(), value, updated_at: now() })
}

/// What a setting keeps.
pub(super) fn read<T: Stored>(setting: &Setting) -> Result<T, Refused> {
    T::deserialize(&setting.value).map_err(|_| {
        let message = format!("the stored {} is damaged: delete it", T::WHAT);
        Refused::error(500, "internal_server_error", message)
    })
}
