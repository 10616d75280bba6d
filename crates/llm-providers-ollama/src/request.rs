//! Requests: a client's body to the canonical form, the canonical form to a server's body, and edits of bodies that
//! pass as they are.

mod encode;
mod forward;
mod generate;
mod history;
mod read;
mod thinking;

pub(crate) use encode::{encode, is_member, joined_options, wire_request};
pub(crate) use forward::forward;
pub(crate) use generate::decode as decode_prompt;
pub(crate) use read::{arguments, decode, image, named_model};

use bytes::Bytes;
use llm_core::Envelope;

/// The most answer tokens that a body asks for.
pub(crate) fn max_output_tokens(body: &Bytes, envelope: &Envelope) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Options {
        num_predict: Option<i64>,
    }
    let options: Options = envelope.read(body, "options").ok().flatten()?;
    u64::try_from(options.num_predict?).ok().filter(|limit| *limit > 0)
}
