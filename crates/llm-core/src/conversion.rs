//! Kinds of calls that go through as they are between equals ([`crate::Passage`]) and are written anew for vendors of
//! another format: pictures and speech.

use bytes::Bytes;
use http::HeaderValue;

use crate::dialect::{Encoded, Target};
use crate::error::Result;
use crate::exchange::Batched;
use crate::message::Source;
use crate::operation::Operation;
use crate::provider::Inbound;
use crate::usage::Usage;
use crate::wire::{WireRequest, WireResponse};

/// The vendor side of such a kind: `Request` and `Answer` are its canonical forms.
///
/// # Behavior
/// As [`crate::Dialect`]: pure, never panics.
pub trait Conversion<Request, Answer>: Send + Sync {
    /// Whether the vendor may have an operation; one of its models still may not.
    fn has(&self, operation: Operation) -> bool;

    /// Writes a canonical request.
    ///
    /// # Errors
    /// What the policy does not allow to lose, and requests that the model could not take.
    fn encode(&self, request: &Request, target: &Target) -> Result<Encoded>;

    /// Reads an answer to this request, or to a later question about it ([`Progress::Pending`]).
    ///
    /// # Errors
    /// When the body is no answer of this format, or holds an error instead.
    fn decode(&self, reply: &WireResponse, request: &Request) -> Result<Progress<Answer>>;

    /// The most things (pictures) that one request to a model makes; more are asked for by several.
    fn most_of(&self, _model: &str) -> Option<usize> {
        None
    }
}

/// How far a vendor is with a request.
#[derive(Clone, Debug)]
pub enum Progress<Answer> {
    /// It is answered.
    Done(Answer),
    /// The vendor works on it: this request asks again, after a while.
    Pending(Box<WireRequest>),
}

/// A request of such a kind.
pub trait Convertible: Batched {
    /// Where its files come from.
    fn sources_mut(&mut self) -> Vec<&mut Source>;

    /// The files of an answer that the client must get as bytes, where they are addresses.
    fn wanted_as_bytes<'a>(&self, answer: &'a mut Self::Answer) -> Vec<&'a mut Source>;

    /// What the call used.
    fn used(&self, answer: &Self::Answer) -> Usage;
}

/// The client side of such a kind.
///
/// # Behavior
/// As [`crate::Ingress`].
pub trait ConversionIngress<Request, Answer>: Send + Sync {
    /// Reads a client's request, a JSON object or a form.
    ///
    /// # Errors
    /// When it is not a request of this format; the message names the field.
    fn decode(&self, inbound: &Inbound) -> Result<Request>;

    /// Writes an answer.
    ///
    /// # Errors
    /// When the vendor's bytes are not what it said they are.
    fn encode(&self, answer: &Answer, request: &Request) -> Result<Shown>;
}

/// An answer as it is shown to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What the bytes are.
    pub content_type: HeaderValue,
    /// The bytes.
    pub body: Bytes,
}
