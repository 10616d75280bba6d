//! Answers: a server's to the canonical form, a canonical one to a client, and the glance that metering takes.

mod read;
mod write;

pub(crate) use read::{Line, decode, finish, peek, usage};
pub(crate) use write::{Call, Done, Head, Said, Shape, encode, line, own_extras, reason, said};
