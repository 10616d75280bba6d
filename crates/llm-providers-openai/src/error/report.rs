//! Reading error bodies: one struct out of the many shapes that vendors of this family send.

use llm_core::scrub::scrub;
use serde_json::{Map, Value};

/// A longer text is no message.
const LONGEST: usize = 4000;

/// What an error body says.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) message: String,
    pub(super) code: Option<String>,
    pub(super) error_type: Option<String>,
    pub(super) param: Option<String>,
    /// A status in the body, for errors that come with status 200.
    pub(super) status: Option<u16>,
    /// Code of an error inside the error (a content filter says its name only there).
    pub(super) inner_code: Option<String>,
    /// A delay that the body asks for, in the vendor's spelling.
    pub(super) delay: Option<String>,
    /// What only operators should read.
    pub(super) detail: Option<String>,
    /// Whether the body was an error that could be read, rather than HTML, nothing, or some other JSON.
    pub(super) readable: bool,
}

impl Report {
    pub(super) fn read(body: &[u8], status: u16) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let mut report = match serde_json::from_str::<Value>(text) {
            Ok(value) => Self::of_value(&value),
            Err(_) => Self::of_text(text, status),
        };
        if report.message.is_empty() {
            report.message = match report.code.as_deref().or(report.error_type.as_deref()) {
                Some(word) => format!("the vendor answered an error without a message: {word}"),
                None => format!("the vendor answered status {status} without a message"),
            };
        }
        report.message = scrub(&report.message);
        report
    }

    fn of_text(text: &str, status: u16) -> Self {
        let markup = text.starts_with('<');
        if text.is_empty() {
            return Self::default();
        }
        if markup || text.len() > LONGEST || status < 400 {
            let what = if markup { "HTML" } else { "text" };
            return Self {
                message: format!("the vendor answered status {status} with {what} in place of JSON"),
                detail: Some(scrub(text)),
                ..Self::default()
            };
        }
        Self { message: text.to_owned(), readable: true, ..Self::default() }
    }

    fn of_value(value: &Value) -> Self {
        let mut report = Self::default();
        match value {
            Value::String(text) => {
                report.message.clone_from(text);
                report.readable = true;
            }
            // One vendor's compatible endpoint wraps the error object in a list.
            Value::Array(items) => {
                return items.first().filter(|item| !item.is_array()).map_or(report, Self::of_value);
            }
            Value::Object(object) => report.object(object),
            _ => {}
        }
        report
    }

    /// Inner objects are read first: what they say wins.
    fn object(&mut self, object: &Map<String, Value>) {
        for key in ["error", "response", "detail", "base_resp"] {
            match object.get(key) {
                Some(Value::Object(inner)) => self.object(inner),
                Some(Value::String(text)) if self.message.is_empty() && key != "response" => {
                    self.message.clone_from(text);
                    self.readable = true;
                }
                Some(Value::Array(complaints)) => self.complaints(complaints),
                _ => {}
            }
        }
        if let Some(Value::Array(errors)) = object.get("errors") {
            self.complaints(errors);
        }
        self.fields(object);
    }

    fn fields(&mut self, object: &Map<String, Value>) {
        if self.message.is_empty() {
            let message =
                ["message", "msg", "error_msg", "status_msg"].iter().find_map(|key| object.get(*key));
            match message {
                Some(Value::String(text)) => self.message.clone_from(text),
                Some(Value::Object(inner)) => self.object(inner),
                _ => {}
            }
            self.readable |= !self.message.is_empty();
        }
        fill(&mut self.code, object, &["code", "error_code"]);
        if let Some(error_type) =
            word(object, "type").filter(|word| word != "error" && word != "response.failed")
        {
            self.error_type.get_or_insert(error_type);
        }
        fill(&mut self.param, object, &["param"]);
        self.read_status(object);
        self.read_hints(object);
    }

    fn read_status(&mut self, object: &Map<String, Value>) {
        for key in ["status_code", "raw_status_code", "status", "code"] {
            let number = match object.get(key) {
                Some(Value::Number(number)) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
                Some(Value::String(text)) => text.parse().ok(),
                _ => None,
            };
            if let Some(status) = number.filter(|number| (400..600).contains(number)) {
                self.status.get_or_insert(status);
            }
        }
        // Google's word for the kind (`RESOURCE_EXHAUSTED`) stands where others put a type.
        if let Some(Value::String(status)) = object.get("status")
            && status.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        {
            self.error_type.get_or_insert_with(|| status.clone());
        }
    }

    fn read_hints(&mut self, object: &Map<String, Value>) {
        if let Some(Value::Object(inner)) = object.get("innererror") {
            fill(&mut self.inner_code, inner, &["code"]);
        }
        if let Some(Value::Array(details)) = object.get("details") {
            let details = details.iter().filter_map(Value::as_object);
            for detail in details {
                fill(&mut self.delay, detail, &["retryDelay"]);
                fill(&mut self.inner_code, detail, &["reason"]);
            }
        }
        // A reseller's own message says nothing; the vendor's behind it stands in `metadata.raw`.
        let raw = object.get("metadata").and_then(|metadata| metadata.get("raw")).and_then(Value::as_str);
        if let Some(raw) = raw.filter(|raw| !raw.is_empty() && !self.message.contains(raw)) {
            self.message = format!("{}: {raw}", self.message);
        }
    }

    /// Lists of what is wrong: `[{"loc":["body","messages"],"msg":"…","type":"…"}]` and the like.
    fn complaints(&mut self, complaints: &[Value]) {
        let mut lines = Vec::new();
        for complaint in complaints.iter().take(5) {
            let text = ["msg", "message"].iter().find_map(|key| complaint.get(*key)).and_then(Value::as_str);
            let place = complaint.get("loc").and_then(Value::as_array).map(|place| path(place));
            match (text.or_else(|| complaint.as_str()), place) {
                (Some(text), Some(place)) => {
                    lines.push(format!("{place}: {text}"));
                    self.param.get_or_insert(place);
                }
                (Some(text), None) => lines.push(text.to_owned()),
                (None, _) => {}
            }
            if let Value::Object(object) = complaint {
                fill(&mut self.code, object, &["code"]);
            }
        }
        if self.message.is_empty() && !lines.is_empty() {
            self.message = lines.join("; ");
            self.readable = true;
        }
    }
}

fn path(place: &[Value]) -> String {
    let steps = place.iter().map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned));
    steps.filter(|step| step != "body").collect::<Vec<_>>().join(".")
}

fn fill(slot: &mut Option<String>, object: &Map<String, Value>, keys: &[&str]) {
    if slot.is_none() {
        *slot = keys.iter().find_map(|key| word(object, key)).map(|word| scrub(&word));
    }
}

fn word(object: &Map<String, Value>, key: &str) -> Option<String> {
    match object.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
