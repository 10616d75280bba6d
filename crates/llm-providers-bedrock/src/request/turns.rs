//! A conversation as turns of user and assistant: instructions lifted out, neighbours joined, results of tools at the
//! head of the turn that answers.

use llm_core::order;
use llm_core::{ChatRequest, Losses, Message, Result, Role};
use serde::{Serialize, Serializer};

use crate::blocks::{ForVendors, system_text};
use crate::models::{Family, Rules};
use crate::wire::{Block, CachePoint};

/// A conversation as this format tells it.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    /// Instructions before everything else.
    pub(super) system: Vec<Block<'a>>,
    /// The turns.
    pub(super) turns: Vec<Turn<'a>>,
}

/// One turn.
#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    #[serde(serialize_with = "role")]
    role: Role,
    content: Vec<Block<'a>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn role<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if *role == Role::Assistant { "assistant" } else { "user" })
}

impl<'a> Conversation<'a> {
    /// Reads a request's messages.
    pub(super) fn of(request: &'a ChatRequest, rules: Rules, losses: &mut Losses) -> Result<Self> {
        let mut conversation = Self { system: Vec::new(), turns: Vec::new() };
        let is_system = |message: &&Message| matches!(message.role, Role::System | Role::Developer);
        let leading = request.messages.iter().take_while(is_system).count();
        let (system, rest) = request.messages.split_at(leading);
        for message in system {
            let blocks = instructions(message, rules, losses)?;
            conversation.system.extend(blocks);
        }
        let mut writer = ForVendors::new(rules, losses);
        for message in rest {
            conversation.message(message, &mut writer)?;
        }
        if !conversation.system.is_empty() && (conversation.turns.is_empty() || !rules.system) {
            losses.approximated("messages.system", "words of the user")?;
            conversation.system_becomes_words();
        }
        conversation.results_first();
        conversation.trim_prefill(rules);
        conversation.automatic_cache(request, rules, losses)?;
        Ok(conversation)
    }

    /// Instructions in the middle become the user's words: few models take them there.
    fn message(&mut self, message: &'a Message, writer: &mut ForVendors<'_>) -> Result<()> {
        if message.name.is_some() {
            writer.losses.tuning("messages.name")?;
        }
        for (name, _) in message.extras.iter().flat_map(|(_, extras)| extras.iter()) {
            writer.losses.tuning(format!("messages.{name}"))?;
        }
        let mut blocks = Vec::with_capacity(message.parts.len());
        if matches!(message.role, Role::System | Role::Developer) {
            blocks = instructions(message, writer.rules, writer.losses)?;
            if !blocks.is_empty() {
                writer.losses.approximated("messages.system", "words of the user")?;
            }
        } else {
            for part in &message.parts {
                let more = writer.blocks(part, message.role)?;
                // A mark of the cache stands behind something: that of an empty text behind what came before.
                let mark_alone = matches!(more.first(), Some(Block::CachePoint(_)));
                if mark_alone && matches!(blocks.last(), None | Some(Block::CachePoint(_))) {
                    writer.losses.tuning("cache_control")?;
                } else {
                    blocks.extend(more);
                }
            }
        }
        let role = if message.role == Role::Assistant { Role::Assistant } else { Role::User };
        self.extend(role, blocks);
        Ok(())
    }

    /// Adds to the last turn when it is of the same role, or begins one. Turns without content are refused by vendors
    /// and are none.
    fn extend(&mut self, role: Role, blocks: Vec<Block<'a>>) {
        if blocks.is_empty() {
            return;
        }
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.content.extend(blocks),
            None => self.turns.push(Turn { role, content: blocks }),
        }
    }

    fn system_becomes_words(&mut self) {
        let words = std::mem::take(&mut self.system);
        match self.turns.first_mut().filter(|turn| turn.role == Role::User) {
            Some(turn) => drop(turn.content.splice(..0, words)),
            None => self.turns.insert(0, Turn { role: Role::User, content: words }),
        }
    }

    fn results_first(&mut self) {
        for turn in self.turns.iter_mut().filter(|turn| turn.role == Role::User) {
            // The mark of the cache behind a result stays behind it.
            let mut after_result = false;
            order::sort_by_key(&mut turn.content, |block| {
                after_result = match block {
                    Block::CachePoint(_) => after_result,
                    block => matches!(block, Block::ToolResult(_)),
                };
                !after_result
            });
        }
    }

    /// Claude refuses a last turn of its own that ends with white space.
    fn trim_prefill(&mut self, rules: Rules) {
        let claude = matches!(rules.family, Family::Claude(_) | Family::Unknown);
        let last = self.turns.last_mut().filter(|turn| claude && turn.role == Role::Assistant);
        if let Some(Block::Text(text)) = last.and_then(|turn| turn.content.last_mut()) {
            *text = text.trim_end().to_owned().into();
        }
    }

    /// Caching asked for the whole request is a mark at its end.
    fn automatic_cache(&mut self, request: &ChatRequest, rules: Rules, losses: &mut Losses) -> Result<()> {
        let Some(mark) = request.cache else { return Ok(()) };
        if !rules.caches() {
            return losses.tuning("cache_control");
        }
        let last = self.turns.last_mut().filter(|turn| turn.role == Role::User);
        if let Some(turn) = last.filter(|turn| !matches!(turn.content.last(), Some(Block::CachePoint(_)))) {
            turn.content.push(Block::CachePoint(CachePoint(mark)));
        }
        Ok(())
    }

    /// The calls in the history, by the names of their tools, each once.
    pub(super) fn called_tools(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        for block in self.turns.iter().flat_map(|turn| &turn.content) {
            if let Block::ToolUse(call) = block
                && !names.contains(&call.name)
            {
                names.push(call.name);
            }
        }
        names
    }

    /// Whether calls or results of tools are in the history: the vendor demands definitions of tools then.
    pub(super) fn uses_tools(&self) -> bool {
        let is_tool = |block: &Block<'_>| matches!(block, Block::ToolUse(_) | Block::ToolResult(_));
        self.turns.iter().flat_map(|turn| &turn.content).any(is_tool)
    }

    /// Whether the model is in the middle of using tools without its thinking before the calls: Claude refuses to go
    /// on thinking then.
    pub(super) fn calls_without_thinking(&self) -> bool {
        let [.., calls, results] = self.turns.as_slice() else { return false };
        let answers = matches!(results.content.first(), Some(Block::ToolResult(_)));
        answers && !matches!(calls.content.first(), Some(Block::ReasoningContent(_)))
    }
}

fn instructions<'a>(message: &'a Message, rules: Rules, losses: &mut Losses) -> Result<Vec<Block<'a>>> {
    let mut blocks = Vec::with_capacity(message.parts.len());
    for part in &message.parts {
        let Some(block) = system_text(part, losses)? else { continue };
        blocks.push(block);
        match crate::blocks::mark_of(part) {
            Some(mark) if rules.caches() => blocks.push(Block::CachePoint(CachePoint(mark))),
            Some(_) => losses.tuning("cache_control")?,
            None => {}
        }
    }
    Ok(blocks)
}
