//! The kinds that go through as they are (pictures, sound) at Azure's paths.

use std::borrow::Cow;

use llm_core::dialect::{Peek, StreamTap};
use llm_core::provider::Inbound;
use llm_core::{Dialect, DialectId, Error, Operation, Passage, Result, Usage};

use crate::dialect::Azure;

/// What the service does not have
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/reference>, read 2026-11-21).
const MISSING: [Operation; 2] = [Operation::ImageVariation, Operation::Moderation];

/// As the format has them; this is reached only where it has any.
impl<D: Dialect> Passage for Azure<D> {
    fn id(&self) -> DialectId {
        self.format.passage().map_or(self.format.id(), Passage::id)
    }

    fn path(&self, operation: Operation, model: &str) -> Option<Cow<'static, str>> {
        if MISSING.contains(&operation) {
            return None;
        }
        let path = self.format.passage()?.path(operation, model)?;
        Some(self.surface.path(&path, model).into())
    }

    fn asked(&self, inbound: &Inbound) -> Usage {
        self.format.passage().map(|passage| passage.asked(inbound)).unwrap_or_default()
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        let passage = self.format.passage().ok_or_else(|| Error::internal("the format passes nothing on"))?;
        passage.peek(body)
    }

    fn peek_text(&self, text: &[u8]) -> Usage {
        self.format.passage().map(|passage| passage.peek_text(text)).unwrap_or_default()
    }

    fn tap(&self) -> Box<dyn StreamTap> {
        match self.format.passage() {
            Some(passage) => passage.tap(),
            None => self.format.tap(llm_core::dialect::TapOptions::default()),
        }
    }
}
