//! The fields of a body or a query, taken out by name. What is left at the end is known to nobody, and said so.

use llm_core::json::try_map_of;
use llm_core::money::NanoDollars;
use serde_json::{Map, Value};

use crate::declared::{Declared, Kind, check};
use crate::dollars;
use crate::given::Given;
use crate::refused::Refused;
use crate::request::Reply;

/// The fields of a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    left: Map<String, Value>,
    without_effect: Vec<String>,
    /// What the route declares; `None`: these are not the fields of a route.
    declared: Option<Declared>,
}

impl Fields {
    /// Reads a body; one that is empty has no fields.
    ///
    /// # Errors
    /// When it is no JSON object.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refused> {
        if body.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(body) {
            Ok(value) if has_nul(&value) => Err(Refused::field("", "a text must not have the character NUL")),
            Ok(Value::Object(left)) => Ok(Self::of(left)),
            Ok(Value::Null) => Ok(Self::default()),
            Ok(_) => Err(Refused::field("", "the body must be a JSON object")),
            // The parser's own words may repeat what stands there.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                Err(Refused::field("", format!("the body is no JSON: line {line}, column {column}")))
            }
        }
    }

    /// The fields of an object.
    pub(crate) fn of(left: Map<String, Value>) -> Self {
        Self { left, ..Self::default() }
    }

    /// The same, read by a route that declares them.
    pub(crate) fn declared(self, declared: Declared) -> Self {
        Self { declared: Some(declared), ..self }
    }

    /// What a body says to be remembered, before it is taken.
    pub(crate) fn metadata_mut(&mut self) -> Option<&mut Map<String, Value>> {
        self.left.get_mut("metadata")?.as_object_mut()
    }

    /// Whether there is a field of that name, `null` or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    /// The names of the fields that are left.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.left.keys().map(String::as_str)
    }

    /// Whether no field is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Puts a value where there is none.
    pub(crate) fn fill_in(&mut self, name: &str, value: Value) {
        let place = self.left.entry(name).or_insert(Value::Null);
        if place.is_null() {
            *place = value;
        }
    }

    /// Takes a field of another body under a name of this one's.
    pub(crate) fn take(&mut self, name: &str, from: &mut Self, there: &str) {
        if let Some(value) = from.left.remove(there) {
            self.left.insert(name.to_owned(), value);
        }
    }

    /// A field under an older name.
    pub(crate) fn take_over(&mut self, name: &str, older: &str) {
        if let Some(value) = self.left.remove(older) {
            self.fill_in(name, value);
        }
    }

    /// The field as it is.
    pub(crate) fn any(&mut self, name: &str) -> Given<Value> {
        self.taken(name, Kind::Any)
    }

    fn taken(&mut self, name: &str, kind: Kind) -> Given<Value> {
        check(self.declared, name, kind, kind == Kind::Any);
        match self.left.remove(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(value) => Given::Value(value),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn text(&mut self, name: &str) -> Result<Given<String>, Refused> {
        self.taken(name, Kind::Text).try_map(|value| match value {
            Value::String(text) => Ok(text),
            _ => Err(Refused::field(name, "Input should be a valid string")),
        })
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When it is not, or is something else.
    pub(crate) fn required(&mut self, name: &str) -> Result<String, Refused> {
        let text = self.text(name)?.value().filter(|text| !text.is_empty());
        text.ok_or_else(|| Refused::field_missing(name))
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn whole(&mut self, name: &str) -> Result<Given<u64>, Refused> {
        self.taken(name, Kind::Whole).try_map(|value| {
            whole(&value)
                .ok_or_else(|| Refused::field(name, "Input should be a valid integer that is not negative"))
        })
    }

    /// An amount of money that is not negative.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn money(&mut self, name: &str) -> Result<Given<NanoDollars>, Refused> {
        self.taken(name, Kind::Money).try_map(|value| money(name, &value))
    }

    /// A switch.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn switch(&mut self, name: &str) -> Result<Given<bool>, Refused> {
        self.taken(name, Kind::Switch).try_map(|value| match value {
            Value::Bool(switch) => Ok(switch),
            _ => Err(Refused::field(name, "Input should be a valid boolean")),
        })
    }

    /// A list of texts.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn texts(&mut self, name: &str) -> Result<Given<Vec<String>>, Refused> {
        self.taken(name, Kind::Texts).try_map(|value| {
            let explained = || Refused::field(name, "Input should be a valid list of strings");
            let Value::Array(items) = value else { return Err(explained()) };
            let text = |item: Value| match item {
                Value::String(text) => Ok(text),
                _ => Err(explained()),
            };
            items.into_iter().map(text).collect()
        })
    }

    /// An object.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn object(&mut self, name: &str) -> Result<Given<Map<String, Value>>, Refused> {
        self.taken(name, Kind::Object).try_map(|value| match value {
            Value::Object(object) => Ok(object),
            _ => Err(Refused::field(name, "Input should be a valid dictionary")),
        })
    }

    /// Objects: a list of them, or a single one.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn objects(&mut self, name: &str) -> Result<Given<Vec<Self>>, Refused> {
        self.taken(name, Kind::Objects).try_map(|value| {
            let items = match value {
                Value::Array(items) => items,
                one => vec![one],
            };
            let object = |item: Value| match item {
                Value::Object(object) => Ok(Self::of(object)),
                _ => Err(Refused::field(name, "Input should be a valid dictionary")),
            };
            items.into_iter().map(object).collect()
        })
    }

    /// Whole numbers by name.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn wholes(
        &mut self,
        name: &str,
    ) -> Result<Given<std::collections::BTreeMap<String, u64>>, Refused> {
        self.taken(name, Kind::Wholes).try_map(|value| {
            let Value::Object(object) = value else {
                return Err(Refused::field(name, "Input should be a valid dictionary"));
            };
            let pair = |(key, value): (String, Value)| match whole(&value) {
                Some(number) => Ok((key, number)),
                None => {
                    Err(Refused::field(name, format!("`{key}` should be an integer that is not negative")))
                }
            };
            try_map_of(object.into_iter().map(pair))
        })
    }

    /// Takes fields that are kept without an effect.
    pub(crate) fn keep(&mut self, names: &[&str], kept: &mut Map<String, Value>) {
        for name in names {
            match self.left.remove(*name) {
                None => {}
                Some(Value::Null) => {
                    kept.remove(*name);
                }
                Some(value) => {
                    self.without_effect.push((*name).to_owned());
                    kept.insert((*name).to_owned(), value);
                }
            }
        }
    }

    /// Fields within an object count as if they stood beside it, unless they do.
    pub(crate) fn lift(&mut self, from: &str, names: &[&str]) {
        let Some(Value::Object(object)) = self.left.get_mut(from) else { return };
        let lifted: Vec<(String, Value)> =
            names.iter().filter_map(|name| object.remove_entry(*name)).collect();
        for (name, value) in lifted {
            if !value.is_null() {
                self.left.entry(name).or_insert(value);
            }
        }
    }

    /// The answer, with the names of what nobody took.
    pub(crate) fn answer(self, body: Value) -> Reply {
        let ignored = self.left.into_iter().map(|(name, _)| name).collect();
        Reply { ignored, without_effect: self.without_effect, ..Reply::ok(body) }
    }
}

/// Whether a text within has the character NUL: databases refuse it.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(object) => object.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// Reads an amount of money.
///
/// # Errors
/// When it is none.
pub(crate) fn money(name: &str, value: &Value) -> Result<NanoDollars, Refused> {
    dollars::read(value)
        .ok_or_else(|| Refused::field(name, "Input should be a valid number of dollars that is not negative"))
}

/// Reads a whole number, as a number or a text.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_u64().or_else(|| exact(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    // Stores have signed numbers.
    number.filter(|number| i64::try_from(*number).is_ok())
}

fn exact(number: f64) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and small"
    )]
    let whole = number as u64;
    (number.fract() == 0.0 && (0.0..=MOST).contains(&number)).then_some(whole)
}

/// The parameters of a query.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    declared: Option<Declared>,
}

impl Query {
    /// Reads what is behind the `?`.
    pub(crate) fn read(query: &str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        };
        Self { pairs: pairs.filter_map(pair).collect(), declared: None }
    }

    /// The same, read by a route that declares them.
    pub(crate) fn declared(self, declared: Declared) -> Self {
        Self { declared: Some(declared), ..self }
    }

    /// Parameters that stood elsewhere.
    pub(crate) fn of(pairs: Vec<(&str, String)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { pairs, declared: None }
    }

    /// A parameter; one that is empty is none.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.taken(name, Kind::Text)
    }

    fn taken(&self, name: &str, kind: Kind) -> Option<&str> {
        check(self.declared, name, kind, kind == Kind::Text);
        let last = self.pairs.iter().rfind(|(key, _)| key == name);
        last.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A switch.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, Refused> {
        match self.taken(name, Kind::Switch).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0" | "no" | "off") => Ok(false),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some(_) => Err(Refused::query(name, "Input should be a valid boolean")),
        }
    }

    /// A whole number of at least one.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn count(&self, name: &str, default: u64, most: u64) -> Result<u64, Refused> {
        let Some(text) = self.taken(name, Kind::Whole) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| Refused::query(name, format!("Input should be a whole number from 1 to {most}")))
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = llm_core::operation::percent_decoded(&text.replace('+', " "))?.into_owned();
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: &Value) -> Fields {
        Fields::read(value.to_string().as_bytes()).expect("an object")
    }

    #[test]
    fn numbers_are_read_as_clients_write_them() {
        let mut some = fields(&json!({"a": 5, "b": 5.0, "c": "5", "d": null, "e": -1, "f": 5.5, "g": 1e30}));
        for name in ["a", "b", "c"] {
            assert_eq!(some.whole(name), Ok(Given::Value(5)), "{name}");
        }
        assert_eq!(some.whole("d"), Ok(Given::Null));
        assert_eq!(some.whole("z"), Ok(Given::Absent));
        for name in ["e", "f", "g"] {
            assert_eq!(some.whole(name).expect_err(name).status, 422);
        }
    }

    #[test]
    fn what_nobody_took_is_told() {
        let mut some = fields(&json!({"a": 1, "policies": ["x"], "unheard": true}));
        let mut kept = Map::new();
        some.keep(&["policies"], &mut kept);
        assert_eq!(some.whole("a"), Ok(Given::Value(1)));
        let reply = some.answer(Value::Null);
        assert_eq!(
            (reply.ignored, reply.without_effect),
            (vec!["unheard".to_owned()], vec!["policies".to_owned()])
        );
        assert_eq!(kept.get("policies"), Some(&json!(["x"])));
    }

    #[test]
    fn queries_are_decoded_and_bad_escapes_dropped() {
        let query = Query::read("user_id=a%20b+c&size=5&x=%zz&flag=TRUE&&empty=");
        assert_eq!(query.text("user_id"), Some("a b c"));
        assert_eq!((query.text("empty"), query.text("x")), (None, None));
        assert_eq!(query.count("size", 10, 100), Ok(5));
        assert_eq!(query.switch("flag"), Ok(true));
        assert!(query.count("size", 10, 4).is_err());
    }
}
