//! The container's stream, in pieces of bytes that are cut anywhere, in messages of the AWS event stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use llm_core::dialect::Verdict;
use llm_core::framing::{self, Splitter};
use llm_core::wire::{Frame, Framing};
use llm_core::{Error, Event, Result, Seen, StreamDecoder, StreamTap};

use crate::error;

/// Takes the container's frames out of the messages and shows them to its decoder.
pub(crate) struct Decoder {
    inner: Box<dyn StreamDecoder>,
    framing: Framing,
    splitter: Option<Splitter>,
    done: bool,
}

impl Decoder {
    pub(crate) fn new(inner: Box<dyn StreamDecoder>, framing: Framing) -> Self {
        Self { inner, framing, splitter: None, done: false }
    }

    fn take(&mut self, bytes: Bytes, out: &mut Vec<Event>) -> Result<()> {
        // Some containers send lines of JSON where the format's own servers send events.
        if self.splitter.is_none() && bytes.trim_ascii_start().starts_with(b"{") {
            self.framing = Framing::JsonLines;
        }
        let framing = self.framing;
        let splitter = self.splitter.get_or_insert_with(|| Splitter::new(framing));
        splitter.push(bytes)?;
        while let Some(raw) = splitter.next_frame() {
            if let Some(parsed) = framing::parse(framing, &raw)? {
                self.inner.push(parsed.frame(), out)?;
            }
        }
        Ok(())
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.done {
            return Ok(());
        }
        match frame.event.unwrap_or_default() {
            "PayloadPart" => {
                let bytes = STANDARD.decode(frame.data).unwrap_or_else(|_| frame.data.as_bytes().to_vec());
                self.take(bytes.into(), out)
            }
            name => {
                self.done = true;
                out.push(Event::Error(error::of_exception(name, frame.data)));
                Ok(())
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()> {
        if self.done {
            return Ok(());
        }
        if let Some(mut splitter) = self.splitter.take() {
            while let Some(raw) = splitter.take_rest() {
                if let Some(parsed) = framing::parse(self.framing, &raw)? {
                    self.inner.push(parsed.frame(), out)?;
                }
            }
        }
        self.inner.finish(out)
    }
}

/// Watches a stream that passes as it is, by decoding it.
pub(crate) struct Tap {
    decoder: Decoder,
    events: Vec<Event>,
}

impl Tap {
    pub(crate) fn new(decoder: Decoder) -> Self {
        Self { decoder, events: Vec::new() }
    }

    fn see(&mut self, seen: &mut Seen) {
        for event in self.events.drain(..) {
            seen.content |= event.is_content();
            match event {
                Event::Start(start) => seen.usage.update(&start.usage.unwrap_or_default()),
                Event::Usage(usage) => seen.usage.update(&usage),
                Event::Finish { choice: 0, reason } => seen.finish = Some(reason),
                Event::Error(error) => seen.error = Some(error),
                Event::End => seen.ended = true,
                _ => {}
            }
        }
    }
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        let parsed = framing::parse(Framing::AwsEventStream, frame)?;
        let Some(parsed) = parsed else { return Ok(Verdict::Keep) };
        let pushed: Result<(), Error> = self.decoder.push(parsed.frame(), &mut self.events);
        self.see(seen);
        pushed.map(|()| Verdict::Keep)
    }

    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        if seen.ended || seen.error.is_some() {
            return Ok(Bytes::new());
        }
        let finished = self.decoder.finish(&mut self.events);
        self.see(seen);
        finished.map(|()| Bytes::new())
    }
}
