//! Blocks of a stream that are told whole: calls and results of the vendor's own tools, pictures.

use llm_core::Part;
use llm_core::message::{ForeignBlock, Media, Source};
use llm_core::{RawJson, RawObject};
use serde_json::value::RawValue;

use crate::wire::{Members, union};
use crate::{CONVERSE, formats};

/// A block whose pieces are put together.
#[derive(Debug)]
pub(super) enum Gathering {
    /// A call of the vendor's own tool: what it began with, and its input as text.
    Call(RawObject, String),
    /// What such a tool gave: what it began with, and its content.
    Result(RawObject, Vec<RawJson>),
    /// A picture: its format, and its bytes in base64.
    Picture(String, String),
}

impl Gathering {
    /// Takes a piece in, the member of a `delta`.
    pub(super) fn add(&mut self, kind: &str, piece: &RawValue) {
        match (self, kind) {
            (Self::Call(_, input), "toolUse") => {
                let text = Members::parse(piece.get()).and_then(|piece| piece.text("input"));
                input.push_str(&text.ok().flatten().unwrap_or_default());
            }
            (Self::Result(_, content), "toolResult") => {
                content.extend(serde_json::from_str::<Vec<RawJson>>(piece.get()).unwrap_or_default());
            }
            (Self::Picture(_, data), "image") => {
                let piece = Members::parse(piece.get()).unwrap_or_default();
                let source = piece.object("source").ok().flatten().unwrap_or_default();
                data.push_str(&source.text("bytes").ok().flatten().unwrap_or_default());
            }
            _ => {}
        }
    }

    /// The whole block.
    pub(super) fn finish(self) -> Part {
        let (kind, mut block, name, value) = match self {
            Self::Call(block, input) => {
                let input = if input.trim().is_empty() { "{}".to_owned() } else { input };
                let value = RawJson::parse(input.as_str()).unwrap_or_else(|_| RawJson::string(&input));
                ("toolUse", block, "input", value)
            }
            Self::Result(block, content) => {
                let value = RawJson::of(&content).expect("a list of JSON is valid JSON");
                ("toolResult", block, "content", value)
            }
            Self::Picture(format, data) => {
                let media_type = formats::media_type(formats::IMAGES, &format).unwrap_or_default().to_owned();
                return Part::Image(Media::new(Source::Base64 { media_type, data }));
            }
        };
        block.insert(name, value);
        Part::ServerTool(ForeignBlock { origin: CONVERSE, raw: union(kind, &block) })
    }
}
