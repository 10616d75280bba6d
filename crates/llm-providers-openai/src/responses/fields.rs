//! Reading JSON objects member by member, borrowed from the body; what is not asked for stays as it was written.

use std::borrow::Cow;
use std::fmt;

use llm_core::json::complaint;
use llm_core::{Error, RawJson, RawObject, Words};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

/// What is wrong with a value, and where: `input[2].content`.
#[derive(Debug)]
pub(super) struct Fault {
    path: String,
    problem: String,
}

impl Fault {
    /// A problem of a member.
    pub(super) fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }

    /// The same problem seen from the object around it.
    pub(super) fn within(mut self, outer: impl fmt::Display) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{outer}{separator}{}", self.path);
        self
    }

    /// As the mistake of a client.
    pub(super) fn of_client(self) -> Error {
        Error::invalid(format!("invalid `{}`: {}", self.path, self.problem)).with_param(self.path)
    }

    /// As the mistake of a vendor.
    pub(super) fn of_vendor(self) -> Error {
        Error::bad_answer(format!("the vendor's answer has an invalid `{}`: {}", self.path, self.problem))
    }
}

/// An object whose members are taken out one by one. A member that is `null` counts as absent.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(super) fn parse(json: &'a str) -> Result<Self, Fault> {
        if !json.trim_start().starts_with('{') {
            return Err(Fault::new("", "expected an object"));
        }
        serde_json::from_str(json).map_err(|fault| Fault::new("", complaint(&fault)))
    }

    /// Takes a member out, `null` too.
    pub(super) fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }

    /// Takes a member that says something.
    pub(super) fn value(&mut self, key: &str) -> Option<&'a RawValue> {
        self.take(key).filter(|value| value.get() != "null")
    }

    /// Takes a member of a type.
    pub(super) fn read<T: Deserialize<'a>>(&mut self, key: &str) -> Result<Option<T>, Fault> {
        self.value(key).map(|value| read(value).map_err(|fault| fault.within(key))).transpose()
    }

    /// Takes a member of a type; one of another shape counts as absent. For what a vendor says by the way.
    pub(super) fn lenient<T: Deserialize<'a>>(&mut self, key: &str) -> Option<T> {
        self.value(key).and_then(|value| serde_json::from_str(value.get()).ok())
    }

    /// Takes a string.
    pub(super) fn string(&mut self, key: &str) -> Result<Option<String>, Fault> {
        self.read(key)
    }

    /// Takes a string that must be there.
    pub(super) fn required(&mut self, key: &str) -> Result<String, Fault> {
        self.string(key)?.ok_or_else(|| Fault::new(key, "this field is required"))
    }

    /// The same, kept as it is spelled when it is long.
    pub(super) fn required_words(&mut self, key: &str) -> Result<Words, Fault> {
        self.read(key)?.ok_or_else(|| Fault::new(key, "this field is required"))
    }

    /// Takes an object.
    pub(super) fn object(&mut self, key: &str) -> Result<Option<Fields<'a>>, Fault> {
        self.value(key).map(|value| Fields::parse(value.get()).map_err(|fault| fault.within(key))).transpose()
    }

    /// Takes a list.
    pub(super) fn list(&mut self, key: &str) -> Result<Vec<&'a RawValue>, Fault> {
        Ok(self.read(key)?.unwrap_or_default())
    }

    /// What a member says, without taking it out; the empty text when it is no string.
    pub(super) fn peek(&self, key: &str) -> Cow<'a, str> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .and_then(|(_, value)| text(value))
            .unwrap_or(Cow::Borrowed(""))
    }

    /// The strings of a list, without taking it out.
    pub(super) fn peek_list(&self, key: &str) -> Vec<String> {
        let value = self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.get());
        value.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Whether a member is there and not `null`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(name, value)| name == key && value.get() != "null")
    }

    /// What was not taken.
    pub(super) fn rest(self) -> RawObject {
        self.0.into_iter().map(|(key, value)| (key.into_owned(), raw(value))).collect()
    }
}

/// A value read as a type.
pub(super) fn read<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Result<T, Fault> {
    serde_json::from_str(value.get()).map_err(|fault| Fault::new("", complaint(&fault)))
}

/// A string's content, borrowed when it has no escapes.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(value.get()).ok().map(|text| text.0)
}

/// A value to keep.
pub(super) fn raw(value: &RawValue) -> RawJson {
    RawJson::parse(value.get()).unwrap_or_else(|_| RawJson::null())
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<Key<'de>>()? {
                    members.push((key.0, map.next_value()?));
                }
                Ok(Fields(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_taken_once_and_the_rest_keeps_its_spelling() {
        let mut fields = Fields::parse(r#"{"a\n":1.10,"b":null,"c":"x"}"#).expect("valid");
        assert!(!fields.has("b"));
        assert_eq!(fields.string("c").expect("a string").as_deref(), Some("x"));
        assert_eq!(fields.string("c").expect("gone"), None);
        let rest = serde_json::to_string(&fields.rest()).expect("writes");
        assert_eq!(rest, r#"{"a\n":1.10,"b":null}"#);
    }

    #[test]
    fn faults_name_the_way_to_the_value() {
        let mut fields = Fields::parse(r#"{"text":5}"#).expect("valid");
        let fault = fields.string("text").expect_err("a number").within("[1]").within("input");
        let error = fault.of_client();
        assert_eq!(error.param(), Some("input[1].text"));
        assert_eq!(error.message(), "invalid `input[1].text`: invalid type: integer, expected a string");
        assert!(Fields::parse("[]").is_err());
    }
}
