//! The gateway over HTTP: a router that mounts in another axum application, and a server that carries the whole
//! load on one thread per core. Everything that knows a model, a key or a token lives in [`llm_gateway`]; here is
//! only what any HTTP service needs.
//!
//! - [`router`]: all routes as an [`axum::Router`], for a program that has a server of its own.
//! - [`Server`]: the listener, the worker threads and the orderly end, as the `llm-server` program runs them.
//! - [`InProcess`]: the same routes without a socket, for a program that asks itself.
//! - [`Limits`]: how much a client may send, and how slowly.
//! - [`Origins`]: which web pages may call.
//! - [`Docs`]: where the pages about the API are.
//! - [`Dashboard`]: who signs in to the pages at `/ui`.

mod answer;
mod app;
mod cache;
mod caught;
mod client_address;
mod dashboard;
mod discard;
pub mod import;
mod in_process;
mod insight;
mod intake;
mod limits;
mod management;
mod openapi;
mod origins;
mod outgoing;
mod query_key;
mod realtime;
mod relay;
mod routes;
pub mod server;
#[cfg(feature = "dashboard")]
mod ui;
mod wire_faults;

pub use dashboard::Dashboard;
pub use in_process::{InProcess, InProcessBody};
pub use limits::Limits;
pub use openapi::Docs;
pub use origins::Origins;
pub use routes::{router, router_managed, router_with};
pub use server::{Drained, Options, Running, Server, listen};
