//! Conversations in which both sides talk at once over a WebSocket.

use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::provider::Deadlines;
use crate::usage::Usage;

/// A connection that carries bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A WebSocket to be opened at a vendor.
#[derive(Clone, Copy)]
pub struct Dial<'a> {
    /// The model in the vendor's words.
    pub model: &'a str,
    /// The headers of the client's handshake (RFC 6455) that go on: its key, its version, the subprotocols without
    /// credentials, and those of the dialect. Never extensions: what is compressed could not be metered.
    pub handshake: &'a HeaderMap,
    /// How long connecting and the handshake may take; the rest has no limit.
    pub deadlines: Deadlines,
}

/// An open WebSocket. Dropping it ends the conversation.
pub struct Link {
    /// The headers of the vendor's handshake that the client needs.
    pub handshake: HeaderMap,
    /// The frames that follow, as they are on the wire.
    pub socket: Box<dyn Duplex>,
    /// Reads usage out of the vendor's messages.
    pub usage: fn(&str) -> Option<Usage>,
}

/// How a dialect does it.
#[derive(Clone, Copy, Debug)]
pub struct Realtime {
    /// Path and query after the base URL; `{model}` stands for the model.
    pub path: &'static str,
    /// Client headers that go on, beside those of the handshake.
    pub forwarded_headers: &'static [&'static str],
    /// The tokens that one message of the vendor's reports; they add up over a conversation.
    pub usage: fn(&str) -> Option<Usage>,
}
