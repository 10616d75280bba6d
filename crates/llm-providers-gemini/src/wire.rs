//! How objects of the format are read and written.

mod members;

use llm_core::{RawJson, RawObject};
use serde::Serialize;

pub(crate) use members::{Malformed, Members, camel};

/// An object written member by member.
#[derive(Debug)]
pub(crate) struct ObjectWriter {
    out: Vec<u8>,
}

impl ObjectWriter {
    pub(crate) fn new() -> Self {
        Self { out: Vec::from(b"{") }
    }

    /// Adds a member. What this crate writes can always be written as JSON.
    pub(crate) fn member<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> &mut Self {
        if !self.is_empty() {
            self.out.push(b',');
        }
        serde_json::to_writer(&mut self.out, key).expect("a string is always valid JSON");
        self.out.push(b':');
        serde_json::to_writer(&mut self.out, value).expect("structs with string keys are always valid JSON");
        self
    }

    /// Adds a member where there is something to say.
    pub(crate) fn optional<T: Serialize + ?Sized>(&mut self, key: &str, value: Option<&T>) -> &mut Self {
        if let Some(value) = value {
            self.member(key, value);
        }
        self
    }

    /// Adds all members of an object.
    pub(crate) fn members(&mut self, object: &RawObject) -> &mut Self {
        for (key, value) in object.iter() {
            self.member(key, value);
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.out.len() == 1
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }

    pub(crate) fn finish_json(self) -> RawJson {
        let text = String::from_utf8(self.finish()).expect("JSON is UTF-8");
        RawJson::parse(text).expect("the writer writes valid JSON")
    }
}

/// An object with one member.
pub(crate) fn union<T: Serialize + ?Sized>(key: &str, value: &T) -> RawJson {
    let mut object = ObjectWriter::new();
    object.member(key, value);
    object.finish_json()
}

/// Any value of this crate's as JSON.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> RawJson {
    RawJson::of(value).expect("structs with string keys are always valid JSON")
}
