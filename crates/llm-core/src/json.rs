//! JSON kept as the text it came as: order of keys, big integers and spelling of numbers survive.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A JSON object of these members.
///
/// Not by `collect`, whose sorting would be compiled anew for each kind of iterator, six kilobytes each time.
pub fn object_of(members: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut object = Map::new();
    object.extend(members);
    object
}

/// A map of these pairs, put in one by one: as [`object_of`] is to an object.
pub fn map_of<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}

/// The same of pairs of which one may be wrong.
///
/// # Errors
/// The first one.
pub fn try_map_of<K: Ord, V, E>(
    pairs: impl IntoIterator<Item = Result<(K, V), E>>,
) -> Result<BTreeMap<K, V>, E> {
    let mut map = BTreeMap::new();
    for pair in pairs {
        let (key, value) = pair?;
        map.insert(key, value);
    }
    Ok(map)
}

/// One JSON value as text, checked to be valid JSON, never re-formatted: only its line breaks become blanks, since a
/// value may have to stand in one line of a stream.
#[derive(Clone)]
pub struct RawJson(Box<RawValue>);

impl RawJson {
    /// Takes a text over.
    ///
    /// # Errors
    /// When the text is not one JSON value.
    pub fn parse(text: impl Into<String>) -> serde_json::Result<Self> {
        RawValue::from_string(text.into()).map(Self::on_one_line)
    }

    /// Line breaks stand between tokens only: inside strings JSON has them escaped.
    fn on_one_line(raw: Box<RawValue>) -> Self {
        if memchr::memchr2(b'\n', b'\r', raw.get().as_bytes()).is_none() {
            return Self(raw);
        }
        let text = raw.get().replace(['\n', '\r'], " ");
        Self(RawValue::from_string(text).unwrap_or(raw))
    }

    /// Any serialisable value as JSON text.
    ///
    /// # Errors
    /// When the value cannot be written as JSON (a map with keys that are no strings).
    pub fn of<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// A JSON string with this content.
    pub fn string(text: &str) -> Self {
        Self::of(text).expect("a string is always valid JSON")
    }

    /// The literal `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// The text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Whether the value is the literal `null`.
    pub fn is_null(&self) -> bool {
        self.get() == "null"
    }

    /// Reads the value as a type.
    ///
    /// # Errors
    /// When the value has another shape.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(self.get())
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for RawJson {}

/// Shows the size only: JSON from a request may be a prompt.
impl fmt::Debug for RawJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawJson({} bytes)", self.get().len())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::on_one_line)
    }
}

/// What is wrong with a JSON text, without the value that is complained about: it may be a prompt. The position is
/// left out too where the text is a part of something larger.
pub fn complaint(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    if !fault.is_data() {
        return text;
    }
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let quotes = ["invalid type: ", "invalid value: ", "unknown variant ", "unknown field "];
    if !quotes.iter().any(|beginning| text.starts_with(beginning)) {
        return text.to_owned();
    }
    // The value stands in quotes before the last `expected`: whatever it holds, the end is serde's own.
    let what = text.split(['"', '`']).next().unwrap_or_default().trim_end();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("{what}, expected {expected}"),
        None => what.to_owned(),
    }
}

/// A JSON object whose members stay in order and unparsed. A repeated key is kept as often as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawObject(Vec<(String, RawJson)>);

impl RawObject {
    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of a member, the last one when the key repeats.
    pub fn get(&self, key: &str) -> Option<&RawJson> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Adds a member at the end, or replaces the value of the one with this key.
    pub fn insert(&mut self, key: impl Into<String>, value: RawJson) {
        let key = key.into();
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, key: &str) -> Option<RawJson> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl FromIterator<(String, RawJson)> for RawObject {
    fn from_iter<I: IntoIterator<Item = (String, RawJson)>>(members: I) -> Self {
        Self(members.into_iter().collect())
    }
}

impl IntoIterator for RawObject {
    type Item = (String, RawJson);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for RawObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawObject;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(RawObject(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Where a piece that was borrowed from a text stands in it; `None` for any other piece.
pub fn place(text: &str, piece: &str) -> Option<Range<usize>> {
    let start = (piece.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let range = start..start.checked_add(piece.len())?;
    (range.end <= text.len()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_on_one_line() {
        let raw = RawJson::parse("{\n  \"a\": \"x\\ny\",\r\n\t\"b\": 1.50\n}").expect("JSON");
        assert_eq!(raw.get(), "{   \"a\": \"x\\ny\",  \t\"b\": 1.50 }");
        let list: Vec<RawJson> = serde_json::from_str("[{\n},1]").expect("JSON");
        assert_eq!(list.iter().map(RawJson::get).collect::<Vec<_>>(), ["{ }", "1"]);
    }

    #[test]
    fn order_and_big_numbers_survive() {
        let text = r#"{"z":18446744073709551615,"a":1.10,"m":{"y":1,"b":2}}"#;
        let object: RawObject = serde_json::from_str(text).expect("valid");
        assert_eq!(serde_json::to_string(&object).expect("writes"), text);
    }

    #[test]
    fn debug_output_shows_no_content() {
        let value = RawJson::string("a secret prompt");
        assert_eq!(format!("{value:?}"), "RawJson(17 bytes)");
    }

    #[test]
    fn insert_replaces_in_place_and_remove_takes_out() {
        let mut object: RawObject = serde_json::from_str(r#"{"a":1,"b":2}"#).expect("valid");
        object.insert("a", RawJson::null());
        assert!(object.get("a").is_some_and(RawJson::is_null));
        assert_eq!(object.remove("b").map(|value| value.get().to_owned()), Some("2".to_owned()));
        assert_eq!(object.len(), 1);
    }

    #[test]
    fn a_complaint_does_not_repeat_the_value() {
        #[derive(Deserialize, Debug)]
        struct Shape {
            #[expect(dead_code, reason = "only read")]
            word: Word,
        }
        #[derive(Deserialize, Debug)]
        #[serde(rename_all = "lowercase")]
        enum Word {
            One,
        }
        let complaint_of = |json: &str| complaint(&serde_json::from_str::<Shape>(json).expect_err("wrong"));
        assert_eq!(complaint_of(r#"{"word":"my \", expected secret"}"#), "unknown variant, expected `one`");
        assert_eq!(complaint_of(r#""secret""#), "invalid type: string, expected struct Shape");
        assert_eq!(complaint_of("{}"), "missing field `word`");
        assert_eq!(complaint_of("{"), "EOF while parsing an object at line 1 column 1");
        let number = serde_json::from_str::<u64>(r#""`secret`, expected x""#).expect_err("a string");
        assert_eq!(complaint(&number), "invalid type: string, expected u64");
    }

    #[test]
    fn only_a_borrowed_piece_has_a_place() {
        let text = String::from("{\"a\":12}");
        assert_eq!(place(&text, &text[5..7]), Some(5..7));
        assert_eq!(place(&text[..3], &text[5..7]), None);
        assert_eq!(place(&text[3..], &text[..2]), None);
    }
}
