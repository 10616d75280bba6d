//! Content parts, read and written.

use std::borrow::Cow;

use llm_core::message::{CacheMark, Document, ForeignBlock, Media, Reasoning, Source, Text};
use llm_core::{Losses, Part, RawJson, Result};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, de};
use serde_json::value::RawValue;

use super::CHAT;
use super::fields::{self, Fields, Object};
use crate::quirks::{PartName, Quirks};

/// The `content` of a message.
#[derive(Debug, Default)]
pub(super) enum Content<'de> {
    #[default]
    None,
    Text(Cow<'de, str>),
    Parts(Vec<Part>),
}

impl Content<'_> {
    /// The parts; an empty text is none.
    pub(super) fn into_parts(self) -> Vec<Part> {
        match self {
            Self::None => Vec::new(),
            Self::Text(text) if text.is_empty() => Vec::new(),
            Self::Text(text) => vec![Part::text(text)],
            Self::Parts(parts) => parts,
        }
    }
}

impl<'de> Deserialize<'de> for Content<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Content<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a string or a list of content parts")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Content::None)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(raw) = items.next_element::<&'de RawValue>()? {
                    read_part(raw, &mut parts).map_err(de::Error::custom)?;
                }
                Ok(Content::Parts(parts))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[derive(Default)]
struct WirePart<'de> {
    kind: Option<Cow<'de, str>>,
    text: Option<Cow<'de, str>>,
    image: Option<Address<'de>>,
    video: Option<Address<'de>>,
    audio: Option<AudioData<'de>>,
    file: Option<File<'de>>,
    thinking: Option<&'de RawValue>,
    cache: Option<CacheMark>,
}

impl<'de> Fields<'de> for WirePart<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "type" => self.kind = fields::filled(map)?,
            "text" | "refusal" => {
                self.text = map.next_value::<Option<fields::Text<'de>>>()?.map(|text| text.0);
            }
            "image_url" => self.image = map.next_value()?,
            "video_url" => self.video = map.next_value()?,
            "input_audio" => self.audio = map.next_value()?,
            "file" => self.file = fields::object(map)?,
            "thinking" => self.thinking = map.next_value()?,
            "cache_control" => self.cache = fields::object::<WireCache, A>(map)?.map(|cache| cache.mark()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn read_part(raw: &RawValue, out: &mut Vec<Part>) -> serde_json::Result<()> {
    if raw.get().starts_with('"') {
        out.push(Part::text(fields::text_of(raw).unwrap_or_default()));
        return Ok(());
    }
    let Object(part): Object<WirePart<'_>> = serde_json::from_str(raw.get())?;
    let cache = part.cache;
    let media = |address: Address<'_>| Media {
        source: Source::from_url(&address.url),
        detail: address.detail.map(Cow::into_owned),
        transcript: None,
        id: None,
        cache,
    };
    let read = match part.kind.as_deref().unwrap_or("text") {
        "text" | "input_text" | "output_text" => {
            part.text.map(|text| Part::Text(Text { cache, ..Text::new(text) }))
        }
        "image_url" => part.image.map(media).map(Part::Image),
        "video_url" => part.video.map(media).map(Part::Video),
        "input_audio" => part.audio.map(|audio| Part::Audio(audio.media(cache))),
        "file" => part.file.and_then(|file| file.document(cache)).map(Part::Document),
        "refusal" => part.text.map(|text| Part::Refusal(text.into_owned())),
        "thinking" => part
            .thinking
            .map(thinking_text)
            .map(|text| Part::Reasoning(Reasoning { text: text.into_owned(), ..Reasoning::default() })),
        _ => None,
    };
    let kept = || Ok(Part::Unknown(ForeignBlock { origin: CHAT, raw: RawJson::parse(raw.get())? }));
    out.push(read.map_or_else(kept, Ok)?);
    Ok(())
}

/// Thinking inside content: a text, or a list of text parts.
fn thinking_text(raw: &RawValue) -> Cow<'_, str> {
    if !raw.get().starts_with('[') {
        return fields::text_of(raw).unwrap_or_default();
    }
    let parts: fields::List<WirePart<'_>> = serde_json::from_str(raw.get()).unwrap_or_default();
    Cow::Owned(parts.0.into_iter().filter_map(|part| part.text).collect())
}

/// An address as an object with `url`, or bare.
#[derive(Default)]
struct Address<'de> {
    url: Cow<'de, str>,
    detail: Option<Cow<'de, str>>,
}

impl<'de> Fields<'de> for Address<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "url" => self.url = map.next_value::<fields::Text<'de>>()?.0,
            "detail" => self.detail = fields::filled(map)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Deserialize<'de> for Address<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        match bare(raw) {
            Some(url) => Ok(Self { url, detail: None }),
            None => from_object(raw),
        }
    }
}

/// Sound as an object with `data` and `format`, or bare.
#[derive(Default)]
struct AudioData<'de> {
    data: Cow<'de, str>,
    format: Option<Cow<'de, str>>,
}

impl<'de> Fields<'de> for AudioData<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "data" => self.data = map.next_value::<fields::Text<'de>>()?.0,
            "format" => self.format = fields::filled(map)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Deserialize<'de> for AudioData<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        match bare(raw) {
            Some(data) => Ok(Self { data, format: None }),
            None => from_object(raw),
        }
    }
}

impl AudioData<'_> {
    fn media(&self, cache: Option<CacheMark>) -> Media {
        let source = match &self.format {
            Some(format) => {
                Source::Base64 { media_type: audio_type(format), data: self.data.clone().into_owned() }
            }
            None if self.data.starts_with("http") || self.data.starts_with("data:") => {
                Source::from_url(&self.data)
            }
            None => Source::Base64 { media_type: String::new(), data: self.data.clone().into_owned() },
        };
        Media { cache, ..Media::new(source) }
    }
}

fn bare(raw: &RawValue) -> Option<Cow<'_, str>> {
    raw.get().starts_with('"').then(|| fields::text_of(raw)).flatten()
}

fn from_object<'de, T: Fields<'de>, E: de::Error>(raw: &'de RawValue) -> Result<T, E> {
    serde_json::from_str::<Object<T>>(raw.get()).map(|object| object.0).map_err(E::custom)
}

/// The format's short word for a kind of sound, as a media type.
fn audio_type(format: &str) -> String {
    match format {
        "mp3" => "audio/mpeg".to_owned(),
        other => format!("audio/{other}"),
    }
}

fn audio_format(media_type: &str) -> &str {
    match media_type {
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/x-wav" | "audio/wave" | "audio/vnd.wave" | "" => "wav",
        "audio/x-m4a" | "audio/mp4" => "m4a",
        other => other.strip_prefix("audio/").unwrap_or(other),
    }
}

#[derive(Default)]
struct File<'de> {
    id: Option<Cow<'de, str>>,
    data: Option<Cow<'de, str>>,
    name: Option<Cow<'de, str>>,
}

impl<'de> Fields<'de> for File<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "file_id" => self.id = fields::filled(map)?,
            "file_data" => self.data = fields::filled(map)?,
            "filename" => self.name = fields::filled(map)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl File<'_> {
    fn document(self, cache: Option<CacheMark>) -> Option<Document> {
        let source = match (self.data, self.id) {
            (Some(data), _) if data.starts_with("http") || data.starts_with("data:") => {
                Source::from_url(&data)
            }
            (Some(data), _) => Source::Base64 { media_type: String::new(), data: data.into_owned() },
            (None, Some(id)) if id.starts_with("http") => Source::Url(id.into_owned()),
            (None, Some(id)) => Source::FileId { origin: CHAT, id: id.into_owned() },
            (None, None) => return None,
        };
        let title = self.name.map(Cow::into_owned);
        Some(Document { source, title, context: None, citations: None, cache })
    }
}

/// `cache_control: {"type": "ephemeral", "ttl": "1h"}`.
#[derive(Default)]
pub(super) struct WireCache {
    hour: bool,
}

impl<'de> Fields<'de> for WireCache {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        if key == "ttl" {
            self.hour = fields::lenient(map)?.as_deref() == Some("1h");
        }
        Ok(key == "ttl")
    }
}

impl WireCache {
    pub(super) fn mark(&self) -> CacheMark {
        if self.hour { CacheMark::Hour } else { CacheMark::Short }
    }
}

/// A cache mark, written.
#[derive(Clone, Copy, Serialize)]
pub(super) struct ShownCache {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl ShownCache {
    pub(super) fn of(mark: CacheMark) -> Self {
        Self { r#type: "ephemeral", ttl: (mark == CacheMark::Hour).then_some("1h") }
    }
}

/// A content part, written.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ShownPart<'a> {
    Text {
        r#type: &'static str,
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<ShownCache>,
    },
    Image {
        r#type: &'static str,
        image_url: ShownAddress<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<ShownCache>,
    },
    Video {
        r#type: &'static str,
        video_url: ShownAddress<'a>,
    },
    Audio {
        r#type: &'static str,
        input_audio: ShownAudio<'a>,
    },
    PlainAudio {
        r#type: &'static str,
        input_audio: &'a str,
    },
    File {
        r#type: &'static str,
        file: ShownFile<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<ShownCache>,
    },
    Thinking {
        r#type: &'static str,
        thinking: [ShownThought<'a>; 1],
    },
    Raw(&'a RawJson),
}

#[derive(Serialize)]
pub(super) struct ShownThought<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
pub(super) struct ShownAddress<'a> {
    url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct ShownAudio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Serialize)]
pub(super) struct ShownFile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}

impl<'a> ShownPart<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text { r#type: "text", text: text.into(), cache_control: None }
    }

    pub(super) fn thinking(text: &'a str) -> Self {
        Self::Thinking { r#type: "thinking", thinking: [ShownThought { r#type: "text", text }] }
    }

    pub(super) fn image(media: &'a Media) -> Option<Self> {
        let image_url = ShownAddress { url: media.source.to_url()?.into(), detail: media.detail.as_deref() };
        Some(Self::Image { r#type: "image_url", image_url, cache_control: None })
    }

    /// The text, when the part is nothing else: such content may be written as a string.
    pub(super) fn plain(&self) -> Option<&str> {
        match self {
            Self::Text { text, cache_control: None, .. } => Some(text),
            _ => None,
        }
    }
}

/// Writes content parts of requests after a vendor's quirks.
pub(super) struct PartWriter<'q> {
    pub(super) quirks: &'q Quirks,
}

impl PartWriter<'_> {
    /// What may stand in `content`; `None`: the part has its place elsewhere, or is lost (and reported).
    pub(super) fn write<'a>(&self, part: &'a Part, losses: &mut Losses) -> Result<Option<ShownPart<'a>>> {
        Ok(match part {
            Part::Text(text) => self.text(text, losses),
            Part::Image(media) => self.image(media, losses)?,
            Part::Audio(media) => self.audio(media, losses)?,
            Part::Video(media) => self.video(media, losses)?,
            Part::Document(document) => self.document(document, losses)?,
            Part::Refusal(text) => Some(ShownPart::text(text)),
            Part::Unknown(block) | Part::ServerTool(block) if block.origin == CHAT => {
                Some(ShownPart::Raw(&block.raw))
            }
            // What a vendor's own tool did is state of that vendor; the answer drawn from it stands beside it.
            Part::ServerTool(_) => {
                losses.foreign_state("server_tools");
                None
            }
            Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_) => None,
            other => {
                losses.meaning(other.kind_name())?;
                None
            }
        })
    }

    fn text<'a>(&self, text: &'a Text, losses: &mut Losses) -> Option<ShownPart<'a>> {
        if !text.citations.is_empty() {
            losses.foreign_state("citations");
        }
        let cache_control = self.cache(text.cache, losses);
        Some(ShownPart::Text { r#type: "text", text: Cow::Borrowed(&text.text), cache_control })
    }

    fn image<'a>(&self, media: &'a Media, losses: &mut Losses) -> Result<Option<ShownPart<'a>>> {
        let part = if self.refuses(PartName::Image) { None } else { ShownPart::image(media) };
        let Some(ShownPart::Image { r#type, image_url, .. }) = part else {
            losses.meaning("image")?;
            return Ok(None);
        };
        Ok(Some(ShownPart::Image { r#type, image_url, cache_control: self.cache(media.cache, losses) }))
    }

    fn video<'a>(&self, media: &'a Media, losses: &mut Losses) -> Result<Option<ShownPart<'a>>> {
        match media.source.to_url() {
            Some(url) if !self.refuses(PartName::Video) => {
                let video_url = ShownAddress { url: url.into(), detail: media.detail.as_deref() };
                Ok(Some(ShownPart::Video { r#type: "video_url", video_url }))
            }
            _ => losses.meaning("video").map(|()| None),
        }
    }

    fn audio<'a>(&self, media: &'a Media, losses: &mut Losses) -> Result<Option<ShownPart<'a>>> {
        match &media.source {
            Source::Base64 { media_type, data } if !self.refuses(PartName::Audio) => {
                Ok(Some(if self.quirks.plain_audio {
                    ShownPart::PlainAudio { r#type: "input_audio", input_audio: data }
                } else {
                    let input_audio = ShownAudio { data, format: audio_format(media_type) };
                    ShownPart::Audio { r#type: "input_audio", input_audio }
                }))
            }
            Source::Url(url) if self.quirks.plain_audio => {
                Ok(Some(ShownPart::PlainAudio { r#type: "input_audio", input_audio: url }))
            }
            _ => losses.meaning("audio").map(|()| None),
        }
    }

    fn document<'a>(&self, document: &'a Document, losses: &mut Losses) -> Result<Option<ShownPart<'a>>> {
        if document.citations == Some(true) {
            losses.tuning("citations")?;
        }
        let cache_control = self.cache(document.cache, losses);
        if let Source::Text(text) = &document.source {
            losses.approximated("document", "text")?;
            let heading = [document.title.as_deref(), document.context.as_deref()];
            let lines: Vec<&str> = heading.into_iter().flatten().chain([text.as_str()]).collect();
            return Ok(Some(ShownPart::Text {
                r#type: "text",
                text: lines.join("\n").into(),
                cache_control,
            }));
        }
        if document.context.is_some() {
            losses.tuning("document.context")?;
        }
        let filename = document.title.as_deref();
        let file = match &document.source {
            _ if self.refuses(PartName::File) => None,
            Source::FileId { origin, id } if *origin == CHAT => {
                Some(ShownFile { filename, file_data: None, file_id: Some(id) })
            }
            Source::Base64 { media_type, data } => {
                let filename = filename.or(Some("document.pdf"));
                // Bare base64 came without a type and goes on so.
                let url = if media_type.is_empty() { Some(data.clone()) } else { document.source.to_url() };
                Some(ShownFile { filename, file_data: url, file_id: None })
            }
            Source::Url(url) if self.quirks.file_urls => {
                Some(ShownFile { filename, file_data: Some(url.clone()), file_id: None })
            }
            _ => None,
        };
        if file.is_none() {
            losses.meaning("document")?;
        }
        Ok(file.map(|file| ShownPart::File { r#type: "file", file, cache_control }))
    }

    fn refuses(&self, part: PartName) -> bool {
        self.quirks.refused_parts.contains(&part)
    }

    pub(super) fn cache(&self, mark: Option<CacheMark>, losses: &mut Losses) -> Option<ShownCache> {
        let mark = mark?;
        if self.quirks.cache_control {
            return Some(ShownCache::of(mark));
        }
        losses.foreign_state("cache_control");
        None
    }
}
