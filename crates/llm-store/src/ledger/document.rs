//! What a row has besides its columns, as JSON, without what it has in common with an empty one.

use llm_core::money::NanoDollars;
use llm_governance::{Amounts, ChargeRef, RowRef, Timestamp};
use serde::Serialize;

/// A JSON object that is being written. It is written for each call: by hand, and no tree of it is made.
pub(super) struct Document {
    json: Vec<u8>,
}

impl Document {
    pub(super) fn new() -> Self {
        let mut json = Vec::with_capacity(512);
        json.push(b'{');
        Self { json }
    }

    /// The whole document of a row.
    ///
    /// # Errors
    /// When something of it is no JSON.
    pub(super) fn of(mut self, row: &RowRef<'_>) -> serde_json::Result<String> {
        self.some_text("dialect", row.dialect);
        self.maybe_text("key_alias", row.key_alias);
        self.maybe_text("team_alias", row.team_alias);
        if !row.tags.is_empty() {
            self.value("tags", &row.tags.as_slice())?;
        }
        self.maybe_text("ip", row.ip);
        self.maybe_text("user_agent", row.user_agent);
        self.some_text("upstream_model", row.upstream_model);
        self.some_text("api_base", row.api_base);
        self.some_number("attempts", row.attempts.into());
        self.some_number("fallbacks", row.fallbacks.into());
        self.amounts("usage", &row.usage);
        self.truth("estimated", row.estimated);
        self.amounts("prices", &row.prices);
        if let Some(micros) = row.first_content_micros {
            self.number("first_content_micros", micros);
        }
        self.some_number("status", row.status.into());
        self.truth("stream", row.stream);
        let metadata = Some(&*row.metadata).filter(|text| !text.is_empty());
        for (name, text) in [
            ("metadata", metadata),
            ("request", row.request.as_deref()),
            ("response", row.response.as_deref()),
        ] {
            if let Some(text) = text {
                self.name(name);
                self.json.extend_from_slice(text.as_bytes());
            }
        }
        if !row.charges.is_empty() {
            self.charges(&row.charges)?;
        }
        if !row.trail.is_empty() {
            self.name("trail");
            self.json.extend_from_slice(row.trail.as_bytes());
        }
        self.json.push(b'}');
        String::from_utf8(self.json).map_err(serde::ser::Error::custom)
    }

    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        self.name(name);
        self.string(text);
    }

    fn maybe_text(&mut self, name: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn some_text(&mut self, name: &'static str, text: &str) {
        self.maybe_text(name, Some(text).filter(|text| !text.is_empty()));
    }

    fn number(&mut self, name: &'static str, number: u64) {
        self.name(name);
        self.digits(number);
    }

    fn some_number(&mut self, name: &'static str, number: u64) {
        if number != 0 {
            self.number(name, number);
        }
    }

    fn truth(&mut self, name: &'static str, truth: bool) {
        if truth {
            self.name(name);
            self.json.extend_from_slice(b"true");
        }
    }

    fn value(&mut self, name: &'static str, value: &impl Serialize) -> serde_json::Result<()> {
        self.name(name);
        serde_json::to_writer(&mut self.json, value)
    }

    fn amounts(&mut self, name: &'static str, amounts: &Amounts<'_>) {
        if amounts.is_empty() {
            return;
        }
        self.name(name);
        match amounts {
            Amounts::Counts(counts) => {
                self.json.push(b'{');
                for (name, count) in counts {
                    self.comma();
                    self.string(name);
                    self.json.push(b':');
                    self.digits(*count);
                }
                self.json.push(b'}');
            }
            Amounts::Json(text) => self.json.extend_from_slice(text.as_bytes()),
        }
    }

    fn charges(&mut self, charges: &[ChargeRef<'_>]) -> serde_json::Result<()> {
        self.name("charges");
        self.json.push(b'[');
        for (place, charge) in charges.iter().enumerate() {
            let ChargeRef { scope, id, model, period, amount } = charge;
            if place > 0 {
                self.json.push(b',');
            }
            self.json.extend_from_slice(b"{\"subject\":{");
            self.text("scope", scope.name());
            self.text("id", &id.text());
            self.json.push(b'}');
            self.maybe_text("model", *model);
            self.json.extend_from_slice(b",\"period\":{");
            let (Timestamp(start), NanoDollars(amount)) = (period.start, *amount);
            self.value("start", &start)?;
            self.value("end", &period.end.map(|end| end.0))?;
            self.json.push(b'}');
            self.value("amount", &amount)?;
            self.json.push(b'}');
        }
        self.json.push(b']');
        Ok(())
    }

    /// One of our own names with its colon.
    fn name(&mut self, name: &'static str) {
        self.comma();
        self.json.push(b'"');
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    /// A comma, unless what follows is the first.
    fn comma(&mut self) {
        if self.json.last().is_some_and(|last| *last != b'{') {
            self.json.push(b',');
        }
    }

    fn string(&mut self, text: &str) {
        let is_plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
        if text.bytes().all(is_plain) {
            self.json.push(b'"');
            self.json.extend_from_slice(text.as_bytes());
            self.json.push(b'"');
        } else {
            // A vector takes every text.
            let _ = serde_json::to_writer(&mut self.json, text);
        }
    }

    fn digits(&mut self, number: u64) {
        let _ = serde_json::to_writer(&mut self.json, &number);
    }
}
