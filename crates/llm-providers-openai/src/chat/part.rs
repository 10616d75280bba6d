//! Content parts, read. Writing them is in [`write`].

mod write;

use std::borrow::Cow;

use llm_core::message::{CacheMark, Document, ForeignBlock, Media, Reasoning, Source, Text};
use llm_core::{Part, RawJson, Words};
use serde::de::{self, Deserialize, Deserializer, Error as _, MapAccess};
use serde_json::value::RawValue;

use super::CHAT;
use super::fields::{self, Fields, Object};

pub(super) use self::write::{PartWriter, ShownCache, ShownPart};

/// The `content` of a message.
#[derive(Debug, Default)]
pub(super) enum Content {
    #[default]
    None,
    Text(Words),
    Parts(Vec<Part>),
}

impl Content {
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

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        match raw.get().as_bytes().first() {
            Some(b'"') => Words::of_json(raw).map(Self::Text),
            Some(b'[') => serde_json::from_str(raw.get()).and_then(Self::of_list),
            Some(b'n') => Ok(Self::None),
            _ => Err(de::Error::custom("expected a string or a list of content parts")),
        }
        .map_err(D::Error::custom)
    }
}

impl Content {
    fn of_list(list: Vec<&RawValue>) -> serde_json::Result<Self> {
        let mut parts = Vec::with_capacity(list.len());
        list.into_iter().try_for_each(|raw| read_part(raw, &mut parts))?;
        Ok(Self::Parts(parts))
    }
}

#[derive(Default)]
struct WirePart<'de> {
    kind: Option<Cow<'de, str>>,
    text: Option<Words>,
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
            "text" | "refusal" => self.text = map.next_value()?,
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
        out.push(Part::text(Words::of_json(raw)?));
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
        "refusal" => part.text.map(|text| Part::Refusal(text.into())),
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
    Cow::Owned(parts.0.into_iter().filter_map(|part| part.text).map(String::from).collect())
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
