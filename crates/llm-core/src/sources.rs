//! Every place of a request where bytes come from, tool results included, and what bytes are by their beginning.

use crate::message::{Part, Source};
use crate::request::ChatRequest;

impl ChatRequest {
    /// The sources of pictures, sounds, films and documents, in order.
    pub fn sources(&self) -> Vec<&Source> {
        let mut found = Vec::new();
        for message in &self.messages {
            collect(&message.parts, &mut found);
        }
        found
    }

    /// The same, to be changed.
    pub fn sources_mut(&mut self) -> Vec<&mut Source> {
        let mut found = Vec::new();
        for message in &mut self.messages {
            collect_mut(&mut message.parts, &mut found);
        }
        found
    }
}

fn collect<'a>(parts: &'a [Part], found: &mut Vec<&'a Source>) {
    for part in parts {
        match part {
            Part::Image(media) | Part::Audio(media) | Part::Video(media) => found.push(&media.source),
            Part::Document(document) => found.push(&document.source),
            Part::ToolResult(result) => collect(&result.content, found),
            _ => {}
        }
    }
}

fn collect_mut<'a>(parts: &'a mut [Part], found: &mut Vec<&'a mut Source>) {
    for part in parts {
        match part {
            Part::Image(media) | Part::Audio(media) | Part::Video(media) => found.push(&mut media.source),
            Part::Document(document) => found.push(&mut document.source),
            Part::ToolResult(result) => collect_mut(&mut result.content, found),
            _ => {}
        }
    }
}

/// The media type of well-known formats by their first bytes; servers often say nothing, or something wrong.
pub fn media_type_of(bytes: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, mark: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(mark));
    let known: [(bool, &str); 10] = [
        (at(0, b"\x89PNG\r\n\x1a\n"), "image/png"),
        (at(0, b"\xff\xd8\xff"), "image/jpeg"),
        (at(0, b"GIF87a") || at(0, b"GIF89a"), "image/gif"),
        (at(0, b"RIFF") && at(8, b"WEBP"), "image/webp"),
        (at(4, b"ftypheic") || at(4, b"ftypmif1"), "image/heic"),
        (at(0, b"%PDF-"), "application/pdf"),
        (at(0, b"RIFF") && at(8, b"WAVE"), "audio/wav"),
        (at(0, b"ID3") || at(0, b"\xff\xfb"), "audio/mpeg"),
        (at(0, b"OggS"), "audio/ogg"),
        (at(4, b"ftyp"), "video/mp4"),
    ];
    known.iter().find(|(is, _)| *is).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Document, Media, Message, Role, ToolResult};

    #[test]
    fn sources_are_found_in_tool_results_too() {
        let image = |url: &str| Part::Image(Media::new(Source::Url(url.to_owned())));
        let result = ToolResult {
            call_id: "1".to_owned(),
            name: None,
            content: vec![Part::text("x"), image("b")],
            is_error: None,
            custom: false,
            cache: None,
        };
        let document = Document {
            source: Source::Url("c".to_owned()),
            title: None,
            context: None,
            citations: None,
            cache: None,
        };
        let parts = vec![image("a"), Part::ToolResult(result), Part::Document(document)];
        let message = Message { parts, ..Message::text(Role::User, "") };
        let mut request = ChatRequest { messages: vec![message], ..ChatRequest::default() };
        let urls: Vec<String> = request.sources().into_iter().filter_map(Source::to_url).collect();
        assert_eq!(urls, ["a", "b", "c"]);
        assert_eq!(request.sources_mut().len(), 3);
    }

    #[test]
    fn formats_are_known_by_their_beginning() {
        assert_eq!(media_type_of(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(media_type_of(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(media_type_of(b"%PDF-1.7"), Some("application/pdf"));
        assert_eq!(media_type_of(b"<html>"), None);
        assert_eq!(media_type_of(b""), None);
    }
}
