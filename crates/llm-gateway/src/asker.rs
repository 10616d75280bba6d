//! What a request says of whom it is for: the customer, tags, the session, and what the administrator may read.

use std::net::IpAddr;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use llm_core::Result;
use llm_core::provider::Inbound;
use serde_json::{Map, Value};

use crate::calls::{UserHeader, UserKind};

/// Headers that name the customer, for every gateway, the strongest first.
const CUSTOMER_HEADERS: [&str; 2] = ["x-litellm-end-user-id", "x-litellm-customer-id"];

/// Headers that name a session, the strongest first.
const SESSION_HEADERS: [&str; 4] =
    ["x-litellm-session-id", "x-session-id", "x-litellm-trace-id", "x-litellm-agent-session-id"];

/// Fields that name a session.
const SESSION_FIELDS: [&str; 3] = ["litellm_session_id", "session_id", "litellm_trace_id"];

/// The header that lists tags.
const TAGS_HEADER: &str = "x-litellm-tags";

/// Fields that hold facts about a request, the gateway's own first.
const METADATA: [&str; 2] = ["litellm_metadata", "metadata"];

/// The most letters of a name that a client gives: they are kept in rows and looked up in stores.
const LONGEST: usize = 256;

/// The most bytes of metadata that are kept.
const MOST_METADATA: usize = 16 << 10;

/// The most tags of a request.
const MOST_TAGS: usize = 64;

/// What a request says of whom it is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker {
    pub customer: Option<String>,
    /// A user that a header names.
    pub user: Option<String>,
    pub tags: Vec<String>,
    pub session: Option<String>,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// The span that the request is part of, as W3C's `traceparent` says it.
    pub trace: Option<String>,
    pub metadata: Map<String, Value>,
}

/// The span that a request is part of: <https://www.w3.org/TR/trace-context/>.
const TRACE: &str = "traceparent";

/// Headers that say something of the asker, seen in one look: a request has few headers, and a hash for each of these
/// names would cost more.
#[derive(Default)]
struct Told<'a> {
    customer: [Option<&'a HeaderValue>; CUSTOMER_HEADERS.len()],
    session: [Option<&'a HeaderValue>; SESSION_HEADERS.len()],
    tags: Option<&'a HeaderValue>,
    user_agent: Option<&'a HeaderValue>,
    trace: Option<&'a HeaderValue>,
}

impl<'a> Told<'a> {
    fn by(headers: &'a HeaderMap) -> Self {
        let mut told = Self::default();
        for (name, value) in headers {
            if let Some(place) = told.place(name.as_str()) {
                place.get_or_insert(value);
            }
        }
        told
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<&'a HeaderValue>> {
        let among = |names: &[&str]| names.iter().position(|known| *known == name);
        match name {
            "user-agent" => Some(&mut self.user_agent),
            TAGS_HEADER => Some(&mut self.tags),
            TRACE => Some(&mut self.trace),
            _ if !name.starts_with("x-") => None,
            _ => match among(&CUSTOMER_HEADERS) {
                Some(at) => self.customer.get_mut(at),
                None => among(&SESSION_HEADERS).and_then(|at| self.session.get_mut(at)),
            },
        }
    }
}

impl Asker {
    /// What the head of a request says.
    pub(crate) fn of_head(headers: &HeaderMap, address: Option<IpAddr>, mappings: &[UserHeader]) -> Self {
        let named = |kind| {
            let mut mapped = mappings.iter().filter(move |one| one.names == kind);
            mapped.find_map(|one| text(headers, &one.name))
        };
        let told = Told::by(headers);
        let first = |values: &[Option<&HeaderValue>]| values.iter().flatten().find_map(|value| said(value));
        let customer = first(&told.customer);
        Self {
            customer: customer.or_else(|| named(UserKind::Customer)),
            user: named(UserKind::InternalUser),
            tags: told.tags.into_iter().flat_map(listed).collect(),
            session: first(&told.session),
            address,
            user_agent: told.user_agent.and_then(said),
            trace: told.trace.and_then(said),
            metadata: Map::new(),
        }
    }

    /// Headers that are tags, with their values.
    pub(crate) fn tags_of(&mut self, headers: &HeaderMap, names: &[HeaderName]) {
        let tag = |name: &HeaderName| Some(format!("{name}: {}", text(headers, name)?));
        self.tags.extend(names.iter().filter_map(tag));
    }

    /// What its body says besides.
    ///
    /// # Errors
    /// When one of these fields has a wrong type; the message names it.
    pub(crate) fn read_body(&mut self, inbound: &Inbound) -> Result<()> {
        if let Some(tags) = inbound.option::<Vec<String>>("tags")? {
            self.tags.extend(tags);
        }
        if self.customer.is_none() {
            self.customer = string(inbound, "user");
        }
        if self.session.is_none() {
            self.session = SESSION_FIELDS.iter().find_map(|field| string(inbound, field));
        }
        for field in METADATA {
            // Other people's metadata may have any shape.
            if let Some(Value::Object(metadata)) = inbound.option(field).ok().flatten() {
                let is_small = inbound
                    .envelope
                    .value(&inbound.body, field)
                    .is_none_or(|text| text.len() <= MOST_METADATA);
                self.read_metadata(metadata, is_small);
            }
        }
        if self.customer.is_none() {
            self.customer = string(inbound, "safety_identifier");
        }
        self.tags = distinct(std::mem::take(&mut self.tags));
        Ok(())
    }

    fn read_metadata(&mut self, metadata: Map<String, Value>, is_small: bool) {
        let text = |key: &str| metadata.get(key)?.as_str().filter(|text| !text.is_empty()).map(shortened);
        if self.customer.is_none() {
            self.customer = text("user").or_else(|| text("user_id"));
        }
        if self.session.is_none() {
            self.session = text("session_id").or_else(|| text("trace_id"));
        }
        let tags = metadata.get("tags").and_then(Value::as_array);
        self.tags.extend(tags.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        if is_small {
            self.metadata.extend(metadata);
        }
    }
}

/// Each tag once, not too long and not too many.
fn distinct(tags: Vec<String>) -> Vec<String> {
    let mut distinct = Vec::with_capacity(tags.len().min(MOST_TAGS));
    for mut tag in tags {
        shorten(&mut tag);
        if distinct.len() < MOST_TAGS && !distinct.contains(&tag) {
            distinct.push(tag);
        }
    }
    distinct
}

/// The tags that a header lists.
fn listed(header: &HeaderValue) -> impl Iterator<Item = String> {
    let listed = header.to_str().unwrap_or_default().split(',');
    listed.map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    said(headers.get(name)?)
}

fn said(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim();
    (!text.is_empty()).then(|| shortened(text))
}

fn string(inbound: &Inbound, field: &str) -> Option<String> {
    let text = inbound.option::<String>(field).ok().flatten()?;
    (!text.is_empty()).then(|| shortened(&text))
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).collect()
}

fn shorten(text: &mut String) {
    if text.len() > LONGEST {
        *text = shortened(text);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use llm_testkit::fake::inbound;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn asker(pairs: &[(&'static str, &'static str)], body: &str) -> Asker {
        let mapping = |name, names| UserHeader { name: HeaderName::from_static(name), names };
        let mappings = [mapping("x-who", UserKind::Customer), mapping("x-login", UserKind::InternalUser)];
        let mut asker = Asker::of_head(&headers(pairs), None, &mappings);
        asker.read_body(&inbound(body)).expect("valid");
        asker
    }

    #[test]
    fn the_customer_is_named_by_headers_then_by_the_body() {
        let body = r#"{"user":"body","metadata":{"user_id":"meta"}}"#;
        let customer = |pairs: &[_], body: &str| asker(pairs, body).customer.expect("named");
        assert_eq!(customer(&[("x-who", "mapped"), ("x-litellm-customer-id", "header")], body), "header");
        assert_eq!(customer(&[("x-who", "mapped")], body), "mapped");
        assert_eq!(customer(&[], body), "body");
        assert_eq!(customer(&[], r#"{"metadata":{"user_id":"meta"}}"#), "meta");
        assert_eq!(customer(&[], r#"{"safety_identifier":"hash"}"#), "hash");
        assert_eq!(asker(&[("x-login", "ann")], "{}").user.as_deref(), Some("ann"));
        assert_eq!(asker(&[], r#"{"user":""}"#).customer, None);
    }

    #[test]
    fn tags_sessions_and_metadata_are_kept_and_bounded() {
        let body = r#"{"tags":["b","a"],"metadata":{"tags":["c","b"],"session_id":"s","job":7}}"#;
        let one = asker(&[("x-litellm-tags", "a, ,d")], body);
        assert_eq!(one.tags, ["a", "d", "b", "c"]);
        assert_eq!(one.session.as_deref(), Some("s"));
        assert_eq!(one.metadata.get("job"), Some(&Value::from(7)));
        let many: String = (0..500).map(|number| format!("\"{number}\",")).collect();
        let many = format!(r#"{{"tags":[{many}"x"]}}"#);
        assert_eq!(asker(&[], &many).tags.len(), MOST_TAGS);
        let long = format!(r#"{{"user":"{}"}}"#, "ü".repeat(5_000));
        assert_eq!(asker(&[], &long).customer.expect("named").chars().count(), LONGEST);
    }
}
