//! Writing JSON straight into a buffer, members in the order in which they are put.

use std::io;

use llm_core::RawObject;
use llm_core::wire::BodyWriter;
use serde::Serialize;

/// What is written into: a buffer, or the body of a request.
pub(super) trait Sink: io::Write {
    /// Adds bytes.
    fn add(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn add(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for BodyWriter {
    fn add(&mut self, bytes: &[u8]) {
        self.extend(bytes);
    }
}

/// An object that is being written; its bracket closes when it is dropped.
pub(super) struct ObjectWriter<'o, S: Sink = Vec<u8>> {
    out: &'o mut S,
    empty: bool,
}

impl<'o, S: Sink> ObjectWriter<'o, S> {
    /// Opens an object.
    pub(super) fn open(out: &'o mut S) -> Self {
        out.add(b"{");
        Self { out, empty: true }
    }

    /// A member.
    pub(super) fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) {
        self.key(key);
        write(self.out, value);
    }

    /// A member, when there is a value.
    pub(super) fn put_some<T: Serialize>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(key, &value);
        }
    }

    /// A member that is JSON already.
    pub(super) fn put_json(&mut self, key: &str, json: &[u8]) {
        self.key(key);
        self.out.add(json);
    }

    /// A member that is an object.
    pub(super) fn object(&mut self, key: &str) -> ObjectWriter<'_, S> {
        self.key(key);
        ObjectWriter::open(self.out)
    }

    /// A member that is a list.
    pub(super) fn array(&mut self, key: &str) -> ArrayWriter<'_, S> {
        self.key(key);
        ArrayWriter::open(self.out)
    }

    /// Members as they were written.
    pub(super) fn members(&mut self, members: &RawObject) {
        for (key, value) in members.iter() {
            self.put_json(key, value.get().as_bytes());
        }
    }

    /// The members of an object that is JSON already.
    pub(super) fn members_of(&mut self, object: &[u8]) {
        let inner = object.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or(b"");
        if !inner.is_empty() {
            self.comma();
            self.out.add(inner);
        }
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.add(b",");
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        write(self.out, key);
        self.out.add(b":");
    }
}

impl<S: Sink> Drop for ObjectWriter<'_, S> {
    fn drop(&mut self) {
        self.out.add(b"}");
    }
}

/// A list that is being written; its bracket closes when it is dropped.
pub(super) struct ArrayWriter<'o, S: Sink = Vec<u8>> {
    out: &'o mut S,
    empty: bool,
}

impl<'o, S: Sink> ArrayWriter<'o, S> {
    /// Opens a list.
    pub(super) fn open(out: &'o mut S) -> Self {
        out.add(b"[");
        Self { out, empty: true }
    }

    /// An element that is JSON already.
    pub(super) fn put_json(&mut self, json: &[u8]) {
        self.comma();
        self.out.add(json);
    }

    /// An element that is an object.
    pub(super) fn object(&mut self) -> ObjectWriter<'_, S> {
        self.comma();
        ObjectWriter::open(self.out)
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.add(b",");
        }
    }
}

impl<S: Sink> Drop for ArrayWriter<'_, S> {
    fn drop(&mut self) {
        self.out.add(b"]");
    }
}

impl ObjectWriter<'_, BodyWriter> {
    /// A member that was written apart.
    pub(super) fn put_part(&mut self, key: &str, part: BodyWriter) {
        self.key(key);
        self.out.append(part);
    }
}

impl ArrayWriter<'_, BodyWriter> {
    /// A writer for something in the list that may come to nothing.
    pub(super) fn part(&self) -> BodyWriter {
        self.out.part()
    }
}

fn write<T: Serialize + ?Sized>(out: &mut impl Sink, value: &T) {
    serde_json::to_writer(out, value).expect("strings, numbers and JSON texts can always be written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_close_themselves() {
        let mut out = Vec::new();
        {
            let mut object = ObjectWriter::open(&mut out);
            object.put("a", "x\"");
            object.put_some("none", None::<u64>);
            {
                let mut list = object.array("list");
                list.put_json(b"1");
                list.object().put("b", &true);
            }
            object.object("empty");
        }
        assert_eq!(out, br#"{"a":"x\"","list":[1,{"b":true}],"empty":{}}"#);
    }
}
