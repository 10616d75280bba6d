//! A vendor's answer that passes, with the account of its call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use llm_core::provider::NativeStream;
use llm_core::{Error, Result};

use crate::settlement::{Outcome, Settlement};

/// A vendor's answer as it comes. An error means that it broke off: the client's connection must break off too, so that
/// no half of an answer looks whole. Dropping it cancels the vendor's work and settles what was used.
pub struct RelayStream {
    /// What came already.
    held: VecDeque<Bytes>,
    body: Pin<Box<dyn NativeStream>>,
    /// What the vendor's status means.
    refusal: Option<Error>,
    settlement: Settlement,
    done: bool,
}

impl RelayStream {
    pub(super) fn new(
        held: VecDeque<Bytes>,
        body: Pin<Box<dyn NativeStream>>,
        refusal: Option<Error>,
        settlement: Settlement,
    ) -> Self {
        Self { held, body, refusal, settlement, done: false }
    }

    fn settle(&mut self, outcome: Outcome<'_>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        let seen = self.body.seen();
        self.settlement.used(seen.usage);
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
        if let Some(held) = this.held.pop_front() {
            return Poll::Ready(Some(Ok(held)));
        }
        let next = ready!(this.body.as_mut().poll_bytes(context));
        match &next {
            Some(Ok(_)) => {}
            Some(Err(error)) => this.settle(Outcome::Failed(error)),
            None => {
                let failed = this.refusal.clone().or_else(|| this.body.seen().error.clone());
                this.settle(failed.as_ref().map_or(Outcome::Complete, Outcome::Failed));
            }
        }
        Poll::Ready(next)
    }
}

impl Drop for RelayStream {
    fn drop(&mut self) {
        // Clients of streams hang up when they have read the terminator.
        let whole = self.refusal.is_none() && self.body.seen().ended;
        self.settle(if whole { Outcome::Complete } else { Outcome::Cancelled });
    }
}
