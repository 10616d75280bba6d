//! Embeddings by `InvokeModel`, where each maker has a format of its own: the model's id tells which. Answers are
//! known by their shape.

mod cohere;
mod nova;
mod titan;

use bytes::Bytes;
use llm_core::dialect::{Encoded, Peek};
use llm_core::embedding::{Embedding, EmbeddingInput, EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::message::{Media, Source};
use llm_core::wire::WireResponse;
use llm_core::{DialectId, Envelope, Error, Losses, Part, Result, Target, Usage};

use crate::wire::{Malformed, Members};
use crate::{error, invoke, model_id};

/// The name of the bodies of `InvokeModel`.
const INVOKE: DialectId = DialectId::new("bedrock.invoke");

/// Embeddings of all makers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InvokeEmbeddings;

enum Maker {
    Titan,
    Cohere,
    Nova,
}

impl Maker {
    fn of(model: &str) -> Result<Self> {
        let name = model.to_ascii_lowercase();
        if name.contains("titan") {
            return Ok(Self::Titan);
        }
        if name.contains("cohere.") {
            return Ok(Self::Cohere);
        }
        if name.contains("nova") {
            return Ok(Self::Nova);
        }
        Err(Error::unsupported(
            "this model makes no embeddings that the gateway knows: use one of Titan, Cohere or Nova",
        ))
    }
}

impl Exchange<EmbeddingRequest, EmbeddingResponse> for InvokeEmbeddings {
    fn id(&self) -> DialectId {
        INVOKE
    }

    fn encode(&self, request: &EmbeddingRequest, target: &Target) -> Result<Encoded> {
        let mut losses = Losses::new(target.policy);
        let model = model_id::bare(&target.model);
        let body = match Maker::of(model)? {
            Maker::Titan => titan::body(request, model, &mut losses)?,
            Maker::Cohere => cohere::body(request, &mut losses)?,
            Maker::Nova => nova::body(request, &mut losses)?,
        };
        if request.user.is_some() {
            losses.tuning("user")?;
        }
        for (name, _) in request.extras.iter().flat_map(|(_, extras)| extras.iter()) {
            losses.tuning(name.to_owned())?;
        }
        Ok(Encoded {
            request: invoke::request(invoke::body(body, target).into(), target),
            losses: losses.into_list(),
        })
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        let mut edit = envelope.edit(body);
        for field in &target.drop_fields {
            edit.remove(field);
        }
        target.extra_body.iter().for_each(|(name, value)| edit.set(name, value.get().to_owned()));
        Ok(Encoded { request: invoke::request(edit.finish(), target), losses: Vec::new() })
    }

    fn decode(&self, reply: &WireResponse, request: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        let text =
            std::str::from_utf8(&reply.body).map_err(|_| Malformed::new("", "not UTF-8").of_vendor())?;
        let body = Members::parse(text).map_err(Malformed::of_vendor)?;
        let embeddings = embeddings(&body).map_err(Malformed::of_vendor)?;
        if embeddings.len() != request.inputs.len() {
            let (came, asked) = (embeddings.len(), request.inputs.len());
            return Err(Error::bad_answer(format!("the vendor answered {asked} inputs with {came} vectors")));
        }
        let counted = reply.headers.get("x-amzn-bedrock-input-token-count");
        let counted = counted.and_then(|count| count.to_str().ok()?.parse().ok());
        Ok(EmbeddingResponse {
            id: body.text("id").ok().flatten(),
            model: request.model.clone(),
            embeddings,
            usage: Usage { input: counted.or_else(|| titan::tokens(&body)), ..Usage::default() },
            extras: None,
        })
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        let text = std::str::from_utf8(body).map_err(|_| Malformed::new("", "not UTF-8").of_vendor())?;
        let members = Members::parse(text).map_err(Malformed::of_vendor)?;
        if members.raw("embedding").is_none() && members.raw("embeddings").is_none() {
            return Err(error::of_body(text));
        }
        Ok(Peek { usage: Usage { input: titan::tokens(&members), ..Usage::default() }, ..Peek::default() })
    }

    /// Titan and Nova take one.
    fn most_inputs(&self) -> Option<usize> {
        Some(1)
    }

    fn most_inputs_of(&self, model: &str) -> Option<usize> {
        Some(if model.to_ascii_lowercase().contains("cohere.") { cohere::MOST } else { 1 })
    }
}

fn embeddings(body: &Members<'_>) -> Result<Vec<Embedding>, Malformed> {
    if body.raw("embedding").is_some() || body.raw("embeddingsByType").is_some() {
        return titan::embedding(body).map(|one| vec![one]);
    }
    let raw = body.raw("embeddings").ok_or_else(|| Malformed::missing("embeddings"))?;
    match raw.get().get(..1) {
        Some("[") if raw.get().contains("\"embedding\"") => nova::embeddings(body),
        _ => cohere::embeddings(raw),
    }
}

/// The one input of a request to a model that takes one.
fn single(request: &EmbeddingRequest) -> Result<&EmbeddingInput> {
    match request.inputs.as_slice() {
        [one] => Ok(one),
        _ => Err(Error::invalid("this model takes one input in a request").with_param("input")),
    }
}

/// The bytes of a picture, in base64, and their media type.
fn picture(part: &Part) -> Option<(&str, &str)> {
    match part {
        Part::Image(Media { source: Source::Base64 { media_type, data }, .. }) => Some((media_type, data)),
        _ => None,
    }
}
