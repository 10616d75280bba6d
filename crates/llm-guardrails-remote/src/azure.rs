//! Azure AI Content Safety: harmful content by category, and attacks on prompts.
//!
//! <https://learn.microsoft.com/rest/api/contentsafety/text-operations> (read 2026-11-22)

use std::collections::HashMap;

use http::HeaderName;
use llm_core::Result;
use llm_core::guard::{Action, Finding, Found, Inspection, Inspector, Place};
use llm_core::provider::BoxFuture;
use serde_json::{Value, json};

use crate::parameters::Parameters;
use crate::service::{Service, strange};

/// Characters that one question may have.
const LONGEST: usize = 10_000;

const VERSION: &str = "2024-09-01";

fn service(parameters: &mut Parameters, operation: &str) -> Result<Service, String> {
    let base = parameters.needed("api_base", "the endpoint of the resource")?;
    let key = parameters.needed("api_key", "a key of the resource")?;
    let version = parameters.text("api_version")?.unwrap_or_else(|| VERSION.to_owned());
    if !version.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')) {
        return Err("`api_version` is no version".to_owned());
    }
    let base = base.trim_end_matches('/');
    let base = base.strip_suffix("/contentsafety").unwrap_or(base);
    let path = format!("/contentsafety/{operation}?api-version={version}");
    let service = Service::new(base, &path, parameters.timeout()?)?;
    service.header(HeaderName::from_static("ocp-apim-subscription-key"), &key)
}

/// Parts of a text that are short enough to be asked for.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(LONGEST).map_or(rest.len(), |(at, _)| at);
        let (part, after) = rest.split_at(end);
        parts.push(part);
        rest = after;
    }
    parts
}

fn whole(piece: usize, text: &str, rule: String) -> Found {
    let finding =
        Finding { range: 0..text.len(), rule: rule.into(), action: Action::Block, replacement: "".into() };
    Found { piece, finding }
}

/// Hate, self-harm, sexual and violent content.
pub(crate) struct TextModeration {
    service: Service,
    categories: Vec<String>,
    blocklists: Vec<String>,
    halts: bool,
    eight_levels: bool,
    threshold: f64,
    thresholds: HashMap<String, f64>,
}

impl TextModeration {
    pub(crate) fn new(parameters: &mut Parameters) -> Result<Self, String> {
        let service = service(parameters, "text:analyze")?;
        let eight_levels = match parameters.text("output_type")?.as_deref() {
            None | Some("FourSeverityLevels") => false,
            Some("EightSeverityLevels") => true,
            Some(_) => {
                return Err("`output_type` is neither FourSeverityLevels nor EightSeverityLevels".to_owned());
            }
        };
        let mut thresholds = HashMap::new();
        for (category, threshold) in parameters.map("severity_threshold_by_category")? {
            let threshold = threshold.as_f64();
            let wrong = || format!("`severity_threshold_by_category.{category}` is no number");
            thresholds.insert(category.clone(), threshold.ok_or_else(wrong)?);
        }
        Ok(Self {
            service,
            categories: parameters.texts("categories")?,
            blocklists: parameters.texts("blocklistNames")?,
            halts: parameters.flag("haltOnBlocklistHit")?.unwrap_or(false),
            eight_levels,
            threshold: parameters.number("severity_threshold")?.unwrap_or(2.0),
            thresholds,
        })
    }

    fn question(&self, text: &str) -> Value {
        let mut question = json!({"text": text});
        if !self.categories.is_empty() {
            question["categories"] = json!(self.categories);
        }
        if !self.blocklists.is_empty() {
            question["blocklistNames"] = json!(self.blocklists);
            question["haltOnBlocklistHit"] = json!(self.halts);
        }
        if self.eight_levels {
            question["outputType"] = json!("EightSeverityLevels");
        }
        question
    }

    /// The rule by which a text is refused.
    fn rule(&self, said: &Value) -> Result<Option<String>> {
        let listed =
            said.get("blocklistsMatch").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        if listed {
            return Ok(Some("blocklist".to_owned()));
        }
        for one in said.get("categoriesAnalysis").and_then(Value::as_array).ok_or_else(strange)? {
            let category = one.get("category").and_then(Value::as_str).ok_or_else(strange)?;
            let severity = one.get("severity").and_then(Value::as_f64).unwrap_or(0.0);
            if severity >= self.thresholds.get(category).copied().unwrap_or(self.threshold) {
                return Ok(Some(category.to_owned()));
            }
        }
        Ok(None)
    }
}

impl Inspector for TextModeration {
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for (piece, of) in inspection.pieces.iter().enumerate() {
                for part in parts(&of.text) {
                    let said = self.service.ask(&self.question(part)).await?;
                    all.extend(self.rule(&said)?.map(|rule| whole(piece, &of.text, rule)));
                }
            }
            Ok(all)
        })
    }
}

/// Attacks on prompts: what users say, and documents that come with it.
pub(crate) struct PromptShield {
    service: Service,
}

impl PromptShield {
    pub(crate) fn new(parameters: &mut Parameters) -> Result<Self, String> {
        Ok(Self { service: service(parameters, "text:shieldPrompt")? })
    }
}

impl Inspector for PromptShield {
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for (piece, of) in inspection.pieces.iter().enumerate() {
                let is_document = matches!(of.place, Place::ToolResult);
                if !is_document && of.place != Place::User {
                    continue;
                }
                for part in parts(&of.text) {
                    let question = if is_document {
                        json!({"userPrompt": "", "documents": [part]})
                    } else {
                        json!({"userPrompt": part, "documents": []})
                    };
                    let said = self.service.ask(&question).await?;
                    let attacks =
                        |one: &Value| one.get("attackDetected").and_then(Value::as_bool) == Some(true);
                    let by_user = said.get("userPromptAnalysis").ok_or_else(strange)?;
                    let documents = said.get("documentsAnalysis").and_then(Value::as_array);
                    if attacks(by_user) || documents.is_some_and(|list| list.iter().any(attacks)) {
                        all.push(whole(piece, &of.text, "prompt_attack".to_owned()));
                    }
                }
            }
            Ok(all)
        })
    }
}
