//! Which of the two generation services a request goes to: they take the same parameters and write content in two
//! ways.

use llm_core::{ChatRequest, Part};

use crate::quirks::GenerationQuirks;

/// A generation service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Models of text; content is a text.
    Text,
    /// Models that see or hear; content is a list.
    Multimodal,
}

/// Parts of names of models that the multimodal service serves, after
/// <https://www.alibabacloud.com/help/en/model-studio/qwen-api-via-dashscope> (read 2026-11-21).
const MULTIMODAL: &[&str] = &["-vl", "vl-", "audio", "omni", "-ocr", "qvq", "-asr", "gui-"];

/// From this generation on, models see as well, those of the names in [`ONLY_TEXT`] excepted
/// (<https://www.alibabacloud.com/help/en/model-studio/deep-thinking>, read 2026-11-21).
const SEEING: (u32, u32) = (3, 5);
const ONLY_TEXT: &[&str] = &["-max", "-coder"];

impl Endpoint {
    /// The service for a request: by what is in it, else by the model.
    pub(crate) fn of(request: &ChatRequest, model: &str, quirks: &GenerationQuirks) -> Self {
        let parts = request.messages.iter().flat_map(|message| &message.parts);
        if parts.into_iter().any(has_media) { Self::Multimodal } else { Self::of_model(model, quirks) }
    }

    /// The service for a model.
    pub(crate) fn of_model(model: &str, quirks: &GenerationQuirks) -> Self {
        let name = model.to_ascii_lowercase();
        let named = MULTIMODAL.iter().any(|part| name.contains(part))
            || quirks.multimodal_models.iter().any(|part| name.contains(&part.to_ascii_lowercase()));
        if named || sees(&name) { Self::Multimodal } else { Self::Text }
    }

    /// Its path.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Text => "/services/aigc/text-generation/generation",
            Self::Multimodal => "/services/aigc/multimodal-generation/generation",
        }
    }
}

fn has_media(part: &Part) -> bool {
    match part {
        Part::Image(_) | Part::Audio(_) | Part::Video(_) => true,
        Part::ToolResult(result) => result.content.iter().any(has_media),
        _ => false,
    }
}

/// Whether a name says a generation (`qwen3.5-plus`) whose models see.
fn sees(name: &str) -> bool {
    let Some((_, rest)) = name.split_once("qwen") else { return false };
    let version = rest.split('-').next().unwrap_or_default();
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let Ok(major) = major.parse::<u32>() else { return false };
    let minor = minor.parse().unwrap_or(0);
    (major, minor) >= SEEING && !ONLY_TEXT.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_go_where_the_documentation_sends_them() {
        let quirks =
            GenerationQuirks { multimodal_models: vec!["Kimi-K2.5".into()], ..GenerationQuirks::default() };
        for (model, expected) in [
            ("qwen-plus", Endpoint::Text),
            ("qwen3-max", Endpoint::Text),
            ("qwen2.5-72b-instruct", Endpoint::Text),
            ("qwen3.7-max", Endpoint::Text),
            ("deepseek-v3.2", Endpoint::Text),
            ("qwen", Endpoint::Text),
            ("qwen-vl-max", Endpoint::Multimodal),
            ("qwen3-vl-plus", Endpoint::Multimodal),
            ("qwen3.5-plus", Endpoint::Multimodal),
            ("qwen3.7-plus-2026-06-01", Endpoint::Multimodal),
            ("qwen4-flash", Endpoint::Multimodal),
            ("qvq-max", Endpoint::Multimodal),
            ("qwen-audio-turbo", Endpoint::Multimodal),
            ("kimi-k2.5", Endpoint::Multimodal),
        ] {
            assert_eq!(Endpoint::of_model(model, &quirks), expected, "{model}");
        }
    }
}
