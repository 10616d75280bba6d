//! One model of the price book: a line of the table, or what a user's own prices make of it.

use llm_core::money::PicoDollars;
use llm_core::{Error, Result};

use super::capabilities::{Capabilities, Capability};
use super::fields;
use super::price::{Price, When};
use super::rates::Class;

/// What is known of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelEntry {
    /// Who serves it, in the words of the table: the prefix of its models.
    pub provider: Box<str>,
    /// What it is for.
    pub mode: Mode,
    /// How many tokens a prompt may have.
    pub max_input_tokens: Option<u64>,
    /// How many tokens an answer may have.
    pub max_output_tokens: Option<u64>,
    /// What it can do.
    pub supports: Capabilities,
    /// What it costs.
    pub price: Price,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// Conversations.
    Chat,
    /// Conversations, by the Responses API only.
    Responses,
    /// Text completion.
    Completion,
    /// Vectors.
    Embedding,
    /// Ranking of documents.
    Rerank,
    /// Judging of content.
    Moderation,
    /// Pictures.
    ImageGeneration,
    /// Changed pictures.
    ImageEdit,
    /// Films.
    VideoGeneration,
    /// Speech to text.
    AudioTranscription,
    /// Text to speech.
    AudioSpeech,
    /// Spoken conversations.
    Realtime,
    /// Text of scanned pages.
    Ocr,
    /// Web search.
    Search,
    /// Anything else, or unknown.
    #[default]
    Other,
}

impl Mode {
    const NAMES: [(Self, &'static str); 14] = [
        (Self::Chat, "chat"),
        (Self::Responses, "responses"),
        (Self::Completion, "completion"),
        (Self::Embedding, "embedding"),
        (Self::Rerank, "rerank"),
        (Self::Moderation, "moderation"),
        (Self::ImageGeneration, "image_generation"),
        (Self::ImageEdit, "image_edit"),
        (Self::VideoGeneration, "video_generation"),
        (Self::AudioTranscription, "audio_transcription"),
        (Self::AudioSpeech, "audio_speech"),
        (Self::Realtime, "realtime"),
        (Self::Ocr, "ocr"),
        (Self::Search, "search"),
    ];

    /// The mode's name in the table; empty for [`Mode::Other`].
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(mode, _)| *mode == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::NAMES.iter().find(|(_, known)| *known == name).map_or(Self::Other, |(mode, _)| *mode)
    }
}

impl ModelEntry {
    /// Sets what a user says of the model, in LiteLLM's names and as decimal text: `input_cost_per_token`,
    /// `cache_read_input_token_cost_above_200k_tokens`, `max_input_tokens`, `supports_vision` …, and
    /// `cost_per_1k_tokens` for both directions.
    ///
    /// # Behavior
    /// - `input_cost_per_token` replaces all that the table says about the prompt (cache, audio, long prompts, tiers),
    ///   `output_cost_per_token` all about the answer: prices of another contract must not shine through. What the
    ///   same fields name besides is kept, in whatever order they come.
    ///
    /// # Errors
    /// A field that is none, and a value that is no number of the field's kind.
    pub fn set<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<()> {
        let mut rates = Vec::new();
        for (field, value) in fields {
            if field == "cost_per_1k_tokens" {
                let rate = per_token(dollars(field, value)?);
                rates.extend([Class::Input, Class::Output].map(|class| (When::default(), class, rate)));
            } else if let Some((when, class)) = fields::rate_field(field) {
                rates.push((when, class, dollars(field, value)?));
            } else {
                self.set_fact(field, value)?;
            }
        }
        for root in [Class::Input, Class::Output] {
            if rates.iter().any(|(when, class, _)| *class == root && *when == When::default()) {
                self.price.forget(root);
            }
        }
        for (when, class, rate) in rates {
            self.price.set(when, class, rate);
        }
        Ok(())
    }

    fn set_fact(&mut self, field: &str, value: &str) -> Result<()> {
        let whole = || value.trim().parse::<u64>().map_err(|_| invalid(field, value, "a whole number"));
        match field {
            "max_input_tokens" => self.max_input_tokens = Some(whole()?),
            "max_output_tokens" | "max_tokens" => self.max_output_tokens = Some(whole()?),
            "litellm_provider" => self.provider = value.into(),
            "mode" => self.mode = Mode::named(value),
            _ => {
                let capability = Capability::of_field(field).ok_or_else(|| unknown(field))?;
                let can = value.trim().parse().map_err(|_| invalid(field, value, "true or false"))?;
                self.supports.set(capability, can);
            }
        }
        Ok(())
    }

    /// Reads the columns after the name. `None`: one is malformed.
    pub(crate) fn parse(columns: &str) -> Option<Self> {
        let mut columns = columns.split('\t');
        // Columns at the end may be left out.
        let mut next = || columns.next().unwrap_or_default();
        let limit = |text: &str| match text {
            "" => Some(None),
            digits => digits.parse().ok().map(Some),
        };
        Some(Self {
            provider: next().into(),
            mode: Mode::named(next()),
            max_input_tokens: limit(next())?,
            max_output_tokens: limit(next())?,
            supports: Capabilities::parse(next())?,
            price: Price::parse(columns)?,
        })
    }

    /// The line of the table.
    pub(crate) fn line(&self, name: &str) -> String {
        let limit = |limit: Option<u64>| limit.map_or_else(String::new, |limit| limit.to_string());
        let line = format!(
            "{name}\t{}\t{}\t{}\t{}\t{}\t{}",
            self.provider,
            self.mode.name(),
            limit(self.max_input_tokens),
            limit(self.max_output_tokens),
            self.supports,
            self.price
        );
        line.trim_end_matches('\t').to_owned()
    }
}

fn dollars(field: &str, value: &str) -> Result<PicoDollars> {
    PicoDollars::parse(value).ok_or_else(|| invalid(field, value, "an amount of dollars such as `0.0000025`"))
}

/// A thousandth, rounded half up.
fn per_token(per_thousand: PicoDollars) -> PicoDollars {
    PicoDollars(per_thousand.0.saturating_add(500) / 1000)
}

fn invalid(field: &str, value: &str, expected: &str) -> Error {
    let shown: String = value.chars().take(40).collect();
    Error::invalid(format!("invalid `{field}`: expected {expected}, found `{shown}`")).with_param(field)
}

fn unknown(field: &str) -> Error {
    let known: Vec<&str> = fields::rate_names().collect();
    let message = format!(
        "unknown price field `{field}`: use `cost_per_1k_tokens`, one of {} (also with `_above_200k_tokens`, \
         `_priority`, `_flex`, `_batches`), `max_input_tokens`, `max_output_tokens`, `mode` or `supports_…`",
        known.join(", ")
    );
    Error::invalid(message).with_param(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "openai\tchat\t128000\t16384\tfv!d\ti2500000 o10000000 r1250000\t@flex=i1250000";

    fn entry() -> ModelEntry {
        ModelEntry::parse(LINE).expect("a valid line")
    }

    #[test]
    fn lines_survive_reading_and_writing() {
        for line in [LINE, "openai\tmoderation", "a\t\t\t\t\t>5=i1"] {
            let entry = ModelEntry::parse(line).expect("a valid line");
            assert_eq!(entry.line("name"), format!("name\t{line}"));
        }
    }

    #[test]
    fn own_input_price_replaces_all_about_the_prompt_and_nothing_else() {
        let mut entry = entry();
        entry.set([("cache_read_input_token_cost", "0"), ("input_cost_per_token", "1e-6")]).expect("valid");
        assert_eq!(entry.price.to_string(), "i1000000 o10000000 r0");
    }

    #[test]
    fn own_cache_price_leaves_the_rest_of_the_table() {
        let mut entry = entry();
        entry.set([("cache_read_input_token_cost", "0.000002")]).expect("valid");
        assert_eq!(entry.price.to_string(), "i2500000 o10000000 r2000000\t@flex=i1250000");
    }

    #[test]
    fn a_price_per_thousand_holds_for_both_directions() {
        let mut entry = entry();
        entry.set([("cost_per_1k_tokens", "0.002")]).expect("valid");
        assert_eq!(entry.price.to_string(), "i2000000 o2000000");
    }

    #[test]
    fn wrong_fields_and_values_are_named() {
        for (field, value, message) in [
            ("input_cost_per_token", "cheap", "expected an amount of dollars"),
            ("input_cost_per_token", "-1", "expected an amount of dollars"),
            ("max_input_tokens", "1.5", "expected a whole number"),
            ("supports_vision", "maybe", "expected true or false"),
            ("imput_cost_per_token", "1", "unknown price field `imput_cost_per_token`"),
        ] {
            let error = entry().set([(field, value)]).expect_err(field);
            assert!(error.message().contains(message), "{error}");
        }
    }
}
