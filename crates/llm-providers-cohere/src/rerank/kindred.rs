//! Reranking in kindred formats: Jina's, Voyage's, and that of servers of Text Embeddings Inference (TEI).
//!
//! After <https://api.jina.ai/redoc>, <https://docs.voyageai.com/reference/reranker-api> and
//! <https://huggingface.github.io/text-embeddings-inference/>.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::exchange::Exchange;
use llm_core::order;
use llm_core::rerank::{RerankDocument, RerankRequest, RerankResponse, RerankResult};
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Losses, RawJson, Result, Target, Usage};

use super::documents;
use super::vendor::{list, results, with_documents};
use crate::request::wire_request;
use crate::wire::{Malformed, ObjectWriter};
use crate::{error, retrieval};

const PATH: &str = "/rerank";

/// Jina's reranking: as Cohere's, with tokens for usage.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Jina;

/// Voyage's reranking: `top_k`, and results in `data`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Voyage;

/// TEI's reranking: `texts`, and a bare list of all results.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TextEmbeddingsInference;

const JINA: DialectId = DialectId::new("jina.rerank");
const VOYAGE: DialectId = DialectId::new("voyage.rerank");
const TEI: DialectId = DialectId::new("tei.rerank");

impl Exchange<RerankRequest, RerankResponse> for Jina {
    fn id(&self) -> DialectId {
        JINA
    }

    fn encode(&self, request: &RerankRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let mut body = ObjectWriter::new();
        body.member("model", &target.model).member("query", &request.query);
        let documents: Vec<RawJson> = jina_documents(request, &mut losses)?;
        body.member("documents", &documents).optional("top_n", request.top_n.as_ref());
        // The vendor repeats documents unless told not to; we put the client's own in.
        body.member("return_documents", &false);
        finish(request, body, (JINA, target), losses)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        Ok(retrieval::forward(PATH, body, envelope, target))
    }

    fn decode(&self, reply: &WireResponse, request: &RerankRequest) -> Result<RerankResponse> {
        decode(reply, request, (JINA, "results"))
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        retrieval::peek_totals(body)
    }
}

impl Exchange<RerankRequest, RerankResponse> for Voyage {
    fn id(&self) -> DialectId {
        VOYAGE
    }

    fn encode(&self, request: &RerankRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let mut body = ObjectWriter::new();
        body.member("query", &request.query).member("documents", &documents::texts(request, &mut losses)?);
        body.member("model", &target.model).optional("top_k", request.top_n.as_ref());
        finish(request, body, (VOYAGE, target), losses)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        Ok(retrieval::forward(PATH, body, envelope, target))
    }

    fn decode(&self, reply: &WireResponse, request: &RerankRequest) -> Result<RerankResponse> {
        decode(reply, request, (VOYAGE, "data"))
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        retrieval::peek_totals(body)
    }

    fn most_inputs(&self) -> Option<usize> {
        Some(1000)
    }
}

impl Exchange<RerankRequest, RerankResponse> for TextEmbeddingsInference {
    fn id(&self) -> DialectId {
        TEI
    }

    /// A server has one model and is not told its name; it ranks all texts, and the best are taken of its answer.
    fn encode(&self, request: &RerankRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let mut body = ObjectWriter::new();
        body.member("query", &request.query).member("texts", &documents::texts(request, &mut losses)?);
        finish(request, body, (TEI, target), losses)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        Ok(retrieval::forward(PATH, body, envelope, target))
    }

    fn decode(&self, reply: &WireResponse, request: &RerankRequest) -> Result<RerankResponse> {
        if !(200..300).contains(&reply.status) {
            return Err(error::classify(reply));
        }
        let items: Vec<RawJson> = serde_json::from_slice(&reply.body)
            .map_err(|_| Malformed::new("", "expected a list of results").of_vendor())?;
        let results = list(&items, "score").map_err(Malformed::of_vendor)?;
        Ok(RerankResponse {
            results: with_documents(best(results, request.top_n), request)?,
            ..RerankResponse::default()
        })
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        let list: serde_json::Result<Vec<RawJson>> = serde_json::from_slice(body);
        list.map(|_| Peek::default())
            .map_err(|_| Malformed::new("", "expected a list of results").of_vendor())
    }
}

/// The best results, in order.
fn best(mut results: Vec<RerankResult>, top_n: Option<u64>) -> Vec<RerankResult> {
    order::sort_by(&mut results, |one, other| other.score.total_cmp(&one.score));
    results.truncate(top_n.and_then(|top_n| usize::try_from(top_n).ok()).unwrap_or(usize::MAX));
    results
}

fn jina_documents(request: &RerankRequest, losses: &mut Losses) -> Result<Vec<RawJson>> {
    let native = |document: &RerankDocument| match document {
        RerankDocument::Text(text) => Some(RawJson::string(text)),
        RerankDocument::Object(raw) => documents::own_text(raw).map(|_| raw.clone()),
        _ => None,
    };
    let all: Option<Vec<RawJson>> = request.documents.iter().map(native).collect();
    match all.filter(|_| request.rank_fields.is_empty()) {
        Some(all) => Ok(all),
        None => Ok(documents::texts(request, losses)?.iter().map(|text| RawJson::string(text)).collect()),
    }
}

fn finish(
    request: &RerankRequest,
    body: ObjectWriter,
    (own, target): (DialectId, &Target),
    mut losses: Losses,
) -> Result<Encoded> {
    losses.tuning_of([
        ("instruction", request.instruction.is_some()),
        ("max_tokens_per_doc", request.max_tokens_per_document.is_some()),
    ])?;
    let body = retrieval::finish(body, own, request.extras.as_ref(), target, &mut losses)?;
    Ok(Encoded { request: wire_request(PATH, body.into()), losses: losses.into_list() })
}

fn decode(
    reply: &WireResponse,
    request: &RerankRequest,
    (own, name): (DialectId, &str),
) -> Result<RerankResponse> {
    let body = retrieval::body(reply)?;
    let results = results(&body, name, "relevance_score").map_err(Malformed::of_vendor)?;
    let extras = body.rest(&["id", "object", "model", "usage", name]);
    let usage: Usage = retrieval::totals(&body);
    Ok(RerankResponse {
        id: body.text("id").map_err(Malformed::of_vendor)?,
        model: body.text("model").map_err(Malformed::of_vendor)?.unwrap_or_default(),
        results: with_documents(results, request)?,
        usage,
        extras: (!extras.is_empty()).then_some((own, extras)),
    })
}
