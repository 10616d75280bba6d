//! Media types: what the format demands with every picture and file, and what addresses and bytes tell of it.

use llm_core::message::{Document, Media, Source};
use llm_core::{DialectId, Part};

use crate::GENERATE;

/// Addresses that vendors of this format read themselves: of uploaded files, of the cloud's storage, of films.
///
/// After <https://ai.google.dev/gemini-api/docs/file-input-methods>.
pub(crate) fn is_own_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let films = ["youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be"];
    url.starts_with("gs://") || is_uploaded(url) || films.contains(&host)
}

/// Addresses that mean nothing to anybody else.
pub(crate) fn is_uploaded(url: &str) -> bool {
    url.starts_with("gs://") || url.starts_with("https://generativelanguage.googleapis.com/")
}

/// What kind of thing bytes of a media type are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Image,
    Audio,
    Video,
    Document,
}

impl Kind {
    pub(crate) fn of(media_type: &str) -> Self {
        match media_type.split('/').next() {
            Some("image") => Self::Image,
            Some("audio") => Self::Audio,
            Some("video") => Self::Video,
            _ => Self::Document,
        }
    }

    fn usual(self) -> &'static str {
        match self {
            Self::Image => "image/jpeg",
            Self::Audio => "audio/mpeg",
            Self::Video => "video/mp4",
            Self::Document => "application/pdf",
        }
    }

    /// A part of this kind.
    pub(crate) fn part(self, source: Source) -> Part {
        match self {
            Self::Image => Part::Image(Media::new(source)),
            Self::Audio => Part::Audio(Media::new(source)),
            Self::Video => Part::Video(Media::new(source)),
            Self::Document => {
                Part::Document(Document { source, title: None, context: None, citations: None, cache: None })
            }
        }
    }
}

/// Endings of addresses and what they stand for.
const ENDINGS: &[(&str, &str)] = &[
    ("aac", "audio/aac"),
    ("csv", "text/csv"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("m4a", "audio/m4a"),
    ("md", "text/markdown"),
    ("mov", "video/mov"),
    ("mp3", "audio/mp3"),
    ("mp4", "video/mp4"),
    ("mpeg", "video/mpeg"),
    ("ogg", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xml", "text/xml"),
];

/// The media type of what an address leads to: by its ending where that fits, else the usual one of its kind.
pub(crate) fn guessed(url: &str, kind: Kind) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    let ending = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending);
    let known = ENDINGS.iter().find(|(known, _)| ending.is_some_and(|own| own.eq_ignore_ascii_case(known)));
    known.map(|(_, media_type)| *media_type).filter(|found| Kind::of(found) == kind).unwrap_or(kind.usual())
}

/// The media type of base64 by its first letters, for clients that leave it out.
pub(crate) fn sniffed(data: &str) -> Option<&'static str> {
    let signs = [
        ("iVBORw0KGgo", "image/png"),
        ("/9j/", "image/jpeg"),
        ("R0lGOD", "image/gif"),
        ("UklGR", "image/webp"),
        ("JVBERi", "application/pdf"),
        ("SUQz", "audio/mp3"),
        ("T2dnUw", "audio/ogg"),
        ("ZkxhQw", "audio/flac"),
    ];
    signs.into_iter().find(|(sign, _)| data.starts_with(sign)).map(|(_, media_type)| media_type)
}

/// A `fileData` as a source. Of uploaded files only vendors of this format know anything, so the media type stays with
/// the address when it would not be guessed.
pub(crate) fn file(uri: String, media_type: &str) -> (Kind, Source) {
    let media_type = if media_type.is_empty() { any_guess(&uri) } else { media_type };
    let kind = Kind::of(media_type);
    if !is_uploaded(&uri) {
        return (kind, Source::Url(uri));
    }
    let id = if guessed(&uri, kind) == media_type { uri } else { format!("{uri}#{media_type}") };
    (kind, Source::FileId { origin: GENERATE, id })
}

fn any_guess(uri: &str) -> &'static str {
    let found = [Kind::Image, Kind::Audio, Kind::Video, Kind::Document].into_iter();
    let by_ending = found.map(|kind| (kind, guessed(uri, kind))).find(|(kind, found)| *found != kind.usual());
    by_ending.map_or("application/pdf", |(_, found)| found)
}

/// An id of an uploaded file as address and media type; `None` when another vendor has the file.
pub(crate) fn uploaded(origin: DialectId, id: &str, kind: Kind) -> Option<(&str, &str)> {
    if origin != GENERATE && !is_uploaded(id) {
        return None;
    }
    Some(id.split_once('#').unwrap_or_else(|| (id, guessed(id, kind))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_guessed_and_come_back() {
        assert_eq!(guessed("https://a.example/x/300.JPG?hmac=1.png", Kind::Image), "image/jpeg");
        assert_eq!(guessed("https://a.example/x.mp4", Kind::Audio), "audio/mpeg");
        for (uri, media_type) in
            [("gs://b/x.wav", "audio/wav"), ("gs://b/x", "audio/wav"), ("gs://b/x", "text/x")]
        {
            let (kind, source) = file(uri.to_owned(), media_type);
            let Source::FileId { origin, id } = source else { panic!("uploaded") };
            assert_eq!(uploaded(origin, &id, kind), Some((uri, media_type)));
        }
    }

    #[test]
    fn own_addresses_are_known() {
        for own in
            ["gs://b/x", "https://generativelanguage.googleapis.com/v1beta/files/a", "https://youtu.be/x"]
        {
            assert!(is_own_address(own), "{own}");
        }
        for other in
            ["https://a.example/youtube.com", "http://youtu.be/x", "https://youtube.com.evil.example/"]
        {
            assert!(!is_own_address(other), "{other}");
        }
    }
}
