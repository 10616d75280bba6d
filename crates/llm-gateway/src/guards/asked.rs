//! Guardrails for people: which there are, and what one makes of a text.

use std::collections::BTreeSet;

use llm_core::guard::{Judge, Piece, Place, Side};
use llm_core::provider::BoxFuture;
use llm_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::Value;

use super::judging::apply;
use super::{Guarded, Guardrail, GuardrailTally};
use crate::call_id::new_call_id;
use crate::gateway::Gateway;

/// A guardrail as people see it: LiteLLM's fields, and what it did.
#[derive(Clone, Debug, Serialize)]
pub struct GuardrailInfo {
    /// Its id in the store; those of the configuration have none.
    pub guardrail_id: Option<String>,
    /// Its name.
    pub guardrail_name: String,
    /// How it is set up, without anything that may be a key.
    pub litellm_params: GuardrailParameters,
    /// What its operator says of it.
    pub guardrail_info: Option<Value>,
    /// Where it was written down: `db` or `config`.
    pub guardrail_definition_location: &'static str,
    /// What it did since the gateway started.
    pub counts: GuardrailTally,
}

/// How a guardrail is set up.
#[derive(Clone, Debug, Serialize)]
pub struct GuardrailParameters {
    /// Which kind of judge it is.
    pub guardrail: String,
    /// When it looks.
    pub mode: Vec<&'static str>,
    /// Every call passes it.
    pub default_on: bool,
}

impl Gateway {
    /// All guardrails, in their order.
    pub fn guardrails(&self) -> Vec<GuardrailInfo> {
        self.state().guardrails.0.iter().map(|guardrail| info(guardrail)).collect()
    }

    /// What a guardrail makes of a text: the text as it would go on.
    ///
    /// # Errors
    /// When there is no such guardrail, it could not judge, or it would refuse the call.
    pub fn apply_guardrail<'a>(
        &'a self,
        name: &'a str,
        text: &'a str,
        side: Side,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let state = self.state();
            let guardrails = &state.guardrails;
            let Some(guardrail) = guardrails.named(name) else {
                let error = guardrails.unknown(name, "the request");
                return Err(Error::new(ErrorKind::NotFound, error.message().to_owned()));
            };
            let place = if side == Side::Request { Place::User } else { Place::Assistant };
            let mut pieces = [Piece { text: text.into(), place }];
            let mut guarded = Guarded::trying(new_call_id());
            guarded.asks_for_nobody(&state);
            let found = guarded.judge(guardrail, side, &pieces).await?;
            apply(guardrail, side, found, &mut pieces, (&mut BTreeSet::new(), None))?;
            let [piece] = pieces;
            Ok(piece.text.into_owned())
        })
    }
}

fn info(guardrail: &Guardrail) -> GuardrailInfo {
    let mode = guardrail.modes.names();
    let kind = match (&guardrail.judge, guardrail.kind.as_str()) {
        (Judge::Scanner(_), "") => "scanner",
        (Judge::Inspector(_), "") => "inspector",
        (_, kind) => kind,
    };
    GuardrailInfo {
        guardrail_id: guardrail.stored.clone(),
        guardrail_name: guardrail.name.clone(),
        litellm_params: GuardrailParameters {
            guardrail: kind.to_owned(),
            mode,
            default_on: guardrail.default_on,
        },
        guardrail_info: guardrail.about.clone(),
        guardrail_definition_location: if guardrail.stored.is_some() { "db" } else { "config" },
        counts: guardrail.tally(),
    }
}
