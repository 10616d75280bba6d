//! The format's words for kinds of content, and their media types. Of several words for a type the first is written;
//! of several types for a word the first is told.

/// A word and its media type.
type Row = (&'static str, &'static str);

/// `ImageFormat`.
pub(crate) const IMAGES: &[Row] = &[
    ("png", "image/png"),
    ("jpeg", "image/jpeg"),
    ("jpeg", "image/jpg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
];

/// `VideoFormat`.
pub(crate) const VIDEOS: &[Row] = &[
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("mkv", "video/matroska"),
    ("webm", "video/webm"),
    ("flv", "video/x-flv"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("wmv", "video/x-ms-wmv"),
    ("three_gp", "video/3gpp"),
];

/// `AudioFormat`.
pub(crate) const SOUNDS: &[Row] = &[
    ("wav", "audio/wav"),
    ("wav", "audio/x-wav"),
    ("mp3", "audio/mpeg"),
    ("mp3", "audio/mp3"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/opus"),
    ("flac", "audio/flac"),
    ("aac", "audio/aac"),
    ("x-aac", "audio/x-aac"),
    ("m4a", "audio/x-m4a"),
    ("m4a", "audio/m4a"),
    ("mp4", "audio/mp4"),
    ("webm", "audio/webm"),
    ("mka", "audio/x-matroska"),
    ("pcm", "audio/pcm"),
    ("pcm", "audio/L16"),
    ("mpga", "audio/mpga"),
];

/// `DocumentFormat`.
pub(crate) const DOCUMENTS: &[Row] = &[
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("html", "text/html"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("txt", "application/json"),
    ("txt", "application/xml"),
    ("txt", "text/xml"),
];

/// The word for a media type; its parameters do not count.
pub(crate) fn word(table: &[Row], media_type: &str) -> Option<&'static str> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let found = table.iter().find(|(_, known)| known.eq_ignore_ascii_case(essence));
    found.map(|(word, _)| *word)
}

/// The media type of a word.
pub(crate) fn media_type(table: &[Row], word: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == word).map(|(_, media_type)| *media_type)
}

/// The word that a file's name ends with.
pub(crate) fn of_name(table: &[Row], name: &str) -> Option<&'static str> {
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    let ending = if ending == "jpg" { "jpeg" } else { &ending };
    table.iter().find(|(known, _)| *known == ending).map(|(word, _)| *word)
}
