//! A stream that goes on as it is: frames are watched, and leave as slices of what came in.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use llm_core::dialect::{Seen, StreamTap, Verdict};
use llm_core::provider::NativeStream;
use llm_core::{Result, Usage};

use super::pump::{Flow, Pump, Reader};

/// Shows frames to a tap and collects what of them goes on.
pub(crate) struct Passing {
    tap: Box<dyn StreamTap>,
    seen: Seen,
    run: Run,
}

impl Passing {
    /// `usage`: what is known to be used before the stream says anything.
    pub(crate) fn new(tap: Box<dyn StreamTap>, usage: Usage) -> Self {
        Self { tap, seen: Seen { usage, ..Seen::default() }, run: Run::default() }
    }
}

impl Reader for Passing {
    type Out = Bytes;

    fn begin(&mut self, buffer: Bytes) {
        self.run.begin(buffer);
    }

    /// A frame that tells of the vendor's failure does not go on: the error itself does, so that the router may
    /// still try elsewhere and the client is told once, in its own dialect.
    fn frame(&mut self, raw: &Bytes) -> Result<Flow> {
        let verdict = self.tap.frame(raw, &mut self.seen)?;
        if let Some(error) = &self.seen.error {
            return Err(error.clone());
        }
        match verdict {
            Verdict::Keep => self.run.keep(raw.len()),
            Verdict::Drop => self.run.skip(raw.len()),
            Verdict::Replace(bytes) => {
                self.run.skip(raw.len());
                self.run.push(bytes);
            }
        }
        Ok(if self.seen.ended { Flow::End } else { Flow::More })
    }

    fn finish(&mut self) -> Result<()> {
        self.run.flush();
        let missing = self.tap.finish(&mut self.seen)?;
        self.run.push(missing);
        Ok(())
    }

    fn take(&mut self) -> Option<Bytes> {
        Some(self.run.take()).filter(|bytes| !bytes.is_empty())
    }

    fn has_more(&self) -> bool {
        self.run.has_more()
    }

    fn has_content(&self) -> bool {
        self.seen.content
    }
}

impl NativeStream for Pump<Passing> {
    fn poll_bytes(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.poll(context)
    }

    fn seen(&self) -> &Seen {
        &self.reader().seen
    }

    fn is_complete(&self) -> bool {
        Pump::is_complete(self)
    }
}

/// What goes on of one buffer. Neighbours that are kept are one slice of it; only when something between them
/// was changed are pieces copied together.
#[derive(Default)]
struct Run {
    buffer: Bytes,
    from: usize,
    to: usize,
    single: Bytes,
    joined: BytesMut,
}

impl Run {
    fn begin(&mut self, buffer: Bytes) {
        self.flush();
        self.buffer = buffer;
        (self.from, self.to) = (0, 0);
    }

    fn keep(&mut self, length: usize) {
        self.to += length;
    }

    fn skip(&mut self, length: usize) {
        self.flush();
        self.to += length;
        self.from = self.to;
    }

    fn flush(&mut self) {
        let end = self.to.min(self.buffer.len());
        if self.from < end {
            self.push(self.buffer.slice(self.from..end));
        }
        self.from = self.to;
    }

    fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.single.is_empty() && self.joined.is_empty() {
            self.single = piece;
            return;
        }
        let single = std::mem::take(&mut self.single);
        self.joined.extend_from_slice(&single);
        self.joined.extend_from_slice(&piece);
    }

    fn has_more(&self) -> bool {
        self.from < self.to || !self.single.is_empty() || !self.joined.is_empty()
    }

    /// Also lets go of the buffer: while it is held here, the next chunk of a long frame would be copied with all
    /// that came before it.
    fn take(&mut self) -> Bytes {
        self.flush();
        self.buffer = Bytes::new();
        if self.joined.is_empty() { std::mem::take(&mut self.single) } else { self.joined.split().freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(buffer: &Bytes) -> Run {
        let mut run = Run::default();
        run.begin(buffer.clone());
        run
    }

    #[test]
    fn kept_neighbours_are_one_slice() {
        let buffer = Bytes::from_static(b"aabbccdd");
        let mut kept = run(&buffer);
        kept.keep(2);
        kept.keep(2);
        let out = kept.take();
        assert_eq!((out.as_ptr(), &out[..]), (buffer.as_ptr(), &b"aabb"[..]));
        kept.begin(buffer.slice(4..));
        kept.skip(2);
        kept.keep(2);
        let out = kept.take();
        assert_eq!((out.as_ptr(), &out[..]), (buffer[6..].as_ptr(), &b"dd"[..]));
        assert!(kept.take().is_empty());
    }

    #[test]
    fn a_buffer_is_not_held_longer_than_its_frames() {
        let buffer = Bytes::from(b"aabb".to_vec());
        let mut held = run(&buffer);
        held.keep(2);
        drop(held.take());
        assert!(buffer.is_unique());
        held.begin(buffer.clone());
        assert!(held.take().is_empty());
        assert!(buffer.is_unique());
    }

    #[test]
    fn changed_frames_are_joined_in_order() {
        let buffer = Bytes::from_static(b"aabbccdd");
        let mut changed = run(&buffer);
        changed.keep(2);
        changed.skip(2);
        changed.push(Bytes::from_static(b"X"));
        changed.keep(2);
        changed.keep(2);
        assert_eq!(changed.take(), "aaXccdd");
        let mut next = run(&buffer);
        next.keep(4);
        next.begin(Bytes::from_static(b"ee"));
        next.keep(2);
        next.push(Bytes::from_static(b"f"));
        assert_eq!(next.take(), "aabbfee");
    }
}
