//! The row that each call leaves, and the counters that its cost is put into.

use std::time::Duration;

use llm_core::operation::Operation;
use llm_governance::{Charge, Ending, LedgerRow, StoreError};
use llm_metrics::Cost;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::{Outcome, Settlement, Times};
use crate::bill::Bill;
use crate::call_id::new_call_id;

/// What is asked for, in LiteLLM's words.
const CALL_TYPES: [(Operation, &str); 13] = [
    (Operation::Chat, "acompletion"),
    (Operation::CountTokens, "acount_tokens"),
    (Operation::Embeddings, "aembedding"),
    (Operation::Rerank, "arerank"),
    (Operation::Realtime, "_arealtime"),
    (Operation::ImageGeneration, "aimage_generation"),
    (Operation::ImageEdit, "aimage_edit"),
    (Operation::ImageVariation, "aimage_variation"),
    (Operation::Speech, "aspeech"),
    (Operation::Transcription, "atranscription"),
    (Operation::Translation, "atranslation"),
    (Operation::Moderation, "amoderation"),
    (Operation::Relay, "pass_through_endpoint"),
];

impl Settlement {
    /// Writes the row, then puts what the call cost in the place of what was held for it. What survives a crash is the
    /// row: the counters are made from rows again.
    pub(super) fn book(&mut self, outcome: Outcome<'_>, cost: Option<Cost>, times: Times) {
        let Some(bill) = &self.bill else { return };
        let amount = cost.map(|cost| cost.total).unwrap_or_default();
        let (charges, admission) = bill.charges(amount);
        let ledger = bill.governance.ledger();
        let row = (ledger.keeps_rows() || self.books.log.is_some())
            .then(|| self.row(bill, outcome, cost, times, charges));
        if let (Some(row), Some(log)) = (&row, &self.books.log) {
            log.log(self.logged(row.clone(), outcome));
        }
        if let Some(row) = row.filter(|_| ledger.keeps_rows()) {
            match ledger.record(row) {
                Ok(durable) => self.durable = durable.map(Mutex::new),
                Err(error) => {
                    let call_id = self.call.call_id.as_str();
                    let cost_nanodollars = amount.0;
                    tracing::error!(call_id, cost_nanodollars, %error, "a call could not be written to the ledger");
                }
            }
        }
        if let Some(mut admission) = admission {
            admission.settle(amount, self.usage.total().unwrap_or(0));
        }
    }

    fn row(
        &self,
        bill: &Bill,
        outcome: Outcome<'_>,
        cost: Option<Cost>,
        times: Times,
        charges: Vec<Charge>,
    ) -> LedgerRow {
        let (call, caller, asker) = (&self.call, &*bill.caller, &bill.asker);
        let mut metadata = asker.metadata.clone();
        if !call.is_ours {
            metadata.insert("call_id".to_owned(), Value::from(call.call_id.as_str()));
        }
        let mut row = LedgerRow {
            // Whoever names two calls alike does not have one of them for nothing.
            id: if call.is_ours { call.call_id.clone() } else { new_call_id() },
            vendor_id: self.vendor_id.clone(),
            call_type: call_type(call.operation).to_owned(),
            dialect: call.dialect.name().to_owned(),
            key: caller.key,
            key_alias: owned(caller.key_alias()),
            user_id: owned(caller.user_id()).or_else(|| asker.user.clone()),
            team_id: owned(caller.team_id()),
            team_alias: owned(caller.team_alias()),
            organization_id: owned(caller.organization_id()),
            customer: asker.customer.clone(),
            tags: tags(bill),
            session_id: asker.session.clone(),
            ip: asker.address.map(|address| address.to_string()),
            user_agent: asker.user_agent.clone(),
            model: call.model.clone(),
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            fallbacks: u32::try_from(self.fallbacks).unwrap_or(u32::MAX),
            usage: self.usage.counted().map(|(name, count)| (name.to_owned(), Value::from(count))).collect(),
            prompt_tokens: self.usage.prompt_total().unwrap_or(0),
            completion_tokens: self.usage.completion_total().unwrap_or(0),
            estimated: self.usage.estimated,
            cost: cost.map(|cost| cost.total).unwrap_or_default(),
            started: bill.started,
            took_micros: micros(times.total),
            status: outcome.status(),
            ending: ending(outcome),
            error: outcome.error().map(|error| error.kind().name().to_owned()),
            stream: call.stream,
            metadata,
            charges,
            ..LedgerRow::default()
        };
        self.tell_who_answered(&mut row);
        row
    }

    fn tell_who_answered(&self, row: &mut LedgerRow) {
        let Some(answered) = &self.answered else { return };
        let deployment = answered.in_flight.deployment();
        row.model_group.clone_from(&answered.group);
        row.deployment.clone_from(&deployment.id);
        row.upstream_model.clone_from(&deployment.full_name);
        row.provider.clone_from(&deployment.vendor);
        row.api_base.clone_from(&deployment.api_base);
        row.prices = self.prices();
        let first = answered.first_content.saturating_duration_since(self.call.received);
        row.first_content_micros = self.call.stream.then(|| micros(first));
    }

    /// The prices that were used, those of the deployment that answered.
    fn prices(&self) -> Map<String, Value> {
        let Some(entry) = self.entry() else { return Map::new() };
        let rates = entry.price.rates(&self.usage);
        // Whatever a price may be, it is a number that JSON has: a unit of more than 18 million dollars is none.
        let number =
            |rate: llm_core::money::PicoDollars| Value::from(u64::try_from(rate.0).unwrap_or(u64::MAX));
        rates.map(|(name, rate)| (name.to_owned(), number(rate))).collect()
    }
}

/// What happens when a row that was taken may not survive: people must know, the answer is the client's all the same.
pub(crate) fn tell_unsafe(call_id: &str, written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::error!(call_id, %error, "the row of a call may not survive a power failure");
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

/// The tags of the request, then those that its caller always has.
fn tags(bill: &Bill) -> Vec<String> {
    let mut tags = bill.asker.tags.clone();
    for tag in bill.caller.tags() {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

fn call_type(operation: Operation) -> &'static str {
    CALL_TYPES.iter().find(|(known, _)| *known == operation).map_or("", |(_, name)| name)
}

fn ending(outcome: Outcome<'_>) -> Ending {
    match outcome {
        Outcome::Complete => Ending::Complete,
        Outcome::Failed(_) => Ending::Failed,
        Outcome::Cancelled => Ending::Cancelled,
        Outcome::Drained => Ending::Drained,
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
