//! An output item on its way: which of its parts are open, and how much of each has been told.

use llm_core::event::{Delta, PartKind};
use llm_core::message::{Citation, Reasoning, Text, ToolCall};
use llm_core::order;
use llm_core::{Event, Part};
use serde_json::value::RawValue;

use crate::responses::fields::{Fault, Fields};
use crate::responses::output::{Item, call};

/// Numbers the parts of the answer.
#[derive(Debug, Default)]
pub(super) struct Parts {
    next: u32,
    calls: bool,
}

impl Parts {
    /// Whether a tool call was among them.
    pub(super) fn calls(&self) -> bool {
        self.calls
    }

    fn open(&mut self, kind: PartKind, out: &mut Vec<Event>) -> u32 {
        let part = self.next;
        self.next = self.next.saturating_add(1);
        self.calls |= matches!(kind, PartKind::ToolCall { .. });
        out.push(Event::PartStart { choice: 0, part, kind });
        part
    }
}

/// What words belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text of a message.
    Text,
    /// A refusal.
    Refusal,
    /// Arguments of a call.
    Call,
    /// Reasoning.
    Thinking,
    /// A summary of reasoning.
    Summary,
}

/// An item of the answer.
#[derive(Debug, Default)]
pub(super) struct OpenItem {
    open: Vec<OpenPart>,
    kind: String,
    closed: bool,
}

#[derive(Debug)]
struct OpenPart {
    part: u32,
    kind: Kind,
    /// The vendor's number of the part in the item.
    index: u64,
    /// Bytes told so far.
    told: usize,
    /// Citations told so far.
    cited: usize,
    /// Paragraphs of a summary: the vendor's number, and bytes told so far.
    summary: Vec<(u64, usize)>,
}

impl OpenItem {
    /// An item as it is announced, before anything of it is told.
    pub(super) fn announced(
        fields: Fields<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<Self, Fault> {
        let mut item = Self { kind: fields.peek("type").into_owned(), ..Self::default() };
        let custom = item.kind == "custom_tool_call";
        match item.kind.as_str() {
            "reasoning" => {
                let mut fields = fields;
                item.begin(Kind::Thinking, 0, PartKind::Reasoning { id: fields.lenient("id") }, parts, out);
            }
            "function_call" | "custom_tool_call" => {
                // A call that does not say yet which one it is opens when it does.
                if fields.has("name") {
                    let kind = call_kind(&call(fields, custom)?);
                    item.begin(Kind::Call, 0, kind, parts, out);
                }
            }
            "message" => {}
            _ => out.push(Event::Ping),
        }
        Ok(item)
    }

    /// Whether nothing more can come.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a whole item may be this one.
    pub(super) fn could_be(&self, value: &RawValue) -> bool {
        let fields = Fields::parse(value.get()).unwrap_or_default();
        self.kind.is_empty() || fields.peek("type") == self.kind
    }

    fn begin(&mut self, kind: Kind, index: u64, what: PartKind, parts: &mut Parts, out: &mut Vec<Event>) {
        let part = parts.open(what, out);
        self.open.push(OpenPart { part, kind, index, told: 0, cited: 0, summary: Vec::new() });
    }

    /// Tells words: more of a part, or `all` of them, of which only the new ones are told.
    pub(super) fn words(
        &mut self,
        kind: Kind,
        index: u64,
        words: &str,
        all: bool,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) {
        if self.closed {
            return;
        }
        if kind == Kind::Call && self.find(kind, 0).is_none() {
            // The whole item at the end will say whose arguments these are.
            return;
        }
        let place = match kind {
            Kind::Text | Kind::Refusal => index,
            Kind::Call | Kind::Thinking | Kind::Summary => 0,
        };
        let at = self.find(kind, place).unwrap_or_else(|| {
            let what = match kind {
                Kind::Refusal => PartKind::Refusal,
                Kind::Thinking | Kind::Summary => PartKind::Reasoning { id: None },
                Kind::Text | Kind::Call => PartKind::Text,
            };
            self.begin(kind, place, what, parts, out);
            self.open.len() - 1
        });
        if let Some(open) = self.open.get_mut(at) {
            open.tell(kind, index, words, all, out);
        }
    }

    fn find(&self, kind: Kind, index: u64) -> Option<usize> {
        let same = |open: Kind| open == kind || open == Kind::Thinking && kind == Kind::Summary;
        self.open.iter().position(|open| same(open.kind) && open.index == index)
    }

    /// Tells a citation of a text.
    pub(super) fn cite(&mut self, index: u64, citation: Citation, out: &mut Vec<Event>) {
        let at = self.find(Kind::Text, index);
        if let Some(open) = at.and_then(|at| self.open.get_mut(at)).filter(|_| !self.closed) {
            open.cite(citation, out);
        }
    }

    /// Tells what the whole item says and was not told, and closes it.
    pub(super) fn complete(&mut self, whole: Item, parts: &mut Parts, out: &mut Vec<Event>) {
        order::sort_by_key(&mut self.open, |open| open.index);
        for (at, part) in whole.parts.into_iter().enumerate() {
            if self.open.get(at).is_none() {
                let (kind, what) = match &part {
                    Part::Text(_) => (Kind::Text, PartKind::Text),
                    Part::Refusal(_) => (Kind::Refusal, PartKind::Refusal),
                    Part::ToolCall(call) => (Kind::Call, call_kind(call)),
                    Part::Reasoning(reasoning) => {
                        (Kind::Thinking, PartKind::Reasoning { id: reasoning.id.clone() })
                    }
                    _ => (Kind::Text, PartKind::Whole(Box::new(part.clone()))),
                };
                self.begin(kind, at as u64, what, parts, out);
            }
            if let Some(open) = self.open.get_mut(at) {
                open.complete(part, out);
            }
        }
        out.extend(whole.logprobs.into_iter().map(|raw| Event::Logprobs { choice: 0, raw }));
        self.close(out);
    }

    /// Closes the parts that are open.
    pub(super) fn close(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.closed, true) {
            out.extend(self.open.iter().map(|open| Event::PartEnd { choice: 0, part: open.part }));
        }
    }
}

impl OpenPart {
    fn tell(&mut self, kind: Kind, index: u64, words: &str, all: bool, out: &mut Vec<Event>) {
        let known = self.summary.len();
        let paragraph = (kind == Kind::Summary).then(|| self.paragraph(index));
        let told = match paragraph {
            Some(at) => &mut self.summary[at].1,
            None => &mut self.told,
        };
        let new = if all { words.get(*told..).unwrap_or("") } else { words };
        *told += new.len();
        let text = new.to_owned();
        let delta = match (kind, paragraph) {
            (Kind::Text, _) => Delta::Text(text),
            (Kind::Refusal, _) => Delta::Refusal(text),
            (Kind::Call, _) => Delta::Arguments(text),
            (Kind::Summary, Some(at)) => {
                Delta::ReasoningSummary { index: u32::try_from(at).unwrap_or(u32::MAX), text }
            }
            _ => Delta::Reasoning(text),
        };
        // An empty paragraph is a paragraph.
        if !new.is_empty() || (all && self.summary.len() > known) {
            out.push(Event::Delta { choice: 0, part: self.part, delta });
        }
    }

    /// The paragraph's place among those told of, whatever numbers the vendor gives them.
    fn paragraph(&mut self, index: u64) -> usize {
        self.summary.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            self.summary.push((index, 0));
            self.summary.len() - 1
        })
    }

    fn cite(&mut self, citation: Citation, out: &mut Vec<Event>) {
        self.cited += 1;
        let delta = Delta::Citation(Box::new(citation));
        out.push(Event::Delta { choice: 0, part: self.part, delta });
    }

    fn complete(&mut self, part: Part, out: &mut Vec<Event>) {
        match part {
            Part::Text(text) if self.kind == Kind::Text => self.complete_text(text, out),
            Part::Refusal(words) if self.kind == Kind::Refusal => {
                self.tell(Kind::Refusal, 0, &words, true, out);
            }
            Part::ToolCall(call) if self.kind == Kind::Call => {
                self.tell(Kind::Call, 0, &call.arguments, true, out);
                self.state(call.opaque, out);
            }
            Part::Reasoning(reasoning) => self.complete_reasoning(reasoning, out),
            _ => {}
        }
    }

    fn complete_text(&mut self, text: Text, out: &mut Vec<Event>) {
        self.tell(Kind::Text, 0, &text.text, true, out);
        for citation in text.citations.into_iter().skip(self.cited) {
            self.cite(citation, out);
        }
    }

    fn complete_reasoning(&mut self, reasoning: Reasoning, out: &mut Vec<Event>) {
        if !matches!(self.kind, Kind::Thinking | Kind::Summary) {
            return;
        }
        self.tell(Kind::Thinking, 0, &reasoning.text, true, out);
        for (at, paragraph) in reasoning.summary.iter().enumerate() {
            let index = self.summary.get(at).map_or(u64::MAX - at as u64, |(index, _)| *index);
            self.tell(Kind::Summary, index, paragraph, true, out);
        }
        self.state(reasoning.opaque, out);
    }

    fn state(&self, opaque: Option<llm_core::message::Opaque>, out: &mut Vec<Event>) {
        let delta = opaque.map(Delta::Opaque);
        out.extend(delta.map(|delta| Event::Delta { choice: 0, part: self.part, delta }));
    }
}

fn call_kind(call: &ToolCall) -> PartKind {
    PartKind::ToolCall {
        id: call.id.clone(),
        item_id: call.item_id.clone(),
        name: call.name.clone(),
        custom: call.custom,
    }
}
