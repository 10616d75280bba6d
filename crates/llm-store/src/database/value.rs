//! What stands in a column.

use std::sync::Arc;

use super::DatabaseError;

/// What stands in a column, or in place of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number; also money (nano-dollars), time (microseconds since 1970) and truth (0 and 1).
    Integer(i64),
    /// A number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Integer(i64::from(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(i64::from(number))
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Integer(i64::from(truth))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What can be read from a column.
pub trait FromValue<'a>: Sized {
    /// What it is called in an error.
    const NAME: &'static str;

    /// The value, when it is of this kind.
    fn from_value(value: &'a Value) -> Option<Self>;
}

impl<'a> FromValue<'a> for i64 {
    const NAME: &'static str = "a whole number";

    fn from_value(value: &'a Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

impl<'a> FromValue<'a> for bool {
    const NAME: &'static str = "0 or 1";

    fn from_value(value: &'a Value) -> Option<Self> {
        match value {
            Value::Integer(0) => Some(false),
            Value::Integer(1) => Some(true),
            _ => None,
        }
    }
}

impl<'a> FromValue<'a> for f64 {
    const NAME: &'static str = "a number";

    fn from_value(value: &'a Value) -> Option<Self> {
        match value {
            Value::Real(number) => Some(*number),
            // SQLite gives whole numbers back as such.
            Value::Integer(number) => Some(*number as Self),
            _ => None,
        }
    }
}

impl<'a> FromValue<'a> for &'a str {
    const NAME: &'static str = "text";

    fn from_value(value: &'a Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'a> FromValue<'a> for &'a [u8] {
    const NAME: &'static str = "bytes";

    fn from_value(value: &'a Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl<'a> FromValue<'a> for String {
    const NAME: &'static str = "text";

    fn from_value(value: &'a Value) -> Option<Self> {
        <&str>::from_value(value).map(str::to_owned)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    const NAME: &'static str = T::NAME;

    fn from_value(value: &'a Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// One row of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(crate) fn new(columns: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The values, in the order in which they were asked for.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// What stands in a column.
    ///
    /// # Errors
    /// When there is no such column, or something else stands in it.
    pub fn get<'a, T: FromValue<'a>>(&'a self, column: &str) -> Result<T, DatabaseError> {
        let place = self.columns.iter().position(|name| name == column);
        let value = place.and_then(|place| self.values.get(place));
        let value =
            value.ok_or_else(|| DatabaseError::statement(format!("there is no column `{column}`")))?;
        T::from_value(value)
            .ok_or_else(|| DatabaseError::statement(format!("the column `{column}` is not {}", T::NAME)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_by_name_and_kind() {
        let columns: Arc<[String]> = ["id".to_owned(), "spent".to_owned(), "team".to_owned()].into();
        let row = Row::new(columns, vec![Value::from("k1"), Value::from(5), Value::Null]);
        assert_eq!(row.get::<&str>("id").expect("text"), "k1");
        assert_eq!(row.get::<i64>("spent").expect("a number"), 5);
        assert_eq!(row.get::<Option<String>>("team").expect("nothing"), None);
        let message = row.get::<i64>("id").expect_err("text is no number").to_string();
        assert!(message.contains("`id`") && !message.contains("k1"), "{message}");
        assert!(row.get::<i64>("other").is_err());
    }
}
