//! OpenAI's moderation judges each text by itself.
//!
//! <https://platform.openai.com/docs/api-reference/moderations> (read 2026-11-22)

use llm_core::Result;
use llm_core::guard::{Action, Finding, Found, Inspection, Inspector};
use llm_core::provider::BoxFuture;
use serde_json::{Value, json};

use crate::parameters::Parameters;
use crate::service::{Service, strange};

/// OpenAI's moderation, or another service with its contract.
pub(crate) struct Moderation {
    service: Service,
    model: String,
}

impl Moderation {
    pub(crate) fn new(parameters: &mut Parameters) -> Result<Self, String> {
        let base = parameters.text("api_base")?.unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
        let key = parameters.needed("api_key", "set it, or OPENAI_API_KEY")?;
        let service = Service::new(&base, "/moderations", parameters.timeout()?)?.bearer(&key)?;
        let model = parameters.text("model")?.unwrap_or_else(|| "omni-moderation-latest".to_owned());
        Ok(Self { service, model })
    }
}

impl Inspector for Moderation {
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move {
            let texts: Vec<&str> = inspection.pieces.iter().map(|piece| &*piece.text).collect();
            if texts.is_empty() {
                return Ok(Vec::new());
            }
            let said = self.service.ask(&json!({"model": self.model, "input": texts})).await?;
            let results = said.get("results").and_then(Value::as_array).ok_or_else(strange)?;
            if results.len() != texts.len() {
                return Err(strange());
            }
            let flagged = results.iter().enumerate().filter(|(_, result)| is(result.get("flagged")));
            Ok(flagged
                .map(|(piece, result)| found(piece, texts.get(piece).map_or(0, |text| text.len()), result))
                .collect())
        })
    }
}

fn is(flag: Option<&Value>) -> bool {
    flag.and_then(Value::as_bool) == Some(true)
}

fn found(piece: usize, length: usize, result: &Value) -> Found {
    let categories = result.get("categories").and_then(Value::as_object);
    let category = categories.and_then(|all| all.iter().find(|(_, flag)| is(Some(flag))));
    let rule = category.map_or("flagged", |(name, _)| name.as_str()).to_owned();
    let finding =
        Finding { range: 0..length, rule: rule.into(), action: Action::Block, replacement: "".into() };
    Found { piece, finding }
}
