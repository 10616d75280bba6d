//! Objects taken apart member by member, so that what nobody knows stays and a wrong member is named, and written
//! the same way.

use llm_core::members;
pub(crate) use llm_core::members::{Malformed, owned};
pub(crate) use llm_core::object::ObjectWriter;
use llm_core::{RawJson, RawObject, Words};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The members of an object, and which of them were taken already.
#[derive(Debug, Default)]
pub(crate) struct Members<'a> {
    all: members::Members<'a>,
    taken: Vec<&'static str>,
}

impl<'a> Members<'a> {
    /// Reads a text as an object.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        members::Members::parse(text).map(Self::of)
    }

    /// Reads bytes as an object.
    pub(crate) fn of_bytes(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Self::parse(std::str::from_utf8(bytes).map_err(|_| Malformed::new("", "not UTF-8"))?)
    }

    fn of(all: members::Members<'a>) -> Self {
        Self { all, taken: Vec::with_capacity(8) }
    }

    /// Takes a member out; absent and null give `None`. A repeated key counts as it came last.
    pub(crate) fn raw(&mut self, key: &'static str) -> Option<&'a RawValue> {
        self.taken.push(key);
        self.all.raw(key)
    }

    /// Takes a member out as a type; absent and null give `None`.
    pub(crate) fn take<T: Deserialize<'a>>(
        &mut self,
        key: &'static str,
        expected: &str,
    ) -> Result<Option<T>, Malformed> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| Malformed::new(key, format!("expected {expected}")))
    }

    /// Takes a text out.
    pub(crate) fn text(&mut self, key: &'static str) -> Result<Option<String>, Malformed> {
        self.take(key, "a string")
    }

    /// Takes a text out that says something.
    pub(crate) fn filled(&mut self, key: &'static str) -> Result<Option<String>, Malformed> {
        Ok(self.text(key)?.filter(|text| !text.is_empty()))
    }

    /// The same, kept as it is spelled when it is long.
    pub(crate) fn words(&mut self, key: &'static str) -> Result<Option<Words>, Malformed> {
        Ok(self.take(key, "a string")?.filter(|words: &Words| !words.is_empty()))
    }

    /// Takes a text out that must be there.
    pub(crate) fn required(&mut self, key: &'static str) -> Result<String, Malformed> {
        self.text(key)?.ok_or_else(|| Malformed::missing(key))
    }

    /// Takes an object out.
    pub(crate) fn object(&mut self, key: &'static str) -> Result<Option<Self>, Malformed> {
        Ok(self.take(key, "an object")?.map(Self::of))
    }

    /// Takes a list of objects out; absent and null give an empty one.
    pub(crate) fn objects(&mut self, key: &'static str) -> Result<Vec<Self>, Malformed> {
        let list: Vec<members::Members<'a>> = self.take(key, "a list of objects")?.unwrap_or_default();
        Ok(list.into_iter().map(Self::of).collect())
    }

    /// Takes a list of texts out; absent and null give an empty one.
    pub(crate) fn texts(&mut self, key: &'static str) -> Result<Vec<String>, Malformed> {
        Ok(self.take(key, "a list of strings")?.unwrap_or_default())
    }

    /// Takes a whole number out, also when it is spelt `42.0`, as servers of this format allow.
    pub(crate) fn whole(&mut self, key: &'static str) -> Result<Option<i64>, Malformed> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        let text = raw.get();
        let number = text.parse().ok().or_else(|| {
            let number: f64 = text.parse().ok()?;
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
        });
        number.map(Some).ok_or_else(|| Malformed::new(key, "expected a whole number"))
    }

    /// The members that were not taken, null ones left out.
    pub(crate) fn rest(self) -> RawObject {
        self.all.rest(&self.taken).into_iter().filter(|(_, value)| !value.is_null()).collect()
    }
}

/// A value as JSON. What this crate writes can always be written.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> RawJson {
    RawJson::of(value).expect("numbers, strings and lists of them are always valid JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_member_is_named_and_not_quoted() {
        let mut members = Members::parse(r#"{"temperature":"my secret prompt"}"#).expect("an object");
        let fault = members.take::<f64>("temperature", "a number").expect_err("a string");
        let error = fault.within("options").of_client();
        assert_eq!(error.message(), "invalid `options.temperature`: expected a number");
        assert_eq!(error.param(), Some("options.temperature"));
    }

    #[test]
    fn broken_json_is_placed_and_not_quoted() {
        let fault = Members::parse("{\"a\": my secret").expect_err("broken");
        assert_eq!(fault.of_client().message(), "invalid request body: not valid JSON at line 1 column 7");
        let fault = Members::of_bytes(b"[1]").expect_err("an array");
        assert_eq!(
            fault.of_vendor().message(),
            "the vendor's answer is not of its format: expected an object"
        );
    }

    #[test]
    fn whole_numbers_may_be_spelt_as_floats() {
        let mut members =
            Members::parse(r#"{"a":42.0,"b":9223372036854775807,"c":1.5,"a":7}"#).expect("an object");
        assert_eq!(members.whole("a"), Ok(Some(7)));
        assert_eq!(members.whole("b"), Ok(Some(i64::MAX)));
        assert!(members.whole("c").is_err());
        assert!(members.rest().is_empty());
    }
}
