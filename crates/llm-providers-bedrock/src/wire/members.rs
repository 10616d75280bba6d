//! Objects read member by member: unknown members stay, and a wrong one is named by its place.

use std::borrow::Cow;
use std::fmt;

use llm_core::{Error, RawJson, RawObject};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, their values unread. Of a repeated name the last value counts.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// What is not as the format says, and where. The body is never quoted: it may be a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    path: String,
    why: String,
}

impl Malformed {
    pub(crate) fn new(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self { path: path.into(), why: why.into() }
    }

    /// The member is needed and not there.
    pub(crate) fn missing(path: &str) -> Self {
        Self::new(path, "field required")
    }

    /// The same place seen from further outside.
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.path = if self.path.is_empty() { outer.to_string() } else { format!("{outer}.{}", self.path) };
        self
    }

    /// A client's fault.
    pub(crate) fn of_client(self) -> Error {
        let Self { path, why } = self;
        if path.is_empty() {
            return Error::invalid(format!("invalid request body: {why}")).with_param("request_body");
        }
        Error::invalid(format!("invalid `{path}`: {why}")).with_param(path)
    }

    /// A vendor's fault.
    pub(crate) fn of_vendor(self) -> Error {
        let Self { path, why } = self;
        let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        Error::bad_answer(format!("the vendor's answer is not of the Converse format{place}: {why}"))
    }
}

impl<'a> Members<'a> {
    /// Reads a text as an object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(text).map_err(|fault| {
            let place = || format!("not valid JSON at line {} column {}", fault.line(), fault.column());
            let why = if fault.is_data() { "expected an object".to_owned() } else { place() };
            Malformed::new("", why)
        })
    }

    /// A member's value; absent and null give `None`.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// A member read as a type; absent and null give `None`.
    pub(crate) fn read<T: Deserialize<'a>>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Malformed> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let read = serde_json::from_str(raw.get());
        read.map(Some).map_err(|_| Malformed::new(name, format!("expected {expected}")))
    }

    /// A member that is a text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Malformed> {
        self.read(name, "a string")
    }

    /// A member that must be there and be a text.
    pub(crate) fn required_text(&self, name: &str) -> Result<String, Malformed> {
        self.text(name)?.ok_or_else(|| Malformed::missing(name))
    }

    /// A member that is an object.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Members<'a>>, Malformed> {
        self.raw(name).map(|raw| Members::parse(raw.get()).map_err(|fault| fault.within(name))).transpose()
    }

    /// A member that is an array, its elements unread; absent and null give an empty one.
    pub(crate) fn array(&self, name: &str) -> Result<Vec<&'a RawValue>, Malformed> {
        Ok(self.read(name, "an array")?.unwrap_or_default())
    }

    /// The one member of a union: the first that is not null and whose name is none of `ignored`.
    pub(crate) fn variant(&self, ignored: &[&str]) -> Option<(&str, &'a RawValue)> {
        let is = |(name, value): &&(Cow<'a, str>, &'a RawValue)| {
            !ignored.contains(&name.as_ref()) && value.get() != "null"
        };
        self.0.iter().find(is).map(|(name, value)| (name.as_ref(), *value))
    }

    /// The members that are not among the known ones.
    pub(crate) fn rest(&self, known: &[&str]) -> RawObject {
        let unknown = self.0.iter().filter(|(name, _)| !known.contains(&name.as_ref()));
        unknown.filter_map(|(name, value)| Some((name.clone().into_owned(), owned(value)?))).collect()
    }
}

/// A value of its own.
pub(crate) fn owned(raw: &RawValue) -> Option<RawJson> {
    RawJson::parse(raw.get()).ok()
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
                let mut members = Vec::with_capacity(4);
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// A name that is borrowed when its spelling has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_member_is_named_and_not_quoted() {
        let members = Members::parse(r#"{"temperature":"my secret prompt"}"#).expect("an object");
        let fault = members.read::<f64>("temperature", "a number").expect_err("a string");
        let error = fault.within("inferenceConfig").of_client();
        assert_eq!(error.message(), "invalid `inferenceConfig.temperature`: expected a number");
        assert_eq!(
            Members::parse("[1]").expect_err("an array").of_client().message(),
            "invalid request body: expected an object"
        );
    }

    #[test]
    fn a_union_is_its_first_member_with_a_value() {
        let members = Members::parse(r#"{"p":"abc","image":null,"text":"hi"}"#).expect("an object");
        assert_eq!(members.variant(&["p"]).map(|(name, _)| name), Some("text"));
        assert_eq!(members.rest(&["p", "text"]).len(), 1);
    }
}
