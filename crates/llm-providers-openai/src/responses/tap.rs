//! A stream of this format that passes through as it is, watched on the side.
//!
//! The type of a frame's event is found without a parse; only the few frames that carry the whole response, or an
//! error, are read.

use std::ops::Range;

use bytes::Bytes;
use llm_core::dialect::TapOptions;
use llm_core::wire::Framing;
use llm_core::{Envelope, Error, Result, Seen, StreamTap, Verdict, framing, provider};
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::output::finish;
use super::response::{Answer, has_calls, is_search};
use crate::error::classify_value;

/// Watches a stream.
pub(super) struct Tap {
    /// The public name as JSON.
    public_model: Option<Vec<u8>>,
    calls: bool,
    searches: u64,
}

/// What an event means for metering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The response as it begins.
    Head,
    /// Something of the answer.
    Content,
    /// An item is announced.
    Added,
    /// An item is whole.
    Done,
    /// The response as it ends.
    End,
    /// An error in place of the rest.
    Error,
    /// Nothing of interest.
    Other,
}

impl Tap {
    /// A tap at the start of a stream.
    pub(super) fn new(options: TapOptions) -> Self {
        let name = |model: String| serde_json::to_vec(&model).expect("strings are always valid JSON");
        Self { public_model: options.public_model.map(name), calls: false, searches: 0 }
    }

    fn end(&mut self, data: &str, seen: &mut Seen) -> Result<()> {
        let mut fields = Fields::parse(data).map_err(|fault| fault.of_vendor())?;
        let name: String = fields.lenient("type").unwrap_or_default();
        let json = fields.value("response").map_or("{}", |response| response.get());
        let answer = Answer::read(json).map_err(|fault| fault.within("response").of_vendor())?;
        seen.usage.update(&answer.usage);
        let searches = (self.searches > 0).then_some(self.searches);
        seen.usage.web_searches = seen.usage.web_searches.or(searches);
        seen.ended = true;
        if name.ends_with("failed") || name.ends_with("cancelled") {
            seen.error = Some(answer.failure().unwrap_or_else(|| classify_value(json)));
            return Ok(());
        }
        seen.content = true;
        let calls = self.calls || has_calls(&answer.output);
        let status = name.rsplit('.').next().unwrap_or_default();
        seen.finish = Some(finish(status, answer.reason.as_deref(), calls));
        Ok(())
    }

    /// The frame with the public name in `response.model`; `None` when there is nothing to change.
    fn renamed(&self, frame: &[u8], data: &str) -> Option<Bytes> {
        let name = self.public_model.as_deref()?;
        let model = model_range(data)?;
        if data.get(model.clone())?.as_bytes() == name {
            return None;
        }
        // Data of several lines stands in the frame otherwise than here.
        let start = memmem::find(frame, data.as_bytes())?;
        let mut out = Vec::with_capacity(frame.len() + name.len());
        out.extend_from_slice(frame.get(..start + model.start)?);
        out.extend_from_slice(name);
        out.extend_from_slice(frame.get(start + model.end..)?);
        Some(out.into())
    }

    fn added(&mut self, frame: &[u8], seen: &mut Seen) {
        let call = [b"function_call\"".as_slice(), b"custom_tool_call\""];
        if call.iter().any(|needle| memmem::find(frame, needle).is_some()) {
            self.calls = true;
            seen.content = true;
        }
    }
}

impl StreamTap for Tap {
    fn frame(&mut self, frame: &[u8], seen: &mut Seen) -> Result<Verdict> {
        if framing::is_no_object(frame) {
            return Err(Error::bad_answer("the vendor's stream has an event that is no JSON object"));
        }
        let event = event(frame);
        match event {
            Event::Other => return Ok(Verdict::Keep),
            Event::Content => {
                seen.content = true;
                return Ok(Verdict::Keep);
            }
            Event::Added => {
                self.added(frame, seen);
                return Ok(Verdict::Keep);
            }
            Event::Done => {
                self.added(frame, seen);
                seen.content = true;
                self.searches += u64::from(searched(frame));
                return Ok(Verdict::Keep);
            }
            Event::Head | Event::End | Event::Error => {}
        }
        let Some(parsed) = framing::parse(Framing::Sse, frame)? else { return Ok(Verdict::Keep) };
        let data = parsed.frame().data;
        match event {
            Event::End => self.end(data, seen)?,
            Event::Error => seen.error = seen.error.take().or_else(|| error(data)),
            _ => {}
        }
        Ok(self.renamed(frame, data).map_or(Verdict::Keep, Verdict::Replace))
    }

    fn finish(&mut self, seen: &mut Seen) -> Result<Bytes> {
        if seen.ended || seen.error.is_some() { Ok(Bytes::new()) } else { Err(provider::truncated()) }
    }
}

/// Whether an item that is whole is a web search.
fn searched(frame: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Done<'a> {
        #[serde(borrow)]
        item: &'a RawValue,
    }
    if memmem::find(frame, b"\"web_search_call\"").is_none() {
        return false;
    }
    let Ok(Some(parsed)) = framing::parse(Framing::Sse, frame) else { return false };
    serde_json::from_str::<Done<'_>>(parsed.frame().data).is_ok_and(|done| is_search(done.item))
}

/// The error that a frame tells of.
fn error(data: &str) -> Option<Error> {
    let fields = Fields::parse(data).ok()?;
    let tells = fields.peek("type") == "error" || !fields.has("type") && fields.has("error");
    tells.then(|| classify_value(data))
}

/// Where `response.model` stands in the data of an event.
fn model_range(data: &str) -> Option<Range<usize>> {
    let event = Envelope::scan(data.as_bytes()).ok()?;
    let response = event.range(data.as_bytes(), "response")?;
    let inner = data.get(response.clone())?.as_bytes();
    let model = Envelope::scan(inner).ok()?.range(inner, "model")?;
    Some(response.start + model.start..response.start + model.end)
}

/// What a frame's event means, by its name in the `event:` line, or else by its `type`.
fn event(frame: &[u8]) -> Event {
    let Some(name) = named(frame).or_else(|| typed(frame)) else {
        // An error, a keep-alive, `[DONE]`.
        let error = memmem::find(frame, b"\"error\"").is_some();
        return if error { Event::Error } else { Event::Other };
    };
    match name {
        b"created" | b"in_progress" | b"queued" => Event::Head,
        b"completed" | b"incomplete" | b"failed" | b"cancelled" => Event::End,
        b"output_item.added" => Event::Added,
        b"output_item.done" => Event::Done,
        name if name.ends_with(b".delta") || name.ends_with(b"_text.done") => Event::Content,
        _ => Event::Other,
    }
}

/// The name in the `event:` line at the frame's start, without `response.`.
fn named(frame: &[u8]) -> Option<&[u8]> {
    let line = frame.strip_prefix(b"event:")?;
    let line = line.strip_prefix(b" ").unwrap_or(line);
    let end = memchr::memchr2(b'\n', b'\r', line)?;
    line.get(..end)?.strip_prefix(b"response.")
}

/// The name in the event's `type`. Types of what stands inside of events do not begin with `response.`, and inside
/// of strings the quotes are escaped.
fn typed(frame: &[u8]) -> Option<&[u8]> {
    const NEEDLES: [&[u8]; 2] = [b"\"type\":\"response.", b"\"type\": \"response."];
    let start = NEEDLES.iter().find_map(|needle| Some(memmem::find(frame, needle)? + needle.len()))?;
    let rest = frame.get(start..)?;
    rest.get(..memchr::memchr(b'"', rest)?)
}
