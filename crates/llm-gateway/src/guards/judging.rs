//! Guardrails at work: what judges find in the texts of a call, and what is done about it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use llm_core::guard::{Action, Finding, Found, Inspection, Judge, Piece, Place, Side};
use llm_core::order;
use llm_core::provider::Inbound;
use llm_core::{Error, ErrorKind, Result};

use super::pieces::Pieces;
use super::{Guarded, Guardrail, Masks, OnError, note};
use crate::settlement::CallFacts;

impl Guarded {
    /// Has the request looked at before the vendor gets it. Gives it back, masked where something was to be masked.
    ///
    /// # Errors
    /// Which guardrail refused, by which rule.
    pub(crate) async fn on_request(
        &mut self,
        inbound: Box<Inbound>,
        call: &mut CallFacts,
    ) -> Result<Box<Inbound>> {
        let guardrails = self.with(|modes| modes.pre_call);
        if guardrails.is_empty() {
            return Ok(inbound);
        }
        let mut pieces = Pieces::of(&inbound)?;
        let mut changed = BTreeSet::new();
        for guardrail in &guardrails {
            note(guardrail, call);
            let found = self.judge(guardrail, Side::Request, pieces.all()).await?;
            let masks = guardrail.restores.then_some(&mut self.masks);
            apply(guardrail, Side::Request, found, pieces.all(), (&mut changed, masks))?;
        }
        if changed.is_empty() {
            return Ok(inbound);
        }
        let texts: Vec<(usize, String)> = changed
            .into_iter()
            .filter_map(|piece| Some((piece, pieces.all().get(piece)?.text.clone().into_owned())))
            .collect();
        pieces.rewrite(&inbound, &texts)
    }

    /// Has the request looked at while the vendor works. Nothing can be masked any more.
    ///
    /// # Errors
    /// Which guardrail refused, by which rule.
    pub(crate) async fn beside_call(&self, inbound: &Inbound) -> Result<()> {
        let mut pieces = Pieces::of(inbound)?;
        for guardrail in self.with(|modes| modes.during_call) {
            let found = self.judge(&guardrail, Side::Request, pieces.all()).await?;
            for Found { finding, .. } in found {
                let action = if finding.action == Action::Mask { Action::Flag } else { finding.action };
                decide(&guardrail, Side::Request, &finding, action)?;
            }
        }
        Ok(())
    }

    /// Whether anything looks at the request while the vendor works.
    pub(crate) fn looks_beside(&self, call: &mut CallFacts) -> bool {
        let guardrails = self.with(|modes| modes.during_call);
        guardrails.iter().for_each(|guardrail| note(guardrail, call));
        !guardrails.is_empty()
    }

    /// What a guardrail finds in texts.
    pub(super) async fn judge(
        &self,
        guardrail: &Arc<Guardrail>,
        side: Side,
        pieces: &[Piece<'_>],
    ) -> Result<Vec<Found>> {
        guardrail.counts.checked.inc();
        match &guardrail.judge {
            Judge::Scanner(_) => {
                let found = scan(guardrail, pieces);
                let is_refused = found.iter().any(|found| found.finding.action == Action::Block);
                if side == Side::Answer || guardrail.model.is_none() || is_refused {
                    return Ok(found);
                }
                let more = match self.ask_model(guardrail, pieces).await {
                    Ok(more) => more.into_iter().collect(),
                    Err(error) => failed(guardrail, &error)?,
                };
                Ok([found, more].concat())
            }
            Judge::Inspector(inspector) => {
                let (numbers, shown): (Vec<usize>, Vec<Piece<'_>>) = pieces
                    .iter()
                    .enumerate()
                    .filter(|(_, piece)| looks_at(guardrail, piece.place))
                    .map(|(number, piece)| (number, piece.clone()))
                    .unzip();
                let inspection = Inspection {
                    side,
                    pieces: &shown,
                    call_id: &self.whose.call_id,
                    model: &self.whose.model,
                    asker: &self.whose.asker,
                };
                let found = match inspector.inspect(inspection).await {
                    Ok(found) => found,
                    Err(error) => return failed(guardrail, &error),
                };
                let renumbered = |Found { piece, finding }| {
                    numbers.get(piece).map(|number| Found { piece: *number, finding })
                };
                Ok(found.into_iter().filter_map(renumbered).collect())
            }
        }
    }
}

fn looks_at(guardrail: &Guardrail, place: Place) -> bool {
    guardrail.places.as_ref().is_none_or(|places| places.contains(&place))
}

/// What a judge finds that needs nothing but the texts.
pub(super) fn scan(guardrail: &Guardrail, pieces: &[Piece<'_>]) -> Vec<Found> {
    let Judge::Scanner(scanner) = &guardrail.judge else { return Vec::new() };
    let (mut all, mut found) = (Vec::new(), Vec::new());
    let looks = |piece: &Piece<'_>| looks_at(guardrail, piece.place) && scanner.looks_at(piece.place);
    for (number, piece) in pieces.iter().enumerate().filter(|(_, piece)| looks(piece)) {
        scanner.scan(piece, &mut found);
        all.extend(found.drain(..).map(|finding| Found { piece: number, finding }));
    }
    all
}

/// A judge could not be asked.
fn failed(guardrail: &Guardrail, error: &Error) -> Result<Vec<Found>> {
    guardrail.counts.failed.inc();
    let (name, kind) = (guardrail.name.as_str(), error.kind().name());
    tracing::warn!(target: "llm_gateway::guardrails", guardrail = name, error = kind, "a guardrail could not judge");
    match guardrail.on_error {
        OnError::Pass => Ok(Vec::new()),
        OnError::Refuse => Err(Error::new(
            ErrorKind::Overloaded,
            format!(
                "the guardrail `{name}` could not judge this call, so it was not let through: try again later"
            ),
        )
        .with_type("guardrail_failed")
        .with_detail(error.to_string())),
    }
}

/// Counts a finding, and refuses the call where it is to be refused.
pub(super) fn decide(guardrail: &Guardrail, side: Side, finding: &Finding, action: Action) -> Result<Action> {
    let action = if guardrail.only_flags { Action::Flag } else { action };
    guardrail.found(finding, action, side);
    let (name, rule) = (guardrail.name.as_str(), &*finding.rule);
    match action {
        Action::Block => {
            let what = match side {
                Side::Request => "the request",
                Side::Answer => "the answer",
            };
            let message = format!("{what} was blocked by the guardrail `{name}`: rule `{rule}`");
            Err(Error::new(ErrorKind::ContentFilter, message).with_type("guardrail_violation"))
        }
        Action::Flag => {
            tracing::info!(target: "llm_gateway::guardrails", guardrail = name, rule, "flagged");
            Ok(action)
        }
        Action::Mask => Ok(action),
    }
}

/// Does what is to be done about what was found: masks, or refuses. Numbers of texts that changed are noted.
///
/// # Errors
/// Which guardrail refused, by which rule.
pub(super) fn apply(
    guardrail: &Guardrail,
    side: Side,
    mut found: Vec<Found>,
    pieces: &mut [Piece<'_>],
    (changed, mut masks): (&mut BTreeSet<usize>, Option<&mut Masks>),
) -> Result<()> {
    // From the end of each text, so that what is before stays where it was found.
    order::sort_by(&mut found, |one, other| {
        (one.piece, other.finding.range.start).cmp(&(other.piece, one.finding.range.start))
    });
    for Found { piece: number, finding } in found {
        let Some(piece) = pieces.get_mut(number) else { continue };
        // A vendor's thinking comes back to it signed: changed, it would be refused.
        let is_signed = piece.place == Place::Reasoning && side == Side::Request;
        let action = if is_signed && finding.action == Action::Mask { Action::Flag } else { finding.action };
        if decide(guardrail, side, &finding, action)? == Action::Mask
            && let Some(text) = masked(&piece.text, &finding, masks.as_deref_mut())
        {
            piece.text = Cow::Owned(text);
            changed.insert(number);
        }
    }
    Ok(())
}

/// A text with a passage replaced; `None`: the finding is not of this text.
pub(super) fn masked(text: &str, finding: &Finding, masks: Option<&mut Masks>) -> Option<String> {
    let passage = text.get(finding.range.clone())?;
    let replacement = match masks {
        Some(masks) => masks.hide(passage, &finding.replacement),
        None => finding.replacement.clone().into_owned(),
    };
    let (before, after) = (text.get(..finding.range.start)?, text.get(finding.range.end..)?);
    Some([before, &replacement, after].concat())
}
