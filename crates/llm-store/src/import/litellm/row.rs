//! One row of another program's table: everything in it as text, read as what it is meant to be.

use std::collections::{BTreeMap, HashMap};

use llm_core::json::map_of;
use llm_core::money::NanoDollars;
use llm_governance::Timestamp;
use serde_json::{Map, Value};

/// What a column cannot be read as, in words.
pub(super) type Unread = String;

/// A row. Columns that an older version does not have are as if nothing stood in them.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceRow(pub HashMap<String, String>);

impl SourceRow {
    fn raw(&self, column: &str) -> Option<&str> {
        self.0.get(column).map(String::as_str)
    }

    /// Text; what is empty is nothing.
    pub(super) fn text(&self, column: &str) -> Option<String> {
        self.raw(column).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// What an id names it by; empty where there is none.
    pub(super) fn id(&self, column: &str) -> String {
        self.raw(column).unwrap_or_default().to_owned()
    }

    /// Dollars, from the shortest decimal number that is the same double.
    pub(super) fn money(&self, column: &str) -> Result<Option<NanoDollars>, Unread> {
        let Some(text) = self.raw(column) else { return Ok(None) };
        dollars(text).ok_or_else(|| format!("`{column}` is no amount of money: {text}")).map(Some)
    }

    /// A whole number that is not negative.
    pub(super) fn whole(&self, column: &str) -> Result<Option<u64>, Unread> {
        let Some(text) = self.raw(column) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("`{column}` is no limit: {text}"))
    }

    /// True or false; false where there is nothing.
    pub(super) fn switch(&self, column: &str) -> bool {
        self.raw(column) == Some("true")
    }

    /// A time.
    pub(super) fn time(&self, column: &str) -> Option<Timestamp> {
        self.raw(column)?.parse().ok().map(Timestamp)
    }

    /// JSON.
    pub(super) fn json(&self, column: &str) -> Value {
        self.raw(column).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// A JSON object; empty where there is none.
    pub(super) fn object(&self, column: &str) -> Map<String, Value> {
        match self.json(column) {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&self, column: &str) -> Vec<String> {
        texts(&self.json(column))
    }

    /// A JSON object of texts.
    pub(super) fn aliases(&self, column: &str) -> BTreeMap<String, String> {
        aliases(&self.json(column))
    }

    /// Whether something stands in a column: nothing, and what is empty, does not.
    pub(super) fn says(&self, column: &str) -> bool {
        !matches!(self.raw(column), None | Some("" | "{}" | "[]" | "null" | "false" | "0"))
    }
}

/// Money of a number in JSON, or of its text.
pub(super) fn dollars(text: &str) -> Option<NanoDollars> {
    NanoDollars::parse(text)
}

/// The texts of a JSON array.
pub(super) fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// The texts of a JSON object.
pub(super) fn aliases(value: &Value) -> BTreeMap<String, String> {
    let all = value.as_object().into_iter().flatten();
    map_of(all.filter_map(|(name, one)| Some((name.clone(), one.as_str()?.to_owned()))))
}
