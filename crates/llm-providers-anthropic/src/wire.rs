//! The format's own words: blocks and their pieces as they are written, and [`Members`] to read them.

use std::borrow::Cow;

use llm_core::message::CacheMark;
use llm_core::{RawJson, Wording, Words};
use serde::{Serialize, Serializer};

pub(crate) use llm_core::members::{Malformed, Members};
pub(crate) use llm_core::object::ObjectWriter;

/// The version of the API that this crate is written for.
pub(crate) const VERSION: &str = "2023-06-01";

/// A content block as it is written.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Block<'a> {
    Text {
        text: Wording<'a>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        citations: Vec<Cow<'a, RawJson>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        context: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        citations: Option<Citations>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: RawJson,
        #[serde(skip_serializing_if = "Option::is_none")]
        caller: Option<RawJson>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<ResultContent<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        is_error: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    Thinking {
        thinking: Cow<'a, str>,
        signature: Cow<'a, str>,
    },
    RedactedThinking {
        data: Cow<'a, str>,
    },
    /// A block of this format that is kept as it came.
    #[serde(untagged)]
    Raw(&'a RawJson),
}

impl Block<'_> {
    /// A plain text.
    pub(crate) fn text<'a>(text: impl Into<Wording<'a>>) -> Block<'a> {
        Block::Text { text: text.into(), citations: Vec::new(), cache_control: None }
    }

    /// Whether this is the answer of a client's tool.
    pub(crate) fn is_tool_result(&self) -> bool {
        matches!(self, Self::ToolResult { .. })
    }
}

/// What a tool answered.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ResultContent<'a> {
    Text(&'a Words),
    Blocks(Vec<Block<'a>>),
}

/// Where bytes come from.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'static str, data: Cow<'a, str> },
    Url { url: &'a str },
    File { file_id: &'a str },
}

/// Whether answers should cite a document.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Citations {
    pub(crate) enabled: bool,
}

/// A mark up to which the prompt is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CacheControl(pub(crate) CacheMark);

impl Serialize for CacheControl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            r#type: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            ttl: Option<&'static str>,
        }
        let ttl = (self.0 == CacheMark::Hour).then_some("1h");
        Fields { r#type: "ephemeral", ttl }.serialize(serializer)
    }
}
