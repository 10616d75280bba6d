//! What those are told who take note of calls.

use std::sync::Arc;

use bytes::Bytes;
use llm_core::provider::Inbound;
use llm_governance::principal::Metadata;
use llm_governance::{LedgerRow, Principal, Scope};
use serde_json::Value;

use super::log::reason;
use super::{Outcome, Prompt, Settlement};
use crate::call_log::{CallContent, LoggedCall, LoggedError};
use crate::guards::LogGuards;
use crate::hooks::Hooked;

/// Who is told of a caller's calls: as its key says, else its team.
pub(super) fn told_besides(caller: &Principal) -> Vec<Value> {
    let list = |metadata: &Metadata| metadata.get("logging").and_then(Value::as_array).cloned();
    let of_team = || caller.account(Scope::Team).and_then(|team| list(&team.terms.metadata));
    let of_key = list(caller.metadata()).filter(|list| !list.is_empty());
    of_key.or_else(of_team).unwrap_or_default()
}

impl Settlement {
    /// The call was shown to hooks.
    pub(crate) fn is_hooked(&mut self, hooked: Arc<Hooked>) {
        self.hooked = Some(hooked);
    }

    /// Hooks that the call was shown to.
    pub(crate) fn hooked(&self) -> Option<&Arc<Hooked>> {
        self.hooked.as_ref()
    }

    /// These look at what is written down of the call.
    pub(crate) fn logs_through(&mut self, guards: LogGuards) {
        self.log_guards = guards;
    }

    /// This is asked.
    pub(crate) fn asks_for(&mut self, inbound: &Inbound) {
        if inbound.form.is_some() {
            return;
        }
        self.call.prompt = Prompt::Body(inbound.body.clone());
        if let Some(content) = &mut self.content {
            *content = CallContent::of(&inbound.body);
        }
    }

    /// The client gets this.
    pub(crate) fn says(&mut self, pieces: &[Bytes]) {
        if let Some(content) = &mut self.content {
            content.is_stream |= self.call.stream;
            pieces.iter().for_each(|piece| content.push(piece));
        }
    }

    pub(super) fn logged(&self, row: LedgerRow, outcome: Outcome<'_>) -> LoggedCall {
        let error = outcome.error().map(|error| LoggedError {
            kind: error.kind().name(),
            status: error.status(),
            message: match self.asked && self.content.is_none() {
                true => reason(error).map(str::to_owned),
                false => Some(error.message().to_owned()),
            },
        });
        let content = self.content.as_ref().map(|content| Box::new(self.log_guards.may_be_written(content)));
        let trace = self.bill.as_ref().and_then(|bill| bill.asker.trace.clone());
        LoggedCall { call_id: self.call.call_id.clone(), trace, also: Vec::new(), row, error, content }
    }
}
