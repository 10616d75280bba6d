//! Pictures by `InvokeModel`: Amazon's models and Stability's each have a format of their own; answers of both are a
//! list of files in base64.

mod amazon;
mod stability;

use llm_core::conversion::{Conversion, Progress};
use llm_core::dialect::Encoded;
use llm_core::images::{ImageRequest, ImageResponse, MadeImage};
use llm_core::message::Source;
use llm_core::provider::not_served;
use llm_core::scrub::scrub;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, Losses, Operation, RawJson, Result, Target};
use serde::Serialize;

use crate::wire::{Malformed, Members};
use crate::{error, invoke, model_id};

/// Pictures of all makers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InvokeImages;

enum Maker {
    Amazon,
    Stability,
}

impl Maker {
    /// `None`: the model makes no pictures that are known here. Stability's first models are gone from the service.
    fn of(model: &str) -> Option<Self> {
        let name = model.to_ascii_lowercase();
        if name.contains("titan-image") || name.contains("nova-canvas") {
            return Some(Self::Amazon);
        }
        (name.contains("stability.") && !name.contains("diffusion-xl")).then_some(Self::Stability)
    }
}

impl Conversion<ImageRequest, ImageResponse> for InvokeImages {
    fn has(&self, operation: Operation) -> bool {
        matches!(operation, Operation::ImageGeneration | Operation::ImageEdit | Operation::ImageVariation)
    }

    fn encode(&self, request: &ImageRequest, target: &Target) -> Result<Encoded> {
        let model = model_id::bare(&target.model);
        let mut losses = Losses::new(target.policy);
        let body = match (Maker::of(model), request.operation) {
            (Some(Maker::Amazon), _) => amazon::body(request, &mut losses)?,
            (Some(Maker::Stability), Operation::ImageGeneration | Operation::ImageEdit) => {
                stability::body(request, model, &mut losses)?
            }
            _ => return Err(not_served(&request.model, request.operation)),
        };
        let request = invoke::request(invoke::body(body, target).into(), target);
        Ok(Encoded { request, losses: losses.into_list() })
    }

    fn decode(&self, reply: &WireResponse, _request: &ImageRequest) -> Result<Progress<ImageResponse>> {
        let text =
            std::str::from_utf8(&reply.body).map_err(|_| Malformed::new("", "not UTF-8").of_vendor())?;
        let body = Members::parse(text).map_err(Malformed::of_vendor)?;
        let images: Option<Vec<Option<String>>> =
            body.read("images", "a list of texts").map_err(Malformed::of_vendor)?;
        let images: Vec<_> = images.into_iter().flatten().flatten().filter(|data| !data.is_empty()).collect();
        if images.is_empty() {
            return Err(withheld(&body).unwrap_or_else(|| error::of_body(text)));
        }
        let made = images.into_iter().map(|data| MadeImage::of_base64("image/png", data));
        Ok(Progress::Done(ImageResponse::counted(made.collect())))
    }

    fn most_of(&self, model: &str) -> Option<usize> {
        Some(match Maker::of(model) {
            Some(Maker::Amazon) => amazon::MOST,
            _ => 1,
        })
    }
}

/// Why there is no picture: `error` of Amazon's models, `finish_reasons` of Stability's.
fn withheld(body: &Members<'_>) -> Option<Error> {
    let reasons: Vec<Option<String>> =
        body.read("finish_reasons", "a list").ok().flatten().unwrap_or_default();
    let reason = body.text("error").ok().flatten().or_else(|| reasons.into_iter().flatten().next())?;
    let message = format!("the vendor made no picture: {}", scrub(&reason));
    if reason.to_ascii_lowercase().contains("inference error") {
        return Some(Error::new(ErrorKind::UpstreamFailure, message));
    }
    Some(Error::new(ErrorKind::ContentFilter, message).with_code("content_policy_violation"))
}

/// The base64 of a picture. Addresses were fetched before.
fn data(source: &Source) -> Result<&str> {
    match source {
        Source::Base64 { data, .. } => Ok(data),
        _ => Err(Error::unsupported("this model takes pictures as bytes only: send them in base64")
            .with_param("image")),
    }
}

/// A value that this crate writes.
fn value<T: Serialize + ?Sized>(value: &T) -> RawJson {
    RawJson::of(value).expect("texts, numbers and lists of them are always valid JSON")
}
