//! Values of many rows, one behind the other, as they are inserted: no text has memory of its own.

use std::ops::Range;

use super::Value;

/// Values one behind the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    places: Vec<Place>,
    texts: String,
    bytes: Vec<u8>,
}

/// Where a value is.
#[derive(Clone, Debug)]
enum Place {
    Null,
    Integer(i64),
    Real(f64),
    Text(usize, usize),
    Bytes(usize, usize),
}

/// One of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Given<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Value {
    /// The same, borrowed.
    pub(crate) fn given(&self) -> Given<'_> {
        match self {
            Self::Null => Given::Null,
            Self::Integer(number) => Given::Integer(*number),
            Self::Real(number) => Given::Real(*number),
            Self::Text(text) => Given::Text(text),
            Self::Bytes(bytes) => Given::Bytes(bytes),
        }
    }
}

impl Values {
    /// With room for so many.
    pub(crate) fn with_capacity(values: usize) -> Self {
        Self { places: Vec::with_capacity(values), ..Self::default() }
    }

    /// With room for so many, and for so many bytes of texts and so many others.
    pub(crate) fn with_room(values: usize, texts: usize, bytes: usize) -> Self {
        Self {
            places: Vec::with_capacity(values),
            texts: String::with_capacity(texts),
            bytes: Vec::with_capacity(bytes),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn number(&mut self, number: impl Into<i64>) {
        self.places.push(Place::Integer(number.into()));
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.places.push(Place::Text(self.texts.len(), self.texts.len() + text.len()));
        self.texts.push_str(text);
    }

    pub(crate) fn null(&mut self) {
        self.places.push(Place::Null);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.places.push(Place::Bytes(self.bytes.len(), self.bytes.len() + bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn push(&mut self, value: &Value) {
        match value.given() {
            Given::Null => self.null(),
            Given::Integer(number) => self.number(number),
            Given::Real(number) => self.places.push(Place::Real(number)),
            Given::Text(text) => self.text(text),
            Given::Bytes(bytes) => self.bytes(bytes),
        }
    }

    /// The value at a place.
    pub(crate) fn get(&self, place: usize) -> Option<Given<'_>> {
        Some(match self.places.get(place)? {
            Place::Null => Given::Null,
            Place::Integer(number) => Given::Integer(*number),
            Place::Real(number) => Given::Real(*number),
            Place::Text(from, to) => Given::Text(self.texts.get(*from..*to)?),
            Place::Bytes(from, to) => Given::Bytes(self.bytes.get(*from..*to)?),
        })
    }

    /// Some of them, each by itself.
    pub(crate) fn some(&self, places: Range<usize>) -> Vec<Value> {
        let one = |given| match given {
            Given::Null => Value::Null,
            Given::Integer(number) => Value::Integer(number),
            Given::Real(number) => Value::Real(number),
            Given::Text(text) => Value::from(text),
            Given::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
        };
        places.filter_map(|place| self.get(place)).map(one).collect()
    }
}

impl<'a> FromIterator<&'a Value> for Values {
    fn from_iter<I: IntoIterator<Item = &'a Value>>(values: I) -> Self {
        let mut all = Self::default();
        values.into_iter().for_each(|value| all.push(value));
        all
    }
}

impl From<Vec<Value>> for Values {
    fn from(values: Vec<Value>) -> Self {
        values.iter().collect()
    }
}
