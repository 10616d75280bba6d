//! JSON objects written member by member, for dialects. Reading them is in [`crate::members`].

use serde::Serialize;

use crate::json::{RawJson, RawObject};
use crate::request::ChatRequest;
use crate::wire::{BodyWriter, WireBody};
use crate::words::Wording;

/// An object being written. What dialects write can always be written as JSON: strings, numbers, JSON texts, and
/// structs and lists of them.
#[derive(Debug)]
pub struct ObjectWriter {
    out: BodyWriter,
    empty: bool,
}

impl Default for ObjectWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl ObjectWriter {
    /// An object in one piece.
    pub fn new() -> Self {
        Self::open(BodyWriter::default())
    }

    /// An object that says this request: its long texts are shared with it.
    pub fn of(request: &ChatRequest) -> Self {
        Self::open(BodyWriter::of(request))
    }

    fn open(mut out: BodyWriter) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Adds a member.
    ///
    /// # Panics
    /// On a value that JSON has no words for (a map whose keys are no strings).
    pub fn member<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> &mut Self {
        self.key(key);
        serde_json::to_writer(&mut self.out, value).expect("structs with string keys are always valid JSON");
        self
    }

    /// Adds a member that says these texts in one, one after the other.
    ///
    /// # Panics
    /// Never: a text can always be written.
    pub fn string(&mut self, key: &str, texts: &[Wording<'_>]) -> &mut Self {
        self.key(key);
        self.out.string(texts).expect("texts are always valid JSON");
        self
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        serde_json::to_writer(&mut self.out, key).expect("a string is always valid JSON");
        self.out.push(b':');
    }

    /// Adds a member when there is a value.
    pub fn optional<T: Serialize + ?Sized>(&mut self, key: &str, value: Option<&T>) -> &mut Self {
        match value {
            Some(value) => self.member(key, value),
            None => self,
        }
    }

    /// Adds all members of an object.
    pub fn members(&mut self, object: &RawObject) -> &mut Self {
        for (key, value) in object.iter() {
            self.member(key, value);
        }
        self
    }

    /// Adds all members of an object; one with this key whose value is null keeps the place of these texts.
    pub fn members_around(&mut self, object: &RawObject, key: &str, texts: &[Wording<'_>]) -> &mut Self {
        for (name, value) in object.iter() {
            if name == key && value.is_null() {
                self.string(name, texts);
            } else {
                self.member(name, value);
            }
        }
        self
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// The object as a body.
    pub fn finish_body(mut self) -> WireBody {
        self.out.push(b'}');
        self.out.finish()
    }

    /// The object in one piece.
    pub fn finish(&mut self) -> Vec<u8> {
        self.out.push(b'}');
        std::mem::take(&mut self.out).finish_joined()
    }

    /// The object as a value of another one.
    pub fn json(&mut self) -> RawJson {
        let text = String::from_utf8(self.finish()).expect("JSON is UTF-8");
        RawJson::parse(text).expect("the writer writes valid JSON")
    }
}

/// An object with one member.
pub fn object_of<T: Serialize + ?Sized>(key: &str, value: &T) -> RawJson {
    ObjectWriter::new().member(key, value).json()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_the_order_in_which_they_are_added() {
        let mut object = ObjectWriter::new();
        assert!(object.is_empty());
        object.member("b", "x\"").optional::<u64>("none", None).optional("a", Some(&1.5));
        object.members(&serde_json::from_str(r#"{"z":[1],"y":null}"#).expect("an object"));
        assert!(!object.is_empty());
        assert_eq!(object.finish(), br#"{"b":"x\"","a":1.5,"z":[1],"y":null}"#);
        assert_eq!(
            ObjectWriter::new().string("k", &["a\"".into(), "b".into()]).string("l", &[]).finish(),
            br#"{"k":"a\"b","l":""}"#
        );
        let around = serde_json::from_str(r#"{"b":null,"a":null,"c":"d"}"#).expect("an object");
        assert_eq!(
            ObjectWriter::new().members_around(&around, "a", &["x".into()]).finish(),
            br#"{"b":null,"a":"x","c":"d"}"#
        );
        assert_eq!(object_of("k", &object_of("v", "x")).get(), r#"{"k":{"v":"x"}}"#);
        assert_eq!(ObjectWriter::new().finish_body().joined(), "{}");
    }
}
