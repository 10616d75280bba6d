//! Frames as clients of this format read them.

use bytes::{BufMut, Bytes, BytesMut};
use llm_core::{Error, RawJson, RawObject};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error;
use crate::wire::Block;

/// A frame.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame<'a> {
    MessageStart { message: &'a RawObject },
    ContentBlockStart { index: u32, content_block: Block<'a> },
    ContentBlockDelta { index: u32, delta: Piece<'a> },
    ContentBlockStop { index: u32 },
    Ping,
    MessageStop,
}

/// A piece of a block; for those that are only words there is [`write_words`].
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub(super) enum Piece<'a> {
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "citations_delta")]
    Citation { citation: &'a RawJson },
}

impl Frame<'_> {
    fn event(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::Ping => "ping",
            Self::MessageStop => "message_stop",
        }
    }

    /// Writes the frame.
    pub(super) fn write(&self, out: &mut BytesMut) {
        write(self.event(), self, out);
    }
}

/// The frame that ends an answer's content: why, what it used, and fields that only this format has.
pub(super) struct MessageDelta<'a> {
    /// `None` before an error.
    pub(super) stop_reason: Option<&'a str>,
    pub(super) stop_sequence: Option<&'a str>,
    pub(super) usage: RawObject,
    pub(super) extras: &'a RawObject,
}

/// Fields that stand inside `delta`; the others stand beside it.
const INSIDE_DELTA: &[&str] = &["container", "stop_details"];

impl MessageDelta<'_> {
    /// Writes the frame.
    pub(super) fn write(&self, out: &mut BytesMut) {
        write("message_delta", self, out);
    }

    fn delta(&self) -> RawObject {
        let mut delta = RawObject::default();
        delta.insert("stop_reason", self.stop_reason.map_or_else(RawJson::null, RawJson::string));
        delta.insert("stop_sequence", self.stop_sequence.map_or_else(RawJson::null, RawJson::string));
        for (name, value) in self.extras.iter().filter(|(name, _)| INSIDE_DELTA.contains(name)) {
            delta.insert(name, value.clone());
        }
        delta
    }
}

impl Serialize for MessageDelta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "message_delta")?;
        map.serialize_entry("delta", &self.delta())?;
        map.serialize_entry("usage", &self.usage)?;
        for (name, value) in self.extras.iter() {
            if name != "usage" && !INSIDE_DELTA.contains(&name) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// Pieces that are only words, as most frames of a stream are: the piece's type and the member with the words.
#[derive(Clone, Copy, Debug)]
pub(super) enum Words {
    Text,
    Thinking,
    Input,
}

/// Writes the frame of a piece that is only words, in fewer steps than a serializer.
pub(super) fn write_words(index: u32, kind: Words, words: &str, out: &mut BytesMut) {
    out.extend_from_slice(b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
    put(&index, out);
    out.extend_from_slice(match kind {
        Words::Text => b",\"delta\":{\"type\":\"text_delta\",\"text\":",
        Words::Thinking => b",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":",
        Words::Input => b",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":",
    });
    put(words, out);
    out.extend_from_slice(b"}}\n\n");
}

fn put<T: Serialize + ?Sized>(value: &T, out: &mut BytesMut) {
    serde_json::to_writer(out.writer(), value).expect("structs with string keys are always valid JSON");
}

fn write<T: Serialize>(event: &str, data: &T, out: &mut BytesMut) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    put(data, out);
    out.extend_from_slice(b"\n\n");
}

/// The frame that ends a stream that does not pass through us whole.
pub(super) const MESSAGE_STOP: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// An error as a frame; the stream ends with it.
pub(crate) fn error_frame(error: &Error) -> Bytes {
    let body = error::body(error);
    let mut out = BytesMut::with_capacity(body.len() + 32);
    out.extend_from_slice(b"event: error\ndata: ");
    out.extend_from_slice(&body);
    out.extend_from_slice(b"\n\n");
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of words as a serializer writes them.
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "content_block_delta")]
    struct Whole<'a> {
        index: u32,
        delta: Piece<'a>,
    }

    #[derive(Serialize)]
    #[serde(tag = "type")]
    enum Piece<'a> {
        #[serde(rename = "text_delta")]
        Text { text: &'a str },
        #[serde(rename = "thinking_delta")]
        Thinking { thinking: &'a str },
        #[serde(rename = "input_json_delta")]
        Input { partial_json: &'a str },
    }

    #[test]
    fn words_are_written_as_a_serializer_writes_them() {
        let words = "a \"b\" \\ \n\u{1} é 🦀 </";
        for (kind, delta) in [
            (Words::Text, Piece::Text { text: words }),
            (Words::Thinking, Piece::Thinking { thinking: words }),
            (Words::Input, Piece::Input { partial_json: words }),
        ] {
            let (mut direct, mut whole) = (BytesMut::new(), BytesMut::new());
            write_words(70_000, kind, words, &mut direct);
            write("content_block_delta", &Whole { index: 70_000, delta }, &mut whole);
            assert_eq!(direct, whole);
        }
    }
}
