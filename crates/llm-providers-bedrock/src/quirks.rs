//! How a vendor's wire may differ from the format's own.

use serde::Deserialize;

/// Named behaviours of a vendor of this format.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConverseQuirks {
    /// Whether JSON schemas for answers and strict tools are enforced, whatever the model's id says.
    pub structured_output: Option<bool>,
    /// Top-level members that the vendor refuses; they are dropped and reported.
    pub drop_params: Vec<String>,
}
