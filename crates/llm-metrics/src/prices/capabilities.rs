//! What a model says it can do: the `supports_*` flags of the price table, as two bit sets.

use std::fmt;

/// Something that a model may be able to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Takes tools.
    FunctionCalling,
    /// Takes a tool choice.
    ToolChoice,
    /// Calls several tools at once.
    ParallelFunctionCalling,
    /// Sees images.
    Vision,
    /// Hears audio.
    AudioInput,
    /// Speaks.
    AudioOutput,
    /// Sees video.
    VideoInput,
    /// Reads PDF files.
    PdfInput,
    /// Thinks before it answers.
    Reasoning,
    /// Answers after a JSON schema.
    ResponseSchema,
    /// Answers after a JSON schema by a field of its own, not by a forced tool.
    NativeStructuredOutput,
    /// Caches prompts.
    PromptCaching,
    /// Takes system messages.
    SystemMessages,
    /// Continues an assistant's message.
    AssistantPrefill,
    /// Searches the web.
    WebSearch,
    /// Reads addresses that it is given.
    UrlContext,
    /// Uses a computer.
    ComputerUse,
    /// Streams.
    NativeStreaming,
    /// Takes temperature and its kin.
    SamplingParams,
    /// Can be forced to call a tool.
    ForcedToolUse,
    /// Decides by itself how long it thinks.
    AdaptiveThinking,
    /// Takes the reasoning effort `none`.
    NoReasoningEffort,
    /// Takes the reasoning effort `minimal`.
    MinimalReasoningEffort,
    /// Takes the reasoning effort `low`.
    LowReasoningEffort,
    /// Takes the reasoning effort `xhigh`.
    ExtraHighReasoningEffort,
    /// Takes the reasoning effort `max`.
    MaxReasoningEffort,
}

impl Capability {
    /// Every capability with its letter in the table and its name, which follows `supports_` in LiteLLM's.
    pub(crate) const ALL: [(Self, char, &'static str); 26] = [
        (Self::FunctionCalling, 'f', "function_calling"),
        (Self::ToolChoice, 'c', "tool_choice"),
        (Self::ParallelFunctionCalling, 'p', "parallel_function_calling"),
        (Self::Vision, 'v', "vision"),
        (Self::AudioInput, 'a', "audio_input"),
        (Self::AudioOutput, 'A', "audio_output"),
        (Self::VideoInput, 'V', "video_input"),
        (Self::PdfInput, 'd', "pdf_input"),
        (Self::Reasoning, 'r', "reasoning"),
        (Self::ResponseSchema, 'j', "response_schema"),
        (Self::NativeStructuredOutput, 'J', "native_structured_output"),
        (Self::PromptCaching, 'k', "prompt_caching"),
        (Self::SystemMessages, 's', "system_messages"),
        (Self::AssistantPrefill, 'P', "assistant_prefill"),
        (Self::WebSearch, 'w', "web_search"),
        (Self::UrlContext, 'u', "url_context"),
        (Self::ComputerUse, 'm', "computer_use"),
        (Self::NativeStreaming, 'n', "native_streaming"),
        (Self::SamplingParams, 'S', "sampling_params"),
        (Self::ForcedToolUse, 'F', "forced_tool_use"),
        (Self::AdaptiveThinking, 't', "adaptive_thinking"),
        (Self::NoReasoningEffort, '0', "none_reasoning_effort"),
        (Self::MinimalReasoningEffort, '1', "minimal_reasoning_effort"),
        (Self::LowReasoningEffort, '2', "low_reasoning_effort"),
        (Self::ExtraHighReasoningEffort, '3', "xhigh_reasoning_effort"),
        (Self::MaxReasoningEffort, '4', "max_reasoning_effort"),
    ];

    /// The capability of LiteLLM's field `supports_…`.
    pub(crate) fn of_field(field: &str) -> Option<Self> {
        let name = field.strip_prefix("supports_")?;
        Self::ALL.iter().find(|(.., known)| *known == name).map(|(capability, ..)| *capability)
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }

    fn bits_of(letters: &str) -> Option<u32> {
        letters.chars().try_fold(0, |bits, letter| {
            let (capability, ..) = Self::ALL.iter().find(|(_, known, _)| *known == letter)?;
            Some(bits | capability.bit())
        })
    }
}

/// What a model is known to be able to do, and what it is known not to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    can: u32,
    cannot: u32,
}

impl Capabilities {
    /// Whether the model can; `None` when nobody said.
    pub fn says(self, capability: Capability) -> Option<bool> {
        let bit = capability.bit();
        ((self.can | self.cannot) & bit != 0).then_some(self.can & bit != 0)
    }

    /// What the model is known to be able to do, by name (`vision`, `function_calling`).
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let can = move |(capability, ..): &&(Capability, char, &str)| self.can & capability.bit() != 0;
        Capability::ALL.iter().filter(can).map(|(.., name)| *name)
    }

    pub(crate) fn set(&mut self, capability: Capability, can: bool) {
        let bit = capability.bit();
        self.can = if can { self.can | bit } else { self.can & !bit };
        self.cannot = if can { self.cannot & !bit } else { self.cannot | bit };
    }

    /// Reads `fcv` or `fcv!dr`: can, and after the `!` cannot. `None`: an unknown letter, or one in both.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (can, cannot) = text.split_once('!').unwrap_or((text, ""));
        let (can, cannot) = (Capability::bits_of(can)?, Capability::bits_of(cannot)?);
        (can & cannot == 0).then_some(Self { can, cannot })
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = |bits: u32| {
            let set = move |(capability, ..): &&(Capability, char, &str)| bits & capability.bit() != 0;
            Capability::ALL.iter().filter(set).map(|(_, letter, _)| *letter).collect::<String>()
        };
        formatter.write_str(&letters(self.can))?;
        if self.cannot != 0 { write!(formatter, "!{}", letters(self.cannot)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_no_and_unknown_survive_their_text() {
        let flags = Capabilities::parse("fv!d").expect("valid letters");
        assert_eq!(flags.says(Capability::Vision), Some(true));
        assert_eq!(flags.says(Capability::PdfInput), Some(false));
        assert_eq!(flags.says(Capability::Reasoning), None);
        assert_eq!(flags.to_string(), "fv!d");
        assert_eq!(flags.names().collect::<Vec<_>>(), ["function_calling", "vision"]);
    }

    #[test]
    fn letters_are_unique_and_unknown_ones_refused() {
        let letters: std::collections::HashSet<_> =
            Capability::ALL.iter().map(|(_, letter, _)| letter).collect();
        assert_eq!(letters.len(), Capability::ALL.len());
        assert_eq!(Capabilities::parse("f!f"), None);
        assert_eq!(Capabilities::parse("?"), None);
    }

    #[test]
    fn a_later_word_replaces_an_earlier_one() {
        let mut flags = Capabilities::default();
        flags.set(Capability::Vision, true);
        flags.set(Capability::Vision, false);
        assert_eq!(flags.says(Capability::Vision), Some(false));
    }
}
