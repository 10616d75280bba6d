//! A stream that is written anew: events of the vendor in, frames of the client's dialect out, and who looks at them.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use llm_core::event::{Delta, Event, Fold};
use llm_core::ingress::{EventEncoder, Took};
use llm_core::provider::{BoxStream, truncated};
use llm_core::{Error, Result, Usage, tokens};
use llm_router::Started;

use super::GoingOn;
use crate::guards::StreamGuard;
use crate::hooks::Hooked;
use crate::routed::RoutedParts;
use crate::settlement::Settlement;

/// Events that are written anew.
pub(super) struct Events {
    pub(super) held: Option<Vec<Event>>,
    pub(super) rest: BoxStream<Result<Vec<Event>>>,
    pub(super) encoder: Box<dyn EventEncoder>,
    pub(super) buffer: BytesMut,
    pub(super) progress: Progress,
    /// Told inside the stream, after what came before it.
    pub(super) failed: Option<Error>,
    /// Watches what the client gets, where another deployment may go on with it.
    pub(super) going_on: Option<Box<GoingOn>>,
    /// Looks at what the client gets.
    pub(super) guard: Option<Box<StreamGuard>>,
    pub(super) hooked: Option<Arc<Hooked>>,
    /// What the client gets, put together on the side, where it is to be kept.
    pub(super) kept: Option<Box<Fold>>,
    pub(super) clock: Clock,
}

/// What formats that tell how long an answer took are told of it.
pub(super) struct Clock {
    pub(super) received: Instant,
    pub(super) first_content: Option<Instant>,
}

impl Clock {
    fn took(&self) -> Took {
        let since = |end: Instant| end.saturating_duration_since(self.received);
        Took { total: since(Instant::now()), first_content: self.first_content.map(since) }
    }
}

/// What went by in a stream of events.
#[derive(Default)]
pub(crate) struct Progress {
    usage: Usage,
    /// The vendor reported usage after the beginning.
    counted: bool,
    ended: bool,
    /// Tokens of the text that went by, counted roughly.
    text_tokens: u64,
}

impl Events {
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if let Some(guard) = &mut self.guard
                && let Some(judged) = ready!(guard.poll(context))
            {
                match judged {
                    Ok(events) => events.iter().for_each(|event| self.encoder.push(event, &mut self.buffer)),
                    Err(error) => self.failed = Some(error),
                }
                if !self.buffer.is_empty() {
                    return Poll::Ready(Some(Ok(self.buffer.split().freeze())));
                }
            }
            if let Some(error) = self.failed.take() {
                return Poll::Ready(Some(Err(error)));
            }
            if self.progress.ended {
                return Poll::Ready(None);
            }
            let events = match self.held.take() {
                Some(events) => events,
                None => match ready!(self.rest.as_mut().poll_next(context)) {
                    Some(Ok(events)) => events,
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => return Poll::Ready(Some(Err(truncated()))),
                },
            };
            // A frame of the usual formats has some 200 bytes.
            self.buffer.reserve(events.len() * 200);
            for event in events {
                self.push(event);
            }
            // An event may mean nothing to the client's dialect.
            if !self.buffer.is_empty() {
                return Poll::Ready(Some(Ok(self.buffer.split().freeze())));
            }
        }
    }

    /// Whether nothing follows what was given so far.
    pub(super) fn is_complete(&self) -> bool {
        let is_asking = self.guard.as_ref().is_some_and(|guard| guard.is_asking());
        self.progress.ended && self.failed.is_none() && !is_asking
    }

    fn push(&mut self, event: Event) {
        if self.failed.is_some() {
            return;
        }
        if let Event::Error(error) = event {
            self.failed = Some(error);
            return;
        }
        // As the vendor tells it: the client may be told more, of what was used before.
        self.progress.note(&event);
        if event == Event::End {
            self.encoder.took(self.clock.took());
        }
        let told = match &mut self.going_on {
            Some(going_on) => going_on.take(event),
            None => Some(event),
        };
        if let Some(mut event) = told {
            if let Some(Err(error)) = self.hooked.as_ref().map(|hooked| hooked.event(&mut event)) {
                // Nobody goes on with what is refused.
                (self.going_on, self.failed) = (None, Some(error));
                return;
            }
            if let Some(fold) = &mut self.kept {
                fold.push(event.clone());
            }
            self.tell(event);
        }
    }

    /// Writes what the client may have.
    fn tell(&mut self, event: Event) {
        let Some(guard) = &mut self.guard else { return self.encoder.push(&event, &mut self.buffer) };
        let mut told = Vec::new();
        if let Err(error) = guard.push(event, &mut told) {
            // Nobody goes on with what is refused.
            (self.going_on, self.failed) = (None, Some(error));
            return;
        }
        told.iter().for_each(|event| self.encoder.push(event, &mut self.buffer));
    }

    /// Takes the answer in that goes on with this one, where one was asked for.
    pub(super) fn resume(
        &mut self,
        context: &mut Context<'_>,
        settlement: &mut Settlement,
    ) -> Poll<Result<()>> {
        let Some(going_on) = &mut self.going_on else { return Poll::Ready(Ok(())) };
        let Some(routed) = ready!(going_on.poll(context, settlement)) else { return Poll::Ready(Ok(())) };
        let (mut parts, answer) = RoutedParts::of(routed?);
        let account = parts.account(settlement.books())?;
        settlement.answered(&mut parts, account);
        let Started::Events { held, rest } = answer else {
            return Poll::Ready(Err(Error::internal("an answer that goes on must be canonical")));
        };
        (self.held, self.rest) = (Some(held), rest);
        Poll::Ready(Ok(()))
    }

    /// An error, after what was used until then.
    pub(super) fn write_error(&mut self, error: &Error, usage: Usage) -> Bytes {
        if !usage.is_empty() {
            self.encoder.push(&Event::Usage(usage), &mut self.buffer);
        }
        self.encoder.push(&Event::Error(error.clone()), &mut self.buffer);
        self.encoder.push(&Event::End, &mut self.buffer);
        self.buffer.split().freeze()
    }
}

impl Progress {
    pub(crate) fn count(&self, settlement: &mut Settlement) {
        settlement.streamed(self.usage, self.text_tokens, self.counted || self.ended);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Start(start) => {
                if let Some(usage) = &start.usage {
                    self.usage.update(usage);
                }
            }
            Event::Usage(usage) => {
                self.usage.update(usage);
                self.counted = true;
            }
            Event::Delta {
                delta: Delta::Text(text) | Delta::Arguments(text) | Delta::Reasoning(text),
                ..
            } => {
                self.text_tokens += tokens::of_text(text);
            }
            Event::End => self.ended = true,
            _ => {}
        }
    }
}
