//! Named behaviours in which vendors of this format differ.

use serde::Deserialize;

/// How a vendor of this format differs from its documentation. Every field names a behaviour, never a vendor;
/// left out, the behaviour follows from the model's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessagesQuirks {
    /// Body fields that the vendor refuses; left out and reported.
    pub drop_params: Vec<String>,
    /// `max_tokens` for requests for which nobody else knows one.
    pub default_max_tokens: Option<u64>,
    /// How thinking is asked for.
    pub thinking: Option<ThinkingForm>,
    /// Whether `system` messages may stand in the middle of a conversation.
    pub system_turns: Option<bool>,
    /// Whether `output_config.format` is understood; if not, the schema becomes an instruction.
    pub structured_output: Option<bool>,
    /// Paths after the base address that name the model, where the body does not.
    pub path: Option<ModelPath>,
    /// `anthropic_version` for the body, where the header does not say it.
    pub body_version: Option<String>,
    /// Whether thinking blocks without a signature may be sent back.
    pub unsigned_thinking: bool,
}

/// Paths that name the model; `{model}` stands for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPath {
    /// For answers that come whole.
    pub whole: String,
    /// For streams.
    pub stream: String,
    /// For counts of tokens; the body names the model there. Absent: tokens are not counted.
    pub count_tokens: Option<String>,
}

/// How thinking is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingForm {
    /// The model does not think.
    None,
    /// By a number of tokens.
    Budget,
    /// By a number of tokens, or left to the model.
    Either,
    /// Left to the model, steered by a word.
    Adaptive,
}
