//! A conversation as turns of user and assistant: instructions lifted out, neighbours joined, results of tools
//! at the head of the turn that answers.

use llm_core::order;
use llm_core::{ChatRequest, Losses, Message, RawObject, Result, Role, Wording};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::MESSAGES;
use crate::blocks::{ForVendors, system_block};
use crate::models::Rules;
use crate::wire::Block;

/// A conversation as this format tells it.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    /// Instructions before everything else.
    pub(super) system: Vec<Block<'a>>,
    /// The turns.
    pub(super) turns: Vec<Turn<'a>>,
}

/// One turn.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) role: Role,
    pub(super) blocks: Vec<Block<'a>>,
    extras: Option<&'a RawObject>,
}

/// Instructions as they are written.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Instructions<'a> {
    Text(&'a Wording<'a>),
    Blocks(&'a [Block<'a>]),
}

impl Serialize for Turn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let role = match self.role {
            Role::Assistant => "assistant",
            Role::System => "system",
            _ => "user",
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("role", role)?;
        map.serialize_entry("content", &self.blocks)?;
        for (name, value) in self.extras.into_iter().flat_map(RawObject::iter) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> Conversation<'a> {
    /// Reads a request's messages.
    pub(super) fn of(request: &'a ChatRequest, rules: Rules, losses: &mut Losses) -> Result<Self> {
        let mut conversation = Self { system: Vec::new(), turns: Vec::new() };
        let leading = request.messages.iter().take_while(|message| is_system(message.role)).count();
        let (system, rest) = request.messages.split_at(leading);
        for part in system.iter().flat_map(|message| &message.parts) {
            conversation.system.extend(system_block(part, losses)?);
        }
        for (at, message) in rest.iter().enumerate() {
            conversation.message(message, rest.get(at + 1), rules, losses)?;
        }
        conversation.never_without_turns(losses)?;
        conversation.results_first();
        conversation.trim_prefill();
        Ok(conversation)
    }

    fn message(
        &mut self,
        message: &'a Message,
        next: Option<&Message>,
        rules: Rules,
        losses: &mut Losses,
    ) -> Result<()> {
        if is_system(message.role) {
            return self.instruction(message, next, rules, losses);
        }
        if message.name.is_some() {
            losses.tuning("messages.name")?;
        }
        let extras = own_extras(message, losses)?;
        let mut blocks = Vec::with_capacity(message.parts.len());
        let mut writer = ForVendors { rules, losses };
        for part in &message.parts {
            blocks.extend(writer.block(part, message.role)?);
        }
        let role = if message.role == Role::Assistant { Role::Assistant } else { Role::User };
        self.extend(role, blocks, extras);
        Ok(())
    }

    /// Newer models take instructions in the middle, right after a user's turn and before the model's or the
    /// end; for all others they become the user's words.
    fn instruction(
        &mut self,
        message: &'a Message,
        next: Option<&Message>,
        rules: Rules,
        losses: &mut Losses,
    ) -> Result<()> {
        let mut blocks = Vec::new();
        for part in &message.parts {
            blocks.extend(system_block(part, losses)?);
        }
        let after_user = self.turns.last().is_some_and(|turn| turn.role == Role::User);
        let before_answer = next.is_none_or(|next| next.role == Role::Assistant);
        if rules.system_turns && after_user && before_answer {
            self.extend(Role::System, blocks, None);
        } else if !blocks.is_empty() {
            losses.approximated("messages.system", "words of the user")?;
            self.extend(Role::User, blocks, None);
        }
        Ok(())
    }

    /// Adds to the last turn when it is of the same role, or begins one. Turns without content are refused by
    /// vendors and are none.
    fn extend(&mut self, role: Role, blocks: Vec<Block<'a>>, extras: Option<&'a RawObject>) {
        if blocks.is_empty() {
            return;
        }
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => {
                turn.blocks.extend(blocks);
                turn.extras = turn.extras.or(extras);
            }
            None => self.turns.push(Turn { role, blocks, extras }),
        }
    }

    /// At least one turn is required: instructions alone become the user's words.
    fn never_without_turns(&mut self, losses: &mut Losses) -> Result<()> {
        if self.turns.is_empty() && !self.system.is_empty() {
            losses.approximated("messages.system", "words of the user")?;
            let blocks = std::mem::take(&mut self.system);
            self.extend(Role::User, blocks, None);
        }
        Ok(())
    }

    fn results_first(&mut self) {
        for turn in self.turns.iter_mut().filter(|turn| turn.role == Role::User) {
            order::sort_by_key(&mut turn.blocks, |block| !block.is_tool_result());
        }
    }

    /// The vendor refuses a last turn of the model that ends with white space.
    fn trim_prefill(&mut self) {
        let last = self.turns.last_mut().filter(|turn| turn.role == Role::Assistant);
        if let Some(Block::Text { text, .. }) = last.and_then(|turn| turn.blocks.last_mut()) {
            let trimmed = text.trim_end();
            if trimmed.len() < text.len() {
                *text = trimmed.to_owned().into();
            }
        }
    }

    /// Whether the model is in the middle of using tools without its thinking before the calls: vendors refuse
    /// to go on thinking then.
    pub(super) fn calls_without_thinking(&self) -> bool {
        let [.., calls, results] = self.turns.as_slice() else { return false };
        let thinks =
            |block: &Block<'_>| matches!(block, Block::Thinking { .. } | Block::RedactedThinking { .. });
        results.blocks.iter().any(Block::is_tool_result) && !calls.blocks.first().is_some_and(thinks)
    }

    /// `system` as it is written: a plain text where nothing hangs on it.
    pub(super) fn instructions(&self) -> Option<Instructions<'_>> {
        match self.system.as_slice() {
            [] => None,
            [Block::Text { text, citations, cache_control: None }] if citations.is_empty() => {
                Some(Instructions::Text(text))
            }
            blocks => Some(Instructions::Blocks(blocks)),
        }
    }
}

fn is_system(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}

fn own_extras<'a>(message: &'a Message, losses: &mut Losses) -> Result<Option<&'a RawObject>> {
    let Some((origin, extras)) = &message.extras else { return Ok(None) };
    if *origin == MESSAGES {
        return Ok(Some(extras));
    }
    for (name, _) in extras.iter() {
        losses.tuning(format!("messages.{name}"))?;
    }
    Ok(None)
}
