//! The form of the answer: a JSON schema where the model enforces one, an instruction where it does not.

use llm_core::request::{JsonSchema, OutputFormat};
use llm_core::{ChatRequest, Losses, RawJson, Result};
use serde::Serialize;

use super::schema;
use crate::models::Rules;

const ANY_OBJECT: &str = "Answer with one JSON object and nothing else: no explanation, no code fence.";

/// How the body asks for the form of the answer.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// `output_config.format`.
    pub(super) format: Option<Format>,
    /// Words for the end of the instructions.
    pub(super) instruction: Option<String>,
}

/// `output_config.format`.
#[derive(Debug, Serialize)]
pub(super) struct Format {
    r#type: &'static str,
    schema: RawJson,
}

impl Format {
    fn new(schema: RawJson) -> Self {
        Self { r#type: "json_schema", schema }
    }
}

impl Form {
    /// Decides. A schema that came in this format's own words goes on as it is.
    pub(super) fn of(request: &ChatRequest, rules: Rules, native: bool, losses: &mut Losses) -> Result<Self> {
        match &request.output {
            OutputFormat::Text => Ok(Self::default()),
            OutputFormat::JsonSchema(JsonSchema { schema: Some(schema), .. }) => {
                Self::schema(schema, rules, native, losses)
            }
            _ => Self::told(ANY_OBJECT.to_owned(), losses),
        }
    }

    fn schema(schema: &RawJson, rules: Rules, native: bool, losses: &mut Losses) -> Result<Self> {
        if rules.structured_output && native {
            return Ok(Self { format: Some(Format::new(schema.clone())), instruction: None });
        }
        match schema::fit(schema).filter(|_| rules.structured_output) {
            Some(fitted) => {
                if fitted.loosened {
                    losses.approximated("response_format", "the schema without limits of values")?;
                }
                Ok(Self { format: Some(Format::new(fitted.schema)), instruction: None })
            }
            None => Self::told(
                format!(
                    "Answer with one JSON value that follows this JSON schema, and nothing else: no \
                     explanation, no code fence.\n{}",
                    schema.get()
                ),
                losses,
            ),
        }
    }

    fn told(instruction: String, losses: &mut Losses) -> Result<Self> {
        losses.approximated("response_format", "an instruction")?;
        Ok(Self { format: None, instruction: Some(instruction) })
    }
}
