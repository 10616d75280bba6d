//! What travels to and from a vendor: requests, answers and frames, as bytes with their heads.

use std::io;

use bytes::Bytes;
use http::{HeaderMap, Method};
use smallvec::SmallVec;

use crate::request::ChatRequest;
use crate::words::{LONG, Wording, Words};

/// A body in pieces that are written one after the other; no large one is copied to join them.
#[derive(Clone, Debug, Default)]
pub struct WireBody(SmallVec<[Bytes; 4]>);

/// A body up to this length is joined at less cost than its pieces are written: each goes through the HTTP connection
/// for itself, at some hundred instructions.
const SMALL: usize = 4 * 1024;

impl WireBody {
    /// Joins the pieces of a small body.
    #[must_use]
    pub fn compact(self) -> Self {
        if self.0.len() < 2 || self.len() > SMALL { self } else { self.joined().into() }
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.push(piece);
        }
    }

    /// Bytes in all pieces.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Bytes] {
        &self.0
    }

    /// Takes the next piece out, from the front.
    pub fn pop_front(&mut self) -> Option<Bytes> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// All pieces as one, for logs of tests and for signing; copies when there is more than one.
    pub fn joined(&self) -> Bytes {
        match self.0.as_slice() {
            [one] => one.clone(),
            pieces => pieces.concat().into(),
        }
    }
}

impl From<Bytes> for WireBody {
    fn from(piece: Bytes) -> Self {
        let mut body = Self::default();
        body.push(piece);
        body
    }
}

impl From<Vec<u8>> for WireBody {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

/// A body of JSON being written. Where a long text of the request is written as it was spelled, the body shares it;
/// everything else is copied.
#[derive(Debug, Default)]
pub struct BodyWriter {
    body: WireBody,
    piece: Vec<u8>,
    long: Vec<Words>,
}

/// How many texts a body shares at most: each is looked for, and is a piece of its own.
const MOST: usize = 256;

impl BodyWriter {
    /// A body that shares the long texts of this request.
    pub fn of(request: &ChatRequest) -> Self {
        let long = request.long_texts().into_iter().take(MOST).cloned().collect();
        Self { long, ..Self::default() }
    }

    /// A writer for a part of this body.
    pub fn part(&self) -> Self {
        Self { long: self.long.clone(), ..Self::default() }
    }

    /// Adds a part.
    pub fn append(&mut self, part: Self) {
        for shared in part.body.0 {
            self.body.push(std::mem::take(&mut self.piece).into());
            self.body.push(shared);
        }
        self.piece.extend_from_slice(&part.piece);
    }

    /// Whether this short text is what was written so far.
    pub fn is(&self, text: &str) -> bool {
        self.body.is_empty() && self.piece == text.as_bytes()
    }

    /// Writes a byte.
    pub fn push(&mut self, byte: u8) {
        self.piece.push(byte);
    }

    /// Writes bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        match self.shared(bytes) {
            Some(shared) => {
                self.body.push(std::mem::take(&mut self.piece).into());
                self.body.push(shared);
            }
            None => self.piece.extend_from_slice(bytes),
        }
    }

    /// Writes one string that says these texts, one after the other.
    ///
    /// # Errors
    /// None that are known: a text can always be written.
    pub fn string(&mut self, texts: &[Wording<'_>]) -> serde_json::Result<()> {
        self.push(b'"');
        for text in texts {
            match text.spelling() {
                Some(json) => self.inside(json),
                None => self.inside(&serde_json::to_string(text)?),
            }
        }
        self.push(b'"');
        Ok(())
    }

    /// Writes what stands between the quotes.
    fn inside(&mut self, json: &str) {
        match self.shared(json.as_bytes()) {
            Some(shared) => {
                self.body.push(std::mem::take(&mut self.piece).into());
                self.body.push(shared.slice(1..shared.len() - 1));
            }
            None => self.piece.extend_from_slice(json.as_bytes().get(1..json.len() - 1).unwrap_or_default()),
        }
    }

    fn shared(&self, bytes: &[u8]) -> Option<Bytes> {
        if bytes.len() < LONG {
            return None;
        }
        let same = |spelling: &str| std::ptr::eq(spelling.as_bytes(), bytes);
        self.long.iter().find(|words| words.spelling().is_some_and(same))?.shared_spelling()
    }

    /// The body.
    pub fn finish(mut self) -> WireBody {
        self.body.push(self.piece.into());
        self.body
    }

    /// The body in one piece.
    pub fn finish_joined(self) -> Vec<u8> {
        if self.body.is_empty() { self.piece } else { self.finish().joined().into() }
    }
}

impl io::Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request to a vendor, without its address: the upstream knows that.
#[derive(Clone, Debug)]
pub struct WireRequest {
    /// Nearly always POST.
    pub method: Method,
    /// Path (and query) after the vendor's base URL, with a leading slash.
    pub path: String,
    /// Headers of the dialect; credentials are added by the provider.
    pub headers: HeaderMap,
    /// The body.
    pub body: WireBody,
}

/// A vendor's whole answer.
#[derive(Clone, Debug)]
pub struct WireResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, content encoding undone.
    pub body: Bytes,
}

/// How a stream of a dialect is cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
    Sse,
    /// One JSON value a line.
    JsonLines,
    /// Binary messages of AWS (`application/vnd.amazon.eventstream`), see [`crate::framing::event_stream`].
    AwsEventStream,
}

/// One frame of a stream, its framing taken off. A frame without data (a comment, a ping line) is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name, when one was given.
    pub event: Option<&'a str>,
    /// The data; lines of several `data:` fields are joined with line feeds.
    pub data: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Message, Part, Role, Text, ToolResult};

    fn long(json: &str) -> Part {
        let text = serde_json::from_str(json).expect("a string");
        Part::Text(Text { text, ..Text::default() })
    }

    #[test]
    fn a_body_of_very_many_long_texts_has_few_pieces() {
        let text = format!("\"{}\"", "x".repeat(LONG));
        let parts = (0..MOST + 2).map(|_| long(&text)).collect();
        let request =
            ChatRequest { messages: vec![Message::new(Role::User, parts)], ..ChatRequest::default() };
        let mut body = BodyWriter::of(&request);
        serde_json::to_writer(&mut body, &request.long_texts()).expect("JSON");
        let body = body.finish();
        assert_eq!(body.pieces().len(), 2 * MOST + 1);
        assert_eq!(body.len(), (text.len() + 1) * (MOST + 2) + 1);
    }

    #[test]
    fn texts_are_joined_in_one_string_around_the_long_ones() {
        let spelled = format!("\"\\ud83d\\ude00{}\"", "x".repeat(LONG));
        let request = ChatRequest {
            messages: vec![Message::new(Role::User, vec![long(&spelled)])],
            ..ChatRequest::default()
        };
        let text = request.long_texts()[0];
        let mut body = BodyWriter::of(&request);
        body.string(&["say \"".into(), text.into(), "\n".into(), text.into()]).expect("texts");
        let body = body.finish();
        let read: String = serde_json::from_slice(&body.joined()).expect("a string");
        assert_eq!(read, format!("say \"{text}\n{text}"));
        assert_eq!(body.pieces().len(), 5);
        let mut copied = BodyWriter::default();
        copied.string(&[text.into(), "".into()]).expect("texts");
        assert_eq!(copied.finish_joined(), serde_json::to_vec(text).expect("a string"));
    }

    #[test]
    fn long_texts_are_shared_and_all_else_is_copied() {
        let [first, second] = ["a\\n", "b"].map(|text| format!("\"{text}{}\"", "x".repeat(LONG)));
        let result = ToolResult {
            call_id: "1".to_owned(),
            name: None,
            content: vec![long(&second)],
            is_error: None,
            custom: false,
            cache: None,
        };
        let parts = vec![Part::text("short"), long(&first), Part::ToolResult(result)];
        let request =
            ChatRequest { messages: vec![Message::new(Role::User, parts)], ..ChatRequest::default() };
        let texts = request.long_texts();
        assert_eq!(texts.len(), 2);
        let unknown = format!("\"{}\"", "y".repeat(LONG));
        let mut body = BodyWriter::of(&request);
        serde_json::to_writer(&mut body, &(1, texts[1], "between", texts[0], &unknown)).expect("JSON");
        let mut part = body.part();
        serde_json::to_writer(&mut part, texts[0]).expect("JSON");
        assert!(!part.is("") && body.part().is(""));
        body.append(part);
        let body = body.finish();
        let expected = format!("[1,{second},\"between\",{first},{}]{first}", serde_json::json!(unknown));
        assert_eq!(body.joined(), expected.as_bytes());
        let pieces: Vec<*const u8> = body.pieces().iter().map(|piece| piece.as_ptr()).collect();
        let spelled = |at: usize| texts[at].spelling().expect("kept").as_ptr();
        assert_eq!(pieces.len(), 6);
        assert_eq!([pieces[1], pieces[3], pieces[5]], [spelled(1), spelled(0), spelled(0)]);
    }
}
