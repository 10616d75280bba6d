//! What a request needs of a model beyond text, and what is known of a model.

use llm_core::message::Part;
use llm_core::request::{OutputFormat, Tool};
use llm_core::{ChatRequest, Message};

/// Abilities of a model, each one bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs(u8);

impl Needs {
    /// Sees images.
    pub const VISION: Self = Self(1);
    /// Hears audio.
    pub const AUDIO_INPUT: Self = Self(1 << 1);
    /// Reads PDF files.
    pub const PDF_INPUT: Self = Self(1 << 2);
    /// Calls tools.
    pub const FUNCTION_CALLING: Self = Self(1 << 3);
    /// Answers after a JSON schema.
    pub const RESPONSE_SCHEMA: Self = Self(1 << 4);
    /// Continues an answer that an assistant's message began.
    pub const ASSISTANT_PREFILL: Self = Self(1 << 5);

    const NAMES: [(Self, &'static str); 6] = [
        (Self::VISION, "vision"),
        (Self::AUDIO_INPUT, "audio_input"),
        (Self::PDF_INPUT, "pdf_input"),
        (Self::FUNCTION_CALLING, "function_calling"),
        (Self::RESPONSE_SCHEMA, "response_schema"),
        (Self::ASSISTANT_PREFILL, "assistant_prefill"),
    ];

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are among them.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The name of the first one that is in both, in the words of `supports_…`.
    pub fn shared(self, other: Self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(one, _)| self.has(*one) && other.has(*one)).map(|(_, name)| *name)
    }

    /// The name of the first one that is not in `other`.
    pub fn beyond(self, other: Self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(one, _)| self.has(*one) && !other.has(*one)).map(|(_, name)| *name)
    }

    /// What a request needs.
    pub fn of(request: &ChatRequest) -> Self {
        let mut needs = request.messages.iter().map(of_message).fold(Self::default(), Self::and);
        if request.tools.iter().any(|tool| matches!(tool, Tool::Function(_) | Tool::Custom { .. })) {
            needs = needs.and(Self::FUNCTION_CALLING);
        }
        if matches!(request.output, OutputFormat::JsonSchema(_)) {
            needs = needs.and(Self::RESPONSE_SCHEMA);
        }
        needs
    }
}

fn of_message(message: &Message) -> Needs {
    message.parts.iter().map(of_part).fold(Needs::default(), Needs::and)
}

fn of_part(part: &Part) -> Needs {
    match part {
        Part::Image(_) => Needs::VISION,
        Part::Audio(_) => Needs::AUDIO_INPUT,
        Part::Document(_) => Needs::PDF_INPUT,
        Part::ToolResult(result) => result.content.iter().map(of_part).fold(Needs::default(), Needs::and),
        _ => Needs::default(),
    }
}

/// What is known of a deployment's model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// How many tokens a prompt may have.
    pub max_input_tokens: Option<u64>,
    /// What it is known to do.
    pub can: Needs,
    /// What it is known not to do. Of the rest nobody knows.
    pub cannot: Needs,
}
