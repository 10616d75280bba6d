//! Reranking: `/rerank` towards vendors and clients, and the kindred formats.
//!
//! After <https://docs.cohere.com/reference/rerank>.

mod client;
mod documents;
mod kindred;
mod vendor;

pub(crate) use client::RerankIngress;
pub(crate) use kindred::{Jina, TextEmbeddingsInference, Voyage};
pub(crate) use vendor::Rerank;
