//! The parameters of a guardrail, taken one by one: what is left at the end is unknown.

use std::time::Duration;

use llm_core::json::object_of;
use serde_json::{Map, Value};

/// How long a service may take where nobody says.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Parameters {
    left: Map<String, Value>,
    /// What was asked for, to name what there is.
    known: Vec<&'static str>,
}

impl Parameters {
    pub(crate) fn new(parameters: &Value) -> Self {
        Self { left: parameters.as_object().cloned().unwrap_or_default(), known: Vec::new() }
    }

    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// All whose names begin so.
    pub(crate) fn take_all(&mut self, prefix: &'static str) -> Value {
        let names: Vec<String> = self.left.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        object_of(names.into_iter().filter_map(|name| self.left.remove_entry(&name))).into()
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(format!("`{name}` is no text")),
        }
    }

    pub(crate) fn needed(&mut self, name: &'static str, why: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("`{name}` is missing: {why}"))
    }

    pub(crate) fn number(&mut self, name: &'static str) -> Result<Option<f64>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => {
                let read =
                    value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
                read.map(Some).ok_or_else(|| format!("`{name}` is no number"))
            }
        }
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(format!("`{name}` is neither true nor false")),
        }
    }

    pub(crate) fn texts(&mut self, name: &'static str) -> Result<Vec<String>, String> {
        let texts = |list: Vec<Value>| {
            let read = |value: Value| value.as_str().map(str::to_owned);
            list.into_iter().map(read).collect::<Option<Vec<_>>>()
        };
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(vec![text]),
            Some(Value::Array(list)) => texts(list).ok_or_else(|| format!("`{name}` is no list of texts")),
            Some(_) => Err(format!("`{name}` is no list of texts")),
        }
    }

    pub(crate) fn map(&mut self, name: &'static str) -> Result<Map<String, Value>, String> {
        match self.take(name) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map),
            Some(_) => Err(format!("`{name}` is no map")),
        }
    }

    /// `timeout`, in seconds.
    pub(crate) fn timeout(&mut self) -> Result<Duration, String> {
        let seconds = self.number("timeout")?;
        let given =
            seconds.map(|seconds| Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero()));
        match given {
            None => Ok(TIMEOUT),
            Some(time) => time.ok_or_else(|| "`timeout` is no number of seconds above 0".to_owned()),
        }
    }

    /// # Errors
    /// The first parameter that nobody took.
    pub(crate) fn finish(self) -> Result<(), String> {
        let Some(name) = self.left.keys().next() else { return Ok(()) };
        let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
        Err(format!("unknown parameter `{shown}` (there are: {})", self.known.join(", ")))
    }
}
