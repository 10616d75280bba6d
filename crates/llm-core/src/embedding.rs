//! The canonical form of embeddings: texts (or parts) in, vectors out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dialect::DialectId;
use crate::error::{Error, Result};
use crate::exchange::Batched;
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

impl Embedding {
    /// A vector of floats.
    pub fn of(float: Vec<f32>) -> Self {
        Self { float: Some(float), packed: Vec::new() }
    }
}

/// A vector as [`EmbeddingEncoding::Base64`] has it.
pub fn to_base64(vector: &[f32]) -> String {
    let mut bytes = Vec::with_capacity(vector.len() * 4);
    for number in vector {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    STANDARD.encode(bytes)
}

/// A vector out of [`EmbeddingEncoding::Base64`]; `None` when the text holds none.
pub fn from_base64(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
}

/// Whole numbers from -128 to 127, a byte each, in base64; `None` when the text holds none.
pub fn int8_from_base64(text: &str) -> Option<Vec<i16>> {
    let bytes = STANDARD.decode(text).ok()?;
    Some(bytes.iter().map(|byte| i16::from(byte.cast_signed())).collect())
}

impl Batched for EmbeddingRequest {
    type Answer = EmbeddingResponse;

    fn inputs(&self) -> usize {
        self.inputs.len()
    }

    fn split(&self, most: usize) -> Vec<Self> {
        let rest = self.without_inputs();
        let chunks = self.inputs.chunks(most.max(1));
        chunks.map(|inputs| Self { inputs: inputs.to_vec(), ..rest.clone() }).collect()
    }

    fn join(&self, _most: usize, answers: Vec<EmbeddingResponse>) -> EmbeddingResponse {
        let mut answers = answers.into_iter();
        let mut whole = answers.next().unwrap_or_default();
        for answer in answers {
            whole.embeddings.extend(answer.embeddings);
            whole.usage.add(&answer.usage);
        }
        whole
    }

    fn check(&self, answer: &EmbeddingResponse) -> Result<()> {
        let (inputs, vectors) = (self.inputs.len(), answer.embeddings.len());
        if inputs == vectors {
            return Ok(());
        }
        Err(Error::bad_answer(format!("the vendor answered {vectors} embeddings to {inputs} inputs")))
    }
}

impl EmbeddingRequest {
    /// Everything but what the vectors are made of.
    fn without_inputs(&self) -> Self {
        Self {
            model: self.model.clone(),
            inputs: Vec::new(),
            dimensions: self.dimensions,
            encodings: self.encodings.clone(),
            purpose: self.purpose.clone(),
            title: self.title.clone(),
            truncate: self.truncate,
            user: self.user.clone(),
            extras: self.extras.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Usage;

    fn request(texts: &[&str]) -> EmbeddingRequest {
        let inputs = texts.iter().map(|text| EmbeddingInput::Text((*text).to_owned())).collect();
        EmbeddingRequest { model: "m".to_owned(), inputs, dimensions: Some(2), ..EmbeddingRequest::default() }
    }

    fn answer(values: &[f32]) -> EmbeddingResponse {
        let vector = |value: &f32| Embedding::of(vec![*value]);
        EmbeddingResponse {
            embeddings: values.iter().map(vector).collect(),
            usage: Usage { input: Some(values.len() as u64), ..Usage::default() },
            ..EmbeddingResponse::default()
        }
    }

    #[test]
    fn parts_are_joined_in_order_and_their_usage_is_added() {
        let whole = request(&["a", "b", "c"]);
        assert_eq!(whole.split(2), [request(&["a", "b"]), request(&["c"])]);
        let joined = whole.join(2, vec![answer(&[1.0, 2.0]), answer(&[3.0])]);
        assert_eq!(joined, answer(&[1.0, 2.0, 3.0]));
        assert!(whole.check(&joined).is_ok());
    }

    #[test]
    fn vectors_survive_base64() {
        let vector = [0.0, -1.5, f32::MIN_POSITIVE, 0.023_064_255];
        assert_eq!(from_base64(&to_base64(&vector)).as_deref(), Some(&vector[..]));
        assert_eq!(from_base64("AAAA"), None);
        assert_eq!(from_base64("no base64"), None);
        assert_eq!(int8_from_base64("gH8A"), Some(vec![-128, 127, 0]));
    }

    #[test]
    fn a_vector_too_few_is_no_answer() {
        assert!(request(&["a", "b"]).check(&answer(&[1.0])).is_err());
    }
}
