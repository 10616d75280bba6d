//! `json_schema`: answers that must be JSON of a shape.

mod compile;
mod validate;

use std::borrow::Cow;

use llm_core::guard::{Action, Finding, Piece, Place, Scanner};
use serde_json::Value;

use self::compile::Schema;
use crate::choice::{Choice, Verdict};
use crate::parameters::Parameters;

/// A shape that answers must have.
#[derive(Debug)]
struct Shape {
    schema: Schema,
    fenced: bool,
    choice: Choice,
}

/// Builds the judge from its parameters.
pub(crate) fn build(mut parameters: Parameters<'_>) -> Result<impl Scanner + use<>, String> {
    let schema = parameters.value("schema").ok_or("`schema` is missing")?;
    let fenced = parameters.flag("fenced")?.unwrap_or(true);
    let choice = Choice::read(&mut parameters)?;
    parameters.finish()?;
    Ok(Shape { schema: Schema::compile(schema)?, fenced, choice })
}

impl Scanner for Shape {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        if piece.place != Place::Assistant || piece.text.trim().is_empty() {
            return;
        }
        let text = &*piece.text;
        let json = if self.fenced { unfenced(text) } else { text };
        let rule = match serde_json::from_str::<Value>(json) {
            Ok(value) => match self.schema.fault(&value) {
                Some(keyword) => Cow::Owned(format!("json_schema_{keyword}")),
                None => return,
            },
            Err(_) => Cow::Borrowed("not_json"),
        };
        let verdict = Verdict { rule, own: None, usual: Action::Block, replacement: Cow::Borrowed("null") };
        findings.extend(self.choice.finding(text, 0..text.len(), &verdict));
    }

    fn looks_at(&self, place: Place) -> bool {
        place == Place::Assistant
    }

    fn reach(&self) -> usize {
        usize::MAX
    }
}

/// The inside of a block of Markdown, where a model put its JSON into one.
fn unfenced(text: &str) -> &str {
    let inside = || {
        let body = text.trim().strip_prefix("```")?.strip_suffix("```")?;
        Some(body.strip_prefix("json").unwrap_or(body).trim())
    };
    inside().unwrap_or(text)
}
