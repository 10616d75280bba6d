//! How a vendor's embeddings differ from the format's own documentation.

use llm_core::embedding::EmbeddingPurpose;
use serde::Deserialize;

/// Wire behaviours of a vendor's embeddings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingQuirks {
    /// The most inputs of one request; absent: nobody says.
    pub most_inputs: Option<usize>,
    /// The name of the field for the length of vectors, where it is not `dimensions`.
    pub dimensions_field: Option<String>,
    /// Top-level fields that the vendor refuses; they are dropped and reported.
    pub drop_params: Vec<String>,
    /// How the vendor is told what vectors are for.
    pub purposes: EmbeddingPurposes,
    /// Base64 holds whole numbers of one byte, and is all that there is.
    pub int8: bool,
}

/// How a vendor is told what vectors are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingPurposes {
    /// It is not.
    #[default]
    None,
    /// `input_type`: `query` or `document`.
    QueryDocument,
    /// `input_type`: `query` or `passage`.
    QueryPassage,
    /// `task`: `retrieval.query`, `retrieval.passage`, `text-matching`, `classification` or `separation`.
    Tasks,
}

impl EmbeddingPurposes {
    /// The field.
    pub(super) fn field(self) -> &'static str {
        if self == Self::Tasks { "task" } else { "input_type" }
    }

    /// The vendor's word for a purpose, where it has one.
    pub(super) fn word(self, purpose: &EmbeddingPurpose) -> Option<&str> {
        use EmbeddingPurpose as Purpose;
        match (self, purpose) {
            (Self::None, _) => None,
            (_, Purpose::Other(word)) => Some(word),
            (Self::Tasks, Purpose::Query | Purpose::QuestionAnswering) => Some("retrieval.query"),
            (Self::Tasks, Purpose::Document) => Some("retrieval.passage"),
            (Self::Tasks, Purpose::Similarity) => Some("text-matching"),
            (Self::Tasks, Purpose::Classification) => Some("classification"),
            (Self::Tasks, Purpose::Clustering) => Some("separation"),
            (Self::QueryDocument | Self::QueryPassage, Purpose::Query | Purpose::QuestionAnswering) => {
                Some("query")
            }
            (Self::QueryDocument, Purpose::Document) => Some("document"),
            (Self::QueryPassage, Purpose::Document) => Some("passage"),
            _ => None,
        }
    }
}

/// What a word of a client's means; the words of all vendors of the format are known.
pub(super) fn purpose(word: &str) -> EmbeddingPurpose {
    match word.to_ascii_lowercase().as_str() {
        "query" | "search_query" | "retrieval_query" | "retrieval.query" => EmbeddingPurpose::Query,
        "document" | "passage" | "search_document" | "retrieval_document" | "retrieval.passage" => {
            EmbeddingPurpose::Document
        }
        "similarity" | "semantic_similarity" | "text-matching" => EmbeddingPurpose::Similarity,
        "classification" => EmbeddingPurpose::Classification,
        "clustering" | "separation" => EmbeddingPurpose::Clustering,
        "question_answering" => EmbeddingPurpose::QuestionAnswering,
        "fact_verification" => EmbeddingPurpose::FactVerification,
        "code_retrieval_query" => EmbeddingPurpose::CodeQuery,
        "image" => EmbeddingPurpose::Image,
        _ => EmbeddingPurpose::Other(word.to_owned()),
    }
}
