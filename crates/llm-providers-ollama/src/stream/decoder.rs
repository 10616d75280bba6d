//! A server's lines to events.

use llm_core::event::{Refrain, Start};
use llm_core::message::ToolCall;
use llm_core::provider::truncated;
use llm_core::wire::Frame;
use llm_core::{Delta, Event, Part, PartKind, Result, StreamDecoder};

use crate::response::{Line, finish};
use crate::{CHAT, error};

/// Reads a stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    started: bool,
    /// The next part's number.
    next: u32,
    /// The part that is growing.
    open: Option<Open>,
    calls: usize,
    /// Lines that only go on with a part.
    refrain: Refrain,
    done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Thinking,
    Text,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<Event>) -> Result<()> {
        let data = frame.data.trim();
        if self.done || data.is_empty() || self.refrain.again(frame, out) {
            return Ok(());
        }
        let from = out.len();
        match Line::read(data, self.calls) {
            Ok(line) => self.line(line, out),
            Err(fault) if error::is_reported(data) => {
                self.done = true;
                out.push(Event::Error(fault));
            }
            Err(fault) => return Err(fault),
        }
        self.refrain.learn(frame, out.get(from..).unwrap_or_default(), &["created_at"], |_| true);
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<Event>) -> Result<()> {
        if self.done { Ok(()) } else { Err(truncated()) }
    }
}

impl Decoder {
    fn line(&mut self, mut line: Line, out: &mut Vec<Event>) {
        self.start(&line, out);
        self.grow(Open::Thinking, std::mem::take(&mut line.thinking), out);
        self.grow(Open::Text, std::mem::take(&mut line.text), out);
        for image in std::mem::take(&mut line.images) {
            self.whole(image, out);
        }
        for call in std::mem::take(&mut line.calls) {
            self.call(call, out);
        }
        out.extend(line.logprobs.take().map(|raw| Event::Logprobs { choice: 0, raw }));
        if line.done {
            self.close(out);
            out.push(Event::Finish { choice: 0, reason: finish(line.reason.as_deref(), self.calls > 0) });
        }
        if !line.usage.is_empty() {
            out.push(Event::Usage(line.usage));
        }
        if !line.extras.is_empty() {
            out.push(Event::Extras { origin: CHAT, fields: line.extras });
        }
        if line.done {
            self.done = true;
            out.push(Event::End);
        }
    }

    fn start(&mut self, line: &Line, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let head = line.head();
        out.push(Event::Start(Start {
            model: line.model.clone(),
            created: line.created(),
            extras: (!head.is_empty()).then_some((CHAT, head)),
            ..Start::default()
        }));
    }

    fn grow(&mut self, kind: Open, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        if self.open != Some(kind) {
            self.close(out);
            self.open = Some(kind);
            let kind = match kind {
                Open::Thinking => PartKind::Reasoning { id: None },
                Open::Text => PartKind::Text,
            };
            out.push(Event::PartStart { choice: 0, part: self.next, kind });
        }
        let delta = match kind {
            Open::Thinking => Delta::Reasoning(text),
            Open::Text => Delta::Text(text),
        };
        out.push(Event::Delta { choice: 0, part: self.next, delta });
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if self.open.take().is_some() {
            self.end(out);
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        out.push(Event::PartEnd { choice: 0, part: self.next });
        self.next += 1;
    }

    fn whole(&mut self, part: Part, out: &mut Vec<Event>) {
        self.close(out);
        out.push(Event::PartStart { choice: 0, part: self.next, kind: PartKind::Whole(Box::new(part)) });
        self.end(out);
    }

    /// Calls come whole.
    fn call(&mut self, call: ToolCall, out: &mut Vec<Event>) {
        self.close(out);
        self.calls += 1;
        let ToolCall { id, item_id, name, arguments, custom, .. } = call;
        let kind = PartKind::ToolCall { id, item_id, name, custom };
        out.push(Event::PartStart { choice: 0, part: self.next, kind });
        if !arguments.is_empty() {
            out.push(Event::Delta { choice: 0, part: self.next, delta: Delta::Arguments(arguments) });
        }
        self.end(out);
    }
}
