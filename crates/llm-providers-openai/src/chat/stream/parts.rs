//! The parts of one choice of a stream: opened on their first words, closed when the next one opens.

use llm_core::message::Reasoning;
use llm_core::{Delta, Event, Part, PartKind};

use super::calls::Calls;
use crate::chat::message::{WireAudio, WireMessage, citation};
use crate::chat::part::Content;
use crate::chat::reasoning::{Detail, WireReasoning};

/// Parts of a choice so far.
#[derive(Default)]
pub(super) struct Parts {
    next: u32,
    open: Option<Open>,
    calls: Calls,
}

/// The part that is being told; calls are kept apart.
struct Open {
    part: u32,
    kind: Kind,
    /// The detail whose words these are, growing.
    detail: Option<Detail>,
    /// Thinking so far: a block at its end may repeat the whole.
    thought: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Refusal,
    Audio,
}

impl Parts {
    pub(super) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes a delta in.
    pub(super) fn delta(
        &mut self,
        message: WireMessage<'_>,
        choice: u32,
        answer: &str,
        out: &mut Vec<Event>,
    ) {
        self.reasoning(message.reasoning, choice, out);
        match message.content {
            Content::None => {}
            Content::Text(text) => self.text(text.into(), choice, out),
            Content::Parts(parts) => parts.into_iter().for_each(|part| self.content_part(part, choice, out)),
        }
        for annotation in message.annotations {
            let delta = Delta::Citation(Box::new(citation(annotation)));
            self.add(Kind::Text, delta, choice, out);
        }
        if let Some(words) = message.refusal {
            self.add(Kind::Refusal, Delta::Refusal(words.into_owned()), choice, out);
        }
        if !message.tool_calls.is_empty() || message.function_call.is_some() {
            self.close_open(choice, out);
        }
        let legacy =
            message.function_call.filter(|function| function.name.is_some() || function.arguments.is_some());
        self.calls.delta(message.tool_calls, legacy, &mut self.next, choice, answer, out);
        for image in message.images {
            out.extend(image.part().into_iter().flat_map(|part| self.whole(part, choice)));
        }
        if let Some(audio) = message.audio {
            self.audio(audio, choice, out);
        }
    }

    /// Closes everything.
    pub(super) fn close(&mut self, choice: u32, out: &mut Vec<Event>) {
        self.close_open(choice, out);
        self.calls.close(&mut self.next, choice, out);
    }

    fn text(&mut self, text: String, choice: u32, out: &mut Vec<Event>) {
        if !text.is_empty() {
            self.add(Kind::Text, Delta::Text(text), choice, out);
        }
    }

    fn content_part(&mut self, part: Part, choice: u32, out: &mut Vec<Event>) {
        match part {
            Part::Text(text) => self.text(text.text.into(), choice, out),
            Part::Reasoning(Reasoning { text, .. }) if !text.is_empty() => self.thought(text, choice, out),
            Part::Reasoning(_) => {}
            other => {
                self.close_open(choice, out);
                out.extend(self.whole(other, choice));
            }
        }
    }

    fn reasoning(&mut self, mut reasoning: WireReasoning<'_>, choice: u32, out: &mut Vec<Event>) {
        let text = reasoning.text().filter(|text| !text.is_empty());
        let said = text.is_some();
        if let Some(text) = text {
            self.thought(text.into_owned(), choice, out);
        }
        for block in reasoning.blocks {
            self.block(block.reasoning(), said, choice, out);
        }
        for detail in reasoning.details {
            self.detail(detail, choice, out);
        }
    }

    fn thought(&mut self, text: String, choice: u32, out: &mut Vec<Event>) {
        let (part, open) = self.opened(Kind::Reasoning, choice, out);
        open.thought.push_str(&text);
        out.push(Event::Delta { choice, part, delta: Delta::Reasoning(text) });
    }

    /// A block of thinking: its words are in the same delta (`said`), were told before, or come only here.
    fn block(&mut self, block: Reasoning, said: bool, choice: u32, out: &mut Vec<Event>) {
        let open = self.open.as_ref().filter(|open| open.kind == Kind::Reasoning);
        let told = open.is_some_and(|open| open.thought == block.text);
        if !said && !told && !block.text.is_empty() {
            self.thought(block.text, choice, out);
        }
        if let Some(opaque) = block.opaque {
            self.add(Kind::Reasoning, Delta::Opaque(opaque), choice, out);
            self.close_open(choice, out);
        }
    }

    fn detail(&mut self, mut detail: Detail, choice: u32, out: &mut Vec<Event>) {
        if !detail.has_words() && detail.opaque().is_none() {
            return;
        }
        // Another detail is another part.
        let open = self.open.as_ref().and_then(|open| open.detail.as_ref());
        if open.is_some_and(|open| open.identity() != detail.identity()) {
            self.close_open(choice, out);
        }
        let (text, summary) = (std::mem::take(&mut detail.text), std::mem::take(&mut detail.summary));
        let (part, open) = self.opened(Kind::Reasoning, choice, out);
        match &mut open.detail {
            Some(known) => known.grow(detail),
            none => *none = Some(detail),
        }
        if !text.is_empty() {
            out.push(Event::Delta { choice, part, delta: Delta::Reasoning(text) });
        }
        if !summary.is_empty() {
            out.push(Event::Delta {
                choice,
                part,
                delta: Delta::ReasoningSummary { index: 0, text: summary },
            });
        }
    }

    fn audio(&mut self, audio: WireAudio<'_>, choice: u32, out: &mut Vec<Event>) {
        let deltas = [
            audio.id.map(|id| Delta::AudioId(id.into_owned())),
            audio.transcript.map(|words| Delta::AudioTranscript(words.into_owned())),
            audio.data.map(|data| Delta::AudioData(data.into_owned())),
        ];
        for delta in deltas.into_iter().flatten() {
            self.add(Kind::Audio, delta, choice, out);
        }
    }

    fn add(&mut self, kind: Kind, delta: Delta, choice: u32, out: &mut Vec<Event>) {
        let (part, _) = self.opened(kind, choice, out);
        out.push(Event::Delta { choice, part, delta });
    }

    /// The open part of a kind; opens one, after closing what else is open.
    fn opened(&mut self, kind: Kind, choice: u32, out: &mut Vec<Event>) -> (u32, &mut Open) {
        if self.open.as_ref().is_some_and(|open| open.kind != kind) {
            self.close_open(choice, out);
        }
        if self.open.is_none() {
            self.calls.close_complete(choice, out);
        }
        let next = &mut self.next;
        let open = self.open.get_or_insert_with(|| {
            let part = *next;
            *next += 1;
            out.push(Event::PartStart { choice, part, kind: kind.start() });
            Open { part, kind, detail: None, thought: String::new() }
        });
        (open.part, open)
    }

    fn close_open(&mut self, choice: u32, out: &mut Vec<Event>) {
        let Some(Open { part, detail, .. }) = self.open.take() else { return };
        if let Some(opaque) = detail.and_then(|detail| detail.opaque()) {
            out.push(Event::Delta { choice, part, delta: Delta::Opaque(opaque) });
        }
        out.push(Event::PartEnd { choice, part });
    }

    fn whole(&mut self, content: Part, choice: u32) -> [Event; 2] {
        let part = self.next;
        self.next += 1;
        [
            Event::PartStart { choice, part, kind: PartKind::Whole(Box::new(content)) },
            Event::PartEnd { choice, part },
        ]
    }
}

impl Kind {
    fn start(self) -> PartKind {
        match self {
            Self::Text => PartKind::Text,
            Self::Reasoning => PartKind::Reasoning { id: None },
            Self::Refusal => PartKind::Refusal,
            Self::Audio => PartKind::Audio,
        }
    }
}
