//! Pictures: of models that draw as they talk (`:generateContent`), and of those that only draw (`:predict`).

mod draw;
mod predict;

use llm_core::conversion::{Conversion, Progress};
use llm_core::dialect::Encoded;
use llm_core::images::{ImageRequest, ImageResponse, ImageSize};
use llm_core::message::Source;
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, Operation, Result, Target};

/// The vendor side of pictures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Images;

impl Conversion<ImageRequest, ImageResponse> for Images {
    fn has(&self, operation: Operation) -> bool {
        matches!(operation, Operation::ImageGeneration | Operation::ImageEdit)
    }

    fn encode(&self, request: &ImageRequest, target: &Target) -> Result<Encoded> {
        if only_draws(&target.model) {
            predict::encode(request, target)
        } else {
            draw::encode(request, target)
        }
    }

    fn decode(&self, reply: &WireResponse, _request: &ImageRequest) -> Result<Progress<ImageResponse>> {
        let drawn = if predict::is_one(&reply.body) { predict::decode(reply) } else { draw::decode(reply) };
        drawn.map(Progress::Done)
    }

    fn most_of(&self, model: &str) -> Option<usize> {
        Some(if only_draws(model) { predict::MOST } else { 1 })
    }
}

/// Imagen, by all its names.
fn only_draws(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    name.starts_with("imagen") || name.starts_with("imagegeneration")
}

/// The word for a size that is larger than usual, of models that draw in several.
fn scale(size: ImageSize) -> Option<&'static str> {
    match size.pixels() {
        0..3_000_000 => None,
        3_000_000..10_000_000 => Some("2K"),
        _ => Some("4K"),
    }
}

/// The media type and base64 of a picture. Addresses were fetched before, but for those of the vendor itself.
fn bytes(source: &Source) -> Result<(&str, &str)> {
    match source {
        Source::Base64 { media_type, data } => Ok((media_type, data)),
        _ => Err(Error::unsupported("this model takes pictures as bytes only: send them in base64")
            .with_param("image")),
    }
}

fn withheld(why: &str) -> Error {
    Error::new(ErrorKind::ContentFilter, format!("the vendor made no picture: {why}"))
        .with_code("content_policy_violation")
}
