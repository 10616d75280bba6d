//! The format's own words as they are written, and [`Members`] to read them. After the API reference of Bedrock's
//! runtime (`Converse`, `ConverseStream`, read November 2026).

use std::borrow::Cow;

use llm_core::message::CacheMark;
use llm_core::{RawJson, Wording};
use serde::{Serialize, Serializer};

pub(crate) use llm_core::members::{Malformed, Members, owned};
pub(crate) use llm_core::object::{ObjectWriter, object_of as union};

/// A content block. Converse has unions: objects with one member, whose name is the kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Block<'a> {
    Text(Wording<'a>),
    Image(Media<'a>),
    Audio(Media<'a>),
    Video(Media<'a>),
    Document(Document<'a>),
    ToolUse(ToolUse<'a>),
    ToolResult(ToolResult<'a>),
    ReasoningContent(Thought<'a>),
    CitationsContent(Cited<'a>),
    CachePoint(CachePoint),
    /// A block of this format that is kept as it came.
    #[serde(untagged)]
    Raw(&'a RawJson),
}

/// A picture, sound or film.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Media<'a> {
    pub(crate) format: &'static str,
    pub(crate) source: Source<'a>,
}

/// Where content is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source<'a> {
    /// Base64, as blobs are written in JSON.
    Bytes(&'a str),
    S3Location {
        uri: &'a str,
    },
    Text(&'a str),
}

/// A file to read.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Document<'a> {
    pub(crate) format: &'static str,
    pub(crate) name: String,
    pub(crate) source: Source<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) citations: Option<Citations>,
}

/// Whether answers should cite a document.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Citations {
    pub(crate) enabled: bool,
}

/// A call of a tool.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolUse<'a> {
    pub(crate) tool_use_id: Cow<'a, str>,
    pub(crate) name: &'a str,
    pub(crate) input: RawJson,
}

/// What a tool answered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolResult<'a> {
    pub(crate) tool_use_id: Cow<'a, str>,
    pub(crate) content: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<&'static str>,
}

/// Thinking, shown or withheld.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Thought<'a> {
    ReasoningText {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<Cow<'a, str>>,
    },
    RedactedContent(Cow<'a, str>),
}

/// A text with its sources.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cited<'a> {
    pub(crate) content: [CitedText<'a>; 1],
    pub(crate) citations: Vec<Cow<'a, RawJson>>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct CitedText<'a> {
    pub(crate) text: &'a str,
}

/// A mark up to which the prompt is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CachePoint(pub(crate) CacheMark);

impl Serialize for CachePoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            r#type: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            ttl: Option<&'static str>,
        }
        let ttl = (self.0 == CacheMark::Hour).then_some("1h");
        Fields { r#type: "default", ttl }.serialize(serializer)
    }
}
