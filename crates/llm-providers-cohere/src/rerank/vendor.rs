//! The vendor side of `/rerank`.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::exchange::Exchange;
use llm_core::rerank::{RerankDocument, RerankRequest, RerankResponse, RerankResult};
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Error, Losses, RawJson, Result, Target};

use super::documents;
use crate::request::wire_request;
use crate::wire::{Fields, Malformed, ObjectWriter};
use crate::{RERANK, error, retrieval, usage};

/// The most documents of one request that the vendor advises.
const MOST_INPUTS: usize = 1000;

/// Speaks the format to a vendor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rerank;

impl Exchange<RerankRequest, RerankResponse> for Rerank {
    fn id(&self) -> DialectId {
        RERANK
    }

    fn encode(&self, request: &RerankRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let mut body = ObjectWriter::new();
        body.member("model", &target.model).member("query", &request.query);
        body.member("documents", &documents::texts(request, &mut losses)?);
        body.optional("top_n", request.top_n.as_ref());
        body.optional("max_tokens_per_doc", request.max_tokens_per_document.as_ref());
        if request.instruction.is_some() {
            losses.tuning("instruction")?;
        }
        let body = retrieval::finish(body, RERANK, request.extras.as_ref(), target, &mut losses)?;
        Ok(Encoded { request: wire_request("/rerank", body.into()), losses: losses.into_list() })
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        Ok(retrieval::forward("/rerank", body, envelope, target))
    }

    fn decode(&self, reply: &WireResponse, request: &RerankRequest) -> Result<RerankResponse> {
        let body = retrieval::body(reply)?;
        let results = results(&body, "results", "relevance_score").map_err(Malformed::of_vendor)?;
        let extras = body.rest(&["id", "results"]);
        Ok(RerankResponse {
            id: body.text("id").map_err(Malformed::of_vendor)?,
            results: with_documents(results, request)?,
            usage: usage::read(body.raw("meta")),
            extras: (!extras.is_empty()).then_some((RERANK, extras)),
            ..RerankResponse::default()
        })
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        let body = Fields::of_body(body).map_err(Malformed::of_vendor)?;
        if error::is_error(&body) {
            return Err(error::of_stream(&body));
        }
        Ok(Peek { usage: usage::read(body.raw("meta")), ..Peek::default() })
    }

    fn most_inputs(&self) -> Option<usize> {
        Some(MOST_INPUTS)
    }
}

/// Reads a list of results.
pub(super) fn results(body: &Fields, name: &str, score: &str) -> Result<Vec<RerankResult>, Malformed> {
    if body.raw(name).is_none() {
        return Err(Malformed::new(name, "field required"));
    }
    list(&body.array(name)?, score).map_err(|fault| fault.within(name))
}

/// Reads results.
pub(super) fn list(items: &[RawJson], score: &str) -> Result<Vec<RerankResult>, Malformed> {
    items.iter().enumerate().map(|(at, raw)| result(raw, score).map_err(|fault| fault.within(at))).collect()
}

fn result(raw: &RawJson, score: &str) -> Result<RerankResult, Malformed> {
    let fields = Fields::parse(raw.get())?;
    let required = |name: &str| Malformed::new(name, "expected a number");
    Ok(RerankResult {
        index: fields.count("index").ok_or_else(|| required("index"))?,
        score: fields.read(score, "a number")?.ok_or_else(|| required(score))?,
        document: None,
    })
}

/// Puts the request's own documents in, where the client wants them: vendors repeat them in different forms, or not
/// at all.
pub(super) fn with_documents(
    mut results: Vec<RerankResult>,
    request: &RerankRequest,
) -> Result<Vec<RerankResult>> {
    for result in &mut results {
        let document = usize::try_from(result.index).ok().and_then(|index| request.documents.get(index));
        let Some(document) = document else {
            return Err(Error::bad_answer(
                "the vendor ranked a document that is not among those of the request",
            ));
        };
        if request.return_documents == Some(true) {
            result.document = Some(RerankDocument::clone(document));
        }
    }
    Ok(results)
}
