//! How a vendor's wire differs from the format's own documentation, as named behaviours. The default is OpenAI's.

use llm_core::Operation;
use serde::{Deserialize, Deserializer};

use crate::embeddings::EmbeddingQuirks;

/// Wire behaviours of a vendor. A field names a behaviour, never a vendor; a row of the vendors table or a user's
/// configuration sets what differs. What vendors send in *answers* needs no quirk: the reader takes every known
/// shape from everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// How the output limit is spelled (`max_completion_tokens`, newer, or `max_tokens`).
    pub output_cap: OutputCap,
    /// Whether the role `developer` is known.
    pub system_role: SystemRole,
    /// Where earlier thinking goes in the history.
    pub reasoning_history: ReasoningHistory,
    /// Assistant messages that call tools must carry earlier thinking, a blank one if need be (`reasoning_content`).
    pub reasoning_history_required: bool,
    /// How thinking is asked for.
    pub thinking_switch: ThinkingSwitch,
    /// Whether usage in streams must be asked for with `stream_options`.
    pub stream_options: StreamOptions,
    /// Top-level fields that the vendor refuses; they are dropped and reported.
    pub drop_params: Vec<String>,
    /// Which tool-call ids the vendor takes in the history.
    pub tool_call_ids: ToolCallIds,
    /// `completion_tokens` leaves thinking out. Usually seen from the sums; this decides where they do not tell.
    pub completion_excludes_reasoning: bool,
    /// How much of `response_format: json_schema` is understood.
    pub json_schema: JsonSchemaSupport,
    /// How "some tool must be called" is spelled.
    pub tool_choice_required: RequiredChoice,
    /// `strict` of tools is refused; it is dropped.
    pub refuses_strict_tools: bool,
    /// `name` of messages other than tools' results is refused; it is dropped.
    pub refuses_names: bool,
    /// What stands for the content of a message that only calls tools.
    pub empty_content: EmptyContent,
    /// `cache_control` marks on content parts and tools are understood; otherwise they are taken out.
    pub cache_control: bool,
    /// Results of tools may hold pictures and files; otherwise those follow in a message of the user.
    pub tool_result_media: bool,
    /// Kinds of content parts that the vendor refuses.
    pub refused_parts: Vec<PartName>,
    /// `file_data` may be an address.
    pub file_urls: bool,
    /// `input_audio` is the base64 text itself instead of an object with `data` and `format`.
    pub plain_audio: bool,
    /// The name of the field for a seed, where it is not `seed`.
    pub seed_field: Option<String>,
    /// What it has beside chat, by the names of [`Operation`]; absent: nobody says, so that everything is tried.
    #[serde(deserialize_with = "operations")]
    pub serves: Option<Vec<Operation>>,
    /// How its embeddings differ.
    pub embeddings: EmbeddingQuirks,
}

fn operations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Operation>>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let named = names.iter().map(|name| {
        Operation::named(name)
            .ok_or_else(|| serde::de::Error::custom(format!("unknown kind of call `{name}`")))
    });
    named.collect::<Result<_, _>>().map(Some)
}

/// How the output limit is spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputCap {
    /// As the client spelled it; `max_completion_tokens` when the gateway writes it. The older name is refused by
    /// reasoning models of the format's author.
    #[default]
    AsSaid,
    /// `max_tokens` only.
    MaxTokens,
    /// `max_completion_tokens` only.
    MaxCompletionTokens,
}

/// Whether the role `developer` is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemRole {
    /// Both `system` and `developer`.
    #[default]
    AsSaid,
    /// Only `system`; `developer` becomes it.
    System,
}

/// Where earlier thinking goes in assistant messages of the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningHistory {
    /// Nowhere: it is left out.
    #[default]
    None,
    /// `reasoning_content`, a text.
    ReasoningContent,
    /// `reasoning`, a text.
    Reasoning,
    /// `reasoning_details`, a list with signatures and encrypted pieces.
    ReasoningDetails,
    /// A content part of type `thinking`.
    ThinkingPart,
}

/// How thinking is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinkingSwitch {
    /// `reasoning_effort: "low"`.
    #[default]
    ReasoningEffort,
    /// `thinking: {"type": "enabled"}`, beside `reasoning_effort`.
    ThinkingType,
    /// `enable_thinking: true` and `thinking_budget: 1024`.
    EnableThinking,
    /// `reasoning: {"effort": "low"}` or `{"max_tokens": 1024}`.
    Reasoning,
    /// `chat_template_kwargs: {"enable_thinking": true}`.
    TemplateArguments,
    /// Not at all.
    None,
}

/// Whether usage in streams must be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamOptions {
    /// `stream_options: {"include_usage": true}` asks for it.
    #[default]
    Asked,
    /// The field is refused; usage comes unasked or not at all.
    Refused,
}

/// Which tool-call ids the vendor takes in the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolCallIds {
    /// Any text.
    #[default]
    Any,
    /// Nine letters and digits; others are mapped to such, the same id always to the same.
    NineAlphanumerics,
}

/// How much of `response_format: json_schema` is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonSchemaSupport {
    /// All of it.
    #[default]
    Full,
    /// Only `json_object`: the schema goes into the system text.
    ObjectOnly,
}

/// How "some tool must be called" is spelled in `tool_choice`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequiredChoice {
    /// `required`.
    #[default]
    Required,
    /// `any`.
    Any,
}

/// What stands for the content of a message that only calls tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyContent {
    /// `null`.
    #[default]
    Null,
    /// `""`: servers whose chat templates take texts only.
    Text,
}

/// A kind of content part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartName {
    /// `image_url`.
    Image,
    /// `input_audio`.
    Audio,
    /// `video_url`.
    Video,
    /// `file`.
    File,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_what_differs_and_a_wrong_name_is_an_error() {
        let row =
            r#"{"output_cap":"max_tokens","reasoning_history":"reasoning_content","drop_params":["seed"]}"#;
        let quirks: Quirks = serde_json::from_str(row).expect("valid");
        assert_eq!(quirks.output_cap, OutputCap::MaxTokens);
        assert_eq!(quirks.reasoning_history, ReasoningHistory::ReasoningContent);
        assert_eq!(quirks.json_schema, JsonSchemaSupport::Full);
        assert!(serde_json::from_str::<Quirks>(r#"{"output_caps":"max_tokens"}"#).is_err());
    }
}
