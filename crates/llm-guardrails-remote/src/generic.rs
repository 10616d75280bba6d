//! LiteLLM's contract for services of one's own: `generic_guardrail_api`.
//!
//! <https://docs.litellm.ai/docs/adding_provider/generic_guardrail_api> (read 2026-11-22)

use http::HeaderName;
use llm_core::Result;
use llm_core::guard::{Action, Finding, Found, Inspection, Inspector, Side};
use llm_core::provider::BoxFuture;
use serde_json::{Map, Value, json};

use crate::parameters::Parameters;
use crate::service::{Service, strange};

const PATH: &str = "/beta/litellm_basic_guardrail_api";

/// A service of one's own.
pub(crate) struct Generic {
    service: Service,
    parameters: Map<String, Value>,
}

impl Generic {
    pub(crate) fn new(parameters: &mut Parameters) -> Result<Self, String> {
        let base = parameters.needed("api_base", "the address of the service")?;
        let base = base.trim_end_matches('/');
        let base = base.strip_suffix(PATH).unwrap_or(base);
        let service = Service::new(base, PATH, parameters.timeout()?)?;
        let service = service.headers(parameters.map("headers")?)?;
        let service = match parameters.text("api_key")? {
            Some(key) => service.header(HeaderName::from_static("x-api-key"), &key)?,
            None => service,
        };
        Ok(Self { service, parameters: parameters.map("additional_provider_specific_params")? })
    }

    fn question(&self, of: &Inspection<'_>) -> Value {
        let texts: Vec<&str> = of.pieces.iter().map(|piece| &*piece.text).collect();
        let side = match of.side {
            Side::Request => "request",
            Side::Answer => "response",
        };
        json!({
            "texts": texts,
            "input_type": side,
            "model": of.model,
            "litellm_call_id": of.call_id,
            "litellm_version": env!("CARGO_PKG_VERSION"),
            "request_data": {
                "user_api_key_hash": of.asker.key_hash,
                "user_api_key_alias": of.asker.key_alias,
                "user_api_key_user_id": of.asker.user_id,
                "user_api_key_team_id": of.asker.team_id,
                "user_api_key_end_user_id": of.asker.end_user_id,
            },
            "additional_provider_specific_params": self.parameters,
        })
    }
}

impl Inspector for Generic {
    fn inspect<'a>(&'a self, inspection: Inspection<'a>) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move {
            let said = self.service.ask(&self.question(&inspection)).await?;
            match said.get("action").and_then(Value::as_str) {
                Some("NONE") => Ok(Vec::new()),
                Some("BLOCKED") => Ok(vec![blocked(&inspection)]),
                Some("GUARDRAIL_INTERVENED") => rewritten(&inspection, &said),
                _ => Err(strange()),
            }
        })
    }
}

/// The whole call is refused. Why is for the service's own logs: a reason may repeat what it is about.
fn blocked(of: &Inspection<'_>) -> Found {
    let range = 0..of.pieces.first().map_or(0, |piece| piece.text.len());
    let finding =
        Finding { range, rule: "blocked".into(), action: Action::Block, replacement: String::new().into() };
    Found { piece: 0, finding }
}

/// Texts that the service wants otherwise; there must be as many as it was shown.
pub(crate) fn rewritten(of: &Inspection<'_>, said: &Value) -> Result<Vec<Found>> {
    let texts = said.get("texts").and_then(Value::as_array).ok_or_else(strange)?;
    if texts.len() != of.pieces.len() {
        return Err(strange());
    }
    let mut found = Vec::new();
    for (piece, (was, is)) in of.pieces.iter().zip(texts).enumerate() {
        let is = is.as_str().ok_or_else(strange)?;
        if is != was.text {
            found.push(Found { piece, finding: replaced(&was.text, is) });
        }
    }
    Ok(found)
}

/// What of a text is another, as one finding: what it begins and ends with alike stays.
pub(crate) fn replaced(was: &str, is: &str) -> Finding {
    let alike = |mut one: Box<dyn Iterator<Item = char> + '_>, other: Box<dyn Iterator<Item = char> + '_>| {
        other.take_while(|letter| one.next() == Some(*letter)).map(char::len_utf8).sum::<usize>()
    };
    let before = alike(Box::new(was.chars()), Box::new(is.chars()));
    let (was_rest, is_rest) = (was.get(before..).unwrap_or_default(), is.get(before..).unwrap_or_default());
    let after = alike(Box::new(was_rest.chars().rev()), Box::new(is_rest.chars().rev()));
    Finding {
        range: before..was.len() - after,
        rule: "rewritten".into(),
        action: Action::Mask,
        replacement: is_rest.get(..is_rest.len() - after).unwrap_or_default().to_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_stays() {
        let finding = replaced("mail é a@b.example é now", "mail é <EMAIL> é now");
        assert_eq!(finding.range, 8..19);
        assert_eq!(finding.replacement, "<EMAIL>");
        assert_eq!(replaced("aaa", "aa").range.len(), 1);
        let all = replaced("x", "");
        assert_eq!((all.range, all.replacement.as_ref()), (0..1, ""));
    }
}
