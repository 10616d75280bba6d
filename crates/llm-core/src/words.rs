//! Texts of a conversation: short ones read, long ones kept as the JSON that they came as.
//!
//! A long text comes out of one body and goes into another, and often nobody looks at it on the way. What spells it in
//! the one spells it in the other, whatever the two formats are: so it is copied once, out of the client's body, and
//! the vendor's is written around that copy (see [`crate::wire::BodyWriter`]).

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A text whose spelling is at least this long is kept spelled. Below, reading and writing it costs less than one more
/// piece of a body.
pub(crate) const LONG: usize = 8 * 1024;

/// A text. It is a `str` like any other; one that is still as it was spelled is read when it is first used as such,
/// which [`Words::is_empty`], [`Words::is_blank`], cloning and serializing do not need.
#[derive(Clone)]
pub struct Words(Form);

#[derive(Clone)]
enum Form {
    Read(String),
    Spelled(Arc<Spelled>),
}

/// A JSON string, checked to be one.
struct Spelled {
    json: Box<RawValue>,
    read: OnceLock<String>,
}

impl Spelled {
    fn read(&self) -> &str {
        // What cannot be read is not kept spelled.
        self.read.get_or_init(|| serde_json::from_str(self.json.get()).unwrap_or_default())
    }
}

/// A text to be written: words of a conversation, or anything else that is put in their place.
#[derive(Clone, Debug)]
pub enum Wording<'a> {
    /// Words, written as they were spelled.
    Words(&'a Words),
    /// Any other text.
    Other(Cow<'a, str>),
}

impl Words {
    /// Reads a JSON string.
    ///
    /// # Errors
    /// When the value is something else.
    pub fn of_json(json: &RawValue) -> serde_json::Result<Self> {
        let text = json.get();
        if text.len() < LONG || !text.starts_with('"') || !pairs_are_whole(text) {
            return serde_json::from_str::<String>(text).map(Self::from);
        }
        Ok(Self(Form::Spelled(Arc::new(Spelled { json: json.to_owned(), read: OnceLock::new() }))))
    }

    /// The text as a `str`.
    pub fn as_str(&self) -> &str {
        self
    }

    /// Whether there is no letter.
    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Form::Read(text) => text.is_empty(),
            Form::Spelled(_) => false,
        }
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        if let Form::Spelled(spelled) = &self.0
            && begins_with_a_letter(spelled.json.get())
        {
            return false;
        }
        self.trim().is_empty()
    }

    /// Adds to the end.
    pub fn push_str(&mut self, more: &str) {
        if let Form::Spelled(spelled) = &self.0 {
            self.0 = Form::Read(spelled.read().to_owned());
        }
        if let Form::Read(text) = &mut self.0 {
            text.push_str(more);
        }
    }

    /// The JSON string that spells it, when it was kept.
    pub(crate) fn spelling(&self) -> Option<&str> {
        match &self.0 {
            Form::Read(_) => None,
            Form::Spelled(spelled) => Some(spelled.json.get()),
        }
    }

    /// The same as bytes that share it.
    pub(crate) fn shared_spelling(&self) -> Option<Bytes> {
        struct Owner(Arc<Spelled>);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                self.0.json.get().as_bytes()
            }
        }
        match &self.0 {
            Form::Read(_) => None,
            Form::Spelled(spelled) => Some(Bytes::from_owner(Owner(Arc::clone(spelled)))),
        }
    }
}

/// Whether each half of a UTF-16 pair has its other half: the one thing about a string that a scan of JSON does not
/// check.
fn pairs_are_whole(json: &str) -> bool {
    let bytes = json.as_bytes();
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let escape = at + found;
        at = escape + 2;
        match unit(escape) {
            Some(0xD800..=0xDBFF) if matches!(unit(escape + 6), Some(0xDC00..=0xDFFF)) => at = escape + 12,
            Some(0xD800..=0xDFFF) => return false,
            _ => {}
        }
    }
    true
}

/// Whether what follows the white space at the beginning is sure to be none.
fn begins_with_a_letter(json: &str) -> bool {
    let mut rest = json.trim_start_matches('"').trim_ascii_start();
    while let Some(after) = ["\\n", "\\r", "\\t"].iter().find_map(|escape| rest.strip_prefix(escape)) {
        rest = after.trim_ascii_start();
    }
    rest.starts_with(|letter: char| letter.is_ascii_graphic() && letter != '"') && !rest.starts_with("\\u")
}

impl Deref for Words {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Form::Read(text) => text,
            Form::Spelled(spelled) => spelled.read(),
        }
    }
}

impl Default for Words {
    fn default() -> Self {
        String::new().into()
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self(Form::Read(text))
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Cow<'_, str>> for Words {
    fn from(text: Cow<'_, str>) -> Self {
        text.into_owned().into()
    }
}

impl From<Words> for String {
    fn from(words: Words) -> Self {
        match words.0 {
            Form::Read(text) => text,
            Form::Spelled(spelled) => spelled.read().to_owned(),
        }
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Words {}

impl PartialEq<str> for Words {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Words {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, formatter)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self)
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Form::Read(text) => serializer.serialize_str(text),
            Form::Spelled(spelled) => spelled.json.serialize(serializer),
        }
    }
}

/// Out of JSON only.
impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        Self::of_json(json).map_err(|_| D::Error::custom("expected a string"))
    }
}

impl Wording<'_> {
    /// The JSON string that spells it, when it was kept.
    pub(crate) fn spelling(&self) -> Option<&str> {
        match self {
            Self::Words(words) => words.spelling(),
            Self::Other(_) => None,
        }
    }

    /// Whether there is no letter. Unlike a look at the text, this reads no long one.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Words(words) => words.is_empty(),
            Self::Other(text) => text.is_empty(),
        }
    }

    /// Adds to the end.
    pub fn push_str(&mut self, more: &str) {
        match self {
            Self::Other(text) => text.to_mut().push_str(more),
            Self::Words(words) => *self = [words.as_str(), more].concat().into(),
        }
    }
}

impl Default for Wording<'_> {
    fn default() -> Self {
        "".into()
    }
}

impl Deref for Wording<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Words(words) => words,
            Self::Other(text) => text,
        }
    }
}

impl Serialize for Wording<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Words(words) => words.serialize(serializer),
            Self::Other(text) => serializer.serialize_str(text),
        }
    }
}

impl<'a> From<&'a Words> for Wording<'a> {
    fn from(words: &'a Words) -> Self {
        Self::Words(words)
    }
}

impl<'a> From<&'a str> for Wording<'a> {
    fn from(text: &'a str) -> Self {
        Self::Other(Cow::Borrowed(text))
    }
}

impl From<String> for Wording<'_> {
    fn from(text: String) -> Self {
        Self::Other(Cow::Owned(text))
    }
}

impl<'a> From<Cow<'a, str>> for Wording<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Other(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JSON string that begins with these letters, long enough to be kept.
    fn long(beginning: &str) -> String {
        format!("\"{beginning}{}\"", "x".repeat(LONG))
    }

    fn words(json: &str) -> serde_json::Result<Words> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_long_text_keeps_its_spelling_and_reads_as_what_it_spells() {
        let json = long(r#"\u00fc \"\/\n\ud83d\ude00"#);
        let kept = words(&json).expect("a string");
        assert_eq!(kept.spelling(), Some(&*json));
        assert_eq!(kept.shared_spelling().as_deref(), Some(json.as_bytes()));
        assert_eq!(serde_json::to_string(&kept).expect("a string"), json);
        assert!(kept.starts_with("ü \"/\n😀x"), "{}", &kept[..20]);
        assert_eq!(kept, Words::from(String::from(kept.clone())));
    }

    #[test]
    fn a_short_text_is_read() {
        let short = words(r#""a\nb""#).expect("a string");
        assert_eq!((short.spelling(), &*short), (None, "a\nb"));
        assert_eq!(serde_json::to_string(&short).expect("a string"), r#""a\nb""#);
        assert!(words("7").is_err());
        assert!(words(&format!("[{}]", "1,".repeat(LONG) + "1")).is_err());
    }

    #[test]
    fn half_a_pair_is_refused_in_long_texts_too() {
        for half in [r"\ud83d", r"\ude00", r"\ud83d\u0041", r"\ude00\ud83d", r"\uD83D\n"] {
            assert!(words(&long(half)).is_err(), "{half}");
        }
        let escaped = words(&long(r"\\ud83d")).expect("a backslash and letters");
        assert!(escaped.starts_with(r"\ud83dx"));
    }

    #[test]
    fn a_blank_text_is_found_without_reading_others() {
        for (json, blank) in [
            (long(r" \n\t a"), false),
            (long("\\\""), false),
            (long(r"\u0020\u00a0"), false),
            (long("é"), false),
            (format!("\"{}\"", r"\n ".repeat(LONG)), true),
            (format!("\"{}\"", r"\u3000".repeat(LONG)), true),
            (r#"" \n""#.to_owned(), true),
            (r#""""#.to_owned(), true),
            (r#"" .""#.to_owned(), false),
        ] {
            let words = words(&json).expect("a string");
            assert_eq!(words.is_blank(), blank, "{}", &json[..json.len().min(20)]);
            assert_eq!(words.is_blank(), words.trim().is_empty());
            assert_eq!(words.is_empty(), json == "\"\"");
        }
        let read = |json: &str| match words(json).expect("a string").0 {
            Form::Spelled(spelled) => spelled.read.get().is_some(),
            Form::Read(_) => true,
        };
        assert!(!read(&long("a")));
    }

    #[test]
    fn more_can_be_added() {
        let mut text = words(&long("a")).expect("a string");
        text.push_str("end");
        assert!(text.ends_with("xend") && text.spelling().is_none());
        let mut text = Words::default();
        text.push_str("one");
        assert_eq!(text, "one");
    }
}
