//! Embeddings: `/embed` towards vendors and clients, and the kindred formats whose vectors come as
//! `{"data": [{"embedding"}]}`.
//!
//! After <https://docs.cohere.com/reference/embed>.

mod client;
mod kindred;
mod vectors;
mod vendor;

pub(crate) use client::EmbedIngress;
pub(crate) use kindred::{Jina, Voyage};
pub(crate) use vendor::Embed;

use llm_core::embedding::EmbeddingEncoding;

/// Encodings by the names of this format.
const ENCODINGS: [(EmbeddingEncoding, &str); 6] = [
    (EmbeddingEncoding::Float, "float"),
    (EmbeddingEncoding::Base64, "base64"),
    (EmbeddingEncoding::Int8, "int8"),
    (EmbeddingEncoding::Uint8, "uint8"),
    (EmbeddingEncoding::Binary, "binary"),
    (EmbeddingEncoding::Ubinary, "ubinary"),
];

fn name_of(encoding: EmbeddingEncoding) -> &'static str {
    ENCODINGS.iter().find(|(known, _)| *known == encoding).map_or("float", |(_, name)| name)
}
