//! Named behaviours in which servers of this format differ.

use serde::Deserialize;

/// How a server of this format differs from its documentation. Every field names a behaviour, never a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChatQuirks {
    /// Body fields that the server refuses; left out and reported.
    pub drop_params: Vec<String>,
    /// Whether `think` takes a word (`low`, `medium`, `high`) and not only true and false. Left out, it follows
    /// from the model's name: <https://docs.ollama.com/capabilities/thinking> has words for GPT-OSS alone.
    pub think_levels: Option<bool>,
}

impl ChatQuirks {
    /// Whether `think` takes a word with this model.
    pub(crate) fn takes_levels(&self, model: &str) -> bool {
        self.think_levels.unwrap_or_else(|| model.to_ascii_lowercase().contains("gpt-oss"))
    }
}
