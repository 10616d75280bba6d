//! What travels to and from a vendor: requests, answers and frames, as bytes with their heads.

use bytes::Bytes;
use http::{HeaderMap, Method};
use smallvec::SmallVec;

/// A body in pieces that are written one after the other; no large one is copied to join them.
#[derive(Clone, Debug, Default)]
pub struct WireBody(SmallVec<[Bytes; 4]>);

/// A body up to this length is joined at less cost than its pieces are written: each goes through the HTTP connection
/// for itself, at some hundred instructions.
const SMALL: usize = 4 * 1024;

impl WireBody {
    /// Joins the pieces of a small body.
    #[must_use]
    pub fn compact(self) -> Self {
        if self.0.len() < 2 || self.len() > SMALL { self } else { self.joined().into() }
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push(piece);
        }
    }

    /// Bytes in all pieces.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Bytes] {
        &self.0
    }

    /// Takes the next piece out, from the front.
    pub fn pop_front(&mut self) -> Option<Bytes> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// All pieces as one, for logs of tests and for signing; copies when there is more than one.
    pub fn joined(&self) -> Bytes {
        match self.0.as_slice() {
            [one] => one.clone(),
            pieces => pieces.concat().into(),
        }
    }
}

impl From<Bytes> for WireBody {
    fn from(piece: Bytes) -> Self {
        let mut body = Self::default();
        body.push(piece);
        body
    }
}

impl From<Vec<u8>> for WireBody {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

/// A request to a vendor, without its address: the upstream knows that.
#[derive(Clone, Debug)]
pub struct WireRequest {
    /// Nearly always POST.
    pub method: Method,
    /// Path (and query) after the vendor's base URL, with a leading slash.
    pub path: String,
    /// Headers of the dialect; credentials are added by the provider.
    pub headers: HeaderMap,
    /// The body.
    pub body: WireBody,
}

/// A vendor's whole answer.
#[derive(Clone, Debug)]
pub struct WireResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, content encoding undone.
    pub body: Bytes,
}

/// How a stream of a dialect is cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
    Sse,
    /// One JSON value a line.
    JsonLines,
    /// Binary messages of AWS (`application/vnd.amazon.eventstream`), see [`crate::framing::event_stream`].
    AwsEventStream,
}

/// One frame of a stream, its framing taken off. A frame without data (a comment, a ping line) is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name, when one was given.
    pub event: Option<&'a str>,
    /// The data; lines of several `data:` fields are joined with line feeds.
    pub data: &'a str,
}
