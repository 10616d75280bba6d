#![doc = include_str!("../README.md")]

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
pub use tls::{Unverified, usual as usual_tls};
pub use upgrade::Upgraded;
pub use upstream::{Upstream, UpstreamReply};
