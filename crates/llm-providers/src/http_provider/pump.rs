//! The one loop that drives every stream: chunks in, frames to a reader, what the reader makes of them out.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use llm_core::framing::Splitter;
use llm_core::provider::truncated;
use llm_core::wire::Framing;
use llm_core::{Error, ErrorKind, Result};

use super::chunks::Chunks;

/// Makes something of frames.
pub(crate) trait Reader {
    /// What it makes.
    type Out;

    /// The frames that come next are slices of this, in order and without gaps.
    fn begin(&mut self, buffer: Bytes);

    /// Takes one raw frame in.
    ///
    /// # Errors
    /// When the frame is none, or tells that the vendor failed. What was made before stays good.
    fn frame(&mut self, raw: &Bytes) -> Result<Flow>;

    /// The stream ended.
    ///
    /// # Errors
    /// When it ended before the answer did.
    fn finish(&mut self) -> Result<()>;

    /// What was made since the last time, if anything.
    fn take(&mut self) -> Option<Self::Out>;

    /// Whether [`Reader::take`] would give something.
    fn has_more(&self) -> bool;

    /// Whether something of the answer itself went by.
    fn has_content(&self) -> bool;
}

/// Whether a stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// It does.
    More,
    /// The frame was its terminator.
    End,
}

/// A stream on its way. Dropping it drops the vendor's body, which cancels the vendor's work.
pub(crate) struct Pump<R> {
    chunks: Chunks,
    splitter: Splitter,
    framing: Framing,
    reader: R,
    state: State,
}

enum State {
    Reading,
    /// The answer is complete; the end of its body is still to be read, or was waited for in vain for a turn.
    Draining {
        turned: bool,
    },
    Failed(Error),
    Done,
}

impl<R: Reader> Pump<R> {
    pub(crate) fn new(chunks: Chunks, framing: Framing, reader: R) -> Self {
        Self { chunks, splitter: Splitter::new(framing), framing, reader, state: State::Reading }
    }

    pub(crate) fn reader(&self) -> &R {
        &self.reader
    }

    /// What comes next: ends with `None` only after a complete answer, and gives nothing after an error.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<R::Out>>> {
        loop {
            match &self.state {
                State::Reading => {
                    let chunk = ready!(self.chunks.poll_next(context));
                    self.read(chunk);
                }
                State::Draining { turned } => {
                    let turned = *turned;
                    ready!(self.drain(turned, context));
                }
                State::Failed(error) => {
                    let error = error.clone();
                    self.state = State::Done;
                    return Poll::Ready(Some(Err(error)));
                }
                State::Done => return Poll::Ready(None),
            }
            if !matches!(self.state, State::Draining { turned: false })
                && let Some(out) = self.reader.take()
            {
                return Poll::Ready(Some(Ok(out)));
            }
        }
    }

    /// Whether nothing comes after what was given so far.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Reads the end of the body, which nearly always came with the answer's: its connection's task needs one turn
    /// to show it. The last of the answer waits for that turn, so that it leaves together with its own end, and the
    /// vendor's connection is free again before the client asks the next.
    fn drain(&mut self, turned: bool, context: &mut Context<'_>) -> Poll<()> {
        if self.chunks.poll_rest(context).is_ready() {
            self.state = State::Done;
        } else if !turned {
            self.state = State::Draining { turned: true };
            context.waker().wake_by_ref();
            return Poll::Pending;
        } else if !self.reader.has_more() {
            ready!(self.chunks.poll_end(context));
            self.state = State::Done;
        }
        Poll::Ready(())
    }

    fn read(&mut self, chunk: Option<Result<Bytes>>) {
        let result = match chunk {
            Some(Ok(chunk)) => self.chunk(chunk),
            Some(Err(error)) => Err(error),
            None => self.rest(),
        };
        if self.reader.has_content() {
            self.chunks.content_came();
        }
        match result {
            Ok(state) => self.state = state,
            Err(error) => self.state = State::Failed(error),
        }
    }

    fn chunk(&mut self, chunk: Bytes) -> Result<State> {
        self.splitter.push(chunk)?;
        self.reader.begin(self.splitter.pending().clone());
        while let Some(raw) = self.splitter.next_frame() {
            if self.reader.frame(&raw)? == Flow::End {
                return self.reader.finish().map(|()| State::Draining { turned: false });
            }
        }
        Ok(State::Reading)
    }

    /// The body ended: what is left are frames without a terminator, which they get here.
    fn rest(&mut self) -> Result<State> {
        while let Some(raw) = self.splitter.take_rest() {
            let end: &[u8] = match self.framing {
                Framing::Sse => b"\n\n",
                Framing::AwsEventStream => b"",
                _ => b"\n",
            };
            let whole = Bytes::from([&raw, end].concat());
            self.reader.begin(whole.clone());
            if self.reader.frame(&whole).map_err(half_a_frame)? == Flow::End {
                break;
            }
        }
        self.reader.finish().map(|()| State::Done)
    }
}

/// A last frame without its end that cannot be read was cut off.
fn half_a_frame(error: Error) -> Error {
    if error.kind() == ErrorKind::BadUpstreamAnswer { truncated() } else { error }
}
