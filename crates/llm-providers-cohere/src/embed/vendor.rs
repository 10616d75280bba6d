//! The vendor side of `/embed`.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, EmbeddingResponse,
    Truncate,
};
use llm_core::exchange::Exchange;
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Error, Losses, Part, RawJson, Result, Target};

use super::{ENCODINGS, name_of, vectors};
use crate::request::wire_request;
use crate::wire::{Fields, Malformed, ObjectWriter};
use crate::{EMBED, error, retrieval, usage};

/// Members of an answer that the canonical form holds; `texts` and `images` only repeat the request.
const MODELLED: &[&str] = &["id", "embeddings", "texts", "images", "response_type"];

/// The most inputs of one request.
const MOST_INPUTS: usize = 96;

/// Speaks the format to a vendor.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Embed;

impl Exchange<EmbeddingRequest, EmbeddingResponse> for Embed {
    fn id(&self) -> DialectId {
        EMBED
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let mut body = ObjectWriter::new();
        body.member("model", &target.model);
        let pictures = inputs(&request.inputs, &mut body)?;
        let purpose = purpose(request.purpose.as_ref(), pictures, &mut losses)?;
        body.member("input_type", purpose).member("embedding_types", &types(&request.encodings));
        body.optional("output_dimension", request.dimensions.as_ref());
        body.optional("truncate", request.truncate.map(truncate));
        losses.tuning_of([("title", request.title.is_some()), ("user", request.user.is_some())])?;
        let body = retrieval::finish(body, EMBED, request.extras.as_ref(), target, &mut losses)?;
        Ok(Encoded { request: wire_request("/embed", body.into()), losses: losses.into_list() })
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        Ok(retrieval::forward("/embed", body, envelope, target))
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        let body = retrieval::body(reply)?;
        let answer = read(&body).map_err(Malformed::of_vendor)?;
        if answer.embeddings.len() != request.inputs.len() {
            return Err(Error::bad_answer(format!(
                "the vendor answered {} vectors for {} inputs",
                answer.embeddings.len(),
                request.inputs.len()
            )));
        }
        Ok(answer)
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

/// Writes the inputs: all texts, all pictures, or both mixed. Says whether they are all pictures.
fn inputs(inputs: &[EmbeddingInput], body: &mut ObjectWriter) -> Result<bool> {
    let texts: Option<Vec<&str>> = inputs
        .iter()
        .map(|input| match input {
            EmbeddingInput::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    if let Some(texts) = texts {
        body.member("texts", &texts);
        return Ok(false);
    }
    let pictures: Option<Vec<String>> = inputs.iter().map(only_picture).collect();
    if let Some(pictures) = pictures {
        body.member("images", &pictures);
        return Ok(true);
    }
    let mixed: Vec<RawJson> = inputs.iter().map(content).collect::<Result<_>>()?;
    body.member("inputs", &mixed);
    Ok(false)
}

fn only_picture(input: &EmbeddingInput) -> Option<String> {
    match input {
        EmbeddingInput::Parts(parts) => match parts.as_slice() {
            [Part::Image(image)] => image.source.to_url(),
            _ => None,
        },
        _ => None,
    }
}

fn content(input: &EmbeddingInput) -> Result<RawJson> {
    let text = |text: &str| ObjectWriter::new().member("type", "text").member("text", text).json();
    let parts: Vec<RawJson> = match input {
        EmbeddingInput::Text(said) => vec![text(said)],
        EmbeddingInput::Parts(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text(said) => Ok(text(&said.text)),
                Part::Image(image) => {
                    let url = image.source.to_url().ok_or_else(|| unsupported("a file id"))?;
                    let address = ObjectWriter::new().member("url", &url).json();
                    Ok(ObjectWriter::new().member("type", "image_url").member("image_url", &address).json())
                }
                part => Err(unsupported(&part.described())),
            })
            .collect::<Result<_>>()?,
        _ => return Err(unsupported("a list of tokens")),
    };
    Ok(ObjectWriter::new().member("content", &parts).json())
}

/// An input that this vendor makes no vector of.
pub(super) fn unsupported(what: &str) -> Error {
    Error::unsupported(format!("this model's API makes no vector of {what}: send texts")).with_param("input")
}

/// What the vectors are for. Current models must be told; a client that does not say stores documents.
fn purpose<'a>(
    purpose: Option<&'a EmbeddingPurpose>,
    pictures: bool,
    losses: &mut Losses,
) -> Result<&'a str> {
    let (word, close) = match purpose {
        _ if pictures => ("image", None),
        None | Some(EmbeddingPurpose::Document) => ("search_document", None),
        Some(EmbeddingPurpose::Query) => ("search_query", None),
        Some(EmbeddingPurpose::Classification) => ("classification", None),
        Some(EmbeddingPurpose::Clustering) => ("clustering", None),
        Some(EmbeddingPurpose::Image) => ("image", None),
        Some(EmbeddingPurpose::Other(word)) => (word.as_str(), None),
        Some(EmbeddingPurpose::Similarity) => ("clustering", Some("clustering")),
        Some(_) => ("search_query", Some("search_query")),
    };
    if let Some(close) = close {
        losses.approximated("input_type", close)?;
    }
    Ok(word)
}

/// Floats in base64 are asked for as numbers: not every model writes base64, and whoever wants it gets it from us.
fn types(encodings: &[EmbeddingEncoding]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::with_capacity(1);
    for encoding in encodings {
        let name = if *encoding == EmbeddingEncoding::Base64 { "float" } else { name_of(*encoding) };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        names.push("float");
    }
    names
}

fn truncate(truncate: Truncate) -> &'static str {
    match truncate {
        Truncate::Never => "NONE",
        Truncate::Start => "START",
        Truncate::End => "END",
    }
}

fn read(body: &Fields) -> Result<EmbeddingResponse, Malformed> {
    let raw = body.raw("embeddings").ok_or_else(|| Malformed::new("embeddings", "field required"))?;
    let embeddings = if raw.get().starts_with('[') { plain(raw) } else { by_type(raw) };
    let extras = body.rest(MODELLED);
    Ok(EmbeddingResponse {
        id: body.text("id")?,
        embeddings: embeddings.map_err(|fault| fault.within("embeddings"))?,
        usage: usage::read(body.raw("meta")),
        extras: (!extras.is_empty()).then_some((EMBED, extras)),
        ..EmbeddingResponse::default()
    })
}

/// The first version's list.
fn plain(raw: &RawJson) -> Result<Vec<Embedding>, Malformed> {
    let list: Vec<RawJson> = raw.read().map_err(|_| Malformed::new("", "expected a list of vectors"))?;
    list.iter().map(|raw| Ok(Embedding { float: Some(vectors::floats(raw)?), packed: Vec::new() })).collect()
}

fn by_type(raw: &RawJson) -> Result<Vec<Embedding>, Malformed> {
    let fields = Fields::parse(raw.get())?;
    let mut embeddings = Vec::<Embedding>::new();
    for (encoding, name) in ENCODINGS {
        let list = fields.array(name)?;
        if embeddings.len() < list.len() {
            embeddings.resize(list.len(), Embedding::default());
        }
        for (embedding, raw) in embeddings.iter_mut().zip(&list) {
            match encoding {
                EmbeddingEncoding::Float | EmbeddingEncoding::Base64 => {
                    let vector = vectors::floats(raw).map_err(|fault| fault.within(name))?;
                    embedding.float.get_or_insert(vector);
                }
                encoding => {
                    let vector = vectors::packed(raw).map_err(|fault| fault.within(name))?;
                    embedding.packed.push((encoding, vector));
                }
            }
        }
    }
    Ok(embeddings)
}
