//! Writing JSON straight into a buffer, members in the order in which they are put.

use llm_core::RawObject;
use serde::Serialize;

/// An object that is being written; its bracket closes when it is dropped.
pub(super) struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> ObjectWriter<'o> {
    /// Opens an object.
    pub(super) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
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
        self.out.extend_from_slice(json);
    }

    /// A member that is an object.
    pub(super) fn object(&mut self, key: &str) -> ObjectWriter<'_> {
        self.key(key);
        ObjectWriter::open(self.out)
    }

    /// A member that is a list.
    pub(super) fn array(&mut self, key: &str) -> ArrayWriter<'_> {
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
            self.out.extend_from_slice(inner);
        }
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
    }

    fn key(&mut self, key: &str) {
        self.comma();
        write(self.out, key);
        self.out.push(b':');
    }
}

impl Drop for ObjectWriter<'_> {
    fn drop(&mut self) {
        self.out.push(b'}');
    }
}

/// A list that is being written; its bracket closes when it is dropped.
pub(super) struct ArrayWriter<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl<'o> ArrayWriter<'o> {
    /// Opens a list.
    pub(super) fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, empty: true }
    }

    /// An element that is JSON already.
    pub(super) fn put_json(&mut self, json: &[u8]) {
        self.comma();
        self.out.extend_from_slice(json);
    }

    /// An element that is an object.
    pub(super) fn object(&mut self) -> ObjectWriter<'_> {
        self.comma();
        ObjectWriter::open(self.out)
    }

    fn comma(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
    }
}

impl Drop for ArrayWriter<'_> {
    fn drop(&mut self) {
        self.out.push(b']');
    }
}

fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
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
