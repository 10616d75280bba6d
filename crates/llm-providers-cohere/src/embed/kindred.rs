//! Embeddings in formats that answer as `{"data": [{"embedding", "index"}], "usage"}`: Voyage's and Jina's.
//!
//! After <https://docs.voyageai.com/reference/embeddings-api> and <https://api.jina.ai/redoc>.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, EmbeddingResponse,
    Truncate,
};
use llm_core::exchange::Exchange;
use llm_core::order;
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Error, Losses, Part, RawJson, Result, Target};

use super::vendor::unsupported;
use super::{name_of, vectors};
use crate::request::wire_request;
use crate::retrieval;
use crate::wire::{Fields, Malformed, ObjectWriter};

const PATH: &str = "/embeddings";

/// Voyage's embeddings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Voyage;

/// Jina's embeddings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Jina;

const VOYAGE: DialectId = DialectId::new("voyage.embeddings");
const JINA: DialectId = DialectId::new("jina.embeddings");

impl Exchange<EmbeddingRequest, EmbeddingResponse> for Voyage {
    fn id(&self) -> DialectId {
        VOYAGE
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let mut body = ObjectWriter::new();
        let inputs: Vec<&str> = request.inputs.iter().map(text).collect::<Result<_>>()?;
        body.member("input", &inputs).member("model", &target.model);
        body.optional("input_type", voyage_purpose(request.purpose.as_ref(), &mut losses)?);
        body.optional("truncation", request.truncate.map(|truncate| truncate != Truncate::Never).as_ref());
        body.optional("output_dimension", request.dimensions.as_ref());
        let encoding = single(&request.encodings, &mut losses)?;
        body.optional("output_dtype", packed_name(encoding));
        finish(request, body, VOYAGE, target, losses)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        Ok(retrieval::forward(PATH, body, envelope, target))
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        decode(reply, request, VOYAGE)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        retrieval::peek_totals(body)
    }

    fn most_inputs(&self) -> Option<usize> {
        Some(1000)
    }
}

impl Exchange<EmbeddingRequest, EmbeddingResponse> for Jina {
    fn id(&self) -> DialectId {
        JINA
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let mut body = ObjectWriter::new();
        let inputs: Vec<RawJson> = request.inputs.iter().map(jina_input).collect::<Result<_>>()?;
        body.member("model", &target.model).member("input", &inputs);
        body.optional("task", jina_task(request.purpose.as_ref()));
        body.optional("dimensions", request.dimensions.as_ref());
        body.optional("truncate", request.truncate.map(|truncate| truncate != Truncate::Never).as_ref());
        let encoding = single(&request.encodings, &mut losses)?;
        if matches!(encoding, EmbeddingEncoding::Int8 | EmbeddingEncoding::Uint8) {
            losses.meaning("embedding_types")?;
        }
        body.optional("embedding_type", packed_name(encoding));
        finish(request, body, JINA, target, losses)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        Ok(retrieval::forward(PATH, body, envelope, target))
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        decode(reply, request, JINA)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        retrieval::peek_totals(body)
    }
}

fn finish(
    request: &EmbeddingRequest,
    body: ObjectWriter,
    own: DialectId,
    target: &Target,
    mut losses: Losses,
) -> Result<Encoded> {
    losses.tuning_of([("title", request.title.is_some()), ("user", request.user.is_some())])?;
    let body = retrieval::finish(body, own, request.extras.as_ref(), target, &mut losses)?;
    Ok(Encoded { request: wire_request(PATH, body.into()), losses: losses.into_list() })
}

fn text(input: &EmbeddingInput) -> Result<&str> {
    match input {
        EmbeddingInput::Text(text) => Ok(text),
        EmbeddingInput::Parts(parts) => match parts.as_slice() {
            [Part::Text(text)] => Ok(&text.text),
            _ => Err(unsupported("pictures and mixed content")),
        },
        _ => Err(unsupported("a list of tokens")),
    }
}

/// Texts are plain; a picture is an object with its address or its bytes.
fn jina_input(input: &EmbeddingInput) -> Result<RawJson> {
    if let EmbeddingInput::Parts(parts) = input
        && let [Part::Image(image)] = parts.as_slice()
    {
        let url = image.source.to_url().ok_or_else(|| unsupported("a file id"))?;
        return Ok(ObjectWriter::new().member("image", &url).json());
    }
    text(input).map(RawJson::string)
}

fn voyage_purpose(purpose: Option<&EmbeddingPurpose>, losses: &mut Losses) -> Result<Option<&'static str>> {
    Ok(match purpose {
        None => None,
        Some(EmbeddingPurpose::Query) => Some("query"),
        Some(EmbeddingPurpose::Document) => Some("document"),
        Some(EmbeddingPurpose::QuestionAnswering | EmbeddingPurpose::CodeQuery) => {
            losses.approximated("input_type", "query")?;
            Some("query")
        }
        Some(_) => {
            losses.tuning("input_type")?;
            None
        }
    })
}

fn jina_task(purpose: Option<&EmbeddingPurpose>) -> Option<&str> {
    Some(match purpose? {
        EmbeddingPurpose::Query | EmbeddingPurpose::QuestionAnswering => "retrieval.query",
        EmbeddingPurpose::Document => "retrieval.passage",
        EmbeddingPurpose::Similarity | EmbeddingPurpose::FactVerification => "text-matching",
        EmbeddingPurpose::Classification => "classification",
        EmbeddingPurpose::Clustering => "separation",
        EmbeddingPurpose::CodeQuery => "code.query",
        EmbeddingPurpose::Other(word) => word,
        _ => return None,
    })
}

/// These formats write one encoding in an answer. Floats are asked for as numbers.
fn single(encodings: &[EmbeddingEncoding], losses: &mut Losses) -> Result<EmbeddingEncoding> {
    let floats = |encoding: &EmbeddingEncoding| match encoding {
        EmbeddingEncoding::Base64 => EmbeddingEncoding::Float,
        encoding => *encoding,
    };
    let mut asked = encodings.iter().map(floats);
    let first = asked.next().unwrap_or(EmbeddingEncoding::Float);
    if asked.any(|other| other != first) {
        losses.meaning("embedding_types")?;
    }
    Ok(first)
}

fn packed_name(encoding: EmbeddingEncoding) -> Option<&'static str> {
    (encoding != EmbeddingEncoding::Float).then(|| name_of(encoding))
}

fn decode(reply: &WireResponse, request: &EmbeddingRequest, own: DialectId) -> Result<EmbeddingResponse> {
    let body = retrieval::body(reply)?;
    let packed = request
        .encodings
        .first()
        .filter(|encoding| !matches!(encoding, EmbeddingEncoding::Float | EmbeddingEncoding::Base64));
    let answer = read(&body, packed.copied(), own).map_err(Malformed::of_vendor)?;
    if answer.embeddings.len() != request.inputs.len() {
        let (got, wanted) = (answer.embeddings.len(), request.inputs.len());
        return Err(Error::bad_answer(format!("the vendor answered {got} vectors for {wanted} inputs")));
    }
    Ok(answer)
}

fn read(
    body: &Fields,
    packed: Option<EmbeddingEncoding>,
    own: DialectId,
) -> Result<EmbeddingResponse, Malformed> {
    if body.raw("data").is_none() {
        return Err(Malformed::new("data", "field required"));
    }
    let mut numbered = Vec::new();
    for (at, raw) in body.array("data")?.iter().enumerate() {
        let inside = |fault: Malformed| fault.within(at).within("data");
        let item = Fields::parse(raw.get()).map_err(inside)?;
        let vector =
            item.raw("embedding").ok_or_else(|| inside(Malformed::new("embedding", "field required")))?;
        let index = item.count("index").unwrap_or(u64::try_from(at).unwrap_or(u64::MAX));
        numbered.push((index, embedding(vector, packed).map_err(inside)?));
    }
    order::sort_by_key(&mut numbered, |(index, _)| *index);
    let extras = body.rest(&["object", "data", "model", "usage"]);
    Ok(EmbeddingResponse {
        model: body.text("model")?.unwrap_or_default(),
        embeddings: numbered.into_iter().map(|(_, embedding)| embedding).collect(),
        usage: retrieval::totals(body),
        extras: (!extras.is_empty()).then_some((own, extras)),
        ..EmbeddingResponse::default()
    })
}

fn embedding(raw: &RawJson, packed: Option<EmbeddingEncoding>) -> Result<Embedding, Malformed> {
    Ok(match packed {
        Some(encoding) => Embedding { float: None, packed: vec![(encoding, vectors::packed(raw)?)] },
        None => Embedding { float: Some(vectors::floats(raw)?), packed: Vec::new() },
    })
}
