//! What a conversation is made of: messages, and the parts that they contain.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dialect::DialectId;
use crate::json::{RawJson, RawObject};
use crate::words::Words;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions of the operator. May stand anywhere; most dialects want them first.
    System,
    /// Instructions of the application, a newer name for the same place.
    Developer,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
    /// Results of tool calls; the parts are [`Part::ToolResult`].
    Tool,
}

/// One turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
    /// The speaker's name, where a dialect has one.
    pub name: Option<String>,
    /// Fields of the message that are not modelled, with the dialect that they came in.
    pub extras: Option<(DialectId, RawObject)>,
}

impl Message {
    /// A message without name or extras.
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None, extras: None }
    }

    /// A message of one text.
    pub fn text(role: Role, text: impl Into<Words>) -> Self {
        Self::new(role, vec![Part::text(text)])
    }

    /// The texts of all [`Part::Text`] parts, joined without a separator.
    pub fn joined_text(&self) -> String {
        self.parts.iter().filter_map(Part::as_text).collect()
    }

    /// The tool calls in this message.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }
}

/// A piece of content. What a target cannot take is refused or reported, never turned into an empty text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// Plain text.
    Text(Text),
    /// A picture.
    Image(Media),
    /// Sound, in or out.
    Audio(Media),
    /// A film.
    Video(Media),
    /// A file to read: PDF, text and the like.
    Document(Document),
    /// The model asks for a client's tool.
    ToolCall(ToolCall),
    /// What a client's tool answered.
    ToolResult(ToolResult),
    /// The model's thinking, shown or hidden.
    Reasoning(Reasoning),
    /// The model declines, in its own words.
    Refusal(String),
    /// A block of a tool that the vendor runs itself (web search, code execution), call or result, whole.
    ServerTool(ForeignBlock),
    /// A block that we do not model.
    Unknown(ForeignBlock),
}

impl Part {
    /// A text without citations or cache mark.
    pub fn text(text: impl Into<Words>) -> Self {
        Self::Text(Text::new(text))
    }

    /// Where the mark stands up to which a prompt should be cached; `None` of parts that cannot bear one.
    pub fn cache_mut(&mut self) -> Option<&mut Option<CacheMark>> {
        match self {
            Self::Text(text) => Some(&mut text.cache),
            Self::Image(media) => Some(&mut media.cache),
            Self::Document(document) => Some(&mut document.cache),
            Self::ToolCall(call) => Some(&mut call.cache),
            Self::ToolResult(result) => Some(&mut result.cache),
            _ => None,
        }
    }

    /// The text, when this is a [`Part::Text`].
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&text.text),
            _ => None,
        }
    }

    /// Whether this is a text without a letter. Unlike a look at [`Part::as_text`], this reads no long one.
    pub fn is_empty_text(&self) -> bool {
        matches!(self, Self::Text(text) if text.text.is_empty())
    }

    /// A word for this kind of part, for messages to people.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Image(_) => "image",
            Self::Audio(_) => "audio",
            Self::Video(_) => "video",
            Self::Document(_) => "document",
            Self::ToolCall(_) => "tool call",
            Self::ToolResult(_) => "tool result",
            Self::Reasoning(_) => "reasoning",
            Self::Refusal(_) => "refusal",
            Self::ServerTool(_) => "server tool block",
            Self::Unknown(_) => "unknown block",
        }
    }

    /// As [`Part::kind_name`], but a block that we do not model is called what it calls itself.
    pub fn described(&self) -> Cow<'static, str> {
        let own = if let Self::Unknown(block) = self { block.name() } else { None };
        own.map_or(Cow::Borrowed(self.kind_name()), Cow::Owned)
    }
}

/// Text with what may hang on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// The text.
    pub text: Words,
    /// Where it was taken from, as the vendor said.
    pub citations: Vec<Citation>,
    /// Ask the vendor to cache the prompt up to here.
    pub cache: Option<CacheMark>,
}

impl Text {
    /// A text without citations or cache mark.
    pub fn new(text: impl Into<Words>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// A source of a text. The common fields, and the whole as the vendor wrote it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Citation {
    /// Address of the source.
    pub url: Option<String>,
    /// Title of the source.
    pub title: Option<String>,
    /// The passage cited.
    pub cited_text: Option<String>,
    /// First character (not byte) of the answer that it belongs to.
    pub start: Option<u64>,
    /// One past the last character.
    pub end: Option<u64>,
    /// The vendor's own object, for the dialect that wrote it.
    pub raw: Option<(DialectId, RawJson)>,
}

/// Up to here the prompt should be cached by the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMark {
    /// The vendor's default life, about five minutes.
    Short,
    /// An hour.
    Hour,
}

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// An address that the vendor fetches.
    Url(String),
    /// The bytes themselves, in base64 as they came (decoded only when a target needs it).
    Base64 {
        /// For example `image/png`; empty when nobody said.
        media_type: String,
        /// Standard base64 with padding.
        data: String,
    },
    /// A file uploaded before, known only to the dialect's vendor.
    FileId {
        /// Where the id means something.
        origin: DialectId,
        /// The vendor's id.
        id: String,
    },
    /// Plain text as a document.
    Text(String),
}

impl Source {
    /// A source from an address: `data:` addresses become [`Source::Base64`].
    pub fn from_url(url: &str) -> Self {
        Self::from_data_url(url).unwrap_or_else(|| Self::Url(url.to_owned()))
    }

    fn from_data_url(url: &str) -> Option<Self> {
        let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
        let media_type = head.strip_suffix(";base64")?;
        Some(Self::Base64 { media_type: media_type.to_owned(), data: data.to_owned() })
    }

    /// The address form: `data:` for bytes, `None` for file ids and text.
    pub fn to_url(&self) -> Option<String> {
        match self {
            Self::Url(url) => Some(url.clone()),
            Self::Base64 { media_type, data } => Some(format!("data:{media_type};base64,{data}")),
            Self::FileId { .. } | Self::Text(_) => None,
        }
    }

    /// The bytes, when this source carries them and they are valid base64.
    pub fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Base64 { data, .. } => STANDARD.decode(data).ok().map(Bytes::from),
            Self::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
            Self::Url(_) | Self::FileId { .. } => None,
        }
    }
}

/// A picture, sound or film.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// Where it is.
    pub source: Source,
    /// How closely to look (`low`, `high`, `auto`), where a dialect has it.
    pub detail: Option<String>,
    /// What is said, for audio that comes with its words.
    pub transcript: Option<String>,
    /// The vendor's id, for audio that can be referred to later.
    pub id: Option<String>,
    /// Ask the vendor to cache the prompt up to here.
    pub cache: Option<CacheMark>,
}

impl Media {
    /// Media from a source, nothing else said.
    pub fn new(source: Source) -> Self {
        Self { source, detail: None, transcript: None, id: None, cache: None }
    }
}

/// A file to read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Where it is.
    pub source: Source,
    /// Its title or file name.
    pub title: Option<String>,
    /// What the client says about it.
    pub context: Option<String>,
    /// Whether answers should cite it.
    pub citations: Option<bool>,
    /// Ask the vendor to cache the prompt up to here.
    pub cache: Option<CacheMark>,
}

/// A call of a client's tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The id that the result refers to.
    pub id: String,
    /// The vendor's id of the item around it, where that is another one (Responses API).
    pub item_id: Option<String>,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them: a JSON object as text, or free text for custom tools.
    /// May be cut short when the model ran out of tokens. See [`ToolCall::arguments_object`].
    pub arguments: String,
    /// Whether the arguments are free text (a `custom` tool) instead of JSON.
    pub custom: bool,
    /// State that must come back with the call (a thought signature, say).
    pub opaque: Option<Opaque>,
    /// Ask the vendor to cache the prompt up to here.
    pub cache: Option<CacheMark>,
}

impl ToolCall {
    /// A call of a function tool.
    pub fn new(id: impl Into<String>, name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            item_id: None,
            name: name.into(),
            arguments: arguments.into(),
            custom: false,
            opaque: None,
            cache: None,
        }
    }

    /// The arguments as one JSON object: `{}` for empty or `null` ones; `None` when they are not valid JSON.
    pub fn arguments_object(&self) -> Option<RawJson> {
        let text = self.arguments.trim();
        if text.is_empty() || text == "null" {
            return RawJson::parse("{}").ok();
        }
        RawJson::parse(text).ok().filter(|value| value.get().starts_with('{'))
    }
}

/// The answer of a client's tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The call that it answers.
    pub call_id: String,
    /// The tool's name, where the dialect says it.
    pub name: Option<String>,
    /// Text, pictures, documents.
    pub content: Vec<Part>,
    /// Whether the tool failed. `None`: nobody said.
    pub is_error: Option<bool>,
    /// Whether it answers a `custom` tool call.
    pub custom: bool,
    /// Ask the vendor to cache the prompt up to here.
    pub cache: Option<CacheMark>,
}

/// The model's thinking.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reasoning {
    /// The vendor's id of the item, where there is one.
    pub id: Option<String>,
    /// The thinking itself; empty when the vendor hides it.
    pub text: String,
    /// Summaries that the vendor made of it.
    pub summary: Vec<String>,
    /// What must come back for the model to go on thinking: signature, encrypted or redacted content.
    pub opaque: Option<Opaque>,
}

/// What [`Opaque::data`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpaqueKind {
    /// Proves that the visible text is the model's own.
    Signature,
    /// The thinking itself, encrypted, beside a summary or nothing.
    Encrypted,
    /// Thinking withheld by the vendor's safety system, encrypted.
    Redacted,
}

/// State of a model that only its origin can read. It goes back only there, byte for byte, and is dropped
/// (and reported) everywhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    /// The dialect that wrote it.
    pub origin: DialectId,
    /// What it is.
    pub kind: OpaqueKind,
    /// As the vendor wrote it.
    pub data: String,
}

/// What every [`Opaque::seal`]ed text begins with. A body without it holds no sealed state.
pub const SEAL: &str = "llmgw1.";

#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    o: &'a str,
    k: OpaqueKind,
    d: Cow<'a, str>,
}

impl Opaque {
    /// A text that carries this state through a client of another dialect (as its signature or encrypted
    /// content) and back to [`Opaque::unseal`].
    pub fn seal(&self) -> String {
        let sealed = Sealed { o: self.origin.name(), k: self.kind, d: self.data.as_str().into() };
        let json = serde_json::to_vec(&sealed).expect("strings are always valid JSON");
        format!("{SEAL}{}", STANDARD.encode(json))
    }

    /// Reads what [`Opaque::seal`] wrote. `None`: this text is not ours, so it belongs to the client's dialect.
    pub fn unseal(text: &str) -> Option<Self> {
        let json = STANDARD.decode(text.strip_prefix(SEAL)?).ok()?;
        let sealed: Sealed<'_> = serde_json::from_slice(&json).ok()?;
        Some(Self { origin: DialectId::named(sealed.o)?, kind: sealed.k, data: sealed.d.into_owned() })
    }

    /// What a client of dialect `own` sent back in a field of this kind: ours unsealed, anything else its own.
    pub fn from_client(own: DialectId, kind: OpaqueKind, text: &str) -> Self {
        Self::unseal(text).unwrap_or_else(|| Self { origin: own, kind, data: text.to_owned() })
    }

    /// What a client of dialect `own` gets to see: its own state as it is, anything else sealed.
    pub fn for_client(&self, own: DialectId) -> String {
        if self.origin == own { self.data.clone() } else { self.seal() }
    }
}

/// A block of one dialect, kept as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignBlock {
    /// The dialect that wrote it.
    pub origin: DialectId,
    /// The whole block.
    pub raw: RawJson,
}

impl ForeignBlock {
    /// What the block calls itself: its `type`, else the name of its first member. `None` when that is no plain
    /// word: it may be anything that a client wrote.
    pub fn name(&self) -> Option<String> {
        let members: RawObject = self.raw.read().ok()?;
        let kind = members.get("type").and_then(|kind| kind.read::<String>().ok());
        let name = kind.or_else(|| members.iter().next().map(|(name, _)| name.to_owned()))?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        ((1..=64).contains(&name.len()) && name.bytes().all(plain)).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_addresses_become_bytes_and_back() {
        let source = Source::from_url("data:image/png;base64,iVBORw0=");
        assert!(matches!(&source, Source::Base64 { media_type, .. } if media_type == "image/png"));
        assert_eq!(source.to_url().as_deref(), Some("data:image/png;base64,iVBORw0="));
        assert_eq!(Source::from_url("https://a/b.png"), Source::Url("https://a/b.png".to_owned()));
    }

    #[test]
    fn empty_and_null_arguments_are_an_empty_object() {
        for text in ["", "null", " {} "] {
            let call = ToolCall::new("1", "f", text);
            assert_eq!(call.arguments_object().map(|raw| raw.get().to_owned()), Some("{}".to_owned()));
        }
        assert_eq!(ToolCall::new("1", "f", "{\"a\": tr").arguments_object(), None);
        assert_eq!(ToolCall::new("1", "f", "[1]").arguments_object(), None);
    }

    #[test]
    fn a_block_is_called_what_it_calls_itself() {
        let described = |json: &str| {
            let raw = RawJson::parse(json).expect("JSON");
            Part::Unknown(ForeignBlock { origin: DialectId::new("test.origin"), raw })
                .described()
                .into_owned()
        };
        assert_eq!(described(r#"{"text":"x","type":"hologram"}"#), "hologram");
        assert_eq!(described(r#"{"previous_response_id":"resp_1"}"#), "previous_response_id");
        for odd in [r#"{"type":"my long, secret prompt"}"#, "{}", "[1]", r#"{"type":""}"#] {
            assert_eq!(described(odd), "unknown block", "{odd}");
        }
        assert_eq!(Part::text("x").described(), "text");
    }

    #[test]
    fn sealed_state_comes_back_to_its_origin_only() {
        let origin = DialectId::new("seal-test.origin");
        let own = DialectId::new("seal-test.client");
        let state = Opaque { origin, kind: OpaqueKind::Signature, data: "abc\"=".to_owned() };
        let shown = state.for_client(own);
        assert_eq!(Opaque::from_client(own, OpaqueKind::Encrypted, &shown), state);
        assert_eq!(state.for_client(origin), "abc\"=");
        assert_eq!(Opaque::from_client(own, OpaqueKind::Signature, "raw").origin, own);
    }
}
