//! JSON objects read member by member, for dialects: unknown members stay, and a wrong one is named by its place.

use std::borrow::Cow;
use std::fmt;

use crate::error::Error;
use crate::json::{RawJson, RawObject};
use crate::words::Words;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, values unread. A repeated key counts as it came last.
#[derive(Debug, Default)]
pub struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A place in a body that is not what the format says. It never quotes the body, which may be a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    path: String,
    why: String,
}

impl Malformed {
    /// What is wrong, and where seen from here; an empty path is the value itself.
    pub fn new(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self { path: path.into(), why: why.into() }
    }

    /// The member is needed and not there.
    pub fn missing(path: &str) -> Self {
        Self::new(path, "field required")
    }

    /// The same place seen from further outside.
    pub fn within(mut self, outer: impl fmt::Display) -> Self {
        self.path = if self.path.is_empty() { outer.to_string() } else { format!("{outer}.{}", self.path) };
        self
    }

    /// As the fault of a client.
    pub fn of_client(self) -> Error {
        if self.path.is_empty() {
            return Error::invalid(format!("invalid request body: {}", self.why)).with_param("request_body");
        }
        Error::invalid(format!("invalid `{}`: {}", self.path, self.why)).with_param(self.path)
    }

    /// As the fault of a vendor.
    pub fn of_vendor(self) -> Error {
        let Self { path, why } = self;
        let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        Error::bad_answer(format!("the vendor's answer is not of its format{place}: {why}"))
    }
}

impl<'a> Members<'a> {
    /// Reads a text as an object.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(text).map_err(|fault| {
            let why = if fault.is_data() { "expected an object".to_owned() } else { place(&fault) };
            Malformed::new("", why)
        })
    }

    /// A member's value; absent and null give `None`.
    pub fn raw(&self, key: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// A member read as a type; absent and null give `None`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read<T: Deserialize<'a>>(&self, key: &str, expected: &str) -> Result<Option<T>, Malformed> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| Malformed::new(key, format!("expected {expected}")))
    }

    /// A member that is a text.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&self, key: &str) -> Result<Option<String>, Malformed> {
        self.read(key, "a string")
    }

    /// A member that must be there and be a text.
    ///
    /// # Errors
    /// When it is something else.
    pub fn required_text(&self, key: &str) -> Result<String, Malformed> {
        self.text(key)?.ok_or_else(|| Malformed::missing(key))
    }

    /// The same, kept as it is spelled when it is long.
    ///
    /// # Errors
    /// When it is something else.
    pub fn required_words(&self, key: &str) -> Result<Words, Malformed> {
        self.read(key, "a string")?.ok_or_else(|| Malformed::missing(key))
    }

    /// A member that is an object.
    ///
    /// # Errors
    /// When it is something else.
    pub fn object(&self, key: &str) -> Result<Option<Members<'a>>, Malformed> {
        self.raw(key).map(|raw| Members::parse(raw.get()).map_err(|fault| fault.within(key))).transpose()
    }

    /// A member that is an array, elements unread. Absent and null give an empty one.
    ///
    /// # Errors
    /// When it is something else.
    pub fn array(&self, key: &str) -> Result<Vec<&'a RawValue>, Malformed> {
        Ok(self.read(key, "an array")?.unwrap_or_default())
    }

    /// A member that is an array of objects, read in one pass, which counts where they are long. Absent and null give
    /// an empty one.
    ///
    /// # Errors
    /// When it is something else.
    pub fn objects(&self, key: &str) -> Result<Vec<Members<'a>>, Malformed> {
        let Some(raw) = self.raw(key) else { return Ok(Vec::new()) };
        if let Ok(objects) = serde_json::from_str(raw.get()) {
            return Ok(objects);
        }
        // Again, to tell which one is none.
        let elements = self.array(key)?.into_iter().enumerate();
        elements
            .map(|(at, raw)| Members::parse(raw.get()).map_err(|fault| fault.within(at).within(key)))
            .collect()
    }

    /// The one member of a union: the first that is not null and whose name is none of `ignored`.
    pub fn variant(&self, ignored: &[&str]) -> Option<(&str, &'a RawValue)> {
        let is = |(name, value): &&(Cow<'a, str>, &'a RawValue)| {
            !ignored.contains(&name.as_ref()) && value.get() != "null"
        };
        self.0.iter().find(is).map(|(name, value)| (name.as_ref(), *value))
    }

    /// The members that are not among the known ones, null ones included.
    pub fn rest(&self, known: &[&str]) -> RawObject {
        let unknown = self.0.iter().filter(|(key, _)| !known.contains(&key.as_ref()));
        unknown.filter_map(|(key, value)| Some((key.clone().into_owned(), owned(value)?))).collect()
    }
}

/// A value of its own.
pub fn owned(raw: &RawValue) -> Option<RawJson> {
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
    fn a_list_of_objects_names_the_one_that_is_none() {
        let members =
            Members::parse(r#"{"a":[{"b":1},{"b":"c"}],"d":[{},[]],"e":{},"f":null}"#).expect("an object");
        let list = members.objects("a").expect("objects");
        assert_eq!(list.len(), 2);
        assert_eq!(list.get(1).and_then(|object| object.text("b").ok()?).as_deref(), Some("c"));
        assert_eq!(members.objects("d").expect_err("a list"), Malformed::new("d.1", "expected an object"));
        assert_eq!(members.objects("e").expect_err("an object"), Malformed::new("e", "expected an array"));
        assert!(members.objects("f").is_ok_and(|none| none.is_empty()));
    }

    #[test]
    fn broken_json_is_placed_and_not_quoted() {
        let fault = Members::parse("{\"a\": my secret").expect_err("broken");
        assert_eq!(fault.of_client().message(), "invalid request body: not valid JSON at line 1 column 7");
        assert_eq!(
            Members::parse("[1]").expect_err("an array").of_vendor().message(),
            "the vendor's answer is not of its format: expected an object"
        );
    }

    #[test]
    fn a_union_is_its_first_member_with_a_value() {
        let members = Members::parse(r#"{"p":"abc","image":null,"text":"hi"}"#).expect("an object");
        assert_eq!(members.variant(&["p"]).map(|(name, _)| name), Some("text"));
        assert_eq!(members.rest(&["p", "text"]).len(), 1);
    }

    #[test]
    fn unknown_members_stay_in_order() {
        let members = Members::parse(r#"{"b":1,"known":2,"a":null}"#).expect("an object");
        let rest = members.rest(&["known"]);
        assert_eq!(rest.iter().map(|(key, _)| key.to_owned()).collect::<Vec<_>>(), ["b", "a"]);
        assert!(members.raw("a").is_none());
    }
}
