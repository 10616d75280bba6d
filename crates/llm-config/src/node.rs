//! A configuration file as a tree in which every key and value knows its place and its spelling.

use llm_core::{RawJson, RawObject};

use crate::report::Place;

mod read;

pub(crate) use read::read;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: Place,
}

/// A value as it was written: numbers keep their digits, so that prices never pass through floats.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    /// With its spelling, for a key such as `on` that is meant as text.
    Bool(bool, String),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Place,
    pub(crate) value: Node,
}

impl Node {
    pub(crate) fn text_at(text: impl Into<String>, at: &Place) -> Self {
        Self { value: Value::Text(text.into()), at: at.clone() }
    }

    /// The text of a scalar as it was written.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Bool(_, text) | Value::Number(text) | Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A list's elements; any other value is a list of itself, nothing an empty one.
    pub(crate) fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(list) => list,
            Value::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// The value of a key; one that is null counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let found = self.entries().iter().find(|entry| entry.key == key)?;
        (!found.value.is_null()).then_some(&found.value)
    }

    /// The value at the end of a path of keys.
    pub(crate) fn at_path(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| node.get(key))
    }

    /// What it is, in words for an error.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(..) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Takes another file's content in: lists grow, maps merge, and for anything else what is here wins.
    pub(crate) fn merge(&mut self, other: Self) {
        match (&mut self.value, other.value) {
            (Value::List(here), Value::List(more)) => here.extend(more),
            (Value::Map(here), Value::Map(more)) => {
                for entry in more {
                    match here.iter_mut().find(|known| known.key == entry.key) {
                        Some(known) => known.value.merge(entry.value),
                        None => here.push(entry),
                    }
                }
            }
            (Value::Null, value) => *self = Self { value, at: other.at },
            _ => {}
        }
    }

    /// As JSON text, numbers spelt as they were where JSON can spell them so.
    pub(crate) fn json(&self) -> RawJson {
        match &self.value {
            Value::Null => RawJson::null(),
            Value::Bool(value, _) => RawJson::of(value).expect("a bool is always valid JSON"),
            Value::Number(text) => RawJson::parse(text.as_str()).unwrap_or_else(|_| RawJson::string(text)),
            Value::Text(text) => RawJson::string(text),
            Value::List(list) => {
                let list: Vec<RawJson> = list.iter().map(Self::json).collect();
                RawJson::of(&list).expect("a list of JSON values is one")
            }
            Value::Map(_) => RawJson::of(&self.json_object()).expect("keys are texts"),
        }
    }

    /// The members of a map as JSON.
    pub(crate) fn json_object(&self) -> RawObject {
        self.entries().iter().map(|entry| (entry.key.clone(), entry.value.json())).collect()
    }
}
