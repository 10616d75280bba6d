//! How an answer that broke off is gone on with elsewhere: what of it the client has, the request that asks for the
//! rest, and the rest put in its place.

use std::sync::Arc;
use std::time::Instant;

use llm_core::event::{Delta, Event, PartKind};
use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::{ChatRequest, Error, ErrorKind, Message, Part, Role, Usage, tokens};
use llm_router::{Affords, Earlier, Needs, Route, Routed, Trail, Unanswered};

use crate::admit::Paying;
use crate::bill::Bill;
use crate::gateway::State;
use crate::options::CallOptions;

/// How often one answer is gone on with.
const MOST: usize = 3;

/// What the client has of an answer.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    text: String,
    /// The text part that is open.
    open: Option<u32>,
    /// The number of the next part.
    next: u32,
    /// Something that no other model can go on with: a tool call, sound, a second choice, the end.
    is_beyond: bool,
}

impl Delivered {
    /// Takes in an event that the client gets.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::PartStart { choice: 0, part, kind } => {
                self.next = self.next.max(part + 1);
                match kind {
                    PartKind::Text => self.open = Some(*part),
                    PartKind::Reasoning { .. } => {}
                    _ => self.is_beyond = true,
                }
            }
            Event::PartEnd { choice: 0, part } if self.open == Some(*part) => self.open = None,
            Event::Delta { choice: 0, delta: Delta::Text(text), .. } => self.text.push_str(text),
            Event::PartStart { .. }
            | Event::Delta { delta: Delta::Refusal(_), .. }
            | Event::Finish { .. } => {
                self.is_beyond = true;
            }
            _ => {}
        }
    }

    /// The request for the rest: the answer so far is the beginning of the assistant's turn. `None` when nobody could
    /// go on.
    fn rest(&self, request: &ChatRequest) -> Option<ChatRequest> {
        let begun = self.text.trim_end();
        if self.is_beyond || begun.is_empty() || request.sampling.n.is_some_and(|choices| choices > 1) {
            return None;
        }
        let mut rest = request.clone();
        // Vendors refuse a beginning that ends with white space, and one beside thinking.
        rest.messages.push(Message::new(Role::Assistant, vec![Part::text(begun)]));
        rest.reasoning = None;
        if let Some(limit) = &mut rest.max_output_tokens {
            *limit = limit.saturating_sub(tokens::of_text(begun)).max(1);
        }
        Some(rest)
    }
}

/// What is needed to go on with an answer: everything that the call was made from.
pub(crate) struct Recovery {
    pub state: Arc<State>,
    pub inbound: Box<Inbound>,
    pub options: CallOptions,
    pub began: Instant,
    /// Deployments whose answers broke off.
    pub avoid: Vec<String>,
    pub earlier: Earlier,
    pub made: usize,
    /// Who pays, where that is of interest.
    pub bill: Option<Arc<Bill>>,
}

impl Recovery {
    /// Whether the rest of what the client has can be asked for.
    pub(crate) fn rest(&self, delivered: &Delivered) -> Option<Inbound> {
        let request = self.inbound.decoded().ok().filter(|_| self.made < MOST)?;
        Some(self.inbound.with_request(delivered.rest(request)?))
    }

    /// Asks for the rest of an answer: others first, then, if nobody else could be asked, the one that broke off. `spent`
    /// is what the call cost until then: the rest is asked for when there is money for both.
    pub(crate) async fn ask(
        mut self: Box<Self>,
        rest: Inbound,
        spent: NanoDollars,
    ) -> (Box<Self>, Result<Box<Routed>, Box<Unanswered>>) {
        self.made += 1;
        let outcome = self.rest_of(&rest, spent).await;
        (self, outcome)
    }

    async fn rest_of(&self, rest: &Inbound, spent: NanoDollars) -> Result<Box<Routed>, Box<Unanswered>> {
        let bill = self.bill.as_deref();
        let operation = Operation::Chat;
        let paying = bill.map(|bill| Paying { state: &self.state, bill, operation, spent });
        if let Some(paying) = &paying
            && !paying.affords(&self.options.model).await
        {
            return Err(Box::new(Unanswered {
                error: Error::new(
                    ErrorKind::BudgetExceeded,
                    "the budget does not pay for the rest of the answer",
                ),
                attempts: Vec::new(),
                retries: 0,
                fallbacks: self.earlier.fallbacks,
                trail: Trail::default(),
            }));
        }
        let may_use = |model: &str| bill.is_none_or(|bill| self.state.may_use(&bill.caller, model).is_ok());
        let route = |avoid| Route {
            avoid,
            earlier: self.earlier,
            requires: Needs::ASSISTANT_PREFILL,
            may_use: bill.is_some().then_some(&may_use),
            affords: paying.as_ref().map(|paying| paying as &dyn Affords),
            under_way: bill.map(|bill| &bill.purse.under_way),
            public: self.options.public.as_deref(),
            ..Route::new(rest, &self.options.model, true, self.began, &self.options.route)
        };
        let outcome = self.state.router.run(&route(&self.avoid)).await;
        if outcome.as_ref().is_err_and(|unanswered| unanswered.attempts.is_empty()) {
            return self.state.router.run(&route(&[])).await;
        }
        outcome
    }
}

/// Puts the events of the rest in the place of those that never came.
#[derive(Debug)]
pub(crate) struct Splice {
    /// The part that the rest's first text goes on with.
    open: Option<u32>,
    next: u32,
    /// Parts of the rest, and what they are in the answer.
    parts: Vec<(u32, Option<u32>)>,
    /// White space that the client has, and that the rest may begin with again.
    had: String,
    /// What was used before.
    before: Usage,
}

impl Splice {
    /// `before` is what the answer used until it broke off.
    pub(crate) fn new(delivered: &Delivered, before: Usage) -> Self {
        let had = delivered.text.get(delivered.text.trim_end().len()..).unwrap_or_default().to_owned();
        Self { open: delivered.open, next: delivered.next, parts: Vec::new(), had, before }
    }

    /// The event as the client gets it; `None` when it gets none.
    pub(crate) fn put(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Start(_) => None,
            Event::PartStart { choice, part, kind } => {
                let (place, is_new) = self.place(&kind);
                self.parts.push((part, place));
                let part = place.filter(|_| is_new)?;
                Some(Event::PartStart { choice, part, kind })
            }
            Event::Delta { choice, part, delta } => {
                let part = self.part(part)?;
                Some(Event::Delta { choice, part, delta: self.without_repetition(delta)? })
            }
            Event::PartEnd { choice, part } => Some(Event::PartEnd { choice, part: self.part(part)? }),
            Event::Usage(mut usage) => {
                usage.add(&self.before);
                Some(Event::Usage(usage))
            }
            event => Some(event),
        }
    }

    /// The number of a part of the rest in the answer, and whether it opens there. Thinking about the rest is not shown:
    /// the text has begun.
    fn place(&mut self, kind: &PartKind) -> (Option<u32>, bool) {
        match kind {
            PartKind::Reasoning { .. } => (None, false),
            PartKind::Text if self.open.is_some() => (self.open.take(), false),
            _ => {
                self.next += 1;
                (Some(self.next - 1), true)
            }
        }
    }

    fn part(&self, part: u32) -> Option<u32> {
        self.parts.iter().rev().find(|(rest, _)| *rest == part)?.1
    }

    /// A delta without the white space that the client has already; `None` when nothing is left.
    fn without_repetition(&mut self, delta: Delta) -> Option<Delta> {
        let Delta::Text(text) = delta else { return Some(delta) };
        let had = std::mem::take(&mut self.had);
        let same = had.chars().zip(text.chars()).take_while(|(one, other)| one == other);
        let repeated: usize = same.map(|(letter, _)| letter.len_utf8()).sum();
        let (rest, still) = (text.get(repeated..)?, had.get(repeated..)?);
        if rest.is_empty() {
            still.clone_into(&mut self.had);
            return None;
        }
        Some(Delta::Text(rest.to_owned()))
    }
}

#[cfg(test)]
mod tests;
