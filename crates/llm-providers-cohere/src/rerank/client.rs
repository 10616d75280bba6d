//! The client side of `/rerank`, in the shape that both versions of the format and its kin share.

use bytes::Bytes;
use llm_core::exchange::ExchangeIngress;
use llm_core::rerank::{RerankDocument, RerankRequest, RerankResponse, RerankResult};
use llm_core::{DialectId, RawJson, RawObject, Result};

use crate::wire::{Fields, Malformed, ObjectWriter};
use crate::{RERANK, usage};

/// Fields of the body that the canonical form holds.
const MODELLED: &[&str] = &[
    "model",
    "query",
    "documents",
    "top_n",
    "return_documents",
    "max_tokens_per_doc",
    "rank_fields",
    "instruction",
];

/// The name of the first version's format.
const FIRST: DialectId = DialectId::new("cohere.v1.rerank");

/// Speaks the format to clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RerankIngress {
    id: DialectId,
}

impl RerankIngress {
    /// The second version: documents are texts.
    pub(crate) const TEXTS: Self = Self { id: RERANK };

    /// The first version: documents may be objects, and answers may repeat them. Vendors of the second one take
    /// neither, so that requests are always translated.
    pub(crate) const OBJECTS: Self = Self { id: FIRST };
}

impl ExchangeIngress<RerankRequest, RerankResponse> for RerankIngress {
    fn id(&self) -> DialectId {
        self.id
    }

    fn decode(&self, body: &Bytes) -> Result<RerankRequest> {
        Fields::of_body(body).and_then(|body| read(&body)).map_err(Malformed::of_client)
    }

    fn encode(&self, answer: &RerankResponse, _request: &RerankRequest) -> Bytes {
        let results: Vec<RawJson> = answer.results.iter().map(result).collect();
        let own = answer.extras.as_ref().filter(|(origin, _)| *origin == RERANK).map(|(_, extras)| extras);
        let mut object = ObjectWriter::new();
        object.member("id", answer.id.as_deref().unwrap_or_default()).member("results", &results);
        // The vendor's own, unless the answer was joined of several.
        let meta = own.and_then(|extras| extras.get("meta"));
        let meta = meta.filter(|meta| usage::read(Some(meta)) == answer.usage);
        let meta = meta.cloned().unwrap_or_else(|| self::meta(answer));
        object.member("meta", &meta);
        for (name, value) in own.into_iter().flat_map(RawObject::iter).filter(|(name, _)| *name != "meta") {
            object.member(name, value);
        }
        object.finish().into()
    }
}

fn read(body: &Fields) -> Result<RerankRequest, Malformed> {
    if body.raw("documents").is_none() {
        return Err(Malformed::new("documents", "field required"));
    }
    let mut documents = Vec::new();
    for (at, raw) in body.array("documents")?.into_iter().enumerate() {
        documents.push(document(raw).map_err(|fault| fault.within(at).within("documents"))?);
    }
    Ok(RerankRequest {
        model: body.required_text("model")?,
        query: body.required_text("query")?,
        documents,
        top_n: body.read("top_n", "a whole number")?,
        return_documents: body.read("return_documents", "true or false")?,
        max_tokens_per_document: body.read("max_tokens_per_doc", "a whole number")?,
        rank_fields: body.read("rank_fields", "a list of strings")?.unwrap_or_default(),
        instruction: body.text("instruction")?,
        extras: Some((RERANK, body.rest(MODELLED))),
    })
}

fn document(raw: RawJson) -> Result<RerankDocument, Malformed> {
    match raw.read::<String>() {
        Ok(text) => Ok(RerankDocument::Text(text)),
        Err(_) if raw.get().starts_with('{') => Ok(RerankDocument::Object(raw)),
        Err(_) => Err(Malformed::new("", "expected a string or an object")),
    }
}

fn result(result: &RerankResult) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member("index", &result.index).member("relevance_score", &result.score);
    match &result.document {
        Some(RerankDocument::Text(text)) => {
            object.member("document", &ObjectWriter::new().member("text", text).json());
        }
        Some(RerankDocument::Object(raw)) => {
            object.member("document", raw);
        }
        _ => {}
    }
    object.json()
}

fn meta(answer: &RerankResponse) -> RawJson {
    let version = ObjectWriter::new().member("version", "2").json();
    let mut billed = ObjectWriter::new();
    billed.optional("search_units", answer.usage.web_searches.as_ref());
    billed.optional("total_tokens", answer.usage.total().as_ref());
    let mut object = ObjectWriter::new();
    object.member("api_version", &version).member("billed_units", &billed.json());
    if let Some(input) = answer.usage.prompt_total() {
        object.member("tokens", &ObjectWriter::new().member("input_tokens", &input).json());
    }
    object.json()
}
