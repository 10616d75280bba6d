//! Contents of a client's request as messages.

use llm_core::message::{Reasoning, ToolCall};
use llm_core::{Message, Part, Role, Words};
use serde_json::value::RawValue;

use crate::ids;
use crate::parts::{Piece, Side, read_part};
use crate::wire::{Malformed, Members};

/// Calls that no result answers yet.
type Open = Vec<(String, String)>;

/// The system instruction and the contents, in order.
pub(super) fn messages(body: &Members<'_>) -> Result<Vec<Message>, Malformed> {
    let mut messages = Vec::new();
    if let Some(raw) = body.raw("systemInstruction") {
        let mut reader = Reader { turn: 0, open: &mut Vec::new() };
        let parts = reader.content(raw).map_err(|fault| fault.within("systemInstruction"))?.1;
        if !parts.iter().all(Part::is_empty_text) {
            messages.push(Message::new(Role::System, parts));
        }
    }
    let mut open = Vec::new();
    for (turn, raw) in contents(body)?.into_iter().enumerate() {
        let mut reader = Reader { turn, open: &mut open };
        let (role, parts) = reader.content(raw).map_err(|fault| fault.within(turn).within("contents"))?;
        match role {
            Role::User => split_results(parts, &mut messages),
            role => messages.push(Message::new(role, parts)),
        }
    }
    Ok(messages)
}

/// `contents` is a list; a single content in its place is understood as SDKs and the vendor do.
fn contents<'a>(body: &Members<'a>) -> Result<Vec<&'a RawValue>, Malformed> {
    let Some(raw) = body.raw("contents") else { return Err(Malformed::new("contents", "field required")) };
    if raw.get().starts_with('[') { body.array("contents") } else { Ok(vec![raw]) }
}

struct Reader<'o> {
    turn: usize,
    open: &'o mut Open,
}

impl Reader<'_> {
    fn content(&mut self, raw: &RawValue) -> Result<(Role, Vec<Part>), Malformed> {
        if raw.get().starts_with('"') {
            let text = Words::of_json(raw).map_err(|_| Malformed::new("", "expected a content"))?;
            return Ok((Role::User, vec![Part::text(text)]));
        }
        let content = Members::parse(raw.get())?;
        let role = match content.text("role")?.as_deref() {
            None | Some("user" | "function" | "tool" | "") => Role::User,
            Some("model") => Role::Assistant,
            Some("system") => Role::System,
            Some(_) => return Err(Malformed::new("role", "expected `user` or `model`")),
        };
        let parts = match content.raw("parts") {
            Some(single) if single.get().starts_with('{') => vec![single],
            _ => content.array("parts")?,
        };
        let mut read = Vec::with_capacity(parts.len());
        for (at, part) in parts.into_iter().enumerate() {
            let inside = |fault: Malformed| fault.within(at).within("parts");
            let piece = read_part(part, Side::Client).map_err(inside)?;
            self.piece(piece, at, &mut read).map_err(inside)?;
        }
        Ok((role, read))
    }

    fn piece(&mut self, piece: Piece, at: usize, out: &mut Vec<Part>) -> Result<(), Malformed> {
        let behind = |opaque| Part::Reasoning(Reasoning { opaque: Some(opaque), ..Reasoning::default() });
        match piece {
            Piece::Text(text, state) => {
                if !text.is_empty() || state.is_none() {
                    out.push(Part::text(text));
                }
                out.extend(state.map(behind));
            }
            Piece::Thought(text, opaque) => out.push(Part::Reasoning(thinking(text, opaque))),
            Piece::Call { id, name, arguments, state } => {
                let id = id.unwrap_or_else(|| ids::made(&[&"request", &self.turn, &at, &name]));
                self.open.push((id.clone(), name.clone()));
                out.push(Part::ToolCall(ToolCall { opaque: state, ..ToolCall::new(id, name, arguments) }));
            }
            Piece::Result { id, mut result } => {
                let name = result.name.clone().unwrap_or_default();
                result.call_id = self.answered(id, &name);
                out.push(Part::ToolResult(result));
            }
            Piece::Whole(part, state) => {
                out.push(part);
                out.extend(state.map(behind));
            }
        }
        Ok(())
    }

    /// The call that a result answers: by its id, else the first of its name that is open.
    fn answered(&mut self, id: Option<String>, name: &str) -> String {
        let found = match &id {
            Some(id) => self.open.iter().position(|(open, _)| open == id),
            None => self.open.iter().position(|(_, open)| open == name),
        };
        match (found, id) {
            (Some(at), _) => self.open.remove(at).0,
            (None, Some(id)) => id,
            (None, None) => ids::made(&[&"result", &name]),
        }
    }
}

/// Beside encrypted thinking of another vendor stands a summary, never the thinking itself.
fn thinking(text: String, opaque: Option<llm_core::message::Opaque>) -> Reasoning {
    let encrypted = opaque.as_ref().is_some_and(|state| {
        state.origin != crate::GENERATE && state.kind == llm_core::message::OpaqueKind::Encrypted
    });
    if encrypted {
        let summary = if text.is_empty() { Vec::new() } else { vec![text] };
        return Reasoning { summary, opaque, ..Reasoning::default() };
    }
    Reasoning { text, opaque, ..Reasoning::default() }
}

/// Results of tools stand among the user's words here, and in messages of their own in the canonical form.
fn split_results(parts: Vec<Part>, messages: &mut Vec<Message>) {
    if parts.is_empty() {
        messages.push(Message::new(Role::User, parts));
        return;
    }
    for part in parts {
        let role = if matches!(part, Part::ToolResult(_)) { Role::Tool } else { Role::User };
        match messages.last_mut().filter(|last| last.role == role && role == Role::Tool) {
            Some(last) => last.parts.push(part),
            None if role == Role::Tool => messages.push(Message::new(role, vec![part])),
            None => push_words(part, messages),
        }
    }
}

fn push_words(part: Part, messages: &mut Vec<Message>) {
    match messages.last_mut().filter(|last| last.role == Role::User) {
        Some(last) => last.parts.push(part),
        None => messages.push(Message::new(Role::User, vec![part])),
    }
}
