//! Documents in the order in which they fit a query.
//!
//! After <https://www.alibabacloud.com/help/en/model-studio/text-rerank-api> (read 2026-11-21).

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::exchange::Exchange;
use llm_core::rerank::{RerankDocument, RerankRequest, RerankResponse, RerankResult};
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Losses, RawJson, RawObject, Result, Target};

use crate::embeddings::{answered, peek};
use crate::wire::{no_answer, raw, read};
use crate::{GENERATION, RERANK, request, usage};

const PATH: &str = "/services/rerank/text-rerank/text-rerank";

/// Reranking as this format has it.
#[derive(Debug)]
pub(crate) struct Rerank;

impl Exchange<RerankRequest, RerankResponse> for Rerank {
    fn id(&self) -> DialectId {
        RERANK
    }

    fn encode(&self, request: &RerankRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let input = input(request, &target.model, &mut losses)?;
        let parameters = parameters(request, &mut losses)?;
        let body = request::body(target, input, parameters);
        Ok(Encoded { request: request::post(PATH, body.into()), losses: losses.into_list() })
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        let body = request::edited(body, envelope, target);
        Ok(Encoded { request: request::post(PATH, body), losses: Vec::new() })
    }

    fn decode(&self, reply: &WireResponse, request: &RerankRequest) -> Result<RerankResponse> {
        let (top, output) = answered(reply)?;
        let list: Vec<RawObject> =
            read(&output, "results").ok_or_else(|| no_answer("`output.results` is missing"))?;
        let results: Option<Vec<RerankResult>> = list.iter().map(result).collect();
        Ok(RerankResponse {
            id: read(&top, "request_id"),
            model: request.model.clone(),
            results: results.ok_or_else(|| no_answer("a result has no place or no score"))?,
            usage: read(&top, "usage").map(|report| usage::read(&report)).unwrap_or_default(),
            extras: None,
        })
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        peek(body)
    }
}

fn input(request: &RerankRequest, model: &str, losses: &mut Losses) -> Result<RawObject> {
    let sees = model.to_ascii_lowercase().contains("-vl-");
    let mut documents = Vec::with_capacity(request.documents.len());
    for document in &request.documents {
        documents.push(written(document, sees, losses)?);
    }
    let query = match sees {
        true => raw(&text_object(&request.query)),
        false => RawJson::string(&request.query),
    };
    Ok([("query".to_owned(), query), ("documents".to_owned(), raw(&documents))].into_iter().collect())
}

/// Models that see take objects with `text`, `image` or `video`; the others take texts.
fn written(document: &RerankDocument, sees: bool, losses: &mut Losses) -> Result<RawJson> {
    match document {
        RerankDocument::Text(text) if sees => Ok(raw(&text_object(text))),
        RerankDocument::Text(text) => Ok(RawJson::string(text)),
        RerankDocument::Object(object) if sees => Ok(object.clone()),
        RerankDocument::Object(object) => {
            let members: RawObject = object.read().unwrap_or_default();
            if members.len() > 1 {
                losses.approximated("documents", "their `text`")?;
            }
            match members.get("text") {
                Some(text) => Ok(text.clone()),
                None => losses.meaning("documents").map(|()| RawJson::string(object.get())),
            }
        }
        _ => losses.meaning("documents").map(|()| RawJson::string("")),
    }
}

fn text_object(text: &str) -> RawObject {
    [("text".to_owned(), RawJson::string(text))].into_iter().collect()
}

fn parameters(request: &RerankRequest, losses: &mut Losses) -> Result<RawObject> {
    let mut parameters = RawObject::default();
    if let Some(count) = request.top_n {
        parameters.insert("top_n", raw(&count));
    }
    if let Some(repeat) = request.return_documents {
        parameters.insert("return_documents", raw(&repeat));
    }
    if let Some(instruction) = &request.instruction {
        parameters.insert("instruct", RawJson::string(instruction));
    }
    if request.max_tokens_per_document.is_some() {
        losses.tuning("max_tokens_per_doc")?;
    }
    if !request.rank_fields.is_empty() {
        losses.meaning("rank_fields")?;
    }
    for (origin, fields) in request.extras.iter() {
        for (name, value) in fields.iter() {
            if [RERANK, GENERATION].contains(origin) {
                parameters.insert(name, value.clone());
            } else {
                losses.tuning(name.to_owned())?;
            }
        }
    }
    Ok(parameters)
}

fn result(result: &RawObject) -> Option<RerankResult> {
    let document = result.get("document").filter(|raw| !raw.is_null());
    Some(RerankResult {
        index: read(result, "index")?,
        score: read(result, "relevance_score")?,
        document: document.map(repeated),
    })
}

/// A document that was sent as a text comes back as an object around it.
fn repeated(document: &RawJson) -> RerankDocument {
    let members: RawObject = document.read().unwrap_or_default();
    match read::<String>(&members, "text").filter(|_| members.len() == 1) {
        Some(text) => RerankDocument::Text(text),
        None => RerankDocument::Object(document.clone()),
    }
}
