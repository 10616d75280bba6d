//! Tool calls of one choice of a stream, put together from pieces that vendors number, name and repeat in many ways.

use std::borrow::Cow;

use llm_core::{Delta, Event, PartKind};
use serde::de::IgnoredAny;

use crate::chat::calls::{WireCall, WireFunction, made_id, opaque_of_extra, unseal_id};

/// Calls so far, in the order in which they began.
#[derive(Default)]
pub(super) struct Calls(Vec<Call>);

struct Call {
    index: Option<u32>,
    id: Option<String>,
    name: String,
    custom: bool,
    /// All arguments so far: to tell whether they are complete.
    arguments: String,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// The name is still missing.
    Waiting,
    Open(u32),
    Closed,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the pieces of a delta in. `next` numbers the parts of the choice.
    pub(super) fn delta(
        &mut self,
        pieces: Vec<WireCall<'_>>,
        legacy: Option<WireFunction<'_>>,
        next: &mut u32,
        choice: u32,
        answer: &str,
        out: &mut Vec<Event>,
    ) {
        let legacy = legacy.map(WireCall::legacy);
        for piece in pieces.into_iter().chain(legacy) {
            self.piece(piece, next, choice, answer, out);
        }
    }

    fn piece(
        &mut self,
        mut piece: WireCall<'_>,
        next: &mut u32,
        choice: u32,
        answer: &str,
        out: &mut Vec<Event>,
    ) {
        let (body, custom) = piece.body();
        // Another gateway of our kind as the vendor hides state in the id.
        let (id, sealed) = piece.id.take().map(|id| unseal_id(&id)).unzip();
        piece.id = id.map(Cow::Owned);
        let opaque = sealed.flatten().or_else(|| piece.extra_content.and_then(opaque_of_extra));
        let at = self.find(&piece, body.name.as_deref());
        let at = at.unwrap_or_else(|| {
            self.close_complete(choice, out);
            self.0.push(Call {
                index: piece.index,
                id: None,
                name: String::new(),
                custom,
                arguments: String::new(),
                state: State::Waiting,
            });
            self.0.len() - 1
        });
        let made = || made_id(answer, choice, u32::try_from(at).unwrap_or(u32::MAX));
        let Some(call) = self.0.get_mut(at) else { return };
        // Blank ids and names of later pieces are filtered on reading; repeated ones change nothing.
        call.id.get_or_insert_with(|| piece.id.map_or_else(made, |id| id.into_owned()));
        if let (true, Some(name)) = (call.name.is_empty(), body.name) {
            call.name = name.into_owned();
        }
        let arguments = body.arguments.filter(|arguments| !arguments.is_empty());
        if let State::Open(part) = call.state {
            if let Some(arguments) = arguments {
                call.arguments.push_str(&arguments);
                out.push(Event::Delta { choice, part, delta: Delta::Arguments(arguments.into_owned()) });
            }
        } else {
            call.arguments.push_str(arguments.as_deref().unwrap_or_default());
            if !call.name.is_empty() && call.state == State::Waiting {
                call.open(next, choice, out);
            }
        }
        if let (Some(opaque), State::Open(part)) = (opaque, call.state) {
            out.push(Event::Delta { choice, part, delta: Delta::Opaque(opaque) });
        }
    }

    /// The call that a piece belongs to. `None`: it begins a new one.
    fn find(&self, piece: &WireCall<'_>, name: Option<&str>) -> Option<usize> {
        let by_id = piece.id.as_deref().and_then(|id| {
            self.0.iter().rposition(|call| call.id.as_deref() == Some(id) && call.index == piece.index)
        });
        if by_id.is_some() {
            return by_id;
        }
        // A new id together with a name is a new call, even under a number that was used before.
        let begins = name.is_some() && (piece.id.is_some() || piece.index.is_none());
        match piece.index {
            Some(index) => {
                let at = self.0.iter().rposition(|call| call.index == Some(index))?;
                let known = self.0.get(at)?;
                // One vendor gives every call the number 0 and no id.
                let fresh = begins || (name.is_some() && known.is_complete());
                (!fresh || known.name.is_empty()).then_some(at)
            }
            None if begins => None,
            None => self.0.len().checked_sub(1),
        }
    }

    /// Closes the calls whose arguments are complete; those cut in the middle may go on later, between others.
    pub(super) fn close_complete(&mut self, choice: u32, out: &mut Vec<Event>) {
        for call in &mut self.0 {
            if call.is_complete() {
                call.close(choice, out);
            }
        }
    }

    /// Closes all calls; one that never got its name is told as far as it came.
    pub(super) fn close(&mut self, next: &mut u32, choice: u32, out: &mut Vec<Event>) {
        for call in &mut self.0 {
            if call.state == State::Waiting && !call.arguments.is_empty() {
                call.open(next, choice, out);
            }
            call.close(choice, out);
        }
    }
}

impl Call {
    fn is_complete(&self) -> bool {
        !self.custom && serde_json::from_str::<IgnoredAny>(&self.arguments).is_ok()
    }

    fn open(&mut self, next: &mut u32, choice: u32, out: &mut Vec<Event>) {
        let part = *next;
        *next += 1;
        self.state = State::Open(part);
        let kind = PartKind::ToolCall {
            id: self.id.clone().unwrap_or_default(),
            item_id: None,
            name: self.name.clone(),
            custom: self.custom,
        };
        out.push(Event::PartStart { choice, part, kind });
        if !self.arguments.is_empty() {
            out.push(Event::Delta { choice, part, delta: Delta::Arguments(self.arguments.clone()) });
        }
    }

    fn close(&mut self, choice: u32, out: &mut Vec<Event>) {
        if let State::Open(part) = self.state {
            out.push(Event::PartEnd { choice, part });
            self.state = State::Closed;
        }
    }
}
