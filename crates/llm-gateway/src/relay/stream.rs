//! A vendor's answer that passes, with the account of its call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use llm_core::provider::NativeStream;
use llm_core::{Error, Result};
use llm_governance::Durable;

use crate::delivered::Passed;
use crate::settlement::{Outcome, Settlement, tell_unsafe};

/// A vendor's answer as it comes. An error means that it broke off: the client's connection must break off too, so that
/// no half of an answer looks whole. Dropping it cancels the vendor's work and settles what was used.
pub struct RelayStream {
    /// What came already.
    held: VecDeque<Bytes>,
    body: Pin<Box<dyn NativeStream>>,
    /// What the vendor's status means.
    refusal: Option<Error>,
    settlement: Settlement,
    /// What went by, for an estimate when usage never comes.
    passed: Passed,
    last: Bytes,
    settled: bool,
    done: bool,
    /// The end waits until the row of the call is safe.
    durable: Option<Durable>,
}

impl RelayStream {
    pub(super) fn new(
        held: VecDeque<Bytes>,
        body: Pin<Box<dyn NativeStream>>,
        refusal: Option<Error>,
        settlement: Settlement,
    ) -> Self {
        let (passed, last) = (Passed::default(), Bytes::new());
        Self { held, body, refusal, settlement, passed, last, settled: false, done: false, durable: None }
    }

    fn settle(&mut self, outcome: Outcome<'_>) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        let seen = self.body.seen();
        let is_counted = seen.usage.total().is_some() && (seen.ended || seen.finish.is_some());
        // What is not known to be an answer of a model is not counted as one.
        let is_answer = seen.content && !is_counted;
        let delivered = if is_answer { self.passed.tokens(&self.last) } else { 0 };
        self.settlement.streamed(seen.usage, delivered, is_counted);
        self.settlement.finished(seen.finish.clone());
        self.settlement.settle(outcome);
    }
}

impl Stream for RelayStream {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let this = self.get_mut();
        if this.done {
            return Poll::Ready(None);
        }
        if !this.settled {
            let next = match this.held.pop_front() {
                Some(held) => Some(Ok(held)),
                None => ready!(this.body.as_mut().poll_bytes(context)),
            };
            match &next {
                Some(Ok(bytes)) => {
                    if this.last.is_empty() {
                        this.passed.begins_with(bytes);
                    }
                    this.passed.note(bytes, b"\n\n");
                    this.last.clone_from(bytes);
                    return Poll::Ready(next);
                }
                Some(Err(error)) => {
                    this.settle(Outcome::Failed(error));
                    this.done = true;
                    return Poll::Ready(next);
                }
                None => {
                    let failed = this.refusal.clone().or_else(|| this.body.seen().error.clone());
                    this.settle(failed.as_ref().map_or(Outcome::Complete, Outcome::Failed));
                    this.durable = this.settlement.durable();
                }
            }
        }
        if let Some(durable) = &mut this.durable {
            tell_unsafe(&this.settlement.call().call_id, ready!(durable.as_mut().poll(context)));
        }
        this.done = true;
        Poll::Ready(None)
    }
}

impl Drop for RelayStream {
    fn drop(&mut self) {
        // Clients of streams hang up when they have read the terminator.
        let whole = self.refusal.is_none() && self.body.seen().ended;
        self.settle(if whole { Outcome::Complete } else { Outcome::Cancelled });
    }
}
