//! The client side of `/embed`.

use bytes::Bytes;
use llm_core::embedding::{
    EmbeddingEncoding, EmbeddingInput, EmbeddingPurpose, EmbeddingRequest, EmbeddingResponse, Truncate,
};
use llm_core::exchange::ExchangeIngress;
use llm_core::message::{Media, Source};
use llm_core::{DialectId, Part, RawJson, RawObject, Result};

use super::{ENCODINGS, name_of, vectors};
use crate::request::content;
use crate::wire::{Fields, Malformed, ObjectWriter};
use crate::{EMBED, usage};

/// Fields of the body that the canonical form holds.
const MODELLED: &[&str] =
    &["model", "input_type", "texts", "images", "inputs", "embedding_types", "output_dimension", "truncate"];

/// The name of the first version's format.
const PLAIN: DialectId = DialectId::new("cohere.v1.embed");

/// Speaks the format to clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EmbedIngress {
    id: DialectId,
}

impl EmbedIngress {
    /// Vectors always by their types.
    pub(crate) const BY_TYPE: Self = Self { id: EMBED };

    /// The first version: a plain list where no types were asked for.
    pub(crate) const PLAIN: Self = Self { id: PLAIN };
}

impl ExchangeIngress<EmbeddingRequest, EmbeddingResponse> for EmbedIngress {
    fn id(&self) -> DialectId {
        self.id
    }

    fn decode(&self, body: &Bytes) -> Result<EmbeddingRequest> {
        Fields::of_body(body).and_then(|body| read(&body)).map_err(Malformed::of_client)
    }

    fn encode(&self, answer: &EmbeddingResponse, request: &EmbeddingRequest) -> Bytes {
        let plain = self.id == PLAIN && request.encodings.is_empty();
        let mut object = ObjectWriter::new();
        object.member("id", answer.id.as_deref().unwrap_or_default());
        object.member("embeddings", &if plain { list(answer) } else { by_type(answer, request) });
        object.member("texts", &texts(request));
        let own = answer.extras.as_ref().filter(|(origin, _)| *origin == EMBED).map(|(_, extras)| extras);
        // The vendor's own, unless the answer was joined of several.
        let meta = own.and_then(|extras| extras.get("meta"));
        let meta = meta.filter(|meta| usage::read(Some(meta)) == answer.usage).cloned();
        object.member("meta", &meta.unwrap_or_else(|| meta_of(answer, self.id == PLAIN)));
        let rest = own.into_iter().flat_map(RawObject::iter).filter(|(name, _)| *name != "meta");
        for (name, value) in rest {
            object.member(name, value);
        }
        object.member("response_type", if plain { "embeddings_floats" } else { "embeddings_by_type" });
        object.finish().into()
    }
}

fn read(body: &Fields) -> Result<EmbeddingRequest, Malformed> {
    Ok(EmbeddingRequest {
        model: body.required_text("model")?,
        inputs: inputs(body)?,
        dimensions: body.read("output_dimension", "a whole number")?,
        encodings: encodings(body)?,
        purpose: body.text("input_type")?.map(purpose),
        title: None,
        truncate: truncate(body)?,
        user: None,
        extras: Some((EMBED, body.rest(MODELLED))),
    })
}

fn inputs(body: &Fields) -> Result<Vec<EmbeddingInput>, Malformed> {
    let texts: Vec<String> = body.read("texts", "a list of strings")?.unwrap_or_default();
    let mut inputs: Vec<EmbeddingInput> = texts.into_iter().map(EmbeddingInput::Text).collect();
    let images: Vec<String> = body.read("images", "a list of strings")?.unwrap_or_default();
    let image = |url: String| vec![Part::Image(Media::new(Source::from_url(&url)))];
    inputs.extend(images.into_iter().map(|url| EmbeddingInput::Parts(image(url))));
    for (at, raw) in body.array("inputs")?.iter().enumerate() {
        let fields = Fields::parse(raw.get()).map_err(|fault| fault.within(at).within("inputs"))?;
        let parts = content::read(fields.raw("content").map(RawJson::get));
        inputs.push(EmbeddingInput::Parts(parts.map_err(|fault| fault.within(at).within("inputs"))?));
    }
    if inputs.is_empty() {
        return Err(Malformed::new("texts", "field required (or `images` or `inputs`)"));
    }
    Ok(inputs)
}

fn encodings(body: &Fields) -> Result<Vec<EmbeddingEncoding>, Malformed> {
    let names: Vec<String> = body.read("embedding_types", "a list of strings")?.unwrap_or_default();
    let known =
        |name: &String| ENCODINGS.iter().find(|(_, known)| known == name).map(|(encoding, _)| *encoding);
    let unknown = || {
        Malformed::new(
            "embedding_types",
            "expected `float`, `int8`, `uint8`, `binary`, `ubinary` or `base64`",
        )
    };
    names.iter().map(|name| known(name).ok_or_else(unknown)).collect()
}

fn purpose(word: String) -> EmbeddingPurpose {
    match word.as_str() {
        "search_document" => EmbeddingPurpose::Document,
        "search_query" => EmbeddingPurpose::Query,
        "classification" => EmbeddingPurpose::Classification,
        "clustering" => EmbeddingPurpose::Clustering,
        "image" => EmbeddingPurpose::Image,
        _ => EmbeddingPurpose::Other(word),
    }
}

fn truncate(body: &Fields) -> Result<Option<Truncate>, Malformed> {
    let Some(word) = body.text("truncate")? else { return Ok(None) };
    Ok(Some(match word.as_str() {
        "NONE" => Truncate::Never,
        "START" | "LEFT" => Truncate::Start,
        "END" | "RIGHT" => Truncate::End,
        _ => return Err(Malformed::new("truncate", "expected `NONE`, `START` or `END`")),
    }))
}

fn list(answer: &EmbeddingResponse) -> RawJson {
    let vectors: Vec<&[f32]> =
        answer.embeddings.iter().map(|embedding| embedding.float.as_deref().unwrap_or_default()).collect();
    RawJson::of(&vectors).unwrap_or_else(|_| RawJson::null())
}

fn by_type(answer: &EmbeddingResponse, request: &EmbeddingRequest) -> RawJson {
    let asked: &[EmbeddingEncoding] = match request.encodings.as_slice() {
        [] => &[EmbeddingEncoding::Float],
        asked => asked,
    };
    let mut object = ObjectWriter::new();
    for encoding in asked {
        let name = name_of(*encoding);
        match encoding {
            EmbeddingEncoding::Float => object.member(name, &list(answer)),
            EmbeddingEncoding::Base64 => {
                let floats = answer.embeddings.iter().map(|embedding| embedding.float.as_deref());
                let texts: Vec<String> =
                    floats.map(|vector| vectors::to_base64(vector.unwrap_or_default())).collect();
                object.member(name, &texts)
            }
            encoding => {
                let vectors: Vec<&[i16]> =
                    answer.embeddings.iter().map(|embedding| packed(embedding, *encoding)).collect();
                object.member(name, &vectors)
            }
        };
    }
    object.json()
}

fn packed(embedding: &llm_core::embedding::Embedding, encoding: EmbeddingEncoding) -> &[i16] {
    let found = embedding.packed.iter().find(|(known, _)| *known == encoding);
    found.map_or(&[], |(_, vector)| vector.as_slice())
}

fn texts(request: &EmbeddingRequest) -> Vec<&str> {
    let mut texts = Vec::with_capacity(request.inputs.len());
    for input in &request.inputs {
        if let EmbeddingInput::Text(text) = input {
            texts.push(text.as_str());
        }
    }
    texts
}

fn meta_of(answer: &EmbeddingResponse, first_version: bool) -> RawJson {
    let version = ObjectWriter::new().member("version", if first_version { "1" } else { "2" }).json();
    let mut billed = ObjectWriter::new();
    billed.optional("input_tokens", answer.usage.prompt_total().as_ref());
    ObjectWriter::new().member("api_version", &version).member("billed_units", &billed.json()).json()
}
