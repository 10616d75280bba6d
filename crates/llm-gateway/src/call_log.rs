//! Who is told of each call when it has ended: where, by whom and at what cost it was answered, and what was said if the
//! operator wants that.

use bytes::Bytes;
use llm_governance::LedgerRow;
use serde_json::Value;

/// Takes note of calls, for logs and traces elsewhere. The request path calls it once for each call.
///
/// # Behavior
/// - [`CallLog::log`] never waits and never fails: what cannot be taken is dropped and counted.
pub trait CallLog: Send + Sync + 'static {
    /// A call has ended.
    fn log(&self, call: LoggedCall);

    /// Whether it is told of all calls. Otherwise it is told of those whose caller, or whose team, says who is told.
    fn is_for_all(&self) -> bool {
        true
    }

    /// Whether anybody is to know what was asked and answered. Where not, nothing of it is kept.
    fn wants_content(&self) -> bool {
        false
    }

    /// What became of the calls until now, for each place that they go to.
    fn counts(&self) -> Vec<LogCounts> {
        Vec::new()
    }
}

/// A call that has ended.
#[derive(Clone, Debug, Default)]
pub struct LoggedCall {
    /// The call's id as the client knows it. That of the row is our own where the client named the call itself.
    pub call_id: String,
    /// The client's span, as W3C's `traceparent` says it.
    pub trace: Option<String>,
    /// Who is told of it besides: elements of the `metadata.logging` of whoever asked.
    pub also: Vec<Value>,
    /// Everything that is booked of it.
    pub row: LedgerRow,
    /// Why it failed, in words that hold nothing of the prompt.
    pub error: Option<LoggedError>,
    /// What was asked and answered, where [`CallLog::wants_content`].
    pub content: Option<Box<CallContent>>,
}

/// Why a call failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggedError {
    /// A stable word.
    pub kind: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What may be said of it: nothing where a vendor's words may quote the prompt and nobody wants that.
    pub message: Option<String>,
}

/// What was asked and answered, as the bytes of the client's dialect.
#[derive(Clone, Debug, Default)]
pub struct CallContent {
    /// The request's body; empty for forms, which hold sound and pictures.
    pub request: Bytes,
    /// The answer's body, or the frames of its stream.
    pub answer: Vec<Bytes>,
    /// The answer was streamed.
    pub is_stream: bool,
    /// More was said than is kept.
    pub is_cut: bool,
    size: usize,
}

impl CallContent {
    /// The most bytes of a request, and of an answer, that are kept.
    pub const MOST: usize = 1 << 20;

    /// A call with this body.
    pub(crate) fn of(request: &Bytes) -> Box<Self> {
        let is_cut = request.len() > Self::MOST;
        let request = if is_cut { Bytes::new() } else { request.clone() };
        Box::new(Self { request, is_cut, ..Self::default() })
    }

    /// More of the answer.
    pub(crate) fn push(&mut self, bytes: &Bytes) {
        if self.size + bytes.len() > Self::MOST {
            self.is_cut = true;
            return;
        }
        self.size += bytes.len();
        self.answer.push(bytes.clone());
    }

    /// The same with other bodies.
    pub(crate) fn in_other_words(&self, request: Bytes, answer: Vec<Bytes>, is_cut: bool) -> Self {
        let size = answer.iter().map(Bytes::len).sum();
        Self { request, answer, is_stream: self.is_stream, is_cut, size }
    }

    /// Bytes that are kept.
    pub fn len(&self) -> usize {
        self.request.len() + self.size
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What became of the calls that one place was told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// The callback's name.
    pub name: String,
    /// Calls that arrived there.
    pub sent: u64,
    /// Calls that did not, because they could not be delivered.
    pub failed: u64,
    /// Calls that were dropped, because too many waited.
    pub dropped: u64,
}
