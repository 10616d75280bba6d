//! What of a request decides where it goes: its tags and region, and what it belongs to. Read only where the router's
//! settings make something of it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use llm_core::provider::Inbound;
use llm_core::{Error, Result};
use llm_router::{Affinity, RouteOptions, RouterSettings, TagFiltering};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::options::MOCK_FAILURES;

/// Headers that name a session, the strongest first.
const SESSION_HEADERS: [&str; 2] = ["x-litellm-session-id", "x-session-id"];

/// Fields that name a session.
const SESSION_FIELDS: [&str; 2] = ["litellm_session_id", "session_id"];

/// Fields that hold a conversation, in the dialects that clients speak.
const CONVERSATIONS: [&str; 3] = ["messages", "contents", "input"];

/// Fields that hold a system prompt beside the conversation.
const SYSTEM_PROMPTS: [&str; 4] = ["system", "instructions", "systemInstruction", "system_instruction"];

/// Fields that hold facts about a request, as LiteLLM's clients send them.
#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    tags: Vec<String>,
    session_id: Option<String>,
}

/// Puts what decides where a request goes into its options.
///
/// # Errors
/// When one of these fields has a wrong type, or is not allowed; the message names it.
pub(crate) fn place(inbound: &Inbound, settings: &RouterSettings, options: &mut RouteOptions) -> Result<()> {
    if let Some(kind) = options.mock_failure.filter(|_| !settings.allows_mock_failures) {
        let field = MOCK_FAILURES.iter().find(|(_, fails)| *fails == kind).map_or("", |(field, _)| field);
        let message = format!(
            "`{field}` is for tests: set `dangerously_allow_mock_testing_request_params: true` in \
             `general_settings` to allow it"
        );
        return Err(Error::invalid(message).with_param(field));
    }
    if settings.tag_filtering != TagFiltering::Off {
        options.tags = tags(inbound)?;
    }
    if settings.pre_call_checks {
        options.region = inbound.option("allowed_model_region")?;
    }
    options.session = session(inbound, settings.affinity)?;
    Ok(())
}

fn tags(inbound: &Inbound) -> Result<Vec<String>> {
    let header = inbound.headers.get("x-litellm-tags").and_then(|value| value.to_str().ok());
    let listed = header.into_iter().flat_map(|tags| tags.split(','));
    let mut tags: Vec<String> =
        listed.map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    tags.extend(inbound.option::<Vec<String>>("tags")?.unwrap_or_default());
    for field in ["metadata", "litellm_metadata"] {
        // Other people's metadata may have any shape.
        tags.extend(metadata(inbound, field).map(|metadata| metadata.tags).unwrap_or_default());
    }
    Ok(tags)
}

fn metadata(inbound: &Inbound, field: &str) -> Option<Metadata> {
    inbound.option(field).ok().flatten()
}

/// A number that is the same for requests that belong together.
fn session(inbound: &Inbound, affinity: Affinity) -> Result<Option<u64>> {
    let named = if affinity.session { session_name(inbound)? } else { None };
    let name = named.map(|name| hash(&[name.as_bytes()]));
    Ok(name.or_else(|| affinity.conversation.then(|| conversation(inbound)).flatten()))
}

fn session_name(inbound: &Inbound) -> Result<Option<String>> {
    let header = SESSION_HEADERS.iter().find_map(|name| inbound.headers.get(*name)?.to_str().ok());
    if let Some(name) = header {
        return Ok(Some(name.to_owned()));
    }
    for field in SESSION_FIELDS {
        if let Some(name) = inbound.option::<String>(field)? {
            return Ok(Some(name));
        }
    }
    let of = |field| metadata(inbound, field)?.session_id;
    Ok(of("litellm_metadata").or_else(|| of("metadata")))
}

/// The beginning of the conversation: the system prompt and the first two messages. They stay as they are while it
/// grows; the first message alone may be the same in every conversation of an application.
fn conversation(inbound: &Inbound) -> Option<u64> {
    let value = |key: &&str| inbound.envelope.value(&inbound.body, key);
    let messages = CONVERSATIONS.iter().find_map(value)?;
    let system = SYSTEM_PROMPTS.iter().find_map(value).unwrap_or_default();
    let Some(list) = messages.trim_start().strip_prefix('[') else {
        return Some(hash(&[system.as_bytes(), messages.as_bytes()]));
    };
    let (first, rest) = element(list)?;
    let second = rest.trim_start().strip_prefix(',').and_then(element).map_or("", |(second, _)| second);
    Some(hash(&[system.as_bytes(), first.as_bytes(), second.as_bytes()]))
}

/// The JSON value that a text begins with, and what follows it.
fn element(text: &str) -> Option<(&str, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let value = values.next()?.ok()?;
    Some((value.get(), text.get(values.byte_offset()..)?))
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.iter().for_each(|part| part.hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};
    use llm_core::operation::Operation;
    use llm_testkit::fake::PlainIngress;

    use super::*;

    fn request(body: &str, header: Option<(&'static str, &'static str)>) -> Inbound {
        let mut headers = HeaderMap::new();
        headers.extend(
            header
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))),
        );
        let body = Bytes::copy_from_slice(body.as_bytes());
        Inbound::new(Arc::new(PlainIngress), Operation::Chat, headers, body).expect("a valid body")
    }

    fn session_of(body: &str) -> Option<u64> {
        session(&request(body, None), Affinity { session: true, conversation: true }).expect("valid")
    }

    #[test]
    fn a_conversation_stays_the_same_while_it_grows() {
        let first = session_of(r#"{"messages":[{"role":"system","content":"s"}, {"content":"one"}]}"#);
        let later = session_of(
            r#"{"messages":[{"role":"system","content":"s"}, {"content":"one"}, {"content":"two"},{"x":1}]}"#,
        );
        let other = session_of(r#"{"messages":[{"role":"system","content":"s"}, {"content":"other"}]}"#);
        assert!(first.is_some() && first == later && first != other);
        let text = session_of(r#"{"input":"one","instructions":"s"}"#);
        assert!(text.is_some() && text != session_of(r#"{"input":"one","instructions":"t"}"#));
        assert_eq!(session_of(r#"{"text":"no conversation"}"#), None);
        assert!(session_of(r#"{"messages":[]}"#).is_none());
    }

    #[test]
    fn a_named_session_is_the_same_wherever_it_stands() {
        let named = session_of(r#"{"litellm_session_id":"s1","messages":[{"content":"a"}]}"#);
        assert_eq!(named, session_of(r#"{"metadata":{"session_id":"s1"},"messages":[{"content":"b"}]}"#));
        let header = request("{}", Some(("x-litellm-session-id", "s1")));
        let affinity = Affinity { session: true, conversation: false };
        assert_eq!(named, session(&header, affinity).expect("valid"));
        assert_eq!(None, session(&header, Affinity::default()).expect("valid"));
    }

    #[test]
    fn tags_come_from_headers_fields_and_metadata() {
        let body = r#"{"tags":["b"],"metadata":{"tags":["c"],"other":7}}"#;
        let request = request(body, Some(("x-litellm-tags", "a, z,,")));
        assert_eq!(tags(&request).expect("valid"), ["a", "z", "b", "c"]);
    }
}
