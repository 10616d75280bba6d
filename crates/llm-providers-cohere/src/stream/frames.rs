//! Frames as clients of this format read them.

use bytes::{BufMut, Bytes, BytesMut};
use llm_core::{Error, RawJson, Usage};

use super::DONE;
use crate::error;
use crate::wire::ObjectWriter;

/// Writes a frame: its kind stands in the event's name and in the data.
pub(super) fn write(
    kind: &str,
    id: Option<&str>,
    index: Option<u64>,
    delta: Option<&RawJson>,
    out: &mut BytesMut,
) {
    with_logprobs(kind, (id, index), delta, None, out);
}

/// The same with log probabilities.
pub(super) fn with_logprobs(
    kind: &str,
    (id, index): (Option<&str>, Option<u64>),
    delta: Option<&RawJson>,
    logprobs: Option<&RawJson>,
    out: &mut BytesMut,
) {
    let mut object = ObjectWriter::new();
    object.optional("id", id).member("type", kind).optional("index", index.as_ref());
    object.optional("delta", delta).optional("logprobs", logprobs);
    out.put_slice(b"event: ");
    out.put_slice(kind.as_bytes());
    out.put_slice(b"\ndata: ");
    out.put_slice(&object.finish());
    out.put_slice(b"\n\n");
}

/// The frame that nearly all others of a stream are like, written in place: a piece of a content block, with the member
/// that holds it (`text`, `thinking`).
pub(super) fn content_delta(index: u64, (member, text): (&str, &str), out: &mut BytesMut) {
    out.put_slice(b"event: content-delta\ndata: {\"type\":\"content-delta\",\"index\":");
    json(&index, out);
    out.put_slice(b",\"delta\":{\"message\":{\"content\":{\"");
    out.put_slice(member.as_bytes());
    out.put_slice(b"\":");
    json(text, out);
    out.put_slice(b"}}}}\n\n");
}

fn json(value: &(impl serde::Serialize + ?Sized), out: &mut BytesMut) {
    // Texts and numbers have a form in JSON, and a buffer takes everything.
    let written = serde_json::to_writer(out.writer(), value);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// A `delta` that holds one member of the message.
pub(super) fn of_message(name: &str, value: &RawJson) -> RawJson {
    let message = ObjectWriter::new().member(name, value).json();
    ObjectWriter::new().member("message", &message).json()
}

/// The end of a stream.
pub(super) fn done(out: &mut BytesMut) {
    out.put_slice(b"data: ");
    out.put_slice(DONE.as_bytes());
    out.put_slice(b"\n\n");
}

/// An error: the frame that ends the message says it, as the vendor's own do.
pub(super) fn write_error(error: &Error, used: &Usage, out: &mut BytesMut) {
    write("message-end", None, None, Some(&error::delta(error, used)), out);
}

/// An error with what was used until then, and the end of the stream.
pub(crate) fn error_frames(error: &Error, used: &Usage) -> Bytes {
    let mut out = BytesMut::new();
    write_error(error, used, &mut out);
    done(&mut out);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ObjectWriter;

    #[test]
    fn a_piece_is_written_as_any_other_frame() {
        for text in ["", "plain", "a \"quoted\"\n\u{1} é 世界 \\"] {
            let (mut direct, mut whole) = (BytesMut::new(), BytesMut::new());
            content_delta(7, ("text", text), &mut direct);
            let piece = of_message("content", &ObjectWriter::new().member("text", text).json());
            write("content-delta", None, Some(7), Some(&piece), &mut whole);
            assert_eq!(direct, whole);
        }
    }
}
