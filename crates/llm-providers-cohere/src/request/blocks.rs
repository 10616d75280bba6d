//! Content as it is written: a list of blocks, or a single text.

use llm_core::{RawJson, Wording};
use serde::{Serialize, Serializer};

/// The blocks of one content. A single text is written as a plain one, and no block as an empty one.
#[derive(Debug, Default)]
pub(super) struct Blocks<'a>(Vec<Block<'a>>);

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: Wording<'a>,
    },
    Thinking {
        thinking: &'a str,
    },
    ImageUrl {
        image_url: Address<'a>,
    },
    Document {
        document: RawJson,
    },
    /// A block of this format that is kept as it came.
    #[serde(untagged)]
    Raw(&'a RawJson),
}

#[derive(Debug, Serialize)]
struct Address<'a> {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> Blocks<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn text(&mut self, text: Wording<'a>) {
        self.0.push(Block::Text { text });
    }

    pub(super) fn thinking(&mut self, thinking: &'a str) {
        self.0.push(Block::Thinking { thinking });
    }

    pub(super) fn image(&mut self, url: String, detail: Option<&'a str>) {
        self.0.push(Block::ImageUrl { image_url: Address { url, detail } });
    }

    pub(super) fn document(&mut self, document: RawJson) {
        self.0.push(Block::Document { document });
    }

    pub(super) fn raw(&mut self, block: &'a RawJson) {
        self.0.push(Block::Raw(block));
    }
}

impl Serialize for Blocks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [] => serializer.serialize_str(""),
            [Block::Text { text }] => text.serialize(serializer),
            blocks => blocks.serialize(serializer),
        }
    }
}
