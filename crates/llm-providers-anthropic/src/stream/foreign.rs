//! Blocks of other kinds than the client's own, which come in pieces and are handed on whole.

use llm_core::message::ForeignBlock;
use llm_core::{Part, RawJson, RawObject};
use serde_json::value::RawValue;

use crate::wire::Members;

/// A block that is being put together.
#[derive(Debug)]
pub(super) struct Gathering {
    part: Part,
    /// JSON of the block's `input`, as far as it came.
    input: String,
    /// Texts to add to members of these names.
    texts: Vec<(String, String)>,
}

impl Gathering {
    /// A block as its start announces it.
    pub(super) fn new(part: Part) -> Self {
        Self { part, input: String::new(), texts: Vec::new() }
    }

    /// Adds a delta: pieces of JSON to `input`, and each text to the member of its name (compaction has such).
    pub(super) fn add(&mut self, delta: &RawValue) {
        let members = Members::parse(delta.get()).unwrap_or_default();
        let rest = members.rest(&["type"]);
        for (name, value) in rest.iter() {
            let Ok(text) = value.read::<String>() else { continue };
            if name == "partial_json" {
                self.input.push_str(&text);
            } else if let Some((_, known)) = self.texts.iter_mut().find(|(known, _)| known == name) {
                known.push_str(&text);
            } else {
                self.texts.push((name.to_owned(), text));
            }
        }
    }

    /// The whole block.
    pub(super) fn finish(mut self) -> Part {
        if let Part::ServerTool(block) | Part::Unknown(block) = &mut self.part
            && let Some(raw) = joined(block, &self.input, self.texts)
        {
            block.raw = raw;
        }
        self.part
    }
}

fn joined(block: &ForeignBlock, input: &str, texts: Vec<(String, String)>) -> Option<RawJson> {
    if input.is_empty() && texts.is_empty() {
        return None;
    }
    let mut object: RawObject = block.raw.read().ok()?;
    if !input.is_empty() {
        object.insert("input", RawJson::parse(input).unwrap_or_else(|_| RawJson::string(input)));
    }
    for (name, text) in texts {
        let before: String = object.get(&name).and_then(|value| value.read().ok()).unwrap_or_default();
        object.insert(name, RawJson::string(&(before + &text)));
    }
    RawJson::of(&object).ok()
}
