//! What a wire format must be able to do behind us, towards vendors: [`Dialect`]. Everything here is synchronous and
//! pure. The side towards clients is [`crate::ingress`].

use std::fmt;

use bytes::Bytes;

use crate::conversion::Conversion;
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::envelope::Envelope;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::exchange::Exchange;
use crate::images::{ImageRequest, ImageResponse};
use crate::json::RawObject;
use crate::loss::{Loss, LossPolicy};
use crate::passage::Passage;
use crate::realtime::Realtime;
use crate::request::{ChatRequest, Sampling};
use crate::rerank::{RerankRequest, RerankResponse};
use crate::response::{ChatResponse, FinishReason};
use crate::speech::{SpeechRequest, SpeechResponse};
use crate::usage::Usage;
use crate::wire::{Frame, Framing, WireRequest, WireResponse};

const NAME: usize = 31;

/// The name of a wire format, for example `acme.messages`. Each dialect crate defines its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DialectId {
    length: u8,
    bytes: [u8; NAME],
}

impl DialectId {
    /// A dialect's name: lower-case letters, digits, `.`, `-` and `_`, at most 31 of them.
    ///
    /// # Panics
    /// On any other name; meant for constants, where the compiler finds it.
    pub const fn new(name: &str) -> Self {
        let text = name.as_bytes();
        assert!(!text.is_empty() && text.len() <= NAME, "a dialect's name has 1 to 31 letters");
        let mut bytes = [0; NAME];
        let mut at = 0;
        while at < text.len() {
            assert!(is_name_byte(text[at]), "a dialect's name has only a-z, 0-9, '.', '-' and '_'");
            bytes[at] = text[at];
            at += 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "checked above to be at most 31")]
        Self { length: text.len() as u8, bytes }
    }

    /// Reads a name; `None` when it is not one.
    pub fn named(name: &str) -> Option<Self> {
        let valid = !name.is_empty() && name.len() <= NAME && name.bytes().all(is_name_byte);
        valid.then(|| Self::new(name))
    }

    /// The name.
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).expect("only ASCII is let in")
    }
}

const fn is_name_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_')
}

impl fmt::Debug for DialectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for DialectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a deployment adds to each request that goes to it.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The model in the vendor's words.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// What to do with what cannot be expressed.
    pub policy: LossPolicy,
    /// Sampling for what the client left open.
    pub sampling: Sampling,
    /// Output limit for what the client left open.
    pub max_output_tokens: Option<u64>,
    /// The model's own output limit, for dialects that require one.
    pub model_max_output_tokens: Option<u64>,
    /// Members set in the body whatever the client says (`extra_body`).
    pub extra_body: RawObject,
    /// Members taken out of the body whatever the client says (`additional_drop_params`).
    pub drop_fields: Vec<String>,
}

/// A request ready to be sent, with what it lost on the way.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The request.
    pub request: WireRequest,
    /// What could not be carried.
    pub losses: Vec<Loss>,
}

/// The body of a request in a dialect without quirks, with what the request itself says: what clients of the format
/// would send.
///
/// # Errors
/// As [`Dialect::encode`].
pub fn body_of(dialect: &dyn Dialect, request: &ChatRequest) -> Result<Bytes> {
    let (model, stream, policy) = (request.model.clone(), request.stream, LossPolicy::Drop);
    let target = Target { model, stream, policy, ..Target::default() };
    Ok(dialect.encode(request, &target)?.request.body.joined())
}

/// The vendor side of a wire format. An instance holds the quirks of the vendor that it is used for.
///
/// # Behavior
/// - Every method is pure and never panics, whatever bytes come in.
/// - `decode` and `decoder` accept unknown fields everywhere and keep them where the canonical form can.
/// - Folding the events of a stream gives what `decode` gives for the same answer unstreamed.
pub trait Dialect: Send + Sync + 'static {
    /// The format's name.
    fn id(&self) -> DialectId;

    /// Writes a canonical request.
    ///
    /// # Errors
    /// What the policy does not allow to lose, and requests that no vendor of this format could take.
    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded>;

    /// Makes a request out of a client's body of this same format: edits of the model, of the vendor's quirks and
    /// of what metering needs; every other byte stays.
    ///
    /// # Errors
    /// When a field that must be edited cannot be read.
    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded>;

    /// Reads a whole answer.
    ///
    /// # Errors
    /// When the body is no answer of this format, or holds an error instead.
    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse>;

    /// Reads of a whole answer only what metering needs, without looking at the rest.
    ///
    /// # Errors
    /// When the body is no JSON object, or holds an error instead of an answer.
    fn peek(&self, body: &[u8]) -> Result<Peek>;

    /// Reads a stream.
    fn decoder(&self) -> Box<dyn StreamDecoder>;

    /// Watches a stream that is passed on as it is.
    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap>;

    /// What an answer with an error status (or an error in place of an answer) means.
    fn classify(&self, reply: &WireResponse) -> Error;

    /// How its streams are cut.
    fn framing(&self) -> Framing {
        Framing::Sse
    }

    /// The path (after the base URL) that counts tokens of a request body in this format, where there is one.
    fn count_tokens_path(&self) -> Option<&'static str> {
        None
    }

    /// The request that counts the tokens of a client's body of this same format, for formats whose paths name the
    /// model; others have [`Dialect::count_tokens_path`].
    fn count_tokens(
        &self,
        _body: &Bytes,
        _envelope: &Envelope,
        _target: &Target,
    ) -> Option<Result<WireRequest>> {
        None
    }

    /// Reads the answer to [`Dialect::count_tokens`].
    fn read_token_count(&self, _body: &[u8]) -> Option<u64> {
        None
    }

    /// Whether a vendor of this format fetches a picture or file from this address itself. Where not, the gateway may
    /// fetch it and send the bytes.
    fn takes_url(&self, _url: &str) -> bool {
        true
    }

    /// Conversations over a WebSocket, where the vendor has them.
    fn realtime(&self) -> Option<Realtime> {
        None
    }

    /// Embeddings, where the vendor has them.
    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        None
    }

    /// Kinds of calls that go through as they are, where the vendor has any.
    fn passage(&self) -> Option<&dyn Passage> {
        None
    }

    /// Pictures, where the vendor makes them and its format is none that [`Dialect::passage`] passes.
    fn images(&self) -> Option<&dyn Conversion<ImageRequest, ImageResponse>> {
        None
    }

    /// Texts read aloud, likewise.
    fn speech(&self) -> Option<&dyn Conversion<SpeechRequest, SpeechResponse>> {
        None
    }

    /// Reranking, where the vendor has it.
    fn rerank(&self) -> Option<&dyn Exchange<RerankRequest, RerankResponse>> {
        None
    }
}

/// What metering needs of a whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peek {
    /// Tokens used.
    pub usage: Usage,
    /// Why the first choice ended.
    pub finish: Option<FinishReason>,
    /// Where the value of the top-level `model` stands in the body, quotes included.
    pub model: Option<std::ops::Range<usize>>,
}

/// How a passed-through stream should reach the client.
#[derive(Clone, Debug, Default)]
pub struct TapOptions {
    /// The model name to show instead of the vendor's; `None` leaves it as it is.
    pub public_model: Option<String>,
    /// Whether the client asked for usage in the stream; when not, frames that only carry it are left out.
    pub include_usage: bool,
}

/// Reads a vendor's stream. A synchronous state machine.
///
/// # Behavior
/// - Emits the events in the order that [`Event`] promises, whatever the vendor leaves out or repeats.
/// - After an [`Event::Error`] or [`Event::End`] it emits nothing more.
pub trait StreamDecoder: Send {
    /// Takes one frame in and adds the events that it means.
    ///
    /// # Errors
    /// When the frame cannot be read as this format.
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()>;

    /// The stream ended. Adds what is missing to a complete answer.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`] when it ended before the answer did.
    fn finish(&mut self, out: &mut Vec<Event>) -> Result<()>;
}

/// What a tap has seen of a stream so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Something of the answer itself went by.
    pub content: bool,
    /// Tokens, the latest report.
    pub usage: Usage,
    /// Why the first choice ended.
    pub finish: Option<FinishReason>,
    /// An error that the vendor sent in place of the rest.
    pub error: Option<Error>,
    /// The stream's terminator went by.
    pub ended: bool,
}

/// What happens to a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on as it is.
    Keep,
    /// It is left out.
    Drop,
    /// It goes on with these bytes instead (framing included).
    Replace(Bytes),
}

/// Watches a stream that is passed on as it is: reads usage, finish and errors on the side.
///
/// # Behavior
/// - `frame` sees whole frames, raw, with their terminator, comments included.
/// - Frames that cannot matter cost a substring search, not a parse.
pub trait StreamTap: Send {
    /// Looks at one frame.
    ///
    /// # Errors
    /// When the frame cannot be what this format allows.
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict>;

    /// The stream ended. Returns bytes to append when a complete answer lacks its terminator.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Truncated`] when it ended before the answer did.
    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        const ID: DialectId = DialectId::new("acme.messages");
        assert_eq!(DialectId::named("acme.messages"), Some(ID));
        assert_eq!(ID.to_string(), "acme.messages");
        assert_eq!(DialectId::named("Acme"), None);
        assert_eq!(DialectId::named(""), None);
        assert_eq!(DialectId::named(&"a".repeat(32)), None);
    }
}
