//! What a deployment's chats say where the client's do not, as configurations write it: in the words of OpenAI's format.

use std::sync::Arc;

use llm_core::{ChatRequest, RawObject, Result};

/// Members of a chat request that say how to answer, think and call tools.
pub const CHAT_DEFAULTS: &[&str] = &[
    "logit_bias",
    "logprobs",
    "n",
    "parallel_tool_calls",
    "reasoning_effort",
    "response_format",
    "service_tier",
    "thinking",
    "tool_choice",
    "tools",
    "top_logprobs",
    "user",
    "verbosity",
];

/// Reads such members; `None` where there are none.
///
/// # Errors
/// When one of them means nothing in OpenAI's format, or that format is not built in.
pub fn chat_defaults(members: &RawObject) -> Result<Option<Arc<ChatRequest>>> {
    if members.is_empty() {
        return Ok(None);
    }
    read(members).map(|request| Some(Arc::new(request)))
}

#[cfg(feature = "openai")]
fn read(members: &RawObject) -> Result<ChatRequest> {
    use llm_core::Ingress as _;
    use llm_core::object::ObjectWriter;

    // A request needs a conversation to be one; nothing of it is taken over.
    let conversation = [std::collections::BTreeMap::from([("role", "user"), ("content", "-")])];
    let mut body = ObjectWriter::new();
    body.member("model", "-").member("messages", &conversation).members(members);
    let mut request =
        llm_providers_openai::ChatIngress.decode(&body.finish().into(), &http::HeaderMap::new())?;
    if let Some(reasoning) = &mut request.reasoning
        && reasoning.effort.as_deref().is_some_and(|effort| effort != "none")
    {
        // In this format effort means thinking; in others, whose clients this fills in for, it alone does not.
        reasoning.enabled.get_or_insert(true);
    }
    Ok(request)
}

#[cfg(not(feature = "openai"))]
fn read(_members: &RawObject) -> Result<ChatRequest> {
    Err(llm_core::Error::invalid("defaults are written in OpenAI's format, which is not built in"))
}

#[cfg(all(test, feature = "openai"))]
mod tests {
    use llm_core::request::OutputFormat;

    use super::*;

    #[test]
    fn members_become_what_a_request_lacks_and_replace_nothing() {
        let members =
            r#"{"reasoning_effort":"low","response_format":{"type":"json_object"},"n":2,"user":"ada"}"#;
        let members = serde_json::from_str(members).expect("an object");
        let defaults = chat_defaults(&members).expect("known members").expect("some");
        let mut request = ChatRequest { user: Some("own".to_owned()), ..ChatRequest::default() };
        request.or(&defaults);
        assert_eq!(request.reasoning.as_ref().and_then(|asked| asked.effort.as_deref()), Some("low"));
        assert_eq!((&request.output, request.sampling.n), (&OutputFormat::JsonObject, Some(2)));
        assert_eq!((request.user.as_deref(), request.messages.len()), (Some("own"), 0));
    }

    #[test]
    fn what_means_nothing_is_refused_by_name() {
        let members = serde_json::from_str(r#"{"n":"two"}"#).expect("an object");
        assert!(chat_defaults(&members).is_err_and(|error| error.message().contains("`n`")));
        assert!(chat_defaults(&RawObject::default()).is_ok_and(|none| none.is_none()));
    }
}
