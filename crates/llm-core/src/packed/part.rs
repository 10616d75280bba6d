//! Messages and what they are made of.

use super::{Packed, Reader, fields, words};
use crate::message::{
    CacheMark, Citation, Document, ForeignBlock, Media, Message, Opaque, OpaqueKind, Part, Reasoning, Role,
    Source, Text, ToolCall, ToolResult,
};

words!(Role: System, Developer, User, Assistant, Tool);
words!(CacheMark: Short, Hour);
words!(OpaqueKind: Signature, Encrypted, Redacted);
fields!(Message { role, parts, name, extras });
fields!(Text { text, citations, cache });
fields!(Citation { url, title, cited_text, start, end, raw });
fields!(Media { source, detail, transcript, id, cache });
fields!(Document { source, title, context, citations, cache });
fields!(ToolCall { id, item_id, name, arguments, custom, opaque, cache });
fields!(ToolResult { call_id, name, content, is_error, custom, cache });
fields!(Reasoning { id, text, summary, opaque });
fields!(Opaque { origin, kind, data });
fields!(ForeignBlock { origin, raw });

impl Packed for Source {
    fn pack(&self, out: &mut Vec<u8>) {
        match self {
            Self::Url(url) => {
                out.push(0);
                url.pack(out);
            }
            Self::Base64 { media_type, data } => {
                out.push(1);
                media_type.pack(out);
                data.pack(out);
            }
            Self::FileId { origin, id } => {
                out.push(2);
                origin.pack(out);
                id.pack(out);
            }
            Self::Text(text) => {
                out.push(3);
                text.pack(out);
            }
        }
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Url(Packed::unpack(from)?),
            1 => Self::Base64 { media_type: Packed::unpack(from)?, data: Packed::unpack(from)? },
            2 => Self::FileId { origin: Packed::unpack(from)?, id: Packed::unpack(from)? },
            3 => Self::Text(Packed::unpack(from)?),
            _ => return None,
        })
    }
}

impl Packed for Part {
    fn pack(&self, out: &mut Vec<u8>) {
        fn tagged(place: u8, content: &impl Packed, out: &mut Vec<u8>) {
            out.push(place);
            content.pack(out);
        }
        match self {
            Self::Text(text) => tagged(0, text, out),
            Self::Image(media) => tagged(1, media, out),
            Self::Audio(media) => tagged(2, media, out),
            Self::Video(media) => tagged(3, media, out),
            Self::Document(document) => tagged(4, document, out),
            Self::ToolCall(call) => tagged(5, call, out),
            Self::ToolResult(result) => tagged(6, result, out),
            Self::Reasoning(reasoning) => tagged(7, reasoning, out),
            Self::Refusal(words) => tagged(8, words, out),
            Self::ServerTool(block) => tagged(9, block, out),
            Self::Unknown(block) => tagged(10, block, out),
        }
    }

    fn unpack(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Text(Packed::unpack(from)?),
            1 => Self::Image(Packed::unpack(from)?),
            2 => Self::Audio(Packed::unpack(from)?),
            3 => Self::Video(Packed::unpack(from)?),
            4 => Self::Document(Packed::unpack(from)?),
            5 => Self::ToolCall(Packed::unpack(from)?),
            6 => Self::ToolResult(from.within(ToolResult::unpack)?),
            7 => Self::Reasoning(Packed::unpack(from)?),
            8 => Self::Refusal(Packed::unpack(from)?),
            9 => Self::ServerTool(Packed::unpack(from)?),
            10 => Self::Unknown(Packed::unpack(from)?),
            _ => return None,
        })
    }
}
