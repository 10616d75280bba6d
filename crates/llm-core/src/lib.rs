//! The vocabulary of the gateway: what a request, an answer, a stream event, a token count, a price and an
//! error are, and the traits that dialects and providers implement. Nothing in this crate does I/O.
//!
//! - [`request`], [`message`], [`response`], [`event`]: the canonical form, the hub of every translation.
//! - [`sources`]: where the pictures and files of a request come from.
//! - [`usage`], [`money`]: tokens in buckets that never overlap, and prices and costs in whole numbers.
//! - [`error`]: what went wrong, whose fault it is and whether another attempt helps.
//! - [`members`], [`mod@object`], [`request_body`]: objects read and written member by member. [`words`]: texts that go from one body into
//!   another.
//! - [`envelope`]: the one-pass scan of a request body, and edits of it that copy nothing.
//! - [`framing`]: streams of bytes cut into frames.
//! - [`dialect`], [`ingress`], [`operation`]: what a wire format must be able to do, behind us (vendors) and in front of
//!   us (clients), and what the paths of clients mean.
//! - [`inquiry`]: what clients ask about models beside using them.
//! - [`exchange`], [`embedding`], [`mod@rerank`]: kinds of calls beside chat.
//! - [`realtime`]: conversations over a WebSocket.
//! - [`passage`], [`mod@form`]: kinds of calls that go through as they are, and the forms that some of them are sent in.
//! - [`conversion`], [`images`], [`speech`]: the same kinds for vendors of another format. [`wav`]: sound without compression.
//! - [`authenticator`]: credentials that are made for each request.
//! - [`scrub`], [`retry_hint`]: what every vendor's errors need.
//! - [`custom_tools`]: free-text tools beyond the dialects that have them.
//! - [`window`]: what was let through lately, for limits of requests and tokens. [`sync`]: locks that tests can watch.
//! - [`guard`], [`texts`]: judges of texts, and the texts of a body.
//! - [`answer_store`], [`packed`], [`essence`]: answers kept for requests that come again.
//! - [`provider`]: what the router calls. [`relay`]: requests that go to a vendor as they are.

pub mod answer_store;
pub mod authenticator;
pub mod conversion;
pub mod custom_tools;
pub mod dialect;
pub mod embedding;
pub mod envelope;
pub mod error;
pub mod essence;
pub mod event;
pub mod exchange;
pub mod form;
pub mod framing;
pub mod guard;
pub mod hush;
pub mod images;
pub mod ingress;
pub mod inquiry;
pub mod json;
pub mod loss;
pub mod members;
pub mod message;
pub mod money;
pub mod object;
pub mod operation;
pub mod output_limit;
pub mod packed;
pub mod passage;
pub mod provider;
pub mod random;
pub mod realtime;
pub mod relay;
pub mod request;
pub mod request_body;
pub mod rerank;
pub mod response;
pub mod retry_hint;
pub mod scrub;
pub mod secret;
pub mod sources;
pub mod speech;
pub mod sync;
pub mod texts;
pub mod tokens;
pub mod usage;
pub mod wav;
pub mod window;
pub mod wire;
pub mod words;

pub use answer_store::AnswerStore;
pub use authenticator::Authenticator;
pub use conversion::Conversion;
pub use dialect::{Dialect, DialectId, Seen, StreamDecoder, StreamTap, Target, Verdict};
pub use envelope::Envelope;
pub use error::{Error, ErrorKind, Fault, Result, Retry};
pub use event::{Delta, Event, PartKind};
pub use form::Form;
pub use ingress::{EventEncoder, Ingress};
pub use json::{RawJson, RawObject};
pub use loss::{How, Loss, LossPolicy, Losses};
pub use message::{Message, Part, Role};
pub use operation::{Asked, Endpoint, Operation};
pub use passage::Passage;
pub use provider::{BoxFuture, BoxStream, Call, Inbound, Provider, Reply};
pub use request::ChatRequest;
pub use request_body::RequestBody;
pub use response::{ChatResponse, Choice, FinishReason};
pub use secret::Secret;
pub use usage::Usage;
pub use words::{Wording, Words};
