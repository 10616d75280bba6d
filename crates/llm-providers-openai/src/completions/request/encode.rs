//! The canonical form to a vendor's body.

use http::{HeaderMap, Method};
use llm_core::dialect::Encoded;
use llm_core::object::ObjectWriter;
use llm_core::request::{OutputFormat, Sampling};
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{ChatRequest, Error, Losses, RawJson, RawObject, Result, Target};
use serde::Serialize;

use crate::completions::{COMPLETIONS, CompletionsQuirks, PATH, template};

/// Writes a canonical request.
pub(in crate::completions) fn encode(
    request: &ChatRequest,
    target: &Target,
    quirks: &CompletionsQuirks,
) -> Result<Encoded> {
    let mut body = Body { members: RawObject::default(), losses: Losses::new(target.policy) };
    body.put("model", &target.model)?;
    let prompt = template::prompt(&request.messages, &mut body.losses)?;
    // In its place until the body is written around it.
    body.members.insert("prompt", RawJson::null());
    body.some("max_tokens", request.max_output_tokens.or(target.max_output_tokens))?;
    body.sampling(request, target)?;
    if target.stream {
        body.put("stream", &true)?;
        if takes("stream_options", target, quirks) {
            body.put("stream_options", &with_usage())?;
        }
    }
    body.some("user", request.user.as_ref())?;
    body.inexpressible(request)?;
    body.extras(request)?;
    body.settle(target, quirks)?;
    let mut object = ObjectWriter::of(request);
    object.members_around(&body.members, "prompt", &prompt);
    Ok(encoded(object.finish_body(), body.losses))
}

/// Whether a field may be added: nobody refuses it.
pub(super) fn takes(field: &str, target: &Target, quirks: &CompletionsQuirks) -> bool {
    { quirks.drop_params.iter().chain(&target.drop_fields) }.all(|refused| refused != field)
}

/// `stream_options` with usage asked for: metering needs it.
pub(super) fn with_usage() -> RawObject {
    [("include_usage".to_owned(), RawJson::of(&true).expect("a boolean is always valid JSON"))]
        .into_iter()
        .collect()
}

/// A request to a vendor with this body.
pub(super) fn encoded(body: impl Into<WireBody>, losses: Losses) -> Encoded {
    let request = WireRequest {
        method: Method::POST,
        path: PATH.to_owned(),
        headers: HeaderMap::new(),
        body: body.into(),
    };
    Encoded { request, losses: losses.into_list() }
}

struct Body {
    members: RawObject,
    losses: Losses,
}

impl Body {
    fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<()> {
        let written = RawJson::of(value);
        let value = written.map_err(|fault| Error::internal(format!("cannot write `{key}`: {fault}")))?;
        self.members.insert(key, value);
        Ok(())
    }

    fn some<T: Serialize>(&mut self, key: &str, value: Option<T>) -> Result<()> {
        value.map_or(Ok(()), |value| self.put(key, &value))
    }

    fn sampling(&mut self, request: &ChatRequest, target: &Target) -> Result<()> {
        let mut sampling: Sampling = request.sampling.clone();
        sampling.or(&target.sampling);
        self.some("temperature", sampling.temperature)?;
        self.some("top_p", sampling.top_p)?;
        self.some("n", sampling.n)?;
        self.some("stop", (!sampling.stop.is_empty()).then_some(&sampling.stop))?;
        self.some("frequency_penalty", sampling.frequency_penalty)?;
        self.some("presence_penalty", sampling.presence_penalty)?;
        self.some("seed", sampling.seed)?;
        self.some("logit_bias", sampling.logit_bias.as_ref())?;
        // The number of alternatives is the switch here.
        let wanted = sampling.logprobs == Some(true);
        self.some("logprobs", wanted.then_some(sampling.top_logprobs.unwrap_or(0)))?;
        if sampling.top_k.is_some() {
            self.losses.tuning("top_k")?;
        }
        Ok(())
    }

    fn inexpressible(&mut self, request: &ChatRequest) -> Result<()> {
        self.losses.meaning_of([
            ("tools", !request.tools.is_empty()),
            ("response_format", request.output != OutputFormat::Text),
            ("modalities", request.modalities.iter().any(|modality| modality != "text")),
        ])?;
        self.losses.tuning_of([
            ("reasoning", request.reasoning.is_some()),
            ("metadata", request.metadata.as_ref().is_some_and(|labels| !labels.is_empty())),
            ("service_tier", request.service_tier.is_some()),
            ("verbosity", request.verbosity.is_some()),
        ])
    }

    fn extras(&mut self, request: &ChatRequest) -> Result<()> {
        let Some((origin, extras)) = &request.extras else { return Ok(()) };
        for (name, value) in extras.iter() {
            if *origin == COMPLETIONS {
                self.members.insert(name, value.clone());
            } else {
                self.losses.tuning(name.to_owned())?;
            }
        }
        Ok(())
    }

    /// What the deployment takes out and sets, and what the vendor refuses.
    fn settle(&mut self, target: &Target, quirks: &CompletionsQuirks) -> Result<()> {
        for field in &quirks.drop_params {
            if self.members.remove(field).is_some() {
                self.losses.tuning(field.clone())?;
            }
        }
        for field in &target.drop_fields {
            self.members.remove(field);
        }
        for (name, value) in target.extra_body.iter() {
            self.members.insert(name, value.clone());
        }
        Ok(())
    }
}
