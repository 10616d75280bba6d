//! Messages of `application/vnd.amazon.eventstream`: lengths and checksums, headers by name, a payload. After the page
//! "Event stream encoding" of the AWS documentation (read November 2026).
//!
//! ```text
//! total length (4) | headers' length (4) | checksum of these (4) | headers | payload | checksum of all before (4)
//! ```

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{MAX_FRAME, Parsed};
use crate::error::{Error, Result};
use crate::json::{RawJson, RawObject};

const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
const STRING: u8 = 7;

/// Where the first message of these bytes ends, when all of it is there. Bytes that are no message are one frame
/// as far as they go, which [`parse`] refuses.
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    let prelude = bytes.get(..PRELUDE)?;
    match lengths(prelude) {
        Some((total, _)) => (bytes.len() >= total).then_some(total),
        None => Some(bytes.len()),
    }
}

/// The lengths of the message and of its headers; `None` when these bytes begin no message.
fn lengths(prelude: &[u8]) -> Option<(usize, usize)> {
    let (total, headers) = (number(prelude, 0)? as usize, number(prelude, 4)? as usize);
    let sound = number(prelude, 8)? == crc32fast::hash(prelude.get(..8)?);
    let fits = PRELUDE + CHECKSUM <= total && headers <= total - PRELUDE - CHECKSUM && total <= MAX_FRAME;
    (sound && fits).then_some((total, headers))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    four.try_into().ok().map(u32::from_be_bytes)
}

/// Takes a message apart: the event's or exception's name, and the payload. A payload that says to be no text
/// (`application/octet-stream`) is given in base64; an error without a payload as `{"message": …}`.
pub(super) fn parse(raw: &[u8]) -> Result<Parsed<'_>> {
    read(raw).ok_or_else(|| Error::bad_answer("the vendor's stream has a broken event-stream message"))
}

fn read(raw: &[u8]) -> Option<Parsed<'_>> {
    let (total, length) = lengths(raw.get(..PRELUDE)?)?;
    let body = raw.get(..total.checked_sub(CHECKSUM)?)?;
    if raw.len() != total || number(raw, total - CHECKSUM)? != crc32fast::hash(body) {
        return None;
    }
    let headers = Headers::read(body.get(PRELUDE..PRELUDE + length)?)?;
    let payload = body.get(PRELUDE + length..)?;
    let data = match (headers.message, headers.content_type) {
        (Some(message), _) if payload.is_empty() => Cow::Owned(complaint(message)),
        (_, Some("application/octet-stream")) => Cow::Owned(STANDARD.encode(payload)),
        _ => Cow::Borrowed(std::str::from_utf8(payload).ok()?),
    };
    Some(Parsed { event: headers.name, data })
}

fn complaint(message: &str) -> String {
    let object: RawObject = [("message".to_owned(), RawJson::string(message))].into_iter().collect();
    serde_json::to_string(&object).expect("a string is always valid JSON")
}

#[derive(Default)]
struct Headers<'a> {
    /// The event's type, the exception's, or the error's code.
    name: Option<&'a str>,
    message: Option<&'a str>,
    content_type: Option<&'a str>,
}

impl<'a> Headers<'a> {
    fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut headers = Self::default();
        while !bytes.is_empty() {
            let (name, rest) = short_text(bytes)?;
            let (kind, rest) = rest.split_first()?;
            let (value, rest) = value(*kind, rest)?;
            bytes = rest;
            let Some(text) = value else { continue };
            match name {
                ":event-type" | ":exception-type" | ":error-code" => headers.name = Some(text),
                ":error-message" => headers.message = Some(text),
                ":content-type" => headers.content_type = Some(text),
                _ => {}
            }
        }
        Some(headers)
    }
}

fn short_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// The value of a header when it is a text, and what follows it.
fn value(kind: u8, bytes: &[u8]) -> Option<(Option<&str>, &[u8])> {
    let skip = match kind {
        0 | 1 => 0,
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        6 | STRING => {
            let (length, rest) = bytes.split_first_chunk::<2>()?;
            let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            let text = if kind == STRING { Some(std::str::from_utf8(text).ok()?) } else { None };
            return Some((text, rest));
        }
        _ => return None,
    };
    Some((None, bytes.get(skip..)?))
}

/// Writes a message with headers that are texts. Names have at most 255 bytes and values at most 65,535; what is
/// longer is cut.
pub fn message(headers: &[(&str, &str)], payload: &[u8], out: &mut Vec<u8>) {
    let mut fields = Vec::with_capacity(96);
    for (name, value) in headers {
        let name = cut(name, usize::from(u8::MAX));
        let value = cut(value, usize::from(u16::MAX));
        fields.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        fields.extend_from_slice(name);
        fields.push(STRING);
        fields.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        fields.extend_from_slice(value);
    }
    let total = size(PRELUDE + fields.len() + payload.len() + CHECKSUM);
    let lengths = [total, size(fields.len())].concat();
    let mut checksum = crc32fast::Hasher::new();
    for piece in [&lengths[..], &crc32fast::hash(&lengths).to_be_bytes(), &fields, payload] {
        checksum.update(piece);
        out.extend_from_slice(piece);
    }
    out.extend_from_slice(&checksum.finalize().to_be_bytes());
}

fn cut(text: &str, longest: usize) -> &[u8] {
    text.as_bytes().get(..longest).unwrap_or(text.as_bytes())
}

fn size(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use crate::framing::{Splitter, event_stream, parse};
    use crate::wire::Framing;

    fn event(name: &str, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let headers =
            [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")];
        event_stream::message(&headers, payload, &mut out);
        out
    }

    fn frames(chunks: &[&[u8]]) -> Vec<Bytes> {
        let mut splitter = Splitter::new(Framing::AwsEventStream);
        let mut raw = Vec::new();
        for chunk in chunks {
            splitter.push(Bytes::copy_from_slice(chunk)).expect("small");
            raw.extend(std::iter::from_fn(|| splitter.next_frame()));
        }
        raw.extend(std::iter::from_fn(|| splitter.take_rest()));
        raw
    }

    /// The published example of the encoding: no headers, no payload.
    #[test]
    fn the_smallest_message_has_the_published_bytes() {
        let mut out = Vec::new();
        event_stream::message(&[], b"", &mut out);
        assert_eq!(out, [0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255]);
    }

    #[test]
    fn names_and_payloads_come_back() {
        let raw = event("messageStart", br#"{"role":"assistant"}"#);
        let parsed = parse(Framing::AwsEventStream, &raw).expect("whole").expect("data");
        assert_eq!(parsed.frame().event, Some("messageStart"));
        assert_eq!(parsed.frame().data, r#"{"role":"assistant"}"#);
    }

    #[test]
    fn bytes_come_in_base64_and_errors_as_their_message() {
        let mut raw = Vec::new();
        let headers = [(":event-type", "PayloadPart"), (":content-type", "application/octet-stream")];
        event_stream::message(&headers, &[0xff, 0xfe], &mut raw);
        let parsed = parse(Framing::AwsEventStream, &raw).expect("whole").expect("data");
        assert_eq!(parsed.frame().data, "//4=");
        let mut raw = Vec::new();
        let headers =
            [(":message-type", "error"), (":error-code", "InternalError"), (":error-message", "a \"b\"")];
        event_stream::message(&headers, b"", &mut raw);
        let parsed = parse(Framing::AwsEventStream, &raw).expect("whole").expect("data");
        let told = (parsed.frame().event, parsed.frame().data);
        assert_eq!(told, (Some("InternalError"), r#"{"message":"a \"b\""}"#));
    }

    #[test]
    fn other_kinds_of_headers_are_skipped() {
        let values: [&[u8]; 8] = [
            b"\x00",
            b"\x01",
            b"\x02\x05",
            b"\x03\x00\x05",
            b"\x04\x00\x00\x00\x05",
            b"\x05\x00\x00\x00\x00\x00\x00\x00\x05",
            b"\x06\x00\x02\xff\xff",
            b"\x09\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x05",
        ];
        for value in values {
            let bytes = [b"\x01x", value, b"\x0b:event-type\x07\x00\x01e"].concat();
            let headers = super::Headers::read(&bytes).expect("well formed");
            assert_eq!(headers.name, Some("e"), "{value:?}");
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let raw = event("messageStart", br#"{"role":"assistant"}"#);
        for at in 0..raw.len() {
            let mut broken = raw.clone();
            broken[at] ^= 0x20;
            assert!(parse(Framing::AwsEventStream, &broken).is_err(), "byte {at}");
        }
        assert!(parse(Framing::AwsEventStream, &raw[..raw.len() - 1]).is_err());
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            payloads in proptest::collection::vec("[a-zé漢]{0,20}", 1..6),
            cut in 0usize..400,
            second in 0usize..400,
        ) {
            let stream: Vec<u8> = payloads.iter().flat_map(|text| event("x", text.as_bytes())).collect();
            let (a, b) = (cut.min(stream.len()), second.min(stream.len()));
            let (a, b) = (a.min(b), a.max(b));
            let whole = frames(&[&stream]);
            prop_assert_eq!(whole.len(), payloads.len());
            for (raw, payload) in whole.iter().zip(&payloads) {
                let parsed = parse(Framing::AwsEventStream, raw).expect("whole").expect("data");
                prop_assert_eq!(parsed.frame().data, payload);
            }
            prop_assert_eq!(frames(&[&stream[..a], &stream[a..b], &stream[b..]]), whole);
        }

        #[test]
        fn no_bytes_make_it_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..80),
            sound in any::<bool>(),
        ) {
            if sound && bytes.len() >= 12 {
                // A sound head, so that what comes after it is read too.
                let total = u32::try_from(bytes.len()).expect("small").to_be_bytes();
                bytes[..4].copy_from_slice(&total);
                bytes[4..7].fill(0);
                let checksum = crc32fast::hash(&bytes[..8]).to_be_bytes();
                bytes[8..12].copy_from_slice(&checksum);
            }
            for raw in frames(&[&bytes]) {
                let _ = parse(Framing::AwsEventStream, &raw);
            }
            let _ = super::Headers::read(&bytes);
        }
    }
}
