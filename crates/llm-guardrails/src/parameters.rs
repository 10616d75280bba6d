//! Reads a judge's parameters: each by its name, with errors that name what is wrong and what would be right.

use llm_core::guard::Action;
use serde_json::{Map, Value};

/// The members of an object that are looked at so far, and where it stands.
pub(crate) struct Parameters<'a> {
    /// What stands before a name in a message: empty, or `patterns[2].`.
    path: String,
    members: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    /// The parameters of a judge: an object, or nothing.
    pub(crate) fn of(value: &'a Value) -> Result<Self, String> {
        let members = match value {
            Value::Null => None,
            Value::Object(members) => Some(members),
            other => return Err(format!("the parameters must be an object, not {}", kind(other))),
        };
        Ok(Self { path: String::new(), members, known: Vec::new() })
    }

    /// An object further inside.
    pub(crate) fn within(path: &str, value: &'a Value) -> Result<Self, String> {
        let Value::Object(members) = value else {
            return Err(format!("`{path}` must be an object, not {}", kind(value)));
        };
        Ok(Self { path: format!("{path}."), members: Some(members), known: Vec::new() })
    }

    /// The full name of a member, for messages.
    pub(crate) fn name(&self, member: &str) -> String {
        format!("{}{member}", self.path)
    }

    /// A member as it is; `null` is as good as none.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.members?.get(name).filter(|value| !value.is_null())
    }

    /// A member that must be of a kind.
    fn read<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        of: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.value(name) else { return Ok(None) };
        match of(value) {
            Some(value) => Ok(Some(value)),
            None => Err(format!("`{}` must be {wanted}, not {}", self.name(name), kind(value))),
        }
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<&'a str>, String> {
        self.read(name, "a text", Value::as_str)
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, String> {
        self.read(name, "true or false", Value::as_bool)
    }

    /// A number between 0 and 1.
    pub(crate) fn share(&mut self, name: &'static str) -> Result<Option<f64>, String> {
        self.read(name, "a number from 0 to 1", |value| {
            value.as_f64().filter(|number| (0.0..=1.0).contains(number))
        })
    }

    pub(crate) fn count(&mut self, name: &'static str) -> Result<Option<usize>, String> {
        self.read(name, "a whole number", |value| usize::try_from(value.as_u64()?).ok())
    }

    pub(crate) fn list(&mut self, name: &'static str) -> Result<&'a [Value], String> {
        Ok(self.read(name, "a list", |value| value.as_array())?.map_or(&[], |list| list.as_slice()))
    }

    pub(crate) fn object(&mut self, name: &'static str) -> Result<Option<&'a Map<String, Value>>, String> {
        self.read(name, "an object", Value::as_object)
    }

    /// A list of texts; one text stands for a list of one.
    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Vec<&'a str>, String> {
        let of = |value: &'a Value| match value {
            Value::String(text) => Some(vec![text.as_str()]),
            Value::Array(list) => list.iter().map(Value::as_str).collect(),
            _ => None,
        };
        let texts = self.read(name, "a list of texts", of)?.unwrap_or_default();
        if texts.iter().any(|text| text.is_empty()) {
            return Err(format!("`{}` has an empty text, which would stand everywhere", self.name(name)));
        }
        Ok(texts)
    }

    pub(crate) fn action(&mut self, name: &'static str) -> Result<Option<Action>, String> {
        let full = self.name(name);
        self.text(name)?.map(|text| action(&full, text)).transpose()
    }

    /// To be called when everything was read: a member that nobody asked for is an error.
    pub(crate) fn finish(self) -> Result<(), String> {
        let unknown = |name: &&String| !self.known.contains(&name.as_str());
        let Some(name) = self.members.and_then(|members| members.keys().find(unknown)) else { return Ok(()) };
        Err(format!("unknown parameter `{}`: {}", self.name(name), nearest(name, &self.known)))
    }
}

/// Reads the name of an action, in any case.
pub(crate) fn action(parameter: &str, text: &str) -> Result<Action, String> {
    match text.to_ascii_lowercase().as_str() {
        "block" => Ok(Action::Block),
        "mask" => Ok(Action::Mask),
        "flag" => Ok(Action::Flag),
        _ => Err(format!("`{parameter}` must be `block`, `mask` or `flag`, not `{text}`")),
    }
}

/// What somebody may have meant who wrote a name that does not exist.
pub(crate) fn nearest(name: &str, known: &[&str]) -> String {
    let lower = name.to_ascii_lowercase();
    let near = |known: &str| {
        let known = known.to_ascii_lowercase();
        strsim::jaro_winkler(&known, &lower).max(strsim::normalized_damerau_levenshtein(&known, &lower))
    };
    let best = known.iter().map(|known| (near(known), *known)).max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((likeness, known)) if likeness > 0.75 => format!("did you mean `{known}`?"),
        _ if known.len() > 24 => "see docs/guardrails.md for those that exist".to_owned(),
        _ => format!("there are {}", known.join(", ")),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number of another kind",
        Value::String(_) => "a text",
        Value::Array(_) => "a list of something else",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_that_nobody_knows_are_named_with_the_nearest() {
        let value = json!({ "acton": "block" });
        let mut parameters = Parameters::of(&value).expect("an object");
        assert_eq!(parameters.action("action"), Ok(None));
        assert_eq!(parameters.finish(), Err("unknown parameter `acton`: did you mean `action`?".to_owned()));
    }

    #[test]
    fn values_of_another_kind_are_named() {
        let value = json!({ "action": "BLOCK", "most": "many", "words": ["a", ""] });
        let mut parameters = Parameters::within("filters[0]", &value).expect("an object");
        assert_eq!(parameters.action("action"), Ok(Some(Action::Block)));
        let count = parameters.count("most").expect_err("no number");
        assert_eq!(count, "`filters[0].most` must be a whole number, not a text");
        assert!(parameters.texts("words").expect_err("an empty word").contains("empty"));
        assert_eq!(parameters.finish(), Ok(()));
    }
}
