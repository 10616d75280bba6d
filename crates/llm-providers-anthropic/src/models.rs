//! What each generation of models takes, read off the model's name.
//!
//! After the pages "Extended thinking", "Adaptive thinking", "Effort", "Structured outputs", "Mid-conversation
//! system messages" and the migration guides of <https://platform.claude.com/docs> (read November 2026).

use crate::quirks::{MessagesQuirks, ThinkingForm};

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    /// How thinking is asked for.
    pub(crate) thinking: ThinkingForm,
    /// Words that `output_config.effort` may be; none when it is not understood.
    pub(crate) efforts: &'static [&'static str],
    /// Which of temperature, `top_p` and `top_k` may be set.
    pub(crate) sampling: SamplingRule,
    /// Whether JSON schemas and strict tools are understood.
    pub(crate) structured_output: bool,
    /// Whether `system` messages may stand in the middle.
    pub(crate) system_turns: bool,
    /// Whether thinking without a signature may be sent back.
    pub(crate) unsigned_thinking: bool,
}

/// Which of temperature, `top_p` and `top_k` may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SamplingRule {
    /// All.
    Free,
    /// Temperature or `top_p`, not both.
    OneOf,
    /// None.
    Fixed,
}

/// Major and minor number as one: 4.5 is 405.
type Version = u32;

const NEWEST: Version = Version::MAX;

impl Rules {
    /// The rules for a model, by its name and the vendor's quirks.
    pub(crate) fn of(model: &str, quirks: &MessagesQuirks) -> Self {
        let lower = model.to_ascii_lowercase();
        let mut rules = version(&lower).map_or_else(Self::unknown, |version| Self::claude(version, &lower));
        rules.thinking = quirks.thinking.unwrap_or(rules.thinking);
        rules.structured_output = quirks.structured_output.unwrap_or(rules.structured_output);
        rules.system_turns = quirks.system_turns.unwrap_or(rules.system_turns);
        rules.unsigned_thinking = quirks.unsigned_thinking;
        rules
    }

    /// A model of another maker behind this format.
    fn unknown() -> Self {
        Self {
            thinking: ThinkingForm::Budget,
            efforts: &[],
            sampling: SamplingRule::Free,
            structured_output: true,
            system_turns: false,
            unsigned_thinking: false,
        }
    }

    fn claude(version: Version, name: &str) -> Self {
        Self {
            thinking: match version {
                ..307 => ThinkingForm::None,
                307..406 => ThinkingForm::Budget,
                406 => ThinkingForm::Either,
                _ => ThinkingForm::Adaptive,
            },
            efforts: match version {
                405 if name.contains("opus") => &["low", "medium", "high"],
                ..406 => &[],
                406 => &["low", "medium", "high", "max"],
                _ => &["low", "medium", "high", "xhigh", "max"],
            },
            sampling: match version {
                ..401 => SamplingRule::Free,
                401..407 => SamplingRule::OneOf,
                _ => SamplingRule::Fixed,
            },
            structured_output: version >= 405,
            system_turns: version >= 408,
            unsigned_thinking: false,
        }
    }
}

/// The version in a name such as `claude-3-7-sonnet-20250219`, `claude-opus-4-1` or `anthropic/claude-haiku-4.5`.
/// A name without one (`claude-opus-latest`) is taken for the newest; `None`: another maker's model.
fn version(name: &str) -> Option<Version> {
    let (_, rest) = name.split_once("claude")?;
    let mut words = rest.split(|letter: char| !letter.is_ascii_alphanumeric());
    let number = |word: &str| (word.len() <= 2).then(|| word.parse::<Version>().ok()).flatten();
    let Some(major) = words.by_ref().find_map(number) else { return Some(NEWEST) };
    Some(major * 100 + words.next().and_then(number).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_off_all_spellings() {
        for (name, expected) in [
            ("claude-3-7-sonnet-20250219", Some(307)),
            ("claude-3-7-sonnet@20250219", Some(307)),
            ("claude-3-opus-20240229", Some(300)),
            ("claude-sonnet-4-20250514", Some(400)),
            ("anthropic/claude-haiku-4.5", Some(405)),
            ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", Some(305)),
            ("claude-opus-4-8", Some(408)),
            ("claude-2.1", Some(201)),
            ("claude-sonnet-5", Some(500)),
            ("claude-opus-latest", Some(NEWEST)),
            ("deepseek-chat", None),
        ] {
            assert_eq!(version(name), expected, "{name}");
        }
    }

    #[test]
    fn generations_differ_in_what_they_take() {
        let rules = |name| Rules::of(name, &MessagesQuirks::default());
        assert_eq!(rules("claude-3-5-haiku-latest").thinking, ThinkingForm::None);
        assert_eq!(rules("claude-sonnet-4-5").thinking, ThinkingForm::Budget);
        assert_eq!(rules("claude-opus-4-6").thinking, ThinkingForm::Either);
        assert_eq!(rules("claude-opus-4-7").sampling, SamplingRule::Fixed);
        assert_eq!(rules("claude-opus-4-5").efforts, ["low", "medium", "high"]);
        assert!(rules("claude-opus-4-8").system_turns);
    }

    #[test]
    fn quirks_win_over_the_name() {
        let quirks = MessagesQuirks { thinking: Some(ThinkingForm::None), ..MessagesQuirks::default() };
        assert_eq!(Rules::of("claude-opus-4-8", &quirks).thinking, ThinkingForm::None);
    }
}
