//! Presidio: an analyzer says where personal data stands; what stands there instead is written here.
//!
//! <https://microsoft.github.io/presidio/api-docs/api-docs.html>, LiteLLM's parameters:
//! <https://docs.litellm.ai/docs/proxy/guardrails/pii_masking_v2> (read 2026-11-22)

use std::collections::HashMap;

use llm_core::Result;
use llm_core::guard::{Action, Finding, Found, Inspection, Inspector};
use llm_core::order;
use llm_core::provider::BoxFuture;
use serde_json::{Value, json};

use crate::parameters::Parameters;
use crate::service::{Service, strange};

/// A Presidio analyzer.
pub(crate) struct Presidio {
    analyzer: Service,
    language: String,
    /// What is looked for, and what is done about it; empty: all, masked.
    entities: HashMap<String, Action>,
    /// How sure it must be, for an entity or for `ALL`.
    scores: HashMap<String, f64>,
}

impl Presidio {
    pub(crate) fn new(parameters: &mut Parameters) -> Result<Self, String> {
        let base = parameters.needed("presidio_analyzer_api_base", "the address of the analyzer")?;
        let analyzer = Service::new(&base, "/analyze", parameters.timeout()?)?;
        // An anonymizer is not needed: what it would write is known.
        parameters.take("presidio_anonymizer_api_base");
        let mut entities = HashMap::new();
        for (name, action) in parameters.map("pii_entities_config")? {
            let action = match action.as_str().map(str::to_ascii_uppercase).as_deref() {
                Some("MASK") => Action::Mask,
                Some("BLOCK") => Action::Block,
                _ => return Err(format!("`pii_entities_config.{name}` is neither MASK nor BLOCK")),
            };
            entities.insert(name, action);
        }
        let scores = parameters.map("presidio_score_thresholds")?;
        let score = |(name, score): (String, Value)| {
            score
                .as_f64()
                .map(|score| (name, score))
                .ok_or("`presidio_score_thresholds` has one that is no number")
        };
        Ok(Self {
            analyzer,
            language: parameters.text("presidio_language")?.unwrap_or_else(|| "en".to_owned()),
            entities,
            scores: scores.into_iter().map(score).collect::<Result<_, _>>()?,
        })
    }

    fn finding(&self, text: &str, said: &Value) -> Result<Option<Finding>> {
        let number =
            |name: &str| said.get(name).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
        let (start, end) = number("start").zip(number("end")).ok_or_else(strange)?;
        let entity = said.get("entity_type").and_then(Value::as_str).ok_or_else(strange)?;
        let score = said.get("score").and_then(Value::as_f64).unwrap_or(1.0);
        let least = self.scores.get(entity).or_else(|| self.scores.get("ALL")).copied().unwrap_or(0.0);
        let action =
            if self.entities.is_empty() { Some(Action::Mask) } else { self.entities.get(entity).copied() };
        let Some(action) = action.filter(|_| score >= least) else { return Ok(None) };
        // It counts characters.
        let at =
            |characters: usize| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(characters);
        let (start, end) = at(start).zip(at(end)).filter(|(start, end)| start <= end).ok_or_else(strange)?;
        Ok(Some(Finding {
            range: start..end,
            rule: entity.to_owned().into(),
            action,
            replacement: format!("<{entity}>").into(),
        }))
    }

    async fn analyze(&self, text: &str) -> Result<Vec<Finding>> {
        let mut question = json!({ "text": text, "language": self.language });
        if !self.entities.is_empty() {
            let mut names: Vec<&String> = self.entities.keys().collect();
            names.sort_unstable();
            question["entities"] = json!(names);
        }
        let said = self.analyzer.ask(&question).await?;
        let mut found = Vec::new();
        for one in said.as_array().ok_or_else(strange)? {
            found.extend(self.finding(text, one)?);
        }
        Ok(apart(found))
    }
}

/// Of passages that overlap the one that matters most: refused before masked, long before short.
fn apart(mut found: Vec<Finding>) -> Vec<Finding> {
    order::sort_by_key(&mut found, |one| {
        (std::cmp::Reverse(one.action), std::cmp::Reverse(one.range.len()), one.range.start)
    });
    let mut kept: Vec<Finding> = Vec::new();
    for one in found {
        if kept.iter().all(|other| one.range.end <= other.range.start || other.range.end <= one.range.start) {
            kept.push(one);
        }
    }
    order::sort_by_key(&mut kept, |one| one.range.start);
    kept
}

impl Inspector for Presidio {
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for (piece, of) in
                inspection.pieces.iter().enumerate().filter(|(_, of)| !of.text.trim().is_empty())
            {
                let found = self.analyze(&of.text).await?;
                all.extend(found.into_iter().map(|finding| Found { piece, finding }));
            }
            Ok(all)
        })
    }
}
