//! How vendors of this format differ, as named behaviours.

use serde::Deserialize;

/// What a vendor of this format does differently. The default is what the format's author documents.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct ResponsesQuirks {
    /// Members of the body that the vendor refuses; they are taken out and reported.
    pub drop_params: Vec<String>,
    /// Whether the vendor keeps the answer when the client did not say. Left open, the vendor's default holds for
    /// clients of this format, and nothing is kept for others, who could never ask for it.
    pub store: Option<bool>,
    /// Whether to ask for encrypted reasoning, the only form in which it can come back. Left open: when reasoning
    /// is asked for or stands in the conversation (models that do not reason refuse to be asked).
    pub encrypted_reasoning: Option<bool>,
    /// The summary of reasoning to ask for when a client of another format asks for reasoning
    /// (`auto`, `concise`, `detailed`).
    pub reasoning_summary: Option<String>,
    /// Whether the vendor takes reasoning back as plain text.
    pub reasoning_text: bool,
    /// The fewest `max_output_tokens` that the vendor takes; smaller ones of other formats are raised.
    pub min_output_tokens: u64,
    /// Whether system text at the start goes into `instructions`, and not into `input`.
    pub instructions: bool,
    /// Whether the vendor counts the tokens of a request under `/responses/input_tokens`.
    pub count_tokens: bool,
}

impl Default for ResponsesQuirks {
    fn default() -> Self {
        Self {
            drop_params: Vec::new(),
            store: None,
            encrypted_reasoning: None,
            reasoning_summary: None,
            reasoning_text: false,
            min_output_tokens: 16,
            instructions: true,
            count_tokens: false,
        }
    }
}
