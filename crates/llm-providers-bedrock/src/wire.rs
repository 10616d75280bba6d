//! The format's own words as they are written, and [`Members`] to read them. After the API reference of Bedrock's
//! runtime (`Converse`, `ConverseStream`, read November 2026).

use std::borrow::Cow;

use llm_core::message::CacheMark;
use llm_core::{RawJson, RawObject};
use serde::{Serialize, Serializer};

pub(crate) use llm_core::members::{Malformed, Members, owned};

/// A content block. Converse has unions: objects with one member, whose name is the kind.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Block<'a> {
    Text(Cow<'a, str>),
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

/// An object written member by member.
#[derive(Debug)]
pub(crate) struct ObjectWriter {
    out: Vec<u8>,
}

impl ObjectWriter {
    pub(crate) fn new() -> Self {
        Self { out: Vec::from(b"{") }
    }

    /// Adds a member.
    pub(crate) fn member<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> &mut Self {
        if !self.is_empty() {
            self.out.push(b',');
        }
        serde_json::to_writer(&mut self.out, name).expect("a string is always valid JSON");
        self.out.push(b':');
        serde_json::to_writer(&mut self.out, value).expect("structs with string keys are always valid JSON");
        self
    }

    /// Adds a member that has a value.
    pub(crate) fn optional<T: Serialize + ?Sized>(&mut self, name: &str, value: Option<&T>) -> &mut Self {
        if let Some(value) = value {
            self.member(name, value);
        }
        self
    }

    /// Adds all members of an object.
    pub(crate) fn members(&mut self, object: &RawObject) -> &mut Self {
        for (name, value) in object.iter() {
            self.member(name, value);
        }
        self
    }

    /// Whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.out.len() == 1
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }

    /// The object as a value of another one.
    pub(crate) fn json(self) -> RawJson {
        let text = String::from_utf8(self.finish()).expect("JSON is UTF-8");
        RawJson::parse(text).expect("the writer writes valid JSON")
    }
}

/// An object with one member, as unions are written.
pub(crate) fn union<T: Serialize + ?Sized>(name: &str, value: &T) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member(name, value);
    object.json()
}
