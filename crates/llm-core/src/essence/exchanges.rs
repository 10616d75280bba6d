//! Requests for embeddings and rankings.

use super::Essence;
use crate::embedding::{EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, Truncate};
use crate::packed::Packed as _;
use crate::rerank::{RerankDocument, RerankRequest};

/// The bytes of a request for embeddings. Vectors as numbers and in base64 are the same.
pub fn of_embeddings(request: &EmbeddingRequest) -> Vec<u8> {
    let EmbeddingRequest { model, inputs, dimensions, encodings, purpose, title, truncate, user: _, extras } =
        request;
    let mut essence = Essence::default();
    essence.text(model);
    essence.put(&(inputs.len() as u64));
    inputs.iter().for_each(|input| essence.input(input));
    essence.put(dimensions);
    for encoding in forms(encodings) {
        encoding.pack(&mut essence.out);
    }
    essence.purpose(purpose.as_ref());
    essence.put(title);
    essence.tag(match truncate {
        None => 0,
        Some(Truncate::Never) => 1,
        Some(Truncate::Start) => 2,
        Some(Truncate::End) => 3,
    });
    essence.extras(extras.as_ref());
    essence.out
}

/// The forms that an answer must hold, in one order.
fn forms(encodings: &[EmbeddingEncoding]) -> Vec<EmbeddingEncoding> {
    let all = [
        EmbeddingEncoding::Int8,
        EmbeddingEncoding::Uint8,
        EmbeddingEncoding::Binary,
        EmbeddingEncoding::Ubinary,
    ];
    let is_float = |wanted: &EmbeddingEncoding| !all.contains(wanted);
    let float = encodings.is_empty() || encodings.iter().any(is_float);
    let packed = all.into_iter().filter(|form| encodings.contains(form));
    float.then_some(EmbeddingEncoding::Float).into_iter().chain(packed).collect()
}

/// The bytes of a request for a ranking.
pub fn of_rerank(request: &RerankRequest) -> Vec<u8> {
    let RerankRequest {
        model,
        query,
        documents,
        top_n,
        return_documents,
        max_tokens_per_document,
        rank_fields,
        instruction,
        extras,
    } = request;
    let mut essence = Essence::default();
    essence.text(model);
    essence.text(query);
    essence.put(&(documents.len() as u64));
    for document in documents {
        match document {
            RerankDocument::Text(text) => {
                essence.tag(0);
                essence.text(text);
            }
            RerankDocument::Object(raw) => {
                essence.tag(1);
                essence.json(raw);
            }
        }
    }
    essence.put(top_n);
    essence.put(return_documents);
    essence.put(max_tokens_per_document);
    essence.put(rank_fields);
    essence.put(instruction);
    essence.extras(extras.as_ref());
    essence.out
}

impl Essence {
    fn input(&mut self, input: &EmbeddingInput) {
        match input {
            EmbeddingInput::Text(text) => {
                self.tag(0);
                self.text(text);
            }
            EmbeddingInput::Tokens(tokens) => {
                self.tag(1);
                self.put(tokens);
            }
            EmbeddingInput::Parts(parts) => {
                self.tag(2);
                self.put(parts);
            }
        }
    }

    fn purpose(&mut self, purpose: Option<&EmbeddingPurpose>) {
        let tag = match purpose {
            None => 0,
            Some(EmbeddingPurpose::Query) => 1,
            Some(EmbeddingPurpose::Document) => 2,
            Some(EmbeddingPurpose::Similarity) => 3,
            Some(EmbeddingPurpose::Classification) => 4,
            Some(EmbeddingPurpose::Clustering) => 5,
            Some(EmbeddingPurpose::QuestionAnswering) => 6,
            Some(EmbeddingPurpose::FactVerification) => 7,
            Some(EmbeddingPurpose::CodeQuery) => 8,
            Some(EmbeddingPurpose::Image) => 9,
            Some(EmbeddingPurpose::Other(word)) => {
                self.tag(10);
                return self.text(word);
            }
        };
        self.tag(tag);
    }
}
