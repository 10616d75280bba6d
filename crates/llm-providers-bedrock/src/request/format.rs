//! The form of the answer: a JSON schema where the model enforces one, a tool that it must call where it can be made
//! to, an instruction otherwise.

use llm_core::request::{JsonSchema, OutputFormat};
use llm_core::{ChatRequest, Losses, RawJson, RawObject, Result};
use serde::Serialize;

use super::tools::answer_spec;
use crate::models::Rules;

/// The tool whose arguments are the answer. Answers with calls of it are told as texts.
pub(crate) const ANSWER_TOOL: &str = "gateway_json_answer";

const ANY_OBJECT: &str = "Answer with one JSON object and nothing else: no explanation, no code fence.";

/// How the body asks for the form of the answer.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// `outputConfig.textFormat`.
    pub(super) format: Option<TextFormat>,
    /// The definition of [`ANSWER_TOOL`], which must be called.
    pub(super) tool: Option<RawJson>,
    /// Words for the end of the instructions.
    pub(super) instruction: Option<String>,
}

/// `outputConfig.textFormat`. The schema is a text there.
#[derive(Debug, Serialize)]
pub(super) struct TextFormat {
    r#type: &'static str,
    structure: Structure,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Structure {
    json_schema: Definition,
}

#[derive(Debug, Serialize)]
struct Definition {
    schema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl Form {
    /// Decides. `thinks`: no tool can be demanded of the model beside its thinking.
    pub(super) fn of(request: &ChatRequest, rules: Rules, thinks: bool, losses: &mut Losses) -> Result<Self> {
        let wanted = match &request.output {
            OutputFormat::Text => return Ok(Self::default()),
            OutputFormat::JsonSchema(wanted) => wanted,
            _ => return Self::told(ANY_OBJECT.to_owned(), losses),
        };
        let Some(schema) = &wanted.schema else { return Self::told(ANY_OBJECT.to_owned(), losses) };
        if rules.structured_output {
            return Ok(Self { format: Some(text_format(wanted, schema)), ..Self::default() });
        }
        if rules.demands_one_tool() && !thinks && request.tools.is_empty() && is_object(schema) {
            losses.approximated("response_format", "a tool that must be called")?;
            let description = wanted.description.as_deref().unwrap_or("The answer.");
            let tool = answer_spec(ANSWER_TOOL, description, schema);
            return Ok(Self { tool: Some(tool), ..Self::default() });
        }
        let words = "Answer with one JSON value that follows this JSON schema, and nothing else: no explanation, no \
                     code fence.";
        Self::told(format!("{words}\n{}", schema.get()), losses)
    }

    fn told(instruction: String, losses: &mut Losses) -> Result<Self> {
        losses.approximated("response_format", "an instruction")?;
        Ok(Self { instruction: Some(instruction), ..Self::default() })
    }
}

fn text_format(wanted: &JsonSchema, schema: &RawJson) -> TextFormat {
    let definition = Definition {
        schema: schema.get().to_owned(),
        name: wanted.name.clone(),
        description: wanted.description.clone(),
    };
    TextFormat { r#type: "json_schema", structure: Structure { json_schema: definition } }
}

/// Whether a schema can be that of a tool's input.
fn is_object(schema: &RawJson) -> bool {
    let members = schema.read::<RawObject>().unwrap_or_default();
    members.get("type").and_then(|kind| kind.read::<String>().ok()).as_deref() == Some("object")
}
