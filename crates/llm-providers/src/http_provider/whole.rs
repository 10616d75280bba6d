//! A whole answer: as it is for a client of the same dialect, canonical for any other, an error when it is none.

use bytes::Bytes;
use llm_core::dialect::{Dialect, Peek, Seen};
use llm_core::provider::ReplyBody;
use llm_core::wire::{Framing, WireBody, WireResponse};
use llm_core::{ChatResponse, Error, Result};

use super::events;

/// What a body is, by its first letters: content types are wrong too often to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Empty,
    Json,
    Frames,
    Markup,
    Other,
}

impl Shape {
    /// Looks at the beginning of a body.
    pub(crate) fn of(body: &[u8], framing: Framing) -> Self {
        let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
        let fields: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
        match text.first() {
            None => Self::Empty,
            // The length of a message, of which none has 16 MiB or more. No text begins like this.
            Some(0) if framing == Framing::AwsEventStream => Self::Frames,
            Some(b'{') if framing == Framing::JsonLines => Self::Frames,
            Some(b'{' | b'[') => Self::Json,
            Some(b'<') => Self::Markup,
            Some(_) if fields.iter().any(|field| text.starts_with(field)) => Self::Frames,
            // The first chunk may be cut anywhere.
            Some(_) if fields.iter().any(|field| field.starts_with(text)) => Self::Frames,
            Some(_) => Self::Other,
        }
    }

    /// Looks at a body that should be one answer: of a stream of lines, the first one is a whole value.
    fn of_whole(body: &[u8], framing: Framing) -> Self {
        let shape = Self::of(body, if framing == Framing::JsonLines { Framing::Sse } else { framing });
        let lines = || {
            let text = body.trim_ascii();
            let end = text.iter().position(|byte| *byte == b'\n')?;
            serde_json::from_slice::<serde::de::IgnoredAny>(text.get(..end)?).ok()
        };
        if shape == Self::Json && framing == Framing::JsonLines && lines().is_some() {
            return Self::Frames;
        }
        shape
    }
}

/// Reads an answer with a good status for a client of the same dialect.
pub(crate) fn native(dialect: &dyn Dialect, public_model: &str, reply: &WireResponse) -> Result<ReplyBody> {
    if Shape::of_whole(&reply.body, dialect.framing()) != Shape::Json {
        return decoded(dialect, public_model, reply).map(|response| ReplyBody::Decoded(Box::new(response)));
    }
    Ok(passed(dialect.peek(&reply.body)?, &reply.body, public_model))
}

/// A body that goes on as it is, but for the model's name.
pub(crate) fn passed(peek: Peek, body: &Bytes, public_model: &str) -> ReplyBody {
    let seen = Seen { content: true, usage: peek.usage, finish: peek.finish, error: None, ended: true };
    let body = renamed(body, peek.model, public_model);
    ReplyBody::Native { body, seen: Box::new(seen) }
}

/// Reads an answer with a good status into canonical form, also one that came as a stream unasked.
pub(crate) fn decoded(
    dialect: &dyn Dialect,
    public_model: &str,
    reply: &WireResponse,
) -> Result<ChatResponse> {
    match Shape::of_whole(&reply.body, dialect.framing()) {
        Shape::Json => {
            let response = dialect.decode(reply)?;
            Ok(ChatResponse { model: public_model.to_owned(), ..response })
        }
        Shape::Frames => events::folded(dialect, public_model, reply.body.clone()),
        shape => Err(no_answer(shape, reply)),
    }
}

/// The error of a good status with something else than an answer.
pub(crate) fn no_answer(shape: Shape, reply: &WireResponse) -> Error {
    let what = match shape {
        Shape::Empty => "with nothing",
        Shape::Markup => "with a web page instead of JSON: check `api_base`",
        _ => "with something else than JSON: check `api_base`",
    };
    let content_type = reply.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let detail = format!(
        "status {}, {} bytes of {}",
        reply.status,
        reply.body.len(),
        content_type.unwrap_or("no content type")
    );
    Error::bad_answer(format!("the vendor answered {what}")).with_detail(detail)
}

/// The body with the public name in place of the vendor's: slices of it around the name, a copy of a small one, or itself.
fn renamed(body: &Bytes, model: Option<std::ops::Range<usize>>, public_model: &str) -> WireBody {
    let name = serde_json::to_vec(public_model).expect("a string is always valid JSON");
    let Some(range) = model.filter(|range| body.get(range.clone()).is_some_and(|old| old != name)) else {
        return body.clone().into();
    };
    let mut pieces = WireBody::default();
    pieces.push(body.slice(..range.start));
    pieces.push(name.into());
    pieces.push(body.slice(range.end..));
    pieces.compact()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_known_by_its_first_letters() {
        for (body, shape) in [
            (&b""[..], Shape::Empty),
            (b" \r\n", Shape::Empty),
            (b"\n{\"a\":1}", Shape::Json),
            (b"[]", Shape::Json),
            (b"<!doctype html>", Shape::Markup),
            (b"data: {}", Shape::Frames),
            (b": PROCESSING\n", Shape::Frames),
            (b"\xef\xbb\xbfevent: a", Shape::Frames),
            (b"da", Shape::Frames),
            (b"id", Shape::Frames),
            (b"Not Found", Shape::Other),
            (b"\xff\xfe", Shape::Other),
        ] {
            assert_eq!(Shape::of(body, Framing::Sse), shape, "{body:?}");
        }
        assert_eq!(Shape::of(b"{\"a\":1}\n", Framing::JsonLines), Shape::Frames);
        assert_eq!(Shape::of(b"\0\0\0\x10", Framing::AwsEventStream), Shape::Frames);
        assert_eq!(Shape::of(b"\0\0\0\x10", Framing::Sse), Shape::Other);
        for (body, framing, shape) in [
            (&b"{\"a\":1}\n"[..], Framing::JsonLines, Shape::Json),
            (b"{\n\"a\":1}\n", Framing::JsonLines, Shape::Json),
            (b"{\"a\":1}\n{\"a\":2}", Framing::JsonLines, Shape::Frames),
            (b"{\"a\":1}\n{\"a\":2}", Framing::Sse, Shape::Json),
        ] {
            assert_eq!(Shape::of_whole(body, framing), shape, "{body:?}");
        }
    }

    #[test]
    fn the_model_is_spliced_in_without_a_copy_of_a_large_rest() {
        let body = Bytes::from_static(br#"{"model":"large-2024","x":1}"#);
        let pieces = renamed(&body, Some(9..21), "my \"large\"");
        assert_eq!(pieces.pieces(), [r#"{"model":"my \"large\"","x":1}"#]);
        let large = Bytes::from(format!(r#"{{"model":"large-2024","x":"{}"}}"#, "x".repeat(1 << 16)));
        let pieces = renamed(&large, Some(9..21), "large");
        assert_eq!(pieces.pieces().len(), 3);
        assert_eq!(pieces.pieces().first().map(|piece| piece.as_ptr()), Some(large.as_ptr()));
        for (range, name) in [(Some(9..21), "large-2024"), (None, "other"), (Some(20..999), "other")] {
            assert_eq!(renamed(&body, range, name).pieces(), std::slice::from_ref(&body));
        }
    }
}
