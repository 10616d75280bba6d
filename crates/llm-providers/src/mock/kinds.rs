//! What a mock model answers beside chat: vectors made of words, and documents by the words that they share with the
//! query.

use std::collections::HashSet;

use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingRequest, EmbeddingResponse,
};
use llm_core::message::Part;
use llm_core::order;
use llm_core::rerank::{RerankDocument, RerankRequest, RerankResponse, RerankResult};
use llm_core::{Error, Result, Usage};

/// The length of vectors when nobody says.
const DIMENSIONS: u64 = 64;
const MAX_DIMENSIONS: u64 = 4096;

/// A vector of length one for each input: each word points somewhere, so that texts with the same words are near.
pub(crate) fn embeddings(request: &EmbeddingRequest, public_model: &str) -> Result<EmbeddingResponse> {
    let dimensions = request.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        let message =
            format!("invalid `dimensions`: the mock makes vectors of 1 to {MAX_DIMENSIONS} numbers");
        return Err(Error::invalid(message).with_param("dimensions"));
    }
    let words: Vec<Vec<String>> = request.inputs.iter().map(words_of_input).collect();
    let vectors = words.iter().map(|words| embedding(words, dimensions, &request.encodings));
    Ok(EmbeddingResponse {
        model: public_model.to_owned(),
        embeddings: vectors.collect(),
        usage: Usage { input: Some(words.iter().map(|words| tokens(words)).sum()), ..Usage::default() },
        ..EmbeddingResponse::default()
    })
}

fn embedding(words: &[String], dimensions: u64, encodings: &[EmbeddingEncoding]) -> Embedding {
    let vector = vector(words, dimensions);
    let small = |number: &f32| {
        #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127")]
        let small = (number * 127.0).round() as i16;
        small
    };
    let packed = if encodings.contains(&EmbeddingEncoding::Int8) {
        vec![(EmbeddingEncoding::Int8, vector.iter().map(small).collect())]
    } else {
        Vec::new()
    };
    Embedding { float: Some(vector), packed }
}

fn vector(words: &[String], dimensions: u64) -> Vec<f32> {
    let mut vector = vec![0.0f32; usize::try_from(dimensions).unwrap_or(1)];
    for word in words {
        let hash = hash(word);
        let at = usize::try_from(hash % dimensions).unwrap_or(0);
        if let Some(number) = vector.get_mut(at) {
            *number += if hash >> 63 == 0 { 1.0 } else { -1.0 };
        }
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length == 0.0 {
        // No words, or words that cancel out: some direction of length one.
        vector.fill(0.0);
        vector.iter_mut().take(1).for_each(|first| *first = 1.0);
    } else {
        vector.iter_mut().for_each(|number| *number /= length);
    }
    vector
}

/// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>): the same on every machine and in every version.
fn hash(word: &str) -> u64 {
    word.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn words_of_input(input: &EmbeddingInput) -> Vec<String> {
    match input {
        EmbeddingInput::Text(text) => words(text),
        EmbeddingInput::Tokens(tokens) => tokens.iter().map(u64::to_string).collect(),
        EmbeddingInput::Parts(parts) => parts.iter().flat_map(words_of_part).collect(),
        _ => Vec::new(),
    }
}

fn words_of_part(part: &Part) -> Vec<String> {
    match part {
        Part::Text(text) => words(&text.text),
        _ => vec!["a picture".to_owned()],
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn tokens(words: &[String]) -> u64 {
    words.iter().map(|word| (word.len() as u64).div_ceil(4)).sum()
}

/// Documents by the share of the query's words that they have.
pub(crate) fn ranking(request: &RerankRequest, public_model: &str) -> RerankResponse {
    let query: HashSet<String> = words(&request.query).into_iter().collect();
    let score = |document: &RerankDocument| {
        let found: HashSet<String> = words(text_of(document)).into_iter().collect();
        query.intersection(&found).count() as f64 / query.len().max(1) as f64
    };
    let shown = request.return_documents == Some(true);
    let mut results: Vec<RerankResult> = (0u64..)
        .zip(&request.documents)
        .map(|(index, document)| {
            let document_shown = shown.then(|| document.clone());
            RerankResult { index, score: score(document), document: document_shown }
        })
        .collect();
    order::sort_by(&mut results, |one, other| other.score.total_cmp(&one.score));
    results.truncate(request.top_n.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)));
    let documents = request.documents.iter().map(|document| tokens(&words(text_of(document))));
    let input = tokens(&words(&request.query)) + documents.sum::<u64>();
    RerankResponse {
        model: public_model.to_owned(),
        results,
        usage: Usage { input: Some(input), web_searches: Some(1), ..Usage::default() },
        ..RerankResponse::default()
    }
}

fn text_of(document: &RerankDocument) -> &str {
    match document {
        RerankDocument::Text(text) => text,
        RerankDocument::Object(object) => object.get(),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(texts: &[&str]) -> Vec<RerankDocument> {
        texts.iter().map(|text| RerankDocument::Text((*text).to_owned())).collect()
    }

    #[test]
    fn documents_with_more_words_of_the_query_come_first() {
        let request = RerankRequest {
            query: "Capital of France?".to_owned(),
            documents: documents(&["Berlin", "Paris, capital of FRANCE", "a capital idea"]),
            top_n: Some(2),
            return_documents: Some(true),
            ..RerankRequest::default()
        };
        let answer = ranking(&request, "public");
        let ranked: Vec<_> = answer.results.iter().map(|result| (result.index, result.score)).collect();
        assert_eq!(ranked, [(1, 1.0), (2, 1.0 / 3.0)]);
        assert_eq!(answer.results[0].document.as_ref(), request.documents.get(1));
        assert_eq!((answer.usage.web_searches, answer.model.as_str()), (Some(1), "public"));
    }

    #[test]
    fn vectors_have_length_one_whatever_the_input_says() {
        let inputs = ["", "a", "a a b", "?!"].map(|text| EmbeddingInput::Text(text.to_owned())).to_vec();
        let inputs =
            [inputs, vec![EmbeddingInput::Tokens(vec![1, 2]), EmbeddingInput::Parts(Vec::new())]].concat();
        let request = EmbeddingRequest {
            inputs,
            dimensions: Some(3),
            encodings: vec![EmbeddingEncoding::Float, EmbeddingEncoding::Int8],
            ..EmbeddingRequest::default()
        };
        let answer = embeddings(&request, "public").expect("vectors");
        assert_eq!(answer.embeddings.len(), 6);
        for embedding in &answer.embeddings {
            let vector = embedding.float.as_ref().expect("floats");
            let length: f32 = vector.iter().map(|number| number * number).sum();
            assert!(vector.len() == 3 && (length - 1.0).abs() < 1e-5, "{vector:?}");
            assert_eq!(embedding.packed.len(), 1);
        }
        assert_eq!(embeddings(&request, "public").expect("vectors"), answer, "the same every time");
        let endless = EmbeddingRequest { dimensions: Some(u64::MAX), ..request };
        assert!(embeddings(&endless, "public").is_err());
    }
}
