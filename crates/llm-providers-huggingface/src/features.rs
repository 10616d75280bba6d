//! Vectors by feature extraction: `{"inputs": […]}` to a list of vectors.
//!
//! After <https://huggingface.co/docs/inference-providers/tasks/feature-extraction>. A server of Text Embeddings
//! Inference takes the same body at its root.

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::embedding::{
    Embedding, EmbeddingEncoding, EmbeddingInput, EmbeddingRequest, EmbeddingResponse, Truncate,
};
use llm_core::exchange::Exchange;
use llm_core::object::ObjectWriter;
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Error, Losses, Part, RawObject, Result, Target};

use crate::request::{json, settle, wire_request};
use crate::{FEATURES, error, models};

/// Makes vectors by feature extraction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FeatureExtraction;

impl Exchange<EmbeddingRequest, EmbeddingResponse> for FeatureExtraction {
    fn id(&self) -> DialectId {
        FEATURES
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let path = models::path(&target.model, "/pipeline/feature-extraction")?;
        let inputs: Vec<&str> = request.inputs.iter().map(text).collect::<Result<_>>()?;
        let mut body = RawObject::default();
        body.insert("inputs", json(&inputs));
        if let Some(truncate) = request.truncate {
            body.insert("truncate", json(&(truncate != Truncate::Never)));
        }
        if request.truncate == Some(Truncate::Start) {
            body.insert("truncation_direction", json("Left"));
        }
        inexpressible(request, &mut losses)?;
        settle(&mut body, target);
        let body = ObjectWriter::new().members(&body).finish();
        Ok(Encoded { request: wire_request(path, body.into()), losses: losses.into_list() })
    }

    fn forward(&self, _body: &Bytes, _envelope: &Envelope, _target: &Target) -> Result<Encoded> {
        Err(Error::internal("feature extraction has no client side: nothing can pass through it as it is"))
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        if !(200..300).contains(&reply.status) {
            return Err(error::classify(reply));
        }
        let vectors = vectors(&reply.body)?;
        if vectors.len() != request.inputs.len() {
            let (got, wanted) = (vectors.len(), request.inputs.len());
            return Err(Error::bad_answer(format!("the vendor answered {got} vectors for {wanted} inputs")));
        }
        let embeddings =
            vectors.into_iter().map(|vector| Embedding { float: Some(vector), packed: Vec::new() }).collect();
        Ok(EmbeddingResponse { embeddings, ..EmbeddingResponse::default() })
    }

    /// Answers hold vectors and nothing else.
    fn peek(&self, body: &[u8]) -> Result<Peek> {
        vectors(body).map(|_| Peek::default())
    }

    /// What servers take at once unless they are told otherwise.
    fn most_inputs(&self) -> Option<usize> {
        Some(32)
    }
}

fn text(input: &EmbeddingInput) -> Result<&str> {
    let unsupported = |what: &str| {
        Error::unsupported(format!("this model's API makes no vector of {what}: send texts"))
            .with_param("input")
    };
    match input {
        EmbeddingInput::Text(text) => Ok(text),
        EmbeddingInput::Parts(parts) => match parts.as_slice() {
            [Part::Text(text)] => Ok(&text.text),
            _ => Err(unsupported("pictures and mixed content")),
        },
        _ => Err(unsupported("a list of tokens")),
    }
}

fn inexpressible(request: &EmbeddingRequest, losses: &mut Losses) -> Result<()> {
    if request.dimensions.is_some() {
        losses.meaning("dimensions")?;
    }
    let floats = |encoding: &EmbeddingEncoding| {
        matches!(encoding, EmbeddingEncoding::Float | EmbeddingEncoding::Base64)
    };
    if !request.encodings.iter().all(floats) {
        losses.meaning("embedding_types")?;
    }
    losses.tuning_of([
        ("input_type", request.purpose.is_some()),
        ("title", request.title.is_some()),
        ("user", request.user.is_some()),
    ])?;
    let extras = request.extras.as_ref().filter(|(origin, _)| *origin != FEATURES);
    for (name, _) in extras.into_iter().flat_map(|(_, fields)| fields.iter()) {
        losses.tuning(name.to_owned())?;
    }
    Ok(())
}

/// A vector for each input. A model that is not made for it gives one for each token.
fn vectors(body: &[u8]) -> Result<Vec<Vec<f32>>> {
    if let Some(error) = std::str::from_utf8(body).ok().and_then(error::in_place_of_answer) {
        return Err(error);
    }
    serde_json::from_slice(body).map_err(|_| {
        Error::bad_answer(
            "the vendor's answer is no list of vectors: choose a model that makes one vector of a text, such as those \
             of sentence-transformers",
        )
    })
}
