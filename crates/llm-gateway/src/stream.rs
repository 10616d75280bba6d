//! A streamed answer on its way to the client: bytes or events of the vendor in, frames of the client's dialect out.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::HeaderValue;
use llm_core::event::Event;
use llm_core::ingress::{Broken, EventEncoder};
use llm_core::money::NanoDollars;
use llm_core::provider::{BoxStream, NativeStream};
use llm_core::{Error, Ingress, Result, Usage};
use llm_governance::Durable;

mod events;
mod going_on;

use crate::delivered::{self, Passed};
use crate::drain::Drains;
use crate::guards::StreamGuard;
use crate::settlement::{Outcome, Settlement, tell_unsafe};
pub(crate) use events::Progress;
use events::{Clock, Events};
pub(crate) use going_on::GoingOn;

/// A streamed answer. Its items are whole frames; errors are told inside, in the client's dialect. Only what has no
/// frames (sound) ends with an error, so that nobody takes the part for the whole. Dropping it cancels the vendor's
/// work and settles what was used.
pub struct AnswerStream {
    /// Not here once it is left to be read to its end for nobody.
    running: Option<Running>,
}

/// The stream itself. Dropping it settles what was delivered.
struct Running {
    source: Source,
    ingress: Arc<dyn Ingress>,
    settlement: Settlement,
    settled: bool,
    /// What the call cost, when it is settled and a price is known.
    cost: Option<NanoDollars>,
    done: bool,
    /// The last frame, which waits until the row of the call is safe.
    waiting: Option<Waiting>,
}

struct Waiting {
    durable: Durable,
    last: Option<Result<Bytes>>,
}

/// What can be told inside a stream that goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InStream {
    /// Errors; each frame is about one token.
    Tokens,
    /// Errors; frames are no measure of anything.
    Events,
    /// Nothing.
    Nothing,
}

impl InStream {
    /// By the content type of an answer of a kind that goes through; `None` for chat.
    pub(crate) fn of(content_type: Option<&HeaderValue>) -> Self {
        match content_type {
            None => Self::Tokens,
            Some(content_type) if content_type.as_bytes().starts_with(b"text/event-stream") => Self::Events,
            Some(_) => Self::Nothing,
        }
    }
}

enum Source {
    Native(Native),
    Events(Box<Events>),
}

/// Bytes that pass as they are.
struct Native {
    held: VecDeque<Bytes>,
    rest: Pin<Box<dyn NativeStream>>,
    /// The answer's id, where the vendor says one at the beginning.
    id: Box<str>,
    /// What went by last.
    last: Bytes,
    told: InStream,
    /// Whether the client wants to be told what was used.
    tells_usage: bool,
    /// What went by, for an estimate when usage never comes.
    passed: Passed,
    /// What stands between frames.
    separator: &'static [u8],
}

impl AnswerStream {
    pub(crate) fn native(
        held: Vec<Bytes>,
        rest: Pin<Box<dyn NativeStream>>,
        ingress: Arc<dyn Ingress>,
        mut settlement: Settlement,
        (told, tells_usage): (InStream, bool),
    ) -> Self {
        let id = delivered::id(held.first());
        settlement.names_answer(id);
        let id = id.into();
        let lines = ingress.stream_content_type().starts_with("application/x-ndjson");
        let separator: &[u8] = if lines { b"\n" } else { b"\n\n" };
        let mut passed = Passed::default();
        if let Some(last) = held.last() {
            passed.begins_with(last);
        }
        let source = Source::Native(Native {
            held: held.into(),
            rest,
            id,
            last: Bytes::new(),
            told,
            tells_usage,
            passed,
            separator,
        });
        Self::of(source, ingress, settlement)
    }

    pub(crate) fn events(
        (held, rest): (Vec<Event>, BoxStream<Result<Vec<Event>>>),
        encoder: Box<dyn EventEncoder>,
        ingress: Arc<dyn Ingress>,
        mut settlement: Settlement,
        (going_on, guard): (Option<Box<GoingOn>>, Option<Box<StreamGuard>>),
    ) -> Self {
        if let Some(Event::Start(start)) = held.first() {
            settlement.names_answer(&start.id);
        }
        let events = Events {
            held: Some(held),
            rest,
            encoder,
            buffer: BytesMut::new(),
            progress: Progress::default(),
            failed: None,
            going_on,
            guard,
            hooked: settlement.hooked().filter(|hooked| hooked.watches_events()).map(Arc::clone),
            kept: settlement.is_kept().then(Box::default),
            clock: Clock { received: settlement.call().received, first_content: settlement.first_content() },
        };
        Self::of(Source::Events(Box::new(events)), ingress, settlement)
    }

    fn of(source: Source, ingress: Arc<dyn Ingress>, settlement: Settlement) -> Self {
        let running =
            Running { source, ingress, settlement, settled: false, cost: None, done: false, waiting: None };
        Self { running: Some(running) }
    }

    /// Whether its last frame was given: the end of the answer can be written together with it.
    pub fn is_done(&self) -> bool {
        self.running.as_ref().is_none_or(|running| running.done)
    }

    /// What the call cost, when it has ended and a price is known.
    pub fn cost(&self) -> Option<NanoDollars> {
        self.running.as_ref()?.cost
    }
}

impl Running {
    /// Books the end of the stream.
    fn settle(&mut self, outcome: Outcome<'_>) {
        self.settled = true;
        self.count();
        if let Source::Events(events) = &mut self.source {
            // Whoever asks for the rest of the answer may have a hand on what is held.
            events.going_on = None;
        }
        self.cost = self.settlement.settle(outcome).map(|cost| cost.total);
    }

    /// Tells the account what was used until now.
    fn count(&mut self) {
        match &self.source {
            Source::Native(native) => {
                let seen = native.rest.seen();
                let counted = seen.ended || seen.finish.is_some();
                let is_known = counted && seen.usage.total().is_some();
                let delivered = if is_known { 0 } else { native.passed.tokens(&native.last) };
                self.settlement.streamed(seen.usage, delivered, counted);
            }
            Source::Events(events) => events.progress.count(&mut self.settlement),
        }
    }

    fn complete(&mut self) {
        if let Source::Events(events) = &mut self.source
            && let Some(fold) = events.kept.take()
        {
            self.settlement.keep_stream(*fold);
        }
        let error = match &self.source {
            Source::Native(native) => native.rest.seen().error.clone(),
            Source::Events(_) => None,
        };
        self.settle(error.as_ref().map_or(Outcome::Complete, Outcome::Failed));
    }

    /// Has another deployment go on where the stream broke off.
    ///
    /// # Errors
    /// The same error, when nobody can.
    fn go_on(&mut self, error: Error) -> Result<()> {
        let Source::Events(events) = &mut self.source else { return Err(error) };
        let Some(going_on) = &mut events.going_on else { return Err(error) };
        going_on.ask(error, &mut events.progress, &mut self.settlement)
    }

    fn fail(&mut self, error: &Error) -> Result<Bytes> {
        self.count();
        let frame = match &mut self.source {
            Source::Native(Native { told: InStream::Nothing, .. }) => Err(error.clone()),
            Source::Native(native) => {
                let usage =
                    if native.tells_usage { self.settlement.usage_so_far() } else { Usage::default() };
                let broken = Broken { id: &native.id, last: &native.last, usage };
                Ok(self.ingress.stream_error_after(error, &broken))
            }
            Source::Events(events) => Ok(events.write_error(error, self.settlement.usage_so_far())),
        };
        self.settle(Outcome::Failed(error));
        frame
    }
}

impl Running {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let mut next = None;
        if self.waiting.is_none() {
            next = ready!(self.next(context));
            if !self.settled {
                return Poll::Ready(next);
            }
            let last = &mut next;
            self.waiting = self.settlement.durable().map(|durable| Waiting { durable, last: last.take() });
        }
        if let Some(waiting) = &mut self.waiting {
            tell_unsafe(&self.settlement.call().call_id, ready!(waiting.durable.as_mut().poll(context)));
            next = waiting.last.take();
            self.waiting = None;
        }
        self.done = true;
        Poll::Ready(next)
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if let Source::Events(events) = &mut self.source
                && let Err(error) = ready!(events.resume(context, &mut self.settlement))
            {
                return Poll::Ready(Some(self.fail(&error)));
            }
            return Poll::Ready(match ready!(self.source.poll(context)) {
                Some(Ok(bytes)) => {
                    self.settlement.says(std::slice::from_ref(&bytes));
                    if self.source.is_complete() {
                        self.complete();
                    }
                    Some(Ok(bytes))
                }
                Some(Err(error)) => match self.go_on(error) {
                    Ok(()) => continue,
                    Err(error) => Some(self.fail(&error)),
                },
                None => {
                    self.complete();
                    None
                }
            });
        }
    }

    /// Reads on for nobody, so many bytes at most. Returns whether the answer came to its end.
    async fn read_out(&mut self, most: u64) -> bool {
        let mut read = 0;
        while read <= most {
            match poll_fn(|context| self.source.poll(context)).await {
                Some(Ok(bytes)) => read += bytes.len() as u64,
                Some(Err(_)) => return false,
                None => return true,
            }
            if self.source.is_complete() {
                return true;
            }
        }
        false
    }

    /// Reads on, and settles with what the vendor says at the end.
    async fn drain(mut self, most: u64) {
        let outcome = if self.read_out(most).await { Outcome::Drained } else { Outcome::Cancelled };
        self.settle(outcome);
        self.settlement.is_safe().await;
    }
}

impl Stream for AnswerStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.running.as_mut().map_or(Poll::Ready(None), |running| running.poll(context))
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        let Some(running) = self.running.take_if(|running| !running.settled) else { return };
        let books = Arc::clone(running.settlement.books());
        if let Some(place) = Drains::place(&books) {
            let limits = books.calls.drains;
            place.work(limits.time, running.drain(limits.bytes));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Outcome::Cancelled);
        }
    }
}

impl Source {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match self {
            Self::Native(native) => native.poll(context),
            Self::Events(events) => events.poll(context),
        }
    }

    /// Whether nothing follows what was given so far.
    fn is_complete(&self) -> bool {
        match self {
            Self::Native(native) => native.held.is_empty() && native.rest.is_complete(),
            Self::Events(events) => events.is_complete(),
        }
    }
}

impl Native {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let next = match self.held.pop_front() {
            // Only the last that was held has something of the answer in it.
            Some(bytes) if !self.held.is_empty() => return Poll::Ready(Some(Ok(bytes))),
            Some(bytes) => Some(Ok(bytes)),
            None => ready!(self.rest.as_mut().poll_bytes(context)),
        };
        if let (Some(Ok(bytes)), InStream::Tokens) = (&next, self.told) {
            self.passed.note(bytes, self.separator);
            self.last.clone_from(bytes);
        }
        Poll::Ready(next)
    }
}
