//! A stream that is translated: frames become canonical events.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use llm_core::dialect::{Dialect, StreamDecoder};
use llm_core::event::{Event, Fold};
use llm_core::framing::{self, Splitter};
use llm_core::wire::Framing;
use llm_core::{ChatResponse, Result};

use super::pump::{Flow, Pump, Reader};

/// Shows frames to a decoder and collects the events that they mean.
pub(crate) struct Decoding {
    decoder: Box<dyn StreamDecoder>,
    framing: Framing,
    public_model: String,
    events: Vec<Event>,
    content: bool,
}

impl Decoding {
    /// `public_model`: the model's name as the client knows it, which the events show.
    pub(crate) fn new(dialect: &dyn Dialect, public_model: &str) -> Self {
        Self {
            decoder: dialect.decoder(),
            framing: dialect.framing(),
            public_model: public_model.to_owned(),
            events: Vec::new(),
            content: false,
        }
    }

    /// An error of the vendor's in the stream becomes the stream's error; what stands before it stays.
    fn settle(&mut self, from: usize) -> Result<Flow> {
        let mut flow = Flow::More;
        for (at, event) in self.events.iter_mut().enumerate().skip(from) {
            self.content |= event.is_content();
            match event {
                Event::Start(start) => start.model.clone_from(&self.public_model),
                Event::Error(error) => {
                    let error = error.clone();
                    self.events.truncate(at);
                    return Err(error);
                }
                Event::End => flow = Flow::End,
                _ => {}
            }
        }
        Ok(flow)
    }
}

impl Reader for Decoding {
    type Out = Vec<Event>;

    fn begin(&mut self, _: Bytes) {}

    fn frame(&mut self, raw: &Bytes) -> Result<Flow> {
        let Some(parsed) = framing::parse(self.framing, raw)? else { return Ok(Flow::More) };
        let from = self.events.len();
        let pushed = self.decoder.push(parsed.frame(), &mut self.events);
        self.settle(from).and_then(|flow| pushed.map(|()| flow))
    }

    fn finish(&mut self) -> Result<()> {
        let from = self.events.len();
        let finished = self.decoder.finish(&mut self.events);
        self.settle(from).and(finished)
    }

    fn take(&mut self) -> Option<Vec<Event>> {
        Some(std::mem::take(&mut self.events)).filter(|events| !events.is_empty())
    }

    fn has_more(&self) -> bool {
        !self.events.is_empty()
    }

    fn has_content(&self) -> bool {
        self.content
    }
}

impl Stream for Pump<Decoding> {
    type Item = Result<Vec<Event>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

/// The answer that a whole body of frames tells, from a vendor that streams to a client that did not ask for it.
pub(crate) fn folded(dialect: &dyn Dialect, public_model: &str, body: Bytes) -> Result<ChatResponse> {
    let mut splitter = Splitter::new(dialect.framing());
    splitter.push(body)?;
    let mut decoding = Decoding::new(dialect, public_model);
    let mut flow = Flow::More;
    while let Some(raw) =
        splitter.next_frame().or_else(|| splitter.take_rest()).filter(|_| flow == Flow::More)
    {
        flow = decoding.frame(&raw)?;
    }
    decoding.finish()?;
    let mut fold = Fold::default();
    for event in decoding.events {
        fold.push(event);
    }
    fold.finish()
}
