//! Pictures as clients of this API ask for them when their vendor speaks another format
//! (<https://platform.openai.com/docs/api-reference/images>, read 2026-11-21); where it speaks this one, bodies go
//! through as they are.

mod request;
mod response;

use llm_core::Result;
use llm_core::conversion::{ConversionIngress, Shown};
use llm_core::images::{ImageRequest, ImageResponse};
use llm_core::provider::Inbound;

/// The format as clients speak it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImagesIngress;

impl ConversionIngress<ImageRequest, ImageResponse> for ImagesIngress {
    fn decode(&self, inbound: &Inbound) -> Result<ImageRequest> {
        request::decode(inbound)
    }

    fn encode(&self, answer: &ImageResponse, _request: &ImageRequest) -> Result<Shown> {
        Ok(response::encode(answer))
    }
}

#[cfg(test)]
mod tests;
