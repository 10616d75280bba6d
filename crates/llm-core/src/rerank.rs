//! The canonical form of reranking: a query and documents in, documents by relevance out.

use crate::dialect::DialectId;
use crate::error::{Error, Result};
use crate::exchange::Batched;
use crate::json::{RawJson, RawObject};
use crate::order;
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

impl Batched for RerankRequest {
    type Answer = RerankResponse;

    fn inputs(&self) -> usize {
        self.documents.len()
    }

    fn split(&self, most: usize) -> Vec<Self> {
        let part = |documents: &[RerankDocument]| Self {
            model: self.model.clone(),
            query: self.query.clone(),
            documents: documents.to_vec(),
            top_n: self.top_n.map(|wanted| wanted.min(documents.len() as u64)),
            return_documents: self.return_documents,
            max_tokens_per_document: self.max_tokens_per_document,
            rank_fields: self.rank_fields.clone(),
            instruction: self.instruction.clone(),
            extras: self.extras.clone(),
        };
        self.documents.chunks(most.max(1)).map(part).collect()
    }

    /// A model scores each document by itself, so that scores of several requests compare.
    fn join(&self, most: usize, answers: Vec<RerankResponse>) -> RerankResponse {
        let mut whole: Option<RerankResponse> = None;
        for (at, mut answer) in answers.into_iter().enumerate() {
            for result in &mut answer.results {
                result.index += (at * most) as u64;
            }
            match &mut whole {
                None => whole = Some(answer),
                Some(whole) => {
                    whole.results.append(&mut answer.results);
                    whole.usage.add(&answer.usage);
                }
            }
        }
        let mut whole = whole.unwrap_or_default();
        order::sort_by(&mut whole.results, |one, other| other.score.total_cmp(&one.score));
        whole
            .results
            .truncate(self.top_n.map_or(usize::MAX, |wanted| usize::try_from(wanted).unwrap_or(usize::MAX)));
        whole
    }

    fn check(&self, answer: &RerankResponse) -> Result<()> {
        let documents = self.documents.len() as u64;
        match answer.results.iter().find(|result| result.index >= documents) {
            None => Ok(()),
            Some(result) => {
                Err(Error::bad_answer(format!("the vendor ranked document {} of {documents}", result.index)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(scores: &[(u64, f64)]) -> RerankResponse {
        let results =
            scores.iter().map(|(index, score)| RerankResult { index: *index, score: *score, document: None });
        RerankResponse {
            results: results.collect(),
            usage: Usage { web_searches: Some(1), ..Usage::default() },
            ..RerankResponse::default()
        }
    }

    #[test]
    fn parts_are_merged_by_score_under_the_places_in_the_whole() {
        let documents = ["a", "b", "c"].map(|text| RerankDocument::Text(text.to_owned())).to_vec();
        let whole = RerankRequest { documents, top_n: Some(2), ..RerankRequest::default() };
        let parts = whole.split(2);
        assert_eq!(
            parts.iter().map(|part| (part.documents.len(), part.top_n)).collect::<Vec<_>>(),
            [(2, Some(2)), (1, Some(1))]
        );
        let joined = whole.join(2, vec![answer(&[(1, 0.5), (0, 0.1)]), answer(&[(0, 0.9)])]);
        assert_eq!(joined.results, answer(&[(2, 0.9), (1, 0.5)]).results);
        assert_eq!(joined.usage.web_searches, Some(2));
        assert!(whole.check(&joined).is_ok());
        assert!(whole.check(&answer(&[(3, 1.0)])).is_err());
    }
}
