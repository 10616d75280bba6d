//! The canonical form of reranking: a query and documents in, documents by relevance out.

use crate::dialect::DialectId;
use crate::json::{RawJson, RawObject};
use crate::usage::Usage;

/// A request to order documents by how they fit a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RerankRequest {
    /// The model's name as the client wrote it.
    pub model: String,
    /// The query.
    pub query: String,
    /// The documents.
    pub documents: Vec<RerankDocument>,
    /// How many results are wanted; `None`: all.
    pub top_n: Option<u64>,
    /// Whether results repeat their documents.
    pub return_documents: Option<bool>,
    /// The most tokens of a document that are read.
    pub max_tokens_per_document: Option<u64>,
    /// The fields of structured documents that count.
    pub rank_fields: Vec<String>,
    /// What the model is told about the task.
    pub instruction: Option<String>,
    /// Fields that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

/// A document.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RerankDocument {
    /// Its text.
    Text(String),
    /// A structured document: a JSON object, as written.
    Object(RawJson),
}

/// Documents by relevance, best first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RerankResponse {
    /// The vendor's id of the answer.
    pub id: Option<String>,
    /// The model that answered, by its public name.
    pub model: String,
    /// The results.
    pub results: Vec<RerankResult>,
    /// Tokens and searches.
    pub usage: Usage,
    /// Fields that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

/// One document in the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct RerankResult {
    /// Its place among the documents of the request, from 0.
    pub index: u64,
    /// How well it fits.
    pub score: f64,
    /// The document, where it was asked for.
    pub document: Option<RerankDocument>,
}
