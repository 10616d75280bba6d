//! Variables by name, from the configuration's own `environment_variables`, the `.env` file and the process, the
//! later one winning; and the references to them in a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dotenv::Variable;
use crate::report::Place;
use llm_core::json::map_of;

/// Variables with their places.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, (String, Place)>);

/// Why a text with references could not be resolved.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unresolved {
    /// This variable is not set.
    Missing(String),
    /// A `${` without a name or an end.
    Malformed,
}

impl Environment {
    /// The process environment.
    pub(crate) fn new(process: &[(String, String)]) -> Self {
        let place = |name: &str| Place::Variable(Arc::from(name));
        Self(map_of(process.iter().map(|(name, value)| (name.clone(), (value.clone(), place(name))))))
    }

    /// Adds variables of a weaker layer: those that are set already stay. Within the layer the last one counts.
    pub(crate) fn add_weaker(&mut self, layer: impl IntoIterator<Item = Variable>) {
        let mut fresh = BTreeMap::new();
        for variable in layer {
            fresh.insert(variable.name, (variable.value, variable.at));
        }
        for (name, value) in fresh {
            self.0.entry(name).or_insert(value);
        }
    }

    /// Sets a variable, whatever it was.
    pub(crate) fn put(&mut self, name: &str, value: &str, place: Place) {
        self.0.insert(name.to_owned(), (value.to_owned(), place));
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Where a variable was set.
    pub(crate) fn place(&self, name: &str) -> Place {
        self.0.get(name).map(|(_, place)| place.clone()).unwrap_or_default()
    }

    /// All variables that are not empty.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str, &Place)> {
        let all = self.0.iter().map(|(name, (value, place))| (name.as_str(), value.trim(), place));
        all.filter(|(_, value, _)| !value.is_empty())
    }

    /// The value of a list in a variable: parts between commas.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let parts = self.get(name).unwrap_or_default().split(',').map(str::trim);
        parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// Resolves `os.environ/NAME` (a whole value) and `${NAME}`, `${NAME:-default}` (anywhere in one).
    /// `Ok(None)`: there is no reference in it.
    pub(crate) fn resolve(&self, text: &str) -> Result<Option<String>, Unresolved> {
        if let Some(name) = text.trim().strip_prefix("os.environ/") {
            return match self.get(name.trim()) {
                Some(value) => Ok(Some(value.to_owned())),
                None => Err(Unresolved::Missing(name.trim().to_owned())),
            };
        }
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let (reference, left) = after.split_once('}').ok_or(Unresolved::Malformed)?;
            let (name, default) = match reference.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (reference, None),
            };
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(Unresolved::Malformed);
            }
            let value = self.get(name).or(default).ok_or_else(|| Unresolved::Missing(name.to_owned()))?;
            out.push_str(before);
            out.push_str(value);
            rest = left;
        }
        Ok((rest.len() != text.len()).then(|| out + rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let process = [("KEY", "12345"), ("EMPTY", " ")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        Environment::new(&process)
    }

    #[test]
    fn references_are_resolved_in_both_spellings() {
        let environment = environment();
        let resolved = |text: &str| environment.resolve(text).expect("it resolves");
        assert_eq!(resolved("os.environ/KEY").as_deref(), Some("12345"));
        assert_eq!(resolved("a-${KEY}-${NONE:-b}").as_deref(), Some("a-12345-b"));
        assert_eq!(resolved("no $reference"), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let environment = environment();
        let missing = |name: &str| Err(Unresolved::Missing(name.to_owned()));
        assert_eq!(environment.resolve("os.environ/NONE"), missing("NONE"));
        assert_eq!(environment.resolve("${EMPTY}"), missing("EMPTY"));
        assert_eq!(environment.resolve("${KEY"), Err(Unresolved::Malformed));
        assert_eq!(environment.resolve("${K Y}"), Err(Unresolved::Malformed));
    }

    #[test]
    fn the_process_wins_over_the_weaker_layers() {
        let mut environment = environment();
        let variable = |name: &str, value: &str| Variable {
            name: name.to_owned(),
            value: value.to_owned(),
            at: Place::Default,
        };
        environment.add_weaker([variable("KEY", "weak"), variable("NEW", "first"), variable("NEW", "last")]);
        assert_eq!((environment.get("KEY"), environment.get("NEW")), (Some("12345"), Some("last")));
    }
}
