//! Named behaviours in which vendors of this format differ.

use serde::Deserialize;

/// How a vendor of this format differs from its documentation. Every field names a behaviour, never a vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateQuirks {
    /// Fields of the body or of `generationConfig` that the vendor refuses; left out and reported.
    pub drop_params: Vec<String>,
    /// How embeddings are asked for.
    pub embeddings: EmbeddingForm,
    /// Whether tokens are counted of a plain request only, not of one inside `generateContentRequest`.
    pub counts_plain_requests: bool,
}

/// How embeddings are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingForm {
    /// `:embedContent` for one text, `:batchEmbedContents` for several.
    #[default]
    EmbedContent,
    /// `:predict`, and `:embedContent` for models that came after it (`gemini-embedding-2` and later), one text each.
    Predict,
}
