//! Objects read member by member, so that unknown members stay and a wrong one is named.

use std::borrow::Cow;
use std::fmt;

use llm_core::{Error, RawJson, RawObject};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, values unread. A repeated key counts as it came last.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A place in a body that is not what the format says. It never quotes the body, which may be a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    path: String,
    why: String,
}

impl Malformed {
    pub(crate) fn new(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self { path: path.into(), why: why.into() }
    }

    /// The same place seen from further outside.
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.path = if self.path.is_empty() { outer.to_string() } else { format!("{outer}.{}", self.path) };
        self
    }

    /// As the fault of a client.
    pub(crate) fn of_client(self) -> Error {
        if self.path.is_empty() {
            return Error::invalid(format!("invalid request body: {}", self.why)).with_param("request_body");
        }
        Error::invalid(format!("invalid `{}`: {}", self.path, self.why)).with_param(self.path)
    }

    /// As the fault of a vendor.
    pub(crate) fn of_vendor(self) -> Error {
        let Self { path, why } = self;
        let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        Error::bad_answer(format!("the vendor's answer is not of the Messages format{place}: {why}"))
    }
}

impl<'a> Members<'a> {
    /// Reads a text as an object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(text).map_err(|fault| {
            let why = if fault.is_data() { "expected an object".to_owned() } else { place(&fault) };
            Malformed::new("", why)
        })
    }

    /// A member's value; absent and null give `None`.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// A member read as a type; absent and null give `None`.
    pub(crate) fn read<T: Deserialize<'a>>(&self, key: &str, expected: &str) -> Result<Option<T>, Malformed> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| Malformed::new(key, format!("expected {expected}")))
    }

    /// A member that is a text.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, Malformed> {
        self.read(key, "a string")
    }

    /// A member that must be there and be a text.
    pub(crate) fn required_text(&self, key: &str) -> Result<String, Malformed> {
        self.text(key)?.ok_or_else(|| Malformed::new(key, "field required"))
    }

    /// A member that is an object.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Members<'a>>, Malformed> {
        self.raw(key).map(|raw| Members::parse(raw.get()).map_err(|fault| fault.within(key))).transpose()
    }

    /// A member that is an array, elements unread. Absent and null give an empty one.
    pub(crate) fn array(&self, key: &str) -> Result<Vec<&'a RawValue>, Malformed> {
        Ok(self.read(key, "an array")?.unwrap_or_default())
    }

    /// The members that are not among the known ones, null ones included.
    pub(crate) fn rest(&self, known: &[&str]) -> RawObject {
        let unknown = self.0.iter().filter(|(key, _)| !known.contains(&key.as_ref()));
        unknown.filter_map(|(key, value)| Some((key.clone().into_owned(), owned(value)?))).collect()
    }
}

/// A value of its own.
pub(crate) fn owned(raw: &RawValue) -> Option<RawJson> {
    RawJson::parse(raw.get()).ok()
}

/// Where a text stops being JSON; the words of the parser could quote it.
fn place(fault: &serde_json::Error) -> String {
    format!("not valid JSON at line {} column {}", fault.line(), fault.column())
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A key that is borrowed when its spelling has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_member_is_named_and_not_quoted() {
        let members = Members::parse(r#"{"temperature":"my secret prompt"}"#).expect("an object");
        let fault = members.read::<f64>("temperature", "a number").expect_err("a string");
        let error = fault.within("outer").of_client();
        assert_eq!(error.message(), "invalid `outer.temperature`: expected a number");
        assert_eq!(error.param(), Some("outer.temperature"));
    }

    #[test]
    fn broken_json_is_placed_and_not_quoted() {
        let fault = Members::parse("{\"a\": my secret").expect_err("broken");
        assert_eq!(fault.of_client().message(), "invalid request body: not valid JSON at line 1 column 7");
        assert_eq!(
            Members::parse("[1]").expect_err("an array").of_vendor().message(),
            "the vendor's answer is not of the Messages format: expected an object"
        );
    }

    #[test]
    fn unknown_members_stay_in_order() {
        let members = Members::parse(r#"{"b":1,"known":2,"a":null}"#).expect("an object");
        let rest = members.rest(&["known"]);
        assert_eq!(rest.iter().map(|(key, _)| key.to_owned()).collect::<Vec<_>>(), ["b", "a"]);
        assert!(members.raw("a").is_none());
    }
}
