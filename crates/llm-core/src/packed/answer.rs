//! Whole answers: chat, embeddings, rankings.

use super::{Packed, Reader, fields, words};
use crate::embedding::{Embedding, EmbeddingEncoding, EmbeddingResponse};
use crate::json::RawJson;
use crate::rerank::{RerankDocument, RerankResponse, RerankResult};
use crate::response::{ChatResponse, Choice, FinishReason};
use crate::usage::{ServiceTier, Usage};

fields!(ChatResponse { id, model, created, choices, usage, system_fingerprint, service_tier, extras });
fields!(Choice { index, message, finish, logprobs });
fields!(Usage {
    input,
    cache_read,
    cache_write_5m,
    cache_write_1h,
    output,
    reasoning,
    audio_in,
    audio_out,
    image_in,
    image_out,
    web_searches,
    images,
    audio_seconds,
    characters,
    reported_cost,
    tier,
    estimated
});
words!(ServiceTier: Balanced, Batch, Flex, Priority, Ultrafast);
fields!(EmbeddingResponse { id, model, embeddings, usage, extras });
words!(EmbeddingEncoding: Float, Base64, Int8, Uint8, Binary, Ubinary);
fields!(RerankResponse { id, model, results, usage, extras });
fields!(RerankResult { index, score, document });

impl Packed for FinishReason {
    fn pack(&self, out: &mut Vec<u8>) {
        let place = match self {
            Self::Stop => 0,
            Self::StopSequence(_) => 1,
            Self::Length => 2,
            Self::ToolCalls => 3,
            Self::ContentFilter => 4,
            Self::Refusal => 5,
            Self::Paused => 6,
            Self::ContextExceeded => 7,
            Self::Error => 8,
            Self::Other(_) => 9,
        };
        out.push(place);
        match self {
            Self::StopSequence(text) => text.pack(out),
            Self::Other(name) => name.pack(out),
            _ => {}
        }
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Stop,
            1 => Self::StopSequence(Packed::unpack(from)?),
            2 => Self::Length,
            3 => Self::ToolCalls,
            4 => Self::ContentFilter,
            5 => Self::Refusal,
            6 => Self::Paused,
            7 => Self::ContextExceeded,
            8 => Self::Error,
            9 => Self::Other(Packed::unpack(from)?),
            _ => return None,
        })
    }
}

/// Vectors are long: their numbers go in one piece.
impl Packed for Embedding {
    fn pack(&self, out: &mut Vec<u8>) {
        let Self { float, packed } = self;
        float.is_some().pack(out);
        if let Some(vector) = float {
            (vector.len() as u64).pack(out);
            vector.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        }
        (packed.len() as u64).pack(out);
        for (encoding, numbers) in packed {
            encoding.pack(out);
            (numbers.len() as u64).pack(out);
            numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        }
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        let float = if bool::unpack(from)? {
            let length = from.length()?;
            let (numbers, _) = from.take(length.checked_mul(4)?)?.as_chunks::<4>();
            Some(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
        } else {
            None
        };
        let mut packed = Vec::new();
        for _ in 0..from.length()? {
            let encoding = EmbeddingEncoding::unpack(from)?;
            let length = from.length()?;
            let (numbers, _) = from.take(length.checked_mul(2)?)?.as_chunks::<2>();
            packed.push((encoding, numbers.iter().map(|number| i16::from_le_bytes(*number)).collect()));
        }
        Some(Self { float, packed })
    }
}

impl Packed for RerankDocument {
    fn pack(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                out.push(0);
                text.pack(out);
            }
            Self::Object(raw) => {
                out.push(1);
                raw.pack(out);
            }
        }
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        match from.byte()? {
            0 => String::unpack(from).map(Self::Text),
            1 => RawJson::unpack(from).map(Self::Object),
            _ => None,
        }
    }
}
