//! The line that each call leaves in the log.

use llm_core::{Error, ErrorKind};
use llm_metrics::Cost;

use super::{Outcome, Settlement, Times, milliseconds};

impl Settlement {
    /// One line for each call: who asked, who answered, what it used and how long it took; no prompt, answer or key.
    pub(super) fn log(&self, outcome: Outcome<'_>, cost: Option<Cost>, times: Times) {
        if !tracing::enabled!(target: "llm_gateway::call", tracing::Level::INFO) {
            return;
        }
        let answered = self.answered.as_ref();
        let caller = self.bill.as_ref().map(|bill| &*bill.caller);
        let error = outcome.error();
        tracing::info!(
            target: "llm_gateway::call",
            call_id = self.call.call_id.as_str(),
            route = self.books.route_label(self.call.route),
            dialect = self.call.dialect.name(),
            key = caller.and_then(|caller| caller.key_alias().or(caller.key_name.as_deref())),
            team = caller.and_then(|caller| caller.team_alias().or(caller.team_id())),
            model = self.call.model.as_str(),
            deployment = answered.map(|answered| answered.in_flight.deployment().id.as_str()),
            upstream_model = answered.map(|answered| answered.in_flight.deployment().full_name.as_str()),
            status = outcome.status(),
            stream = self.call.stream,
            cache_hit = self.hit_by().map(|_| true),
            messages = self.call.messages,
            input_tokens = self.usage.prompt_total(),
            cached_tokens = self.usage.cache_read,
            output_tokens = self.usage.completion_total(),
            reasoning_tokens = self.usage.reasoning,
            estimated = self.usage.estimated.then_some(true),
            cost_nanodollars = cost.map(|cost| cost.total.0),
            milliseconds = milliseconds(times.total),
            upstream_milliseconds = answered.map(|_| milliseconds(times.upstream)),
            first_token_milliseconds = answered.filter(|_| self.call.stream).map(|answered| {
                milliseconds(answered.first_content.saturating_duration_since(self.call.received))
            }),
            attempts = answered.map(|_| self.attempts),
            fallbacks = answered.map(|_| self.fallbacks),
            dropped = answered.map(|answered| answered.dropped).filter(|dropped| *dropped > 0),
            finish = self.finish.as_ref().map(tracing::field::debug),
            error = error.map(|error| error.kind().name()),
            reason = error.and_then(|error| if self.asked { reason(error) } else { Some(error.message()) }),
            detail = error.and_then(Error::detail),
            "{}",
            match outcome {
                Outcome::Complete => "answered",
                Outcome::Failed(_) => "failed",
                Outcome::Cancelled => "cancelled",
                Outcome::Drained => "drained",
            },
        );
    }
}

/// What an error says, for logs. What a vendor says of a request may quote it, so those words are left to [`quote`].
pub(super) fn reason(error: &Error) -> Option<&str> {
    let of_the_request = matches!(
        error.kind(),
        ErrorKind::InvalidRequest
            | ErrorKind::Unsupported
            | ErrorKind::PayloadTooLarge
            | ErrorKind::ContextLength
            | ErrorKind::ContentFilter
    );
    (!of_the_request).then(|| error.message())
}

/// What a vendor says of the request itself: for operators who ask for it, as it may be the prompt.
pub(super) fn quote(call_id: &str, error: &Error) {
    if reason(error).is_none() {
        tracing::debug!(target: "llm_gateway::quoted", call_id, reason = error.message(), "the vendor says");
    }
}
