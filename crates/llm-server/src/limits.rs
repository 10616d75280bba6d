//! How much a client may send, and how slowly.

use std::time::Duration;

/// How much a client may send, and how slowly.
///
/// [`Limits::default`] suits prompts with images and documents, and clients on slow lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a request body.
    pub body: usize,
    /// The most bytes of all request bodies together that are held because they came in several pieces. A body that
    /// arrived at once does not count: the number of connections bounds those.
    pub buffered: usize,
    /// A body must be complete after this time …
    pub body_grace: Duration,
    /// … or have come with at least this many bytes a second after it.
    pub body_rate: usize,
    /// The most bytes of a request's head.
    pub head: usize,
    /// From a head's first byte to its last.
    pub head_time: Duration,
    /// How long a connection may be open without a request. Longer than the load balancers in front of us wait, so
    /// that they and not we close first: a request that crosses our close would be lost.
    pub idle: Duration,
    /// How long a client may take nothing of an answer that waits for it.
    pub stall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 100 << 20,
            buffered: 1 << 30,
            body_grace: Duration::from_secs(30),
            body_rate: 16 << 10,
            head: 64 << 10,
            head_time: Duration::from_secs(30),
            idle: Duration::from_secs(620),
            stall: Duration::from_secs(120),
        }
    }
}
