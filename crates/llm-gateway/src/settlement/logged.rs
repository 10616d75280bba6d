//! What those are told who take note of calls.

use std::sync::Arc;

use bytes::Bytes;
use llm_core::provider::Inbound;
use llm_governance::LedgerRow;

use super::log::reason;
use super::{Outcome, Prompt, Settlement};
use crate::call_log::{CallContent, LoggedCall, LoggedError};
use crate::guards::LogGuards;
use crate::hooks::Hooked;

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
        LoggedCall { call_id: self.call.call_id.clone(), trace, row, error, content }
    }
}
