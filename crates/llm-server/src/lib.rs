#![doc = include_str!("../README.md")]

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
mod prompts;
mod query_key;
mod realtime;
mod relay;
mod routes;
pub mod server;
mod tls;
#[cfg(feature = "dashboard")]
mod ui;
mod wire_faults;

pub use dashboard::Dashboard;
pub use in_process::{InProcess, InProcessBody};
pub use limits::Limits;
pub use openapi::Docs;
pub use origins::Origins;
pub use routes::{router, router_managed, router_with};
pub use server::{Drained, Options, Running, Server, listen, listen_with_others};
pub use tls::{Certificate, over_tls};
