//! Kinds of calls that have a request and one whole answer, never a stream: embeddings, reranking and the like.

use bytes::Bytes;

use crate::dialect::{DialectId, Encoded, Peek, Target};
use crate::envelope::Envelope;
use crate::error::Result;
use crate::wire::WireResponse;

/// The vendor side of a kind of call: `Request` and `Answer` are its canonical forms.
///
/// # Behavior
/// As [`crate::Dialect`]: pure, never panics, keeps unknown fields where the canonical form can.
pub trait Exchange<Request, Answer>: Send + Sync {
    /// The format's name. A client's body of the same format is forwarded, not translated.
    fn id(&self) -> DialectId;

    /// Writes a canonical request.
    ///
    /// # Errors
    /// What the policy does not allow to lose, and requests that no vendor of this format could take.
    fn encode(&self, request: &Request, target: &Target) -> Result<Encoded>;

    /// Makes a request out of a client's body of this same format; every byte that need not change stays.
    ///
    /// # Errors
    /// When a field that must be edited cannot be read.
    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded>;

    /// Reads an answer to this request.
    ///
    /// # Errors
    /// When the body is no answer of this format, or holds an error instead.
    fn decode(&self, reply: &WireResponse, request: &Request) -> Result<Answer>;

    /// Reads of an answer only what metering needs.
    ///
    /// # Errors
    /// When the body is no JSON object, or holds an error instead of an answer.
    fn peek(&self, body: &[u8]) -> Result<Peek>;

    /// The most inputs (texts, documents) of one request; more are sent as several.
    fn most_inputs(&self) -> Option<usize> {
        None
    }

    /// The same for one model, in the vendor's words, where models of a vendor differ.
    fn most_inputs_of(&self, _model: &str) -> Option<usize> {
        self.most_inputs()
    }
}

/// A request whose inputs can be sent as several, where a vendor takes fewer at a time.
pub trait Batched: Sized {
    /// What answers it.
    type Answer;

    /// How many inputs there are.
    fn inputs(&self) -> usize;

    /// The request as several, each with at most so many inputs, in order.
    fn split(&self, most: usize) -> Vec<Self>;

    /// The answers to the several, in their order, as one; `most` as it was for [`Batched::split`].
    fn join(&self, most: usize, answers: Vec<Self::Answer>) -> Self::Answer;

    /// Checks that an answer fits the inputs.
    ///
    /// # Errors
    /// [`crate::ErrorKind::BadUpstreamAnswer`] when it does not.
    fn check(&self, answer: &Self::Answer) -> Result<()>;
}

/// The client side of a kind of call.
///
/// # Behavior
/// As [`crate::Ingress`].
pub trait ExchangeIngress<Request, Answer>: Send + Sync {
    /// The format's name.
    fn id(&self) -> DialectId;

    /// Reads a client's request.
    ///
    /// # Errors
    /// When the body is not a request of this format; the message names the field.
    fn decode(&self, body: &Bytes) -> Result<Request>;

    /// Writes an answer.
    fn encode(&self, answer: &Answer, request: &Request) -> Bytes;
}
