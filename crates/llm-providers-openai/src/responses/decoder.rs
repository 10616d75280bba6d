//! A vendor's stream read into canonical events.
//!
//! Vendors leave out whole classes of events: those that announce an item or a part, the deltas, the `output` of the
//! last event. So each item is opened by whatever speaks of it first, and completed by the whole item at its end
//! with what no delta has brought.

mod open;

use std::borrow::Cow;
use std::collections::BTreeMap;

use llm_core::event::Start;
use llm_core::wire::Frame;
use llm_core::{Error, Event, RawJson, Result, StreamDecoder, provider};
use serde::Deserialize;
use serde_json::value::RawValue;

use self::open::{Kind, OpenItem, Parts};
use super::content::citation;
use super::fields::{Fault, Fields, text};
use super::output::{finish, item};
use super::response::{Answer, is_search};
use crate::error::classify_value;

/// Reads a stream of this format.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    started: bool,
    over: bool,
    items: Vec<OpenItem>,
    /// Which item an `output_index` means at present.
    places: BTreeMap<u64, usize>,
    parts: Parts,
    searches: u64,
}

/// One frame's data. All events share their members' names.
#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow, default)]
    r#type: Cow<'a, str>,
    output_index: Option<u64>,
    content_index: Option<u64>,
    summary_index: Option<u64>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    part: Option<&'a RawValue>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    annotation: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.over || frame.data.trim() == "[DONE]" {
            return Ok(());
        }
        let step: Step<'_> = match serde_json::from_str(frame.data) {
            Ok(step) => step,
            Err(_) if frame.event == Some("error") => {
                self.fail(RawJson::string(frame.data).get(), out);
                return Ok(());
            }
            Err(_) => return Err(Error::bad_answer("the vendor's stream has a frame that is no event")),
        };
        if step.r#type == "error" || step.r#type.is_empty() && step.error.is_some() {
            self.fail(frame.data, out);
            return Ok(());
        }
        self.step(&step, out)
    }

    fn finish(&mut self, _out: &mut Vec<Event>) -> Result<()> {
        if self.over { Ok(()) } else { Err(provider::truncated()) }
    }
}

impl Decoder {
    fn step(&mut self, step: &Step<'_>, out: &mut Vec<Event>) -> Result<()> {
        match step.r#type.strip_prefix("response.").unwrap_or(&step.r#type) {
            "created" | "queued" | "in_progress" => self.start(step, out)?,
            "output_item.added" => self.added(step, out)?,
            "output_item.done" => self.done(step, out)?,
            "content_part.added" => self.part_added(step, out),
            "output_text.delta" => self.words(step, step.delta, Kind::Text, Words::More, out),
            "output_text.done" => self.words(step, step.text, Kind::Text, Words::All, out),
            "refusal.delta" => self.words(step, step.delta, Kind::Refusal, Words::More, out),
            "refusal.done" => self.words(step, step.refusal, Kind::Refusal, Words::All, out),
            "output_text.annotation.added" => self.annotation(step, out),
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => {
                self.words(step, step.delta, Kind::Call, Words::More, out);
            }
            "function_call_arguments.done" => self.words(step, step.arguments, Kind::Call, Words::All, out),
            "custom_tool_call_input.done" => self.words(step, step.input, Kind::Call, Words::All, out),
            "reasoning_text.delta" => self.words(step, step.delta, Kind::Thinking, Words::More, out),
            "reasoning_text.done" => self.words(step, step.text, Kind::Thinking, Words::All, out),
            "reasoning_summary_text.delta" => self.words(step, step.delta, Kind::Summary, Words::More, out),
            "reasoning_summary_text.done" => self.words(step, step.text, Kind::Summary, Words::All, out),
            "completed" | "incomplete" | "failed" | "cancelled" => self.end(step, out)?,
            // Work of the vendor's own tools, and events that only keep the connection open.
            name if name.ends_with(".in_progress") || matches!(name, "keepalive" | "ping") => {
                out.push(Event::Ping);
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, step: &Step<'_>, out: &mut Vec<Event>) -> Result<()> {
        if self.started {
            return Ok(());
        }
        let json = step.response.map_or("{}", |response| response.get());
        let mut answer = Answer::read(json).map_err(|fault| fault.within("response").of_vendor())?;
        self.started = true;
        // The tier is settled later: at this point it repeats the request.
        let extras = answer.extras();
        out.push(Event::Start(Start {
            id: answer.id,
            model: answer.model,
            created: answer.created,
            extras,
            ..Start::default()
        }));
        Ok(())
    }

    fn ensure_started(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            out.push(Event::Start(Start::default()));
        }
    }

    fn added(&mut self, step: &Step<'_>, out: &mut Vec<Event>) -> Result<()> {
        self.ensure_started(out);
        let Some(value) = step.item else { return Ok(()) };
        let index = step.output_index.unwrap_or(self.items.len() as u64);
        if self.place(index).is_some_and(|item| !item.is_closed()) {
            return Ok(());
        }
        let fields = Fields::parse(value.get()).map_err(item_fault)?;
        self.places.insert(index, self.items.len());
        self.items.push(OpenItem::announced(fields, &mut self.parts, out).map_err(item_fault)?);
        Ok(())
    }

    fn done(&mut self, step: &Step<'_>, out: &mut Vec<Event>) -> Result<()> {
        self.ensure_started(out);
        let Some(value) = step.item else { return Ok(()) };
        let index = step.output_index.unwrap_or_else(|| self.last_place());
        if self.place(index).is_none_or(|open| open.is_closed()) {
            self.places.insert(index, self.items.len());
            self.items.push(OpenItem::default());
        }
        let at = self.places.get(&index).copied().unwrap_or_default();
        self.complete(at, value, out)
    }

    /// Brings what the whole item says and no delta did, and closes it.
    fn complete(&mut self, at: usize, value: &RawValue, out: &mut Vec<Event>) -> Result<()> {
        let whole = item(value).map_err(item_fault)?;
        self.searches += u64::from(is_search(value));
        if let Some(open) = self.items.get_mut(at) {
            open.complete(whole, &mut self.parts, out);
        }
        Ok(())
    }

    fn part_added(&mut self, step: &Step<'_>, out: &mut Vec<Event>) {
        let Some(part) = step.part else { return };
        let fields = Fields::parse(part.get()).unwrap_or_default();
        let kind = match fields.peek("type").as_ref() {
            "output_text" => Kind::Text,
            "refusal" => Kind::Refusal,
            _ => return,
        };
        self.words(step, None, kind, Words::More, out);
    }

    /// Words of a part: more of them, or all that there are.
    fn words(
        &mut self,
        step: &Step<'_>,
        value: Option<&RawValue>,
        kind: Kind,
        which: Words,
        out: &mut Vec<Event>,
    ) {
        self.ensure_started(out);
        let words = value.map(|value| text(value).unwrap_or(Cow::Borrowed(value.get())));
        let words = words.as_deref().unwrap_or("");
        let inner = if kind == Kind::Summary { step.summary_index } else { step.content_index };
        let index = step.output_index.unwrap_or_else(|| self.last_place());
        let at = *self.places.entry(index).or_insert(self.items.len());
        if at == self.items.len() {
            self.items.push(OpenItem::default());
        }
        let Some(open) = self.items.get_mut(at) else { return };
        let all = which == Words::All;
        open.words(kind, inner.unwrap_or(0), words, all, &mut self.parts, out);
    }

    fn annotation(&mut self, step: &Step<'_>, out: &mut Vec<Event>) {
        let Some(value) = step.annotation else { return };
        let index = step.output_index.unwrap_or_else(|| self.last_place());
        let at = self.places.get(&index).copied();
        if let Some(open) = at.and_then(|at| self.items.get_mut(at)) {
            open.cite(step.content_index.unwrap_or(0), citation(value), out);
        }
    }

    fn end(&mut self, step: &Step<'_>, out: &mut Vec<Event>) -> Result<()> {
        self.start(step, out)?;
        let json = step.response.map_or("{}", |response| response.get());
        let answer = Answer::read(json).map_err(|fault| fault.within("response").of_vendor())?;
        let failed = step.r#type.ends_with("failed") || step.r#type.ends_with("cancelled");
        if failed && !answer.usage.is_empty() {
            out.push(Event::Usage(answer.usage));
        }
        if let Some(error) = answer.failure().filter(|_| failed || answer.status != "completed") {
            self.over = true;
            out.push(Event::Error(error));
            return Ok(());
        }
        if failed {
            self.fail(json, out);
            return Ok(());
        }
        self.settle(step, &answer, out)
    }

    /// Completes what is open, and ends the answer.
    fn settle(&mut self, step: &Step<'_>, answer: &Answer<'_>, out: &mut Vec<Event>) -> Result<()> {
        for (at, value) in answer.output.iter().enumerate() {
            if at == self.items.len() {
                self.items.push(OpenItem::default());
            }
            if self.items.get(at).is_some_and(|open| !open.is_closed() && open.could_be(value)) {
                self.complete(at, value, out)?;
            }
        }
        for open in &mut self.items {
            open.close(out);
        }
        let status = step.r#type.rsplit('.').next().unwrap_or_default();
        let reason = finish(status, answer.reason.as_deref(), self.parts.calls());
        out.push(Event::Finish { choice: 0, reason });
        let mut usage = answer.usage;
        usage.web_searches = usage.web_searches.or((self.searches > 0).then_some(self.searches));
        out.extend([Event::Usage(usage), Event::End]);
        self.over = true;
        Ok(())
    }

    fn fail(&mut self, json: &str, out: &mut Vec<Event>) {
        self.over = true;
        out.push(Event::Error(classify_value(json)));
    }

    fn place(&self, index: u64) -> Option<&OpenItem> {
        self.places.get(&index).and_then(|at| self.items.get(*at))
    }

    /// The `output_index` of the newest item, for events that name none.
    fn last_place(&self) -> u64 {
        let newest = self.items.len().checked_sub(1);
        self.places.iter().find(|(_, at)| Some(**at) == newest).map_or(0, |(index, _)| *index)
    }
}

/// Whether words are more of a part, or all that it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    More,
    All,
}

fn item_fault(fault: Fault) -> Error {
    fault.within("item").of_vendor()
}
