//! What follows from a model's name: how it thinks, and what it takes.

/// How a model is told how much to think.
///
/// After <https://ai.google.dev/gemini-api/docs/thinking>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// It does not think.
    None,
    /// By a number of tokens.
    Budget,
    /// By a word.
    Level,
}

/// What follows from a model's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) thinking: Thinking,
    /// Whether it is one of the large models, which cannot stop thinking.
    pub(crate) pro: bool,
    /// Whether a `medium` level is known; the first ones of their kind knew only `low` and `high`.
    pub(crate) medium: bool,
    /// Whether calls without a thought signature are refused, and results may hold pictures and files.
    pub(crate) third: bool,
}

impl Rules {
    /// Reads a name, with or without a path before it. Names that say no version mean the newest one.
    pub(crate) fn of(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        let pro = name.contains("pro");
        let thinking = match name.strip_prefix("gemini-") {
            Some(version) if version.starts_with("2.5") => image_or(name, Thinking::Budget),
            Some(version) if version.starts_with(['1', '2']) => Thinking::None,
            Some(version) if version.starts_with(|letter: char| letter.is_ascii_digit()) => {
                image_or(name, Thinking::Level)
            }
            Some(version) if version.starts_with("exp") => Thinking::None,
            Some(_) => Thinking::Level,
            None => Thinking::None,
        };
        let third = name.starts_with("gemini-") && thinking == Thinking::Level;
        Self { thinking, pro, medium: !name.starts_with("gemini-3-pro"), third }
    }
}

/// Models that draw take no word on thinking.
fn image_or(name: &str, thinking: Thinking) -> Thinking {
    if name.contains("-image") && thinking == Thinking::Budget { Thinking::None } else { thinking }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_models_think() {
        for (model, thinking, third) in [
            ("gemini-1.5-pro", Thinking::None, false),
            ("gemini-2.0-flash-001", Thinking::None, false),
            ("gemini-2.5-flash-lite", Thinking::Budget, false),
            ("gemini-2.5-flash-image", Thinking::None, false),
            ("models/gemini-3-pro-preview", Thinking::Level, true),
            ("gemini-3.5-flash", Thinking::Level, true),
            ("gemini-flash-latest", Thinking::Level, true),
            ("gemma-3-27b-it", Thinking::None, false),
        ] {
            let rules = Rules::of(model);
            assert_eq!((rules.thinking, rules.third), (thinking, third), "{model}");
        }
        assert!(!Rules::of("gemini-3-pro-preview").medium && Rules::of("gemini-3.1-pro").medium);
    }
}
