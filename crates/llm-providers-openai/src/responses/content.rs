//! The content of messages and tool results: `input_text`, `input_image`, `input_file`, `output_text`, `refusal`.

use llm_core::message::{CacheMark, Citation, Document, ForeignBlock, Media, Source, Text};
use llm_core::wire::BodyWriter;
use llm_core::{DialectId, Losses, Part, Result, Words};
use serde_json::value::RawValue;

use super::RESPONSES;
use super::fields::{Fault, Fields, raw, read};
use super::write::{ArrayWriter, ObjectWriter, Sink};
use crate::chat::CHAT;

/// Reads a `content`: a text, or a list of parts.
pub(super) fn content(value: &RawValue) -> Result<Vec<Part>, Fault> {
    if let Ok(text) = Words::of_json(value) {
        return Ok(vec![Part::text(text)]);
    }
    let list: Vec<&RawValue> =
        read(value).map_err(|_| Fault::new("", "expected a string or a list of parts"))?;
    let parts = list.into_iter().enumerate();
    parts.map(|(at, value)| part(value).map_err(|fault| fault.within(format_args!("[{at}]")))).collect()
}

/// Reads one part.
pub(super) fn part(value: &RawValue) -> Result<Part, Fault> {
    let mut fields = Fields::parse(value.get())?;
    let part = match fields.required("type")?.as_str() {
        "input_text" | "output_text" | "text" | "summary_text" => Part::Text(text_part(&mut fields)?),
        "refusal" => Part::Refusal(fields.required("refusal")?),
        "input_image" => Part::Image(image(&mut fields)?),
        "input_file" => Part::Document(document(&mut fields)?),
        "input_audio" => Part::Audio(audio(&mut fields)?),
        _ => Part::Unknown(ForeignBlock { origin: RESPONSES, raw: raw(value) }),
    };
    Ok(part)
}

fn text_part(fields: &mut Fields<'_>) -> Result<Text, Fault> {
    let annotations: Vec<&RawValue> = fields.lenient("annotations").unwrap_or_default();
    Ok(Text {
        text: fields.required_words("text")?,
        citations: annotations.into_iter().map(citation).collect(),
        cache: cache_mark(fields),
    })
}

/// `prompt_cache_breakpoint: {"mode":"explicit"}`: how long it lives is said for the whole request.
fn cache_mark(fields: &mut Fields<'_>) -> Option<CacheMark> {
    fields.value("prompt_cache_breakpoint").map(|_| CacheMark::Short)
}

/// Reads an annotation of a text.
pub(super) fn citation(value: &RawValue) -> Citation {
    let mut fields = Fields::parse(value.get()).unwrap_or_default();
    Citation {
        url: fields.lenient("url"),
        title: fields.lenient("title").or_else(|| fields.lenient("filename")),
        cited_text: None,
        start: fields.lenient("start_index"),
        end: fields.lenient("end_index"),
        raw: Some((RESPONSES, raw(value))),
    }
}

fn image(fields: &mut Fields<'_>) -> Result<Media, Fault> {
    let source = match (fields.string("image_url")?, fields.string("file_id")?) {
        (Some(url), _) => Source::from_url(&url),
        (None, Some(id)) => Source::FileId { origin: RESPONSES, id },
        (None, None) => return Err(Fault::new("image_url", "an image needs `image_url` or `file_id`")),
    };
    Ok(Media { detail: fields.string("detail")?, cache: cache_mark(fields), ..Media::new(source) })
}

fn document(fields: &mut Fields<'_>) -> Result<Document, Fault> {
    let sources = (fields.string("file_data")?, fields.string("file_url")?, fields.string("file_id")?);
    let source = match sources {
        (Some(data), _, _) => match Source::from_url(&data) {
            Source::Url(data) => Source::Base64 { media_type: String::new(), data },
            source => source,
        },
        (None, Some(url), _) => Source::Url(url),
        (None, None, Some(id)) => Source::FileId { origin: RESPONSES, id },
        (None, None, None) => {
            let problem = "a file needs `file_data`, `file_url` or `file_id`";
            return Err(Fault::new("file_data", problem));
        }
    };
    let title = fields.string("filename")?;
    Ok(Document { source, title, context: None, citations: None, cache: cache_mark(fields) })
}

fn audio(fields: &mut Fields<'_>) -> Result<Media, Fault> {
    let mut audio =
        fields.object("input_audio")?.ok_or_else(|| Fault::new("input_audio", "this field is required"))?;
    let format = audio.required("format").map_err(|fault| fault.within("input_audio"))?;
    let data = audio.required("data").map_err(|fault| fault.within("input_audio"))?;
    Ok(Media::new(Source::Base64 { media_type: format!("audio/{format}"), data }))
}

/// Whose words a part belongs to: the model's are `output_text`, all others `input_text`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What the model was told.
    Input,
    /// What the model said.
    Output,
}

/// Writes a part of a request's message, or reports it as lost.
///
/// # Errors
/// When the part cannot be expressed and the losses' policy does not allow to leave it out.
pub(super) fn put_part(
    list: &mut ArrayWriter<'_, BodyWriter>,
    part: &Part,
    side: Side,
    cache_marks: bool,
    losses: &mut Losses,
) -> Result<()> {
    match (part, side) {
        (Part::Text(text), Side::Input) => put_input_text(list, text, cache_marks, losses),
        (Part::Text(text), Side::Output) => put_output_text(list, text, None),
        (Part::Refusal(words), Side::Output) => put_refusal(list, words),
        (Part::Image(image), Side::Input) => return put_image(list, image, losses),
        (Part::Document(document), Side::Input) => return put_document(list, document, losses),
        (Part::Audio(audio), Side::Input) => return put_audio(list, audio, losses),
        (Part::Unknown(block), _) if block.origin == RESPONSES => {
            list.put_json(block.raw.get().as_bytes());
        }
        (part, _) => return losses.meaning(part.described()),
    }
    Ok(())
}

fn put_input_text(
    list: &mut ArrayWriter<'_, BodyWriter>,
    text: &Text,
    cache_marks: bool,
    losses: &mut Losses,
) {
    let mut object = list.object();
    object.put("type", "input_text");
    object.put("text", &text.text);
    match text.cache {
        Some(_) if cache_marks => object.object("prompt_cache_breakpoint").put("mode", "explicit"),
        // Vendors of this format cache prompts by themselves.
        Some(_) => losses.foreign_state("cache_control"),
        None => {}
    }
}

/// Writes a text of the model's. `logprobs`: those of its tokens, as JSON.
pub(super) fn put_output_text<S: Sink>(list: &mut ArrayWriter<'_, S>, text: &Text, logprobs: Option<&str>) {
    let mut object = list.object();
    output_text(&mut object, text, logprobs);
}

/// The members of a text of the model's.
pub(super) fn output_text<S: Sink>(object: &mut ObjectWriter<'_, S>, text: &Text, logprobs: Option<&str>) {
    object.put("type", "output_text");
    object.put("text", &text.text);
    {
        let mut annotations = object.array("annotations");
        for citation in &text.citations {
            put_citation(&mut annotations, citation);
        }
    }
    object.put_json("logprobs", logprobs.unwrap_or("[]").as_bytes());
}

/// Writes a refusal.
pub(super) fn put_refusal<S: Sink>(list: &mut ArrayWriter<'_, S>, words: &str) {
    let mut object = list.object();
    object.put("type", "refusal");
    object.put("refusal", words);
}

/// Writes an annotation; a citation of another dialect needs an address to become one.
pub(super) fn put_citation<S: Sink>(list: &mut ArrayWriter<'_, S>, citation: &Citation) -> bool {
    match (&citation.raw, &citation.url) {
        (Some((origin, raw)), _) if *origin == RESPONSES => list.put_json(raw.get().as_bytes()),
        (_, Some(url)) => {
            let mut object = list.object();
            object.put("type", "url_citation");
            object.put("url", url);
            object.put("title", citation.title.as_deref().unwrap_or(""));
            object.put("start_index", &citation.start.unwrap_or(0));
            object.put("end_index", &citation.end.unwrap_or(0));
        }
        _ => return false,
    }
    true
}

/// Both formats of this family name the same files.
fn keeps_files(origin: DialectId) -> bool {
    origin == RESPONSES || origin == CHAT
}

fn put_image(list: &mut ArrayWriter<'_, BodyWriter>, image: &Media, losses: &mut Losses) -> Result<()> {
    let (key, value) = match &image.source {
        Source::FileId { origin, id } if keeps_files(*origin) => ("file_id", id.clone()),
        source => match source.to_url() {
            Some(url) => ("image_url", url),
            None => return losses.meaning("image"),
        },
    };
    let mut object = list.object();
    object.put("type", "input_image");
    object.put(key, &value);
    object.put_some("detail", image.detail.as_deref());
    Ok(())
}

fn put_document(
    list: &mut ArrayWriter<'_, BodyWriter>,
    document: &Document,
    losses: &mut Losses,
) -> Result<()> {
    if document.context.is_some() {
        losses.tuning("document.context")?;
    }
    if document.citations == Some(true) {
        losses.tuning("document.citations")?;
    }
    let (key, value) = match &document.source {
        Source::Text(text) => {
            put_text_document(list, document, text);
            return Ok(());
        }
        Source::Url(url) => ("file_url", url.clone()),
        Source::Base64 { media_type, data } if media_type.is_empty() => ("file_data", data.clone()),
        Source::Base64 { media_type, data } => ("file_data", format!("data:{media_type};base64,{data}")),
        Source::FileId { origin, id } if keeps_files(*origin) => ("file_id", id.clone()),
        Source::FileId { .. } => return losses.meaning("document"),
    };
    let mut object = list.object();
    object.put("type", "input_file");
    // A file in the body must have a name.
    let unnamed = (key == "file_data").then_some("document.pdf");
    object.put_some("filename", document.title.as_deref().or(unnamed));
    object.put(key, &value);
    Ok(())
}

/// Plain text needs no file around it; its title stays in front.
fn put_text_document(list: &mut ArrayWriter<'_, BodyWriter>, document: &Document, text: &str) {
    let mut object = list.object();
    object.put("type", "input_text");
    match &document.title {
        Some(title) => object.put("text", &format!("{title}\n\n{text}")),
        None => object.put("text", text),
    }
}

fn put_audio(list: &mut ArrayWriter<'_, BodyWriter>, audio: &Media, losses: &mut Losses) -> Result<()> {
    let Source::Base64 { media_type, data } = &audio.source else { return losses.meaning("audio") };
    let format = match media_type.as_str() {
        "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
        "audio/mp3" | "audio/mpeg" => "mp3",
        other => match other.strip_prefix("audio/") {
            Some(format) => format,
            None => return losses.meaning("audio"),
        },
    };
    let mut object = list.object();
    object.put("type", "input_audio");
    let mut inner = object.object("input_audio");
    inner.put("data", data);
    inner.put("format", format);
    Ok(())
}
