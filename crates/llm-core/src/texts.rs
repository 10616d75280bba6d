//! The texts in a JSON body of any dialect, with where they stand: what guardrails look at, and rewrite in place.
//!
//! Bodies are read as what they are, trees of JSON, and not through their dialects: everything that people, models and
//! tools wrote is a string somewhere, and a string that nobody knows is looked at too. Only what is known to be no text
//! (names of kinds, ids, signatures, bytes in base64) is left out. What is rewritten changes nothing around it, so a
//! request still goes through as it came.

mod kinds;

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, Result};
use crate::guard::{Piece, Place, Side};

use kinds::{Known, known, place_of};

/// Arrays and objects nest no deeper.
const MAX_DEPTH: usize = 256;

/// The texts of a body, in its order.
#[derive(Clone, Debug, Default)]
pub struct Texts<'a> {
    /// What they say.
    pub pieces: Vec<Piece<'a>>,
    /// Where their JSON strings stand, with the quotes.
    spans: Vec<Range<usize>>,
}

impl<'a> Texts<'a> {
    /// Finds them.
    ///
    /// # Errors
    /// When the body is no JSON.
    pub fn of(body: &'a [u8], side: Side) -> Result<Self> {
        let place = match side {
            Side::Request => Place::User,
            Side::Answer => Place::Assistant,
        };
        let body = std::str::from_utf8(body).map_err(|_| broken(0))?;
        let mut reader = Reader { body, at: 0, usual: place, texts: Self::default() };
        reader.value(&Context { place, depth: 0, may_be_bytes: false, is_text: true })?;
        Ok(reader.texts)
    }

    /// The body with other texts in the places of some: their numbers, ascending, and what stands there now.
    pub fn rewrite(&self, body: &[u8], changed: &[(usize, String)]) -> Vec<u8> {
        let mut written = Vec::with_capacity(body.len() + 64);
        let mut from = 0;
        for (piece, text) in changed {
            let Some(span) = self.spans.get(*piece) else { continue };
            written.extend_from_slice(body.get(from..span.start).unwrap_or_default());
            // Writing a string to memory cannot fail.
            let _ = serde_json::to_writer(&mut written, text);
            from = span.end;
        }
        written.extend_from_slice(body.get(from..).unwrap_or_default());
        written
    }
}

/// What is known of a value before it is read.
#[derive(Clone, Copy)]
struct Context {
    place: Place,
    depth: usize,
    may_be_bytes: bool,
    is_text: bool,
}

struct Reader<'a> {
    body: &'a str,
    at: usize,
    /// The place of what nobody knows a better one for.
    usual: Place,
    texts: Texts<'a>,
}

/// What an object says of itself.
#[derive(Default)]
struct Said<'a> {
    role: Option<&'a str>,
    kind: Option<&'a str>,
    /// The number of the text that names something.
    name: Option<usize>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, context: &Context) -> Result<()> {
        if context.depth > MAX_DEPTH {
            return Err(Error::invalid("invalid JSON payload: it nests too deep"));
        }
        match self.peek()? {
            b'"' => {
                let span = self.string()?;
                if context.is_text {
                    self.take(span, context);
                }
                Ok(())
            }
            b'{' => self.object(context),
            b'[' => self.array(context),
            _ => {
                let rest = self.rest().as_bytes();
                let end = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']'));
                self.at += end.unwrap_or(rest.len());
                Ok(())
            }
        }
    }

    fn array(&mut self, context: &Context) -> Result<()> {
        self.at += 1;
        let inner = Context { depth: context.depth + 1, ..*context };
        if self.ends(b']')? {
            return Ok(());
        }
        loop {
            self.value(&inner)?;
            if self.ends(b']')? {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, context: &Context) -> Result<()> {
        self.at += 1;
        let first = self.texts.pieces.len();
        let mut said = Said::default();
        if self.ends(b'}')? {
            return Ok(());
        }
        loop {
            self.peek()?;
            let key = self.string()?;
            let key = self.body.get(key.start + 1..key.end - 1).unwrap_or_default();
            self.expect(b':')?;
            self.member(key, context, &mut said)?;
            if self.ends(b'}')? {
                break;
            }
            self.expect(b',')?;
        }
        self.place(first, context, &said);
        Ok(())
    }

    fn member(&mut self, key: &'a str, context: &Context, said: &mut Said<'a>) -> Result<()> {
        // Only the outermost object is at depth 0: its elements, and theirs, are deeper.
        let known = known(key, context.place, context.depth == 0);
        // A schema's own words are no names of ours: one of its properties may be called `id`.
        let is_schema = context.place == Place::ToolDescription && self.peek()? == b'{';
        let is_left_out = matches!(known, Known::NoText | Known::Role | Known::Kind) && !is_schema;
        let inner = Context {
            place: if let Known::Place(place) = known { place } else { context.place },
            depth: context.depth + 1,
            may_be_bytes: known == Known::MayBeBytes,
            is_text: context.is_text && !is_left_out,
        };
        let (number, start) = (self.texts.pieces.len(), self.at);
        self.value(&inner)?;
        let word = || self.body.get(start..self.at).map(|text| text.trim().trim_matches('"'));
        match known {
            Known::Role => said.role = word(),
            Known::Kind => said.kind = word(),
            Known::Place(Place::ToolName) => said.name = Some(number),
            _ => {}
        }
        Ok(())
    }

    /// Puts what stands in an object where the object says that it belongs.
    fn place(&mut self, first: usize, context: &Context, said: &Said<'_>) {
        if context.place != self.usual {
            return;
        }
        let Some(place) = place_of(said.role, said.kind) else { return };
        let speaker = said.name.filter(|_| matches!(place, Place::User | Place::Assistant));
        let pieces = self.texts.pieces.iter_mut().enumerate().skip(first);
        for (number, piece) in pieces {
            if piece.place == self.usual || (speaker == Some(number) && said.role.is_some()) {
                piece.place = place;
            }
        }
    }

    fn take(&mut self, span: Range<usize>, context: &Context) {
        let raw = self.body.get(span.start + 1..span.end - 1).unwrap_or_default();
        if raw.is_empty() || (context.may_be_bytes && kinds::is_bytes(raw)) {
            return;
        }
        let text = if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
            Cow::Borrowed(raw)
        } else {
            // Half of a pair of surrogates is no text: what is around it is looked at as it is spelled.
            self.body
                .get(span.clone())
                .and_then(|json| serde_json::from_str(json).ok())
                .map_or(Cow::Borrowed(raw), Cow::Owned)
        };
        self.texts.pieces.push(Piece { text, place: context.place });
        self.texts.spans.push(span);
    }

    /// Steps over a string; where it stands, with its quotes.
    fn string(&mut self) -> Result<Range<usize>> {
        let start = self.at;
        if self.body.as_bytes().get(start) != Some(&b'"') {
            return Err(broken(start));
        }
        let mut at = start + 1;
        loop {
            let rest = self.body.as_bytes().get(at..).unwrap_or_default();
            let found = memchr::memchr2(b'"', b'\\', rest).ok_or_else(|| broken(start))?;
            at += found;
            if rest.get(found) == Some(&b'"') {
                self.at = at + 1;
                return Ok(start..at + 1);
            }
            at += 2;
        }
    }

    fn rest(&self) -> &'a str {
        self.body.get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<u8> {
        let rest = self.rest().as_bytes();
        let blank =
            rest.iter().position(|byte| !byte.is_ascii_whitespace()).ok_or_else(|| broken(self.at))?;
        self.at += blank;
        rest.get(blank).copied().ok_or_else(|| broken(self.at))
    }

    fn ends(&mut self, with: u8) -> Result<bool> {
        let ends = self.peek()? == with;
        self.at += usize::from(ends);
        Ok(ends)
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek()? != byte {
            return Err(broken(self.at));
        }
        self.at += 1;
        Ok(())
    }
}

fn broken(at: usize) -> Error {
    Error::invalid(format!("invalid JSON payload: broken at byte {at}")).with_param("request_body")
}

#[cfg(test)]
mod tests;
