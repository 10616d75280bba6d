//! Objects read member by member, so that unknown members stay and a wrong one is named.

use std::borrow::Cow;
use std::fmt;

use llm_core::RawObject;
use llm_core::envelope::is_gateway_field;
pub(crate) use llm_core::members::{Malformed, owned};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, values unread. The format allows every name in two spellings, `maxOutputTokens` and
/// `max_output_tokens`; here they are all in the first. A repeated key counts as it came last.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads a text as an object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        serde_json::from_str(text).map_err(|fault: serde_json::Error| {
            let why = match fault.is_data() {
                true => "expected an object".to_owned(),
                // The words of the parser could quote the text.
                false => format!("not valid JSON at line {} column {}", fault.line(), fault.column()),
            };
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

    /// A whole number, also one that is written as a text or with `.0`, as the JSON form of protocol buffers allows.
    pub(crate) fn count(&self, key: &str) -> Result<Option<u64>, Malformed> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        let text = raw.get().trim_matches('"');
        let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|digit| digit == b'0'));
        let number = whole.map_or(text, |(whole, _)| whole).parse();
        number.map(Some).map_err(|_| Malformed::new(key, "expected a whole number"))
    }

    /// A member that is a text.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, Malformed> {
        self.read(key, "a string")
    }

    /// A member that is the name or the number of a value of an enumeration, as a text.
    pub(crate) fn word(&self, key: &str) -> Option<String> {
        let raw = self.raw(key)?.get();
        serde_json::from_str(raw).ok().or_else(|| raw.parse::<u32>().ok().map(|number| number.to_string()))
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

    /// The members that are not null, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value)).filter(|(_, value)| value.get() != "null")
    }

    /// The members that are not among the known ones. Null is the same as absent in this format.
    pub(crate) fn rest(&self, known: &[&str]) -> RawObject {
        let unknown = self.iter().filter(|(key, _)| !known.contains(key));
        unknown.filter_map(|(key, value)| Some((key.to_owned(), owned(value)?))).collect()
    }
}

/// A name in its one spelling: `max_output_tokens` is `maxOutputTokens`.
pub(crate) fn camel(name: Cow<'_, str>) -> Cow<'_, str> {
    if !name.contains('_') {
        return name;
    }
    let mut words = name.split('_');
    let mut joined = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        joined.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        joined.push_str(letters.as_str());
    }
    Cow::Owned(joined)
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
                    // What speaks to the gateway is known by its own name, and must not reach a vendor under another.
                    let name = if is_gateway_field(&key) { key } else { camel(key) };
                    members.push((name, map.next_value()?));
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
    fn both_spellings_of_a_name_are_one() {
        let members = Members::parse(r#"{"max_output_tokens":7,"topP":0.5,"a":null}"#).expect("an object");
        assert_eq!(members.count("maxOutputTokens"), Ok(Some(7)));
        assert_eq!(members.rest(&["maxOutputTokens"]).len(), 1);
        assert_eq!(camel("a__b_".into()), "aB");
        let for_us = Members::parse(r#"{"api_key":"k","drop_params":{}}"#).expect("an object").rest(&[]);
        assert!(for_us.iter().all(|(name, _)| is_gateway_field(name)), "they are known for what they are");
    }

    #[test]
    fn counts_may_be_texts_and_wrong_ones_are_named_and_not_quoted() {
        let members = Members::parse(r#"{"a":"12","b":40.0,"c":"my secret prompt"}"#).expect("an object");
        assert_eq!((members.count("a"), members.count("b")), (Ok(Some(12)), Ok(Some(40))));
        let error = members.count("c").expect_err("no number").within("outer").of_client();
        assert_eq!(error.message(), "invalid `outer.c`: expected a whole number");
    }

    #[test]
    fn broken_json_is_placed_and_not_quoted() {
        let fault = Members::parse("{\"a\": my secret").expect_err("broken");
        assert_eq!(fault.of_client().message(), "invalid request body: not valid JSON at line 1 column 7");
    }
}
