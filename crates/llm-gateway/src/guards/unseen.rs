//! Guardrails where a call is not read through its dialect: requests that pass to a vendor as they are, conversations over a
//! WebSocket, transcripts. What must be looked at and cannot be is refused, unless the guardrail says otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use llm_core::guard::{Piece, Place, Side};
use llm_core::operation::Operation;
use llm_core::texts::Texts;
use llm_core::wire::WireBody;
use llm_core::{Error, ErrorKind, Result};
use llm_governance::Principal;
use serde_json::Value;

use super::judging::apply;
use super::{Guarded, Guardrail, Guardrails, Unseen, asker, note};
use crate::gateway::State;
use crate::settlement::Settlement;

/// Members of a transcript that spell it once more, piece by piece.
const SPELLED: [&str; 3] = ["segments", "words", "logprobs"];

impl Guardrails {
    /// Whether somebody may have a conversation that nobody can look into.
    ///
    /// # Errors
    /// Which guardrail had to look.
    pub(crate) fn may_converse(&self, caller: Option<&Principal>) -> Result<()> {
        let looks = |guardrail: &Guardrail| {
            let modes = guardrail.modes;
            modes.pre_call || modes.during_call || modes.post_call
        };
        refuse(&self.that_must_hold(caller)?, looks, "a conversation over a WebSocket")
    }

    /// Has a request looked at that passes to a vendor as it is. Gives its body back, masked where something was to be
    /// masked. `json`: the whole body, when it is JSON; `is_empty`: there is none.
    ///
    /// # Errors
    /// Which guardrail refused, by which rule, or which one had to look and cannot.
    pub(crate) async fn on_relay(
        &self,
        state: &Arc<State>,
        (json, is_empty): (Option<&Bytes>, bool),
        caller: Option<&Principal>,
        settlement: &mut Settlement,
    ) -> Result<Option<Bytes>> {
        let selected = self.that_must_hold(caller)?;
        refuse(&selected, |guardrail| guardrail.modes.post_call, "the answer of a vendor's own API")?;
        let looks = |guardrail: &Guardrail| guardrail.modes.pre_call || guardrail.modes.during_call;
        let Some(body) = json else {
            if !is_empty {
                refuse(&selected, looks, "a body that is no JSON, or longer than is read")?;
            }
            return Ok(None);
        };
        let guardrails: Vec<_> = selected.into_iter().filter(|one| looks(one)).collect();
        if guardrails.is_empty() {
            return Ok(None);
        }
        let mut guarded = Guarded::new(&guardrails, asker(caller), settlement.call());
        guarded.may_ask(state, settlement);
        let mut texts = Texts::of(body, Side::Request)?;
        let mut changed = BTreeSet::new();
        for guardrail in &guarded.with(|_| true) {
            note(guardrail, settlement.call_mut());
            let found = guarded.judge(guardrail, Side::Request, &texts.pieces).await?;
            // Nothing is put back into the answer, so no mask is numbered.
            apply(guardrail, Side::Request, found, &mut texts.pieces, (&mut changed, None))?;
        }
        Ok((!changed.is_empty()).then(|| texts.rewrite(body, &replaced(&texts.pieces, changed)).into()))
    }
}

impl Guarded {
    /// Whether an answer of this kind can be looked at as a stream.
    ///
    /// # Errors
    /// When it must be looked at, and cannot be while it grows.
    pub(crate) fn may_stream(&self, operation: Operation) -> Result<()> {
        let looks = self.looks_at_answers() && operation.is_heard();
        if !looks {
            return Ok(());
        }
        let message = "guardrails look at this transcript when it is whole: ask for it without `stream`";
        Err(Error::invalid(message).with_param("stream").with_type("guardrail_violation"))
    }

    /// Has a transcript looked at: JSON with a `text`, or plain words and subtitles.
    ///
    /// # Errors
    /// Which guardrail refused, by which rule.
    pub(crate) async fn on_transcript(&mut self, body: WireBody) -> Result<WireBody> {
        if !self.looks_at_answers() {
            return Ok(body);
        }
        let bytes = body.joined();
        let json = serde_json::from_slice::<Value>(&bytes).ok().filter(Value::is_object);
        let said = match &json {
            Some(json) => json.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
            None => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let mut pieces = [Piece { text: said.as_str().into(), place: Place::Assistant }];
        let mut changed = BTreeSet::new();
        for guardrail in self.with(|modes| modes.post_call) {
            let found = self.judge(&guardrail, Side::Answer, &pieces).await?;
            apply(&guardrail, Side::Answer, found, &mut pieces, (&mut changed, None))?;
        }
        let hides = !changed.is_empty();
        self.restore(&mut pieces, &mut changed);
        if changed.is_empty() {
            return Ok(body);
        }
        let [piece] = pieces;
        let text = piece.text.into_owned();
        let Some(mut json) = json else { return Ok(Bytes::from(text).into()) };
        json["text"] = text.into();
        if let Some(members) = json.as_object_mut().filter(|_| hides) {
            SPELLED.iter().for_each(|name| drop(members.remove(*name)));
        }
        serde_json::to_vec(&json)
            .map(|written| Bytes::from(written).into())
            .map_err(|_| Error::internal("a transcript that was masked is no JSON any more"))
    }
}

/// Texts that changed, by their numbers.
fn replaced(pieces: &[Piece<'_>], changed: BTreeSet<usize>) -> Vec<(usize, String)> {
    let text = |piece: usize| Some((piece, pieces.get(piece)?.text.clone().into_owned()));
    changed.into_iter().filter_map(text).collect()
}

/// # Errors
/// The first guardrail that would have to look, and does not let pass what it cannot see.
fn refuse(guardrails: &[Arc<Guardrail>], looks: impl Fn(&Guardrail) -> bool, at: &str) -> Result<()> {
    let blind = guardrails.iter().find(|one| looks(one) && one.unseen == Unseen::Refuse);
    let Some(guardrail) = blind else { return Ok(()) };
    guardrail.counts.blocked.inc();
    let message = format!(
        "the guardrail `{}` must look at this call and cannot look at {at}: ask in a format that the gateway reads, or its \
         operator sets `unseen: pass` for this guardrail",
        guardrail.name
    );
    Err(Error::new(ErrorKind::ContentFilter, message).with_type("guardrail_unseen"))
}
