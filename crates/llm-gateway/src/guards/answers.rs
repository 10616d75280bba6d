//! Guardrails on whole answers: judged as the client would read them, and what was masked on the way in put back.

use std::collections::BTreeSet;

use llm_core::Result;
use llm_core::guard::{Piece, Place, Side};
use llm_core::texts::Texts;
use llm_core::wire::WireBody;
use serde_json::Value;

use super::Guarded;
use super::judging::apply;

impl Guarded {
    /// Has an answer looked at, in the format of the client. Gives it back as the client may have it.
    ///
    /// # Errors
    /// Which guardrail refused, by which rule.
    pub(crate) async fn on_answer(&mut self, body: WireBody) -> Result<WireBody> {
        if !self.looks_at_answers() {
            return Ok(body);
        }
        let bytes = body.joined();
        let mut texts = Texts::of(&bytes, Side::Answer)?;
        let mut changed = BTreeSet::new();
        for guardrail in self.with(|modes| modes.post_call) {
            let found = self.judge(&guardrail, Side::Answer, &texts.pieces).await?;
            apply(&guardrail, Side::Answer, found, &mut texts.pieces, (&mut changed, None))?;
        }
        let hides = !changed.is_empty();
        self.restore(&mut texts.pieces, &mut changed);
        if changed.is_empty() {
            return Ok(body);
        }
        let replaced: Vec<(usize, String)> = changed
            .into_iter()
            .filter_map(|piece| Some((piece, texts.pieces.get(piece)?.text.clone().into_owned())))
            .collect();
        let written = texts.rewrite(&bytes, &replaced);
        Ok(if hides { without_logprobs(written) } else { written }.into())
    }

    pub(super) fn restore(&self, pieces: &mut [Piece<'_>], changed: &mut BTreeSet<usize>) {
        let Some(restorer) = self.masks.restorer() else { return };
        for (number, piece) in pieces.iter_mut().enumerate() {
            // In some formats arguments are a JSON text in a string, in others strings in an object.
            let in_json =
                piece.place == Place::ToolArguments && piece.text.trim_start().starts_with(['{', '[']);
            if let Some(text) = restorer.restore(&piece.text, in_json) {
                piece.text = text.into();
                changed.insert(number);
            }
        }
    }
}

/// Log probabilities spell the answer once more, token by token: what is masked would stand there.
fn without_logprobs(body: Vec<u8>) -> Vec<u8> {
    const NAMES: [&str; 2] = ["logprobs", "logprobsResult"];
    if !NAMES.iter().any(|name| memchr::memmem::find(&body, name.as_bytes()).is_some()) {
        return body;
    }
    fn clear(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(clear),
            Value::Object(members) => {
                for (name, member) in members {
                    if NAMES.contains(&name.as_str()) { *member = Value::Null } else { clear(member) }
                }
            }
            _ => {}
        }
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(&body) else { return body };
    clear(&mut value);
    serde_json::to_vec(&value).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probabilities_are_taken_out_wherever_they_stand() {
        let body = br#"{"choices":[{"text":"a","logprobs":{"content":[{"token":"secret"}]}}],"n":1}"#;
        let cleared = String::from_utf8(without_logprobs(body.to_vec())).expect("JSON");
        assert_eq!(cleared, r#"{"choices":[{"logprobs":null,"text":"a"}],"n":1}"#);
        assert_eq!(without_logprobs(b"{\"n\":1}".to_vec()), b"{\"n\":1}");
    }
}
