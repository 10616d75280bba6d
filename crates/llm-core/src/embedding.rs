//! The canonical form of embeddings: texts (or parts) in, vectors out.

use crate::dialect::DialectId;
use crate::json::RawObject;
use crate::message::Part;
use crate::usage::Usage;

/// A request for vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddingRequest {
    /// The model's name as the client wrote it.
    pub model: String,
    /// What to make vectors of; one vector for each.
    pub inputs: Vec<EmbeddingInput>,
    /// How many numbers a vector should have.
    pub dimensions: Option<u64>,
    /// How the vectors are wanted, in the client's order; empty: as numbers.
    pub encodings: Vec<EmbeddingEncoding>,
    /// What the vectors are for.
    pub purpose: Option<EmbeddingPurpose>,
    /// The title of the document, for vendors that weigh it.
    pub title: Option<String>,
    /// What happens to inputs that are too long.
    pub truncate: Option<Truncate>,
    /// The end user.
    pub user: Option<String>,
    /// Fields that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

/// One thing to make a vector of.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EmbeddingInput {
    /// A text.
    Text(String),
    /// A text already cut into a model's tokens.
    Tokens(Vec<u64>),
    /// Text and pictures together.
    Parts(Vec<Part>),
}

/// How a vector is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmbeddingEncoding {
    /// Numbers.
    Float,
    /// Little-endian 32-bit floats in base64.
    Base64,
    /// Whole numbers from -128 to 127.
    Int8,
    /// Whole numbers from 0 to 255.
    Uint8,
    /// One bit for each number, eight in a whole number from -128 to 127.
    Binary,
    /// One bit for each number, eight in a whole number from 0 to 255.
    Ubinary,
}

/// What vectors are for. Vendors that tell these apart make different vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmbeddingPurpose {
    /// Searching: this is a query.
    Query,
    /// Searching: this is a document.
    Document,
    /// Telling how alike two texts are.
    Similarity,
    /// Sorting into classes.
    Classification,
    /// Finding groups.
    Clustering,
    /// A question to be answered.
    QuestionAnswering,
    /// A statement to be checked.
    FactVerification,
    /// A query for code.
    CodeQuery,
    /// A picture.
    Image,
    /// Another word of the client's, as written.
    Other(String),
}

/// What happens to inputs that are too long for the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncate {
    /// The request is refused.
    Never,
    /// Their beginning is cut off.
    Start,
    /// Their end is cut off.
    End,
}

/// Vectors, in the order of the inputs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddingResponse {
    /// The vendor's id of the answer.
    pub id: Option<String>,
    /// The model that answered, by its public name.
    pub model: String,
    /// A vector for each input.
    pub embeddings: Vec<Embedding>,
    /// Tokens.
    pub usage: Usage,
    /// Fields that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

/// The vector of one input, in each encoding that was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embedding {
    /// 32-bit floats, also when they came in base64.
    pub float: Option<Vec<f32>>,
    /// The smaller forms, each in the encoding that it names.
    pub packed: Vec<(EmbeddingEncoding, Vec<i16>)>,
}
