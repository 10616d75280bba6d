//! A stream that passes through as it is, watched on the side.

use std::sync::LazyLock;

use bytes::{BufMut, Bytes, BytesMut};
use llm_core::dialect::{Seen, TapOptions};
use llm_core::framing;
use llm_core::provider::truncated;
use llm_core::wire::Framing;
use llm_core::{Error, RawJson, Result, StreamTap, Verdict};
use memchr::memmem::Finder;

use crate::chat::fields::Object;
use crate::chat::glance::Glance;
use crate::chat::message::WireMessage;
use crate::chat::part::Content;
use crate::chat::stream::glimpse::{Glimpse, glimpse};
use crate::error;

const DONE: &[u8] = b"data: [DONE]\n\n";

/// The state of a stream that passes.
///
/// A vendor's error frame is held back and told in [`Seen::error`]; [`StreamTap::finish`] gives it again, so that it
/// reaches the client once, in the words of the client's dialect and without what vendors repeat of keys.
pub(crate) struct Tap {
    options: TapOptions,
    completion_excludes_reasoning: bool,
    /// The public name as JSON.
    model: Option<Bytes>,
    /// How the last frame with a model began, up to and with the model: the next one most likely begins alike.
    head: Option<Head>,
    finders: &'static Finders,
}

struct Head {
    bytes: Vec<u8>,
    replaced: Vec<u8>,
}

/// Made once: a finder takes a microsecond to make.
static FINDERS: LazyLock<Finders> = LazyLock::new(|| Finders {
    error: Finder::new("\"error\""),
    usage: Finder::new("\"usage\""),
    finish: Finder::new("\"finish_reason\""),
    model: Finder::new("\"model\""),
});

struct Finders {
    error: Finder<'static>,
    usage: Finder<'static>,
    finish: Finder<'static>,
    model: Finder<'static>,
}

impl Tap {
    pub(crate) fn new(options: TapOptions, completion_excludes_reasoning: bool) -> Self {
        let model = options.public_model.as_deref().map(|name| RawJson::string(name).get().to_owned().into());
        Self { options, completion_excludes_reasoning, model, head: None, finders: &FINDERS }
    }

    fn chunk(&mut self, raw: &[u8], payload: &[u8], event: bool, seen: &mut Seen) -> Result<Verdict> {
        if !(payload.starts_with(b"{") && payload.ends_with(b"}")) {
            return Err(unreadable());
        }
        let concerns = !seen.content
            || event
            || self.finders.error.find(payload).is_some()
            || says(&self.finders.usage, payload, |value| value.starts_with(b"{"))
            || says(&self.finders.finish, payload, |value| {
                value.starts_with(b"\"") && !value.starts_with(b"\"\"")
            });
        if concerns && !self.read(payload, event, seen)? {
            return Ok(Verdict::Drop);
        }
        Ok(self.renamed(raw, payload))
    }

    /// Reads a chunk that holds something of interest; `false`: it is not for the client.
    fn read(&self, payload: &[u8], event: bool, seen: &mut Seen) -> Result<bool> {
        let usual =
            if event { None } else { glimpse(payload, !seen.content, self.completion_excludes_reasoning) };
        if let Some(Glimpse { choice, usage }) = usual {
            let only_usage = usage.is_some() && choice.is_none();
            if let Some(choice) = choice {
                seen.content = seen.content || choice.finish.is_some() || choice.content;
                seen.finish = seen.finish.take().or(choice.finish);
            }
            if let Some(usage) = usage {
                seen.usage.update(&usage);
            }
            return Ok(!only_usage || self.options.include_usage);
        }
        self.read_closely(payload, event, seen)
    }

    fn read_closely(&self, payload: &[u8], event: bool, seen: &mut Seen) -> Result<bool> {
        let text = std::str::from_utf8(payload).map_err(|_| unreadable())?;
        let Object(mut chunk): Object<Glance<'_>> = serde_json::from_str(text).map_err(|_| unreadable())?;
        let failed = chunk.error().or_else(|| event.then(|| error::classify_value(text)));
        let usage = chunk.usage(self.completion_excludes_reasoning);
        if failed.is_some() {
            seen.usage.update(&usage.unwrap_or_default());
            seen.error = failed;
            return Ok(false);
        }
        let choices = chunk.choices.unwrap_or_default();
        for choice in &choices {
            let finish = choice.finish();
            seen.content =
                seen.content || finish.is_some() || has_content(&choice.delta().map_err(|_| unreadable())?);
            if seen.finish.is_none() && choice.index.unwrap_or(0) == 0 {
                seen.finish = finish;
            }
        }
        let only_usage = usage.is_some() && choices.is_empty();
        if let Some(usage) = usage {
            seen.usage.update(&usage);
        }
        Ok(!only_usage || self.options.include_usage)
    }

    /// The frame with the public model name in it.
    fn renamed(&mut self, raw: &[u8], payload: &[u8]) -> Verdict {
        let Some(model) = &self.model else { return Verdict::Keep };
        if let Some(Head { bytes, replaced }) = &self.head
            && let Some(rest) = raw.strip_prefix(bytes.as_slice())
        {
            return joined(&[replaced, rest]);
        }
        let Some((start, end)) = top_level(&self.finders.model, payload) else { return Verdict::Keep };
        let Some(offset) = (payload.as_ptr() as usize).checked_sub(raw.as_ptr() as usize) else {
            return Verdict::Keep;
        };
        let (start, end) = (offset + start, offset + end);
        let (Some(before), Some(value), Some(rest)) = (raw.get(..start), raw.get(start..end), raw.get(end..))
        else {
            return Verdict::Keep;
        };
        if value == model {
            return Verdict::Keep;
        }
        self.head = Some(Head { bytes: [before, value].concat(), replaced: [before, model].concat() });
        joined(&[before, model, rest])
    }
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        if seen.ended || seen.error.is_some() {
            return Ok(Verdict::Drop);
        }
        let payload = match single_line(frame) {
            Some(payload) => payload,
            None => match lines(frame)? {
                Lines::Comment => return Ok(Verdict::Keep),
                Lines::Data { payload, error: true } => return self.chunk(frame, payload, true, seen),
                Lines::Data { payload, error: false } => payload,
                Lines::Several(joined) => return self.several(&joined, seen),
            },
        };
        let verdict = match payload {
            b"[DONE]" => {
                seen.ended = true;
                Verdict::Keep
            }
            b"" => Verdict::Keep,
            payload => self.chunk(frame, payload, false, seen)?,
        };
        Ok(terminated(verdict, frame))
    }

    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        if let Some(error) = &seen.error {
            return Err(error.clone());
        }
        if seen.ended && seen.content {
            return Ok(Bytes::new());
        }
        if seen.ended || seen.finish.is_none() {
            return Err(truncated());
        }
        seen.ended = true;
        Ok(Bytes::from_static(DONE))
    }
}

impl Tap {
    /// A chunk spread over several `data:` lines, which goes on as one.
    fn several(&mut self, joined: &str, seen: &mut Seen) -> Result<Verdict> {
        let frame = format!("data: {}\n\n", joined.replace('\n', " "));
        Ok(match self.frame(frame.as_bytes(), seen)? {
            Verdict::Keep => Verdict::Replace(frame.into()),
            other => other,
        })
    }
}

fn unreadable() -> Error {
    Error::bad_answer("the vendor's stream has a chunk that cannot be read")
}

fn joined(pieces: &[&[u8]]) -> Verdict {
    Verdict::Replace(pieces.concat().into())
}

/// Closes a last frame that came without its blank line, so that what is appended does not run into it.
fn terminated(verdict: Verdict, frame: &[u8]) -> Verdict {
    let whole = [b"\n\n".as_slice(), b"\r\n\r\n", b"\r\r"].iter().any(|end| frame.ends_with(end));
    let bytes = match &verdict {
        _ if whole => return verdict,
        Verdict::Drop => return verdict,
        Verdict::Keep => frame,
        Verdict::Replace(bytes) => bytes,
    };
    let mut closed = BytesMut::with_capacity(bytes.len() + 2);
    closed.put_slice(bytes.trim_ascii_end());
    closed.put_slice(b"\n\n");
    Verdict::Replace(closed.freeze())
}

/// The payload of a frame that is one `data:` line, as nearly all are.
fn single_line(frame: &[u8]) -> Option<&[u8]> {
    let payload = frame.strip_prefix(b"data:")?.trim_ascii();
    memchr::memchr2(b'\n', b'\r', payload).is_none().then_some(payload)
}

enum Lines<'a> {
    Comment,
    Data { payload: &'a [u8], error: bool },
    Several(String),
}

/// A frame with comments, an event name or several data lines.
fn lines(frame: &[u8]) -> Result<Lines<'_>> {
    let Some(parsed) = framing::parse(Framing::Sse, frame)? else { return Ok(Lines::Comment) };
    let error = parsed.frame().event == Some("error");
    let data =
        frame.split(|byte| matches!(byte, b'\n' | b'\r')).filter_map(|line| line.strip_prefix(b"data:"));
    let data: Vec<&[u8]> = data.map(<[u8]>::trim_ascii).collect();
    Ok(match data.as_slice() {
        [payload] => Lines::Data { payload, error },
        _ => Lines::Several(parsed.frame().data.to_owned()),
    })
}

/// Whether one of the keys found has a value of this look.
fn says(key: &Finder<'_>, payload: &[u8], value: impl Fn(&[u8]) -> bool) -> bool {
    key.find_iter(payload).any(|at| {
        after_key(payload, at + key.needle().len()).is_some_and(|at| payload.get(at..).is_some_and(&value))
    })
}

/// Where the value after a key begins; `None` when this is no key.
fn after_key(payload: &[u8], end: usize) -> Option<usize> {
    let rest = payload.get(end..)?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    Some(payload.len() - value.len())
}

/// Where the value of a key of the outermost object stands; only texts.
fn top_level(key: &Finder<'_>, payload: &[u8]) -> Option<(usize, usize)> {
    let mut depth = Depth::default();
    for at in key.find_iter(payload) {
        depth.advance(payload, at);
        if depth.level != 1 {
            continue;
        }
        let Some(start) = after_key(payload, at + key.needle().len()) else { continue };
        let text = payload.get(start..)?.strip_prefix(b"\"")?;
        let mut from = 0;
        loop {
            let found = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
            if text.get(found) == Some(&b'"') {
                return Some((start, start + found + 2));
            }
            from = found + 2;
        }
    }
    None
}

/// How many brackets are open at a place of a JSON text.
#[derive(Default)]
struct Depth {
    at: usize,
    level: usize,
}

impl Depth {
    /// Goes on to `to`, which stands outside of any string.
    fn advance(&mut self, text: &[u8], to: usize) {
        while let Some(byte) = text.get(self.at).filter(|_| self.at < to) {
            match byte {
                b'{' | b'[' => self.level += 1,
                b'}' | b']' => self.level = self.level.saturating_sub(1),
                b'"' => self.skip_string(text),
                _ => {}
            }
            self.at += 1;
        }
    }

    /// From a string's first quote to its last.
    fn skip_string(&mut self, text: &[u8]) {
        self.at += 1;
        while let Some(found) = text.get(self.at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
            self.at += found;
            if text.get(self.at) == Some(&b'"') {
                return;
            }
            self.at += 2;
        }
        self.at = text.len();
    }
}

fn has_content(message: &WireMessage<'_>) -> bool {
    let content = match &message.content {
        Content::None => false,
        Content::Text(text) => !text.is_empty(),
        Content::Parts(parts) => !parts.is_empty(),
    };
    content
        || message.refusal.is_some()
        || !message.tool_calls.is_empty()
        || message.function_call.is_some()
        || message.audio.is_some()
        || message.reasoning.content.as_ref().is_some_and(|text| !text.is_empty())
        || message.reasoning.plain.is_some()
        || !message.reasoning.details.is_empty()
}
