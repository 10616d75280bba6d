//! Conditions of a statement with their parameters.

use std::fmt::Display;

use crate::database::Value;

/// Conditions that must all hold.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    texts: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Conditions {
    /// The place of a value among the parameters.
    pub(super) fn place(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// A column compared with a value: `>=`, `=` …
    pub(super) fn compare(&mut self, column: impl Display, how: &str, value: impl Into<Value>) {
        let place = self.place(value);
        self.texts.push(format!("{column} {how} {place}"));
    }

    /// As [`Self::compare`], where there is a value.
    pub(super) fn compare_some(&mut self, column: impl Display, how: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.compare(column, how, value);
        }
    }

    /// A column that is one of these; of none at all, nothing is.
    pub(super) fn one_of(&mut self, column: impl Display, texts: &[String]) {
        if let [text] = texts {
            return self.compare(column, "=", &**text);
        }
        let places = self.places(texts);
        self.texts.push(match places.is_empty() {
            true => "1 = 0".to_owned(),
            false => format!("{column} IN ({places})"),
        });
    }

    /// The places of several values, with commas between.
    pub(super) fn places(&mut self, texts: &[String]) -> String {
        texts.iter().map(|text| self.place(&**text)).collect::<Vec<_>>().join(", ")
    }

    /// Whatever else must hold.
    pub(super) fn add(&mut self, text: String) {
        self.texts.push(text);
    }

    /// How many there are.
    pub(super) fn texts(&self) -> usize {
        self.texts.len()
    }

    /// Takes away those from the given one on; their values stay.
    pub(super) fn split_off(&mut self, first: usize) -> Vec<String> {
        self.texts.split_off(first)
    }

    /// `WHERE …`, or nothing.
    pub(super) fn text(&self) -> String {
        if self.texts.is_empty() { String::new() } else { format!("WHERE {}", self.texts.join(" AND ")) }
    }
}
