//! Named behaviours in which vendors of this format differ.

use serde::Deserialize;

/// How a vendor of this format differs from its documentation. Every field names a behaviour, never a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerationQuirks {
    /// Parameters that the vendor refuses; left out and reported.
    pub drop_params: Vec<String>,
    /// Parts of names of models that the multimodal service serves, beside those that this crate knows.
    pub multimodal_models: Vec<String>,
}
