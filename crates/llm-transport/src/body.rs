//! A vendor's answer, chunk by chunk or whole.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use llm_core::{Error, Result};

mod network;

pub(crate) use network::Network;

/// Most memory that is set aside because of an announced length, before the bytes are there.
const LARGEST_RESERVE: u64 = 4 * 1024 * 1024;

/// The body of an answer. Dropping it before its end cancels the call: the connection is closed or the stream reset.
///
/// # Behavior
/// - Ends with `None` only when the answer is complete by HTTP's own rules; anything else is an error, and stays one.
/// - Content encodings are undone.
/// - The idle deadline and the total deadline hold while somebody waits for a chunk.
pub struct UpstreamBody {
    source: Source,
    most: usize,
}

#[expect(clippy::large_enum_variant, reason = "nearly every body is the network's, and costs no allocation")]
enum Source {
    Network(Network),
    /// What a tape keeps on its way, or tells again.
    Tape(Box<dyn Chunks>),
}

/// Chunks that come from elsewhere than straight from the network.
pub(crate) trait Chunks: Send {
    /// As [`UpstreamBody::poll_chunk`].
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>>;
}

impl UpstreamBody {
    /// `most`: the most bytes that are collected.
    pub(crate) fn new(network: Network, most: usize) -> Self {
        Self { source: Source::Network(network), most }
    }

    /// The same for chunks that come from elsewhere.
    pub(crate) fn from_tape(chunks: Box<dyn Chunks>, most: usize) -> Self {
        Self { source: Source::Tape(chunks), most }
    }

    /// The next chunk, as it came or decoded.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match &mut self.source {
            Source::Network(network) => network.poll_chunk(context),
            Source::Tape(chunks) => chunks.poll_chunk(context),
        }
    }

    /// The next chunk, for those who do not poll.
    pub async fn chunk(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    /// The whole body; a body of one chunk is not copied.
    ///
    /// # Errors
    /// When it does not come whole and in time, or is larger than [`crate::Options::max_body`].
    pub fn collect(mut self) -> impl Future<Output = Result<Bytes>> + Send {
        let announced = match &self.source {
            Source::Network(network) => network.announced(),
            Source::Tape(_) => 0,
        };
        // What a block captures is used where it is; an async function would copy it once more.
        async move {
            self.check(announced)?;
            let Some(first) = self.chunk().await.transpose()? else { return Ok(Bytes::new()) };
            self.check(first.len() as u64)?;
            let Some(mut chunk) = self.chunk().await.transpose()? else { return Ok(first) };
            let expected = usize::try_from(announced.min(LARGEST_RESERVE)).unwrap_or_default();
            let mut whole = BytesMut::with_capacity(expected.max(first.len() + chunk.len()));
            whole.extend_from_slice(&first);
            loop {
                self.check(whole.len() as u64 + chunk.len() as u64)?;
                whole.extend_from_slice(&chunk);
                match self.chunk().await.transpose()? {
                    Some(next) => chunk = next,
                    None => return Ok(whole.freeze()),
                }
            }
        }
    }

    fn check(&self, length: u64) -> Result<()> {
        if length > self.most as u64 {
            return Err(Error::bad_answer(format!(
                "the vendor's answer is larger than {} bytes, the limit for whole answers",
                self.most
            )));
        }
        Ok(())
    }
}
