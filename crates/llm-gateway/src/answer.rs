//! What comes into the gateway and what leaves it, without the HTTP server around.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Uri};
use llm_core::Ingress;
use llm_core::operation::Asked;
use llm_core::wire::WireBody;

use crate::stream::AnswerStream;

/// A request of a client, its path already understood.
pub struct Incoming {
    /// The client's dialect.
    pub ingress: Arc<dyn Ingress>,
    /// What its path asks for.
    pub asked: Asked,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When the request's head was there.
    pub received: Instant,
    /// The client's own id of the call, already checked to be a harmless header value.
    pub call_id: Option<String>,
    /// Where it was sent to.
    pub uri: Uri,
    /// Where it came from, where that is known.
    pub address: Option<IpAddr>,
}

/// The gateway's answer.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, content type included, length excluded.
    pub headers: HeaderMap,
    /// The body.
    pub body: AnswerBody,
}

/// The body of an answer.
pub enum AnswerBody {
    /// All there.
    Whole(WireBody),
    /// As it comes. Errors are told in the client's dialect inside. Dropping it cancels the vendor's work and
    /// settles what was used.
    Stream(Box<AnswerStream>),
}
