//! Lakera Guard: the policy of a project decides; personal data alone is masked, everything else refused.
//!
//! <https://docs.lakera.ai/docs/api/guard> (read 2026-11-22)

use llm_core::Result;
use llm_core::guard::{Action, Finding, Found, Inspection, Inspector, Place, Side};
use llm_core::provider::BoxFuture;
use serde_json::{Value, json};

use crate::parameters::Parameters;
use crate::service::{Service, strange};

/// A project of Lakera Guard.
pub(crate) struct Lakera {
    service: Service,
    project: Option<String>,
    action: Action,
    more: Value,
}

impl Lakera {
    pub(crate) fn new(parameters: &mut Parameters) -> Result<Self, String> {
        let base = parameters.text("api_base")?.unwrap_or_else(|| "https://api.lakera.ai".to_owned());
        let service = Service::new(&base, "/v2/guard", parameters.timeout()?)?;
        let service = match parameters.text("api_key")? {
            Some(key) => service.bearer(&key)?,
            None => service,
        };
        let action = match parameters.text("on_flagged")?.as_deref() {
            None | Some("block") => Action::Block,
            Some("monitor") => Action::Flag,
            Some(_) => return Err("`on_flagged` is neither `block` nor `monitor`".to_owned()),
        };
        let more = json!({
            "dev_info": parameters.take("dev_info"),
            "metadata": parameters.take("metadata"),
        });
        // It always asks for both: they say what is to be masked.
        parameters.flag("payload")?;
        parameters.flag("breakdown")?;
        Ok(Self { service, project: parameters.text("project_id")?, action, more })
    }

    fn question(&self, of: &Inspection<'_>) -> Value {
        let role = |place: Place| match place {
            Place::System => "system",
            Place::Assistant | Place::Reasoning | Place::ToolArguments => "assistant",
            _ if of.side == Side::Answer => "assistant",
            _ => "user",
        };
        let message =
            |piece: &llm_core::guard::Piece<'_>| json!({"role": role(piece.place), "content": piece.text});
        let messages: Vec<Value> = of.pieces.iter().map(message).collect();
        let mut question = json!({"messages": messages, "payload": true, "breakdown": true});
        if let Some(project) = &self.project {
            question["project_id"] = json!(project);
        }
        for name in ["dev_info", "metadata"] {
            if !self.more[name].is_null() {
                question[name] = self.more[name].clone();
            }
        }
        question
    }

    fn found(&self, of: &Inspection<'_>, said: &Value) -> Result<Vec<Found>> {
        if !said.get("flagged").and_then(Value::as_bool).ok_or_else(strange)? {
            return Ok(Vec::new());
        }
        let detected: Vec<&str> = list(said, "breakdown")
            .filter(|one| one.get("detected").and_then(Value::as_bool) == Some(true))
            .filter_map(|one| one.get("detector_type")?.as_str())
            .collect();
        let is_personal = |kind: &&str| kind.starts_with("pii/");
        let masks: Vec<Found> = list(said, "payload").filter_map(|one| masked(of, one)).collect();
        if !detected.is_empty() && detected.iter().all(is_personal) && !masks.is_empty() {
            return Ok(masks);
        }
        let rule = detected.into_iter().find(|kind| !is_personal(kind)).unwrap_or("flagged");
        let range = 0..of.pieces.first().map_or(0, |piece| piece.text.len());
        let finding =
            Finding { range, rule: rule.to_owned().into(), action: self.action, replacement: "".into() };
        Ok(vec![Found { piece: 0, finding }])
    }
}

fn list<'a>(said: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    said.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// A passage of personal data, where it is told exactly. It counts characters.
fn masked(of: &Inspection<'_>, one: &Value) -> Option<Found> {
    let number = |name: &str| one.get(name)?.as_u64().and_then(|at| usize::try_from(at).ok());
    let kind = one.get("detector_type")?.as_str()?;
    let piece = number("message_id")?;
    let text = &of.pieces.get(piece)?.text;
    let at = |characters: usize| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(characters);
    let (start, end) = (at(number("start")?)?, at(number("end")?)?);
    let label = kind.rsplit('/').next()?.to_ascii_uppercase();
    let finding = Finding {
        range: (start <= end).then_some(start..end)?,
        rule: kind.to_owned().into(),
        action: Action::Mask,
        replacement: format!("[MASKED {label}]").into(),
    };
    Some(Found { piece, finding })
}

impl Inspector for Lakera {
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move {
            let said = self.service.ask(&self.question(&inspection)).await?;
            self.found(&inspection, &said)
        })
    }
}
