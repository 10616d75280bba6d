//! What each family of models takes, read off the model's id.
//!
//! After the pages "Supported models and model features", "Prompt caching", "Structured outputs", "Extended thinking"
//! and `ToolChoice` of the Bedrock documentation, and the guides of Amazon Nova 2 (read November 2026).

use crate::quirks::ConverseQuirks;

/// Major and minor number as one: 4.5 is 405.
pub(crate) type Version = u32;

const NEWEST: Version = Version::MAX;

/// A maker's models that behave alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Claude(Version),
    Nova,
    /// Nova with reasoning.
    Nova2,
    GptOss,
    Mistral,
    Cohere,
    Ai21,
    Meta,
    /// Titan and other models that only complete text.
    Plain,
    /// Other makers' models.
    Other,
    /// An ARN or an imported model, which says nothing.
    Unknown,
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) family: Family,
    /// Whether `outputConfig.textFormat` and strict tools are understood.
    pub(crate) structured_output: bool,
    /// Whether `system` is understood.
    pub(crate) system: bool,
}

impl Rules {
    /// The rules for a model.
    pub(crate) fn of(model: &str, quirks: &ConverseQuirks) -> Self {
        let name = model.to_ascii_lowercase();
        let family = Family::of(&name);
        let structured_output = quirks.structured_output.unwrap_or_else(|| enforces_schemas(family, &name));
        let no_system = ["mistral-7b", "mixtral-8x7b", "cohere.command-text", "cohere.command-light"];
        let system = family != Family::Plain && !no_system.iter().any(|part| name.contains(part));
        Self { family, structured_output, system }
    }

    /// Whether prompts can be cached up to a mark.
    pub(crate) fn caches(self) -> bool {
        match self.family {
            Family::Claude(version) => version >= 305,
            Family::Nova | Family::Nova2 | Family::Unknown => true,
            _ => false,
        }
    }

    /// Whether some tool can be demanded.
    pub(crate) fn demands_any_tool(self) -> bool {
        !matches!(self.family, Family::Meta | Family::Cohere | Family::Ai21 | Family::Plain)
    }

    /// Whether a certain tool can be demanded.
    pub(crate) fn demands_one_tool(self) -> bool {
        matches!(self.family, Family::Claude(_) | Family::Nova | Family::Nova2 | Family::Unknown)
    }

    /// Whether results of tools may say that they failed.
    pub(crate) fn results_have_status(self) -> bool {
        self.demands_one_tool()
    }
}

impl Family {
    fn of(name: &str) -> Self {
        if let Some(version) = claude(name) {
            return Self::Claude(version);
        }
        let is = |part: &str| name.contains(part);
        match () {
            () if is("nova-2") => Self::Nova2,
            () if is("amazon.nova") => Self::Nova,
            () if is("gpt-oss") => Self::GptOss,
            () if is("mistral.") => Self::Mistral,
            () if is("cohere.") => Self::Cohere,
            () if is("ai21.") => Self::Ai21,
            () if is("meta.") => Self::Meta,
            () if is("titan") => Self::Plain,
            () if is("arn:") && !is("foundation-model/") && !is(":inference-profile/") => Self::Unknown,
            () if !is(".") => Self::Unknown,
            () => Self::Other,
        }
    }
}

fn enforces_schemas(family: Family, name: &str) -> bool {
    let makers = ["qwen.", "deepseek.v3", "google.gemma", "nvidia.", "minimax.", "moonshot"];
    let mistral = ["ministral", "magistral", "voxtral", "mistral-large-3"];
    match family {
        Family::Claude(version) => version >= 405,
        Family::GptOss => true,
        Family::Mistral => mistral.iter().any(|part| name.contains(part)),
        Family::Other => makers.iter().any(|part| name.contains(part)),
        _ => false,
    }
}

/// The version in an id such as `us.anthropic.claude-3-7-sonnet-20250219-v1:0` or `anthropic.claude-opus-4-6-v1`.
fn claude(name: &str) -> Option<Version> {
    let (_, rest) = name.split_once("claude")?;
    let mut words = rest.split(|letter: char| !letter.is_ascii_alphanumeric());
    let number = |word: &str| if word.len() <= 2 { word.parse::<Version>().ok() } else { None };
    let Some(major) = words.by_ref().find_map(|word| number(word.trim_start_matches('v'))) else {
        return Some(NEWEST);
    };
    Some(major * 100 + words.next().and_then(number).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(model: &str) -> Family {
        Rules::of(model, &ConverseQuirks::default()).family
    }

    #[test]
    fn families_are_read_off_ids() {
        for (model, expected) in [
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", Family::Claude(307)),
            ("anthropic.claude-3-haiku-20240307-v1:0", Family::Claude(300)),
            ("anthropic.claude-v2:1", Family::Claude(201)),
            ("global.anthropic.claude-opus-4-6-v1", Family::Claude(406)),
            ("us.anthropic.claude-sonnet-4-20250514-v1:0", Family::Claude(400)),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
                Family::Claude(405),
            ),
            ("us.amazon.nova-2-lite-v1:0", Family::Nova2),
            ("amazon.nova-micro-v1:0", Family::Nova),
            ("openai.gpt-oss-120b-1:0", Family::GptOss),
            ("mistral.mistral-large-2402-v1:0", Family::Mistral),
            ("amazon.titan-text-express-v1", Family::Plain),
            ("us.deepseek.r1-v1:0", Family::Other),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/x", Family::Unknown),
        ] {
            assert_eq!(family(model), expected, "{model}");
        }
    }

    #[test]
    fn old_models_have_no_system_and_no_schemas() {
        let rules = |model| Rules::of(model, &ConverseQuirks::default());
        assert!(!rules("mistral.mistral-7b-instruct-v0:2").system);
        assert!(!rules("amazon.titan-text-express-v1").system);
        assert!(rules("us.anthropic.claude-sonnet-4-5-20250929-v1:0").structured_output);
        assert!(!rules("us.anthropic.claude-sonnet-4-20250514-v1:0").structured_output);
        assert!(rules("qwen.qwen3-32b-v1:0").structured_output);
    }
}
