//! The row that each call leaves, and the counters that its cost is put into.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use llm_core::operation::Operation;
use llm_governance::{Admission, Amounts, ChargeRef, Durable, Ending, Ledger, RowRef, StoreError};
use llm_metrics::Cost;
use llm_router::Deployment;
use parking_lot::Mutex;
use serde_json::Value;
use smallvec::SmallVec;

use super::{Outcome, Settlement, Times};
use crate::bill::Bill;
use crate::call_id::new_call_id;
use crate::call_log::LoggedCall;
use crate::settlement::logged::told_besides;

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
        let mut admission = bill.admission();
        let ledger = bill.governance.ledger();
        if ledger.keeps_rows() || self.books.log.is_some() {
            let durable = self.write(bill, &**ledger, outcome, cost, (times, admission.as_ref()));
            self.durable = durable.map(Mutex::new);
        }
        if let Some(admission) = &mut admission {
            // What was kept takes nothing from anybody's tokens.
            let used = if self.hit_by().is_some() { 0 } else { self.usage.total().unwrap_or(0) };
            admission.settle(amount, used);
        }
    }

    /// Writes the row where rows go.
    fn write(
        &self,
        bill: &Bill,
        ledger: &dyn Ledger,
        outcome: Outcome<'_>,
        cost: Option<Cost>,
        (times, admission): (Times, Option<&Admission>),
    ) -> Option<Durable> {
        let amount = cost.map(|cost| cost.total).unwrap_or_default();
        let ip = bill.asker.address.map(Address::of);
        // Whoever names two calls alike does not have one of them for nothing.
        let other_id = (!self.call.is_ours).then(new_call_id);
        let charges = match &admission {
            Some(admission) => admission.charges(amount),
            None => SmallVec::new(),
        };
        let row = RowRef {
            id: other_id.as_deref().unwrap_or(&self.call.call_id),
            ip: ip.as_ref().map(Address::text),
            metadata: self.metadata(bill),
            cost: amount,
            ..self.row(bill, outcome, times, charges)
        };
        if let Some(log) = &self.books.log {
            let also = told_besides(&bill.caller);
            if log.is_for_all() || !also.is_empty() {
                log.log(LoggedCall { also, ..self.logged(row.to_row(), outcome) });
            }
        }
        if !ledger.keeps_rows() {
            return None;
        }
        let written = ledger.record(&row);
        written.unwrap_or_else(|error| {
            let call_id = self.call.call_id.as_str();
            let cost_nanodollars = amount.0;
            tracing::error!(call_id, cost_nanodollars, %error, "a call could not be written to the ledger");
            None
        })
    }

    /// What stands in the row that is somebody's who outlives it.
    fn row<'a>(
        &'a self,
        bill: &'a Bill,
        outcome: Outcome<'a>,
        times: Times,
        charges: SmallVec<[ChargeRef<'a>; 4]>,
    ) -> RowRef<'a> {
        let (call, caller, asker) = (&self.call, &*bill.caller, &bill.asker);
        let mut row = RowRef {
            vendor_id: self.vendor_id.as_deref(),
            call_type: call_type(call.operation),
            dialect: call.dialect.name(),
            key: caller.key(),
            key_alias: caller.key_alias(),
            user_id: caller.user_id().or(asker.user.as_deref()),
            team_id: caller.team_id(),
            team_alias: caller.team_alias(),
            organization_id: caller.organization_id(),
            customer: asker.customer.as_deref(),
            tags: tags(bill),
            session_id: asker.session.as_deref(),
            user_agent: asker.user_agent.as_deref(),
            model: &call.model,
            attempts: u32::try_from(self.attempts).unwrap_or(u32::MAX),
            fallbacks: u32::try_from(self.fallbacks).unwrap_or(u32::MAX),
            usage: counts(self.usage.counted()),
            prompt_tokens: self.usage.prompt_total().unwrap_or(0),
            completion_tokens: self.usage.completion_total().unwrap_or(0),
            estimated: self.usage.estimated,
            started: bill.started,
            took_micros: micros(times.total),
            status: outcome.status(),
            ending: ending(outcome),
            error: outcome.error().map(|error| error.kind().name()),
            stream: call.stream,
            cache_hit: self.hit_by().is_some(),
            charges,
            trail: self.trail(),
            ..RowRef::default()
        };
        self.tell_who_answered(&mut row);
        row
    }

    /// The way of the call as JSON, with who gave the answer at its end.
    fn trail(&self) -> Cow<'_, str> {
        let answered = self.answered.as_ref().map(|answered| {
            let took = answered.first_content.saturating_duration_since(answered.attempt_began);
            (answered.in_flight.deployment().id.as_str(), took)
        });
        self.way.json(answered)
    }

    /// What the request says for the administrator, as JSON; the id that a client gave its call is ours to find it by.
    fn metadata(&self, bill: &Bill) -> Cow<'_, str> {
        let metadata = &bill.asker.metadata;
        if metadata.is_empty() && self.call.is_ours {
            return Cow::Borrowed("");
        }
        let mut metadata = metadata.clone();
        if !self.call.is_ours {
            metadata.insert("call_id".to_owned(), Value::from(self.call.call_id.as_str()));
        }
        Cow::Owned(serde_json::to_string(&metadata).unwrap_or_default())
    }

    fn tell_who_answered<'a>(&'a self, row: &mut RowRef<'a>) {
        if let Some(hit) = self.hit_by() {
            row.model_group = &hit.group;
            if let Some(deployment) = &hit.deployment {
                name(row, deployment);
            }
        }
        let Some(answered) = &self.answered else {
            // Whoever asks what fails of a model finds calls that nobody answered, too.
            if let Some(group) = self.way.group().filter(|_| row.model_group.is_empty()) {
                row.model_group = group;
            }
            return;
        };
        row.model_group = &answered.group;
        name(row, answered.in_flight.deployment());
        row.prices = self.prices();
        let first = answered.first_content.saturating_duration_since(self.call.received);
        row.first_content_micros = self.call.stream.then(|| micros(first));
    }

    /// The prices that were used, those of the deployment that answered.
    fn prices(&self) -> Amounts<'_> {
        let Some(entry) = self.entry() else { return Amounts::default() };
        // Whatever a price may be, it is a number that JSON has: a unit of more than 18 million dollars is none.
        let number = |rate: llm_core::money::PicoDollars| u64::try_from(rate.0).unwrap_or(u64::MAX);
        let rates = entry.price.rates(&self.usage);
        counts(rates.map(|(name, rate)| (name, number(rate))))
    }
}

fn counts<'a>(counted: impl Iterator<Item = (&'static str, u64)>) -> Amounts<'a> {
    // A list of names that live for ever is none of names that live shorter.
    let shorter = |(name, count)| -> (&'a str, u64) { (name, count) };
    Amounts::Counts(counted.map(shorter).collect())
}

fn name<'a>(row: &mut RowRef<'a>, deployment: &'a Deployment) {
    row.deployment = &deployment.id;
    row.upstream_model = &deployment.full_name;
    row.provider = &deployment.vendor;
    row.api_base = &deployment.api_base;
}

/// An address as text, in a place of its own.
struct Address {
    text: [u8; LONGEST_ADDRESS],
    length: usize,
}

/// No address takes more letters.
const LONGEST_ADDRESS: usize = 48;

impl Address {
    fn of(address: IpAddr) -> Self {
        use std::io::Write;

        let mut text = [0; LONGEST_ADDRESS];
        let mut rest = &mut text[..];
        // There is room for every address.
        let _ = match address {
            IpAddr::V4(address) => v4(&mut rest, address.octets()),
            IpAddr::V6(address) => write!(rest, "{address}"),
        };
        let length = LONGEST_ADDRESS - rest.len();
        Self { text, length }
    }

    fn text(&self) -> &str {
        self.text.get(..self.length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

/// Most addresses: the formatter takes ten times as long.
fn v4(mut to: impl std::io::Write, octets: [u8; 4]) -> std::io::Result<()> {
    let mut number = itoa::Buffer::new();
    for (place, octet) in octets.into_iter().enumerate() {
        if place > 0 {
            to.write_all(b".")?;
        }
        to.write_all(number.format(octet).as_bytes())?;
    }
    Ok(())
}

/// What happens when a row that was taken may not survive: people must know, the answer is the client's all the same.
pub(crate) fn tell_unsafe(call_id: &str, written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::error!(call_id, %error, "the row of a call may not survive a power failure");
    }
}

/// The tags of the request, then those that its caller always has.
fn tags(bill: &Bill) -> SmallVec<[&str; 4]> {
    let mut tags: SmallVec<[&str; 4]> = bill.asker.tags.iter().map(String::as_str).collect();
    for tag in bill.caller.tags() {
        if !tags.contains(&tag) {
            tags.push(tag);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everywhere() {
        let longest = "1111:2222:3333:4444:5555:6666:7777:8888";
        for text in ["10.0.0.1", "255.255.255.255", "0.0.0.0", "::1", "::ffff:255.255.255.255", longest] {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(Address::of(address).text(), text);
        }
    }
}
