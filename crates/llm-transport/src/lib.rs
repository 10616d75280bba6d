//! The only HTTP client of the gateway: one [`Upstream`] for each vendor base URL, with its own pool of connections;
//! and [`fetch`] for a file now and then.
//!
//! An upstream sits directly on hyper's connections instead of on a general client, because a pooled general client spends
//! as much CPU on a request as the connection itself. What it does and a general client does not:
//!
//! - a request stays on the core it came in on: each thread has its own idle connections;
//! - bodies are written in the pieces they come in, and answers are handed on in the chunks they come in;
//! - four deadlines (connect, headers, idle, total), each named in the error when it passes;
//! - proxies, TLS and HTTP/2 run under the same pool, deadlines and errors as a plain connection.
//!
//! [`Upstream::relay`] sends a body on while it is still arriving. A [`Tape`] between an upstream and the network
//! keeps exchanges, or answers in the network's place.
//!
//! What it does not: follow redirects, keep cookies, retry answers. The router retries; the only retry here is
//! that of a request whose pooled connection turned out to be closed before any byte of an answer.
//!
//! ```no_run
//! use http::{HeaderMap, Method};
//! use llm_core::provider::Deadlines;
//! use llm_core::wire::WireRequest;
//! use llm_transport::{Options, Upstream};
//!
//! # async fn example() -> llm_core::Result<()> {
//! let upstream = Upstream::new("https://api.example.com/v1", &Options::default())?;
//! let request = WireRequest {
//!     method: Method::POST,
//!     path: "/chat/completions".into(),
//!     headers: HeaderMap::new(),
//!     body: br#"{"model":"small"}"#.to_vec().into(),
//! };
//! let reply = upstream.send(request, &Deadlines::default()).await?;
//! let answer = reply.body.collect().await?;
//! # drop(answer);
//! # Ok(())
//! # }
//! ```

mod body;
mod connect;
mod connection;
mod deadline;
mod decode;
mod failure;
mod fetch;
mod once;
mod options;
mod outgoing;
mod pool;
mod proxy;
mod public;
mod relay;
mod socks;
mod stream;
mod tape;
mod target;
mod tls;
mod upgrade;
mod upstream;

pub use body::UpstreamBody;
pub use fetch::{ColdCall, ask, fetch};
pub use options::{ClientCertificate, HttpVersion, Options, Proxy, Tls};
pub use public::{Fetched, PublicLimits, fetch_public};
pub use tape::{Asked, Chunk, Tape, Told};
pub use upgrade::Upgraded;
pub use upstream::{Upstream, UpstreamReply};
