//! What a token says, by the names that the configuration has for it.

use serde_json::{Map, Value};

/// What a token says.
#[derive(Clone, Copy)]
pub(super) struct Claims<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Claims<'a> {
    /// A claim by its name, or by the path to it (`resource_access.my-client.roles`).
    pub(super) fn at(self, path: &str) -> Option<&'a Value> {
        // Names may have dots themselves (`https://example.com/roles`).
        if let Some(value) = self.0.get(path) {
            return Some(value);
        }
        let mut segments = path.split('.');
        let first = self.0.get(segments.next()?)?;
        segments.try_fold(first, |value, segment| value.as_object()?.get(segment))
    }

    /// The text of a claim; numbers are text as well.
    pub(super) fn text(self, path: Option<&str>) -> Option<String> {
        match self.at(path?)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            // A single team in a list.
            Value::Array(items) => items.first()?.as_str().map(str::to_owned),
            _ => None,
        }
    }

    /// The texts of a claim that is a list, or words between spaces.
    pub(super) fn list(self, path: &str) -> Vec<String> {
        match self.at(path) {
            Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
            Some(Value::Array(items)) => {
                items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A time in seconds since 1970 (RFC 7519 §2), in microseconds.
    pub(super) fn time(self, name: &str) -> Option<i64> {
        let seconds = self.0.get(name)?.as_f64().filter(|seconds| seconds.is_finite())?;
        // `as` keeps within the range of the type.
        Some((seconds * 1e6) as i64)
    }

    /// Scopes: `scope` between spaces (RFC 9068 §2.2.3), or `scp`.
    pub(super) fn scopes(self) -> Vec<String> {
        let mut scopes = self.list("scope");
        scopes.extend(self.list("scp"));
        scopes
    }
}
