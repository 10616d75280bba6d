//! One candidate of a vendor's stream: pieces of its parts to canonical parts.

use llm_core::message::Opaque;
use llm_core::{Delta, Event, FinishReason, Part, PartKind, RawObject};

use crate::parts::{Piece, Side, read_part};
use crate::wire::{Malformed, Members, json};
use crate::{citations, finish, ids, logprobs};

/// Members of a candidate that are modelled.
const MODELLED: &[&str] = &["content", "finishReason", "index", "logprobsResult"];

/// What is known of a candidate so far.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    index: u32,
    parts: u32,
    open: Option<Open>,
    /// The text of the open part, for the places of citations.
    text: String,
    /// State that came with the open text and follows it.
    state: Option<Opaque>,
    calls: u32,
    pub(super) finish: Option<FinishReason>,
    /// Members that are not modelled; later ones replace earlier ones.
    pub(super) kept: RawObject,
}

/// A part that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text(u32),
    Thought(u32),
}

impl Candidate {
    pub(super) fn new(index: u32) -> Self {
        Self { index, ..Self::default() }
    }

    /// Takes a piece of the candidate in. `answer` names the answer, for ids of calls.
    pub(super) fn take(
        &mut self,
        piece: &Members<'_>,
        answer: &str,
        out: &mut Vec<Event>,
    ) -> Result<(), Malformed> {
        let content = piece.object("content")?.unwrap_or_default();
        for (at, raw) in content.array("parts").map_err(|at| at.within("content"))?.into_iter().enumerate() {
            let part = read_part(raw, Side::Vendor);
            let part = part.map_err(|fault| fault.within(at).within("content.parts"))?;
            self.piece(part, answer, out);
        }
        if let Some(raw) = piece.raw("logprobsResult").and_then(logprobs::read) {
            out.push(Event::Logprobs { choice: self.index, raw });
        }
        let reason = piece.word("finishReason").and_then(|reason| finish::read(&reason));
        self.finish = reason.or(self.finish.take());
        for (name, value) in piece.rest(MODELLED) {
            self.kept.insert(name, value);
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece, answer: &str, out: &mut Vec<Event>) {
        match piece {
            Piece::Text(text, state) => self.words(text.into(), state, out),
            Piece::Thought(text, state) => self.thought(text, state, out),
            Piece::Call { id, name, arguments, state } => {
                let made = || ids::made(&[&answer, &self.index, &self.calls, &name, &arguments]);
                let id = id.unwrap_or_else(made);
                self.calls += 1;
                let kind = PartKind::ToolCall { id, item_id: None, name, custom: false };
                let deltas = [state.map(Delta::Opaque), Some(Delta::Arguments(arguments))];
                self.complete(kind, deltas.into_iter().flatten(), out);
            }
            Piece::Whole(part, state) => {
                self.complete(PartKind::Whole(Box::new(part)), [].into_iter(), out);
                self.state(state, out);
            }
            // Vendors answer no calls.
            Piece::Result { result, .. } => {
                let part = Part::ToolResult(result);
                self.complete(PartKind::Whole(Box::new(part)), [].into_iter(), out);
            }
        }
    }

    /// Text that follows a signature belongs to a part of its own.
    fn words(&mut self, text: String, state: Option<Opaque>, out: &mut Vec<Event>) {
        if !text.is_empty() {
            if self.state.is_some() {
                self.close(out);
            }
            let part = match self.open {
                Some(Open::Text(part)) => part,
                _ => {
                    let part = self.opened(PartKind::Text, out);
                    self.open = Some(Open::Text(part));
                    part
                }
            };
            self.text.push_str(&text);
            self.delta(part, Delta::Text(text), out);
        }
        match self.open {
            Some(Open::Text(_)) if self.state.is_none() => self.state = state,
            _ => self.state(state, out),
        }
    }

    fn thought(&mut self, text: String, state: Option<Opaque>, out: &mut Vec<Event>) {
        if text.is_empty() && state.is_none() {
            return;
        }
        let part = match self.open {
            Some(Open::Thought(part)) => part,
            _ => {
                let part = self.opened(PartKind::Reasoning { id: None }, out);
                self.open = Some(Open::Thought(part));
                part
            }
        };
        if !text.is_empty() {
            self.delta(part, Delta::Reasoning(text), out);
        }
        if let Some(state) = state {
            // A signature ends the thought that it is of.
            self.delta(part, Delta::Opaque(state), out);
            self.close(out);
        }
    }

    /// State of a part of the answer follows that part as thinking without words.
    fn state(&mut self, state: Option<Opaque>, out: &mut Vec<Event>) {
        if let Some(state) = state {
            self.complete(PartKind::Reasoning { id: None }, [Delta::Opaque(state)].into_iter(), out);
        }
    }

    fn opened(&mut self, kind: PartKind, out: &mut Vec<Event>) -> u32 {
        self.close(out);
        let part = self.parts;
        self.parts = part.saturating_add(1);
        out.push(Event::PartStart { choice: self.index, part, kind });
        part
    }

    fn delta(&self, part: u32, delta: Delta, out: &mut Vec<Event>) {
        out.push(Event::Delta { choice: self.index, part, delta });
    }

    fn complete(&mut self, kind: PartKind, deltas: impl Iterator<Item = Delta>, out: &mut Vec<Event>) {
        let part = self.opened(kind, out);
        for delta in deltas {
            self.delta(part, delta, out);
        }
        out.push(Event::PartEnd { choice: self.index, part });
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        let Some(Open::Text(part) | Open::Thought(part)) = self.open.take() else { return };
        out.push(Event::PartEnd { choice: self.index, part });
        self.text.clear();
        let state = self.state.take();
        self.state(state, out);
    }

    /// Closes what is open; citations are of the last text.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) {
        if let Some(Open::Text(part)) = self.open {
            for citation in self.citations() {
                self.delta(part, Delta::Citation(Box::new(citation)), out);
            }
        }
        self.close(out);
        if let Some(reason) = self.finish.clone() {
            out.push(Event::Finish { choice: self.index, reason });
        }
    }

    fn citations(&self) -> Vec<llm_core::message::Citation> {
        let kept = json(&self.kept);
        Members::parse(kept.get()).map(|kept| citations::read(&kept, &self.text)).unwrap_or_default()
    }
}
