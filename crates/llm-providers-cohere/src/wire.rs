//! Objects read member by member, so that unknown members stay and a wrong one is named, and objects written so:
//! [`Members`] of a body that may be long, [`Fields`] of what is kept for a while.

pub(crate) use llm_core::members::{Malformed, Members, owned};
pub(crate) use llm_core::object::ObjectWriter;
use llm_core::{RawJson, RawObject};
use serde::de::DeserializeOwned;

/// The members of an object, values unread.
#[derive(Debug, Default)]
pub(crate) struct Fields(RawObject);

impl Fields {
    /// Reads a text as an object.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        serde_json::from_str(text).map(Self).map_err(|fault| {
            let why = if fault.is_data() {
                "expected an object".to_owned()
            } else {
                // The words of the parser could quote the body.
                format!("not valid JSON at line {} column {}", fault.line(), fault.column())
            };
            Malformed::new("", why)
        })
    }

    /// Reads a body as an object.
    pub(crate) fn of_body(body: &[u8]) -> Result<Self, Malformed> {
        Self::parse(std::str::from_utf8(body).map_err(|_| Malformed::new("", "not UTF-8"))?)
    }

    /// A member's value; absent and null give `None`.
    pub(crate) fn raw(&self, key: &str) -> Option<&RawJson> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A member read as a type; absent and null give `None`.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        key: &str,
        expected: &str,
    ) -> Result<Option<T>, Malformed> {
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
        self.text(key)?.ok_or_else(|| Malformed::missing(key))
    }

    /// A whole number; one with a fraction of zero counts too (`12.0`, as the format's `double` fields allow).
    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        let raw = self.raw(key)?;
        raw.read::<u64>().ok().or_else(|| whole(raw.read::<f64>().ok()?))
    }

    /// A member that is an object.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Self>, Malformed> {
        self.raw(key).map(|raw| Self::parse(raw.get()).map_err(|fault| fault.within(key))).transpose()
    }

    /// A member that is an array, elements unread. Absent and null give an empty one.
    pub(crate) fn array(&self, key: &str) -> Result<Vec<RawJson>, Malformed> {
        Ok(self.read(key, "an array")?.unwrap_or_default())
    }

    /// The members that are not among the known ones, null ones included.
    pub(crate) fn rest(&self, known: &[&str]) -> RawObject {
        let unknown = self.0.iter().filter(|(key, _)| !known.contains(key));
        unknown.map(|(key, value)| (key.to_owned(), value.clone())).collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "checked to be a whole number in range"
)]
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0 && number.fract() == 0.0 && number < u64::MAX as f64).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_member_is_named_and_not_quoted() {
        let fields = Fields::parse(r#"{"temperature":"my secret prompt"}"#).expect("an object");
        let error = fields.read::<f64>("temperature", "a number").expect_err("a string").of_client();
        assert_eq!(error.message(), "invalid `temperature`: expected a number");
        assert_eq!(error.param(), Some("temperature"));
        let error = Fields::parse("{\"a\": my secret").expect_err("broken").of_vendor();
        assert!(!error.message().contains("secret"), "{error}");
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        let fields =
            Fields::parse(r#"{"a":12.0,"b":12.5,"c":-1,"d":18446744073709551615}"#).expect("an object");
        let counts = ["a", "b", "c", "d"].map(|key| fields.count(key));
        assert_eq!(counts, [Some(12), None, None, Some(u64::MAX)]);
    }
}
