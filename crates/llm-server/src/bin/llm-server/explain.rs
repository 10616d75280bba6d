//! `llm-server explain`: what the router would do with a request.

use http::HeaderMap;
use llm_gateway::Gateway;
use serde_json::{Map, Value};

use crate::cli::Explain;
use crate::{Failure, configured};

/// The plan, as text or JSON. Asks no vendor.
pub(crate) fn explain(asked: &Explain) -> Result<String, Failure> {
    let gateway = Gateway::new(configured::parts(&asked.source)?);
    let body = Value::Object(body(asked)?).to_string();
    let plan = gateway.explain(None, HeaderMap::new(), body.into());
    let plan = plan.map_err(|error| Failure(format!("error: {}", error.message())))?;
    if !asked.json {
        return Ok(plan.to_string());
    }
    let text = serde_json::to_string_pretty(&plan);
    text.map(|text| text + "\n").map_err(|error| Failure(format!("error: cannot write the plan: {error}")))
}

fn body(asked: &Explain) -> Result<Map<String, Value>, Failure> {
    let mut body = match &asked.body {
        None => Map::new(),
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text =
                text.map_err(|error| Failure(format!("error: cannot read `{}`: {error}", file.display())))?;
            serde_json::from_str(&text).map_err(|error| {
                let (line, column) = (error.line(), error.column());
                let file = file.display();
                Failure(format!("error: `{file}` is no JSON object (line {line}, column {column})"))
            })?
        }
    };
    if let Some(model) = &asked.model {
        body.insert("model".to_owned(), Value::from(model.as_str()));
    }
    if asked.stream {
        body.insert("stream".to_owned(), Value::Bool(true));
    }
    Ok(body)
}
