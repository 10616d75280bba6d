//! Content parts, written.

use std::borrow::Cow;

use llm_core::message::{CacheMark, Document, Media, Source, Text};
use llm_core::{Losses, Part, RawJson, Result, Wording};
use serde::Serialize;

use crate::chat::CHAT;
use crate::quirks::{PartName, Quirks};

/// A cache mark, written.
#[derive(Clone, Copy, Serialize)]
pub(in crate::chat) struct ShownCache {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl ShownCache {
    pub(in crate::chat) fn of(mark: CacheMark) -> Self {
        Self { r#type: "ephemeral", ttl: (mark == CacheMark::Hour).then_some("1h") }
    }
}

/// A content part, written.
#[derive(Serialize)]
#[serde(untagged)]
pub(in crate::chat) enum ShownPart<'a> {
    Text {
        r#type: &'static str,
        text: Wording<'a>,
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
pub(in crate::chat) struct ShownThought<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
pub(in crate::chat) struct ShownAddress<'a> {
    url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
pub(in crate::chat) struct ShownAudio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Serialize)]
pub(in crate::chat) struct ShownFile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}

impl<'a> ShownPart<'a> {
    pub(in crate::chat) fn text(text: impl Into<Wording<'a>>) -> Self {
        Self::Text { r#type: "text", text: text.into(), cache_control: None }
    }

    pub(in crate::chat) fn thinking(text: &'a str) -> Self {
        Self::Thinking { r#type: "thinking", thinking: [ShownThought { r#type: "text", text }] }
    }

    pub(in crate::chat) fn image(media: &'a Media) -> Option<Self> {
        let image_url = ShownAddress { url: media.source.to_url()?.into(), detail: media.detail.as_deref() };
        Some(Self::Image { r#type: "image_url", image_url, cache_control: None })
    }

    /// The text, when the part is nothing else: such content may be written as a string.
    pub(in crate::chat) fn plain(&self) -> Option<&str> {
        match self {
            Self::Text { text, cache_control: None, .. } => Some(text),
            _ => None,
        }
    }
}

/// Writes content parts of requests after a vendor's quirks.
pub(in crate::chat) struct PartWriter<'q> {
    pub(in crate::chat) quirks: &'q Quirks,
}

impl PartWriter<'_> {
    /// What may stand in `content`; `None`: the part has its place elsewhere, or is lost (and reported).
    pub(in crate::chat) fn write<'a>(
        &self,
        part: &'a Part,
        losses: &mut Losses,
    ) -> Result<Option<ShownPart<'a>>> {
        Ok(match part {
            Part::Text(text) => self.text(text, losses),
            Part::Image(media) => self.image(media, losses)?,
            Part::Audio(media) => self.audio(media, losses)?,
            Part::Video(media) => self.video(media, losses)?,
            Part::Document(document) => self.document(document, losses)?,
            Part::Refusal(text) => Some(ShownPart::text(text.as_str())),
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
                losses.meaning(other.described())?;
                None
            }
        })
    }

    fn text<'a>(&self, text: &'a Text, losses: &mut Losses) -> Option<ShownPart<'a>> {
        if !text.citations.is_empty() {
            losses.foreign_state("citations");
        }
        let cache_control = self.cache(text.cache, losses);
        Some(ShownPart::Text { r#type: "text", text: (&text.text).into(), cache_control })
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

    pub(in crate::chat) fn cache(&self, mark: Option<CacheMark>, losses: &mut Losses) -> Option<ShownCache> {
        let mark = mark?;
        if self.quirks.cache_control {
            return Some(ShownCache::of(mark));
        }
        losses.foreign_state("cache_control");
        None
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
