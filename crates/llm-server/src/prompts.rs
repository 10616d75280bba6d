//! `POST /prompts/test`: a prompt that is not kept yet, asked of its model. LiteLLM's dashboard and clients use it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Uri};
use llm_core::{Error, ErrorKind, Result, Role};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::answer::answer;
use crate::app::App;
use crate::client_address::peer;
use crate::routes::refusal;

/// Where chats are asked.
const CHAT: &str = "/v1/chat/completions";

/// What is asked.
#[derive(Deserialize)]
struct Tried {
    dotprompt_content: String,
    #[serde(default)]
    prompt_variables: Option<Map<String, Value>>,
    /// A conversation that is under way, the newest question included: of the prompt only the instructions are then used.
    #[serde(default)]
    conversation_history: Option<Vec<Value>>,
}

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/prompts/test", post(test))
}

async fn test(State(app): State<Arc<App>>, request: Request) -> Response {
    let from = peer(request.extensions());
    let asked = match chat(&app, request).await {
        Ok(asked) => asked,
        Err(error) => return refusal(&app, &error),
    };
    match app.gateway.route(CHAT, None) {
        Some(route) => answer(&app, route, asked, from).await.map(Body::new),
        None => refusal(&app, &Error::unsupported("this build has no chat completions")),
    }
}

/// The same as a request for a streamed chat, by the same caller.
///
/// # Errors
/// When the caller may not ask, or what it asks cannot be meant.
async fn chat(app: &App, request: Request) -> Result<Request> {
    let (mut head, body) = request.into_parts();
    app.authorise(&head).await?;
    let body = axum::body::to_bytes(body, app.limits.body).await.map_err(|_| {
        Error::new(ErrorKind::PayloadTooLarge, "the body is too large, or was broken off: send it again")
    })?;
    let tried: Tried = serde_json::from_slice(&body)
        .map_err(|_| Error::invalid("expected JSON with `dotprompt_content` and `prompt_variables`"))?;
    let body = written(tried)?.to_string();
    head.uri = Uri::from_static(CHAT);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok(Request::from_parts(head, Body::from(body)))
}

fn written(tried: Tried) -> Result<Value> {
    let template = llm_config::dotprompt(&tried.dotprompt_content)
        .map_err(|why| Error::invalid(why).with_param("dotprompt_content"))?;
    let Some(model) = &template.model else {
        let message = "the prompt names no model: write `model: …` between its `---` lines";
        return Err(Error::invalid(message).with_param("dotprompt_content"));
    };
    let filled = template.filled("test", tried.prompt_variables.unwrap_or_default())?;
    let history = tried.conversation_history.filter(|history| !history.is_empty());
    let instructs = |role: Role| matches!(role, Role::System | Role::Developer);
    let kept = filled.into_iter().filter(|(role, _)| history.is_none() || instructs(*role));
    let mut messages: Vec<Value> =
        kept.map(|(role, text)| json!({"role": name(role), "content": text})).collect();
    messages.extend(history.into_iter().flatten());
    let sampling = &template.sampling;
    let mut body = json!({"model": model, "messages": messages, "stream": true});
    for (key, value) in [
        ("temperature", sampling.temperature.map(Value::from)),
        ("top_p", sampling.top_p.map(Value::from)),
        ("max_tokens", template.max_output_tokens.map(Value::from)),
    ] {
        if let Some(value) = value {
            body[key] = value;
        }
    }
    Ok(body)
}

fn name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::Assistant => "assistant",
        Role::User | Role::Tool => "user",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(history: Option<Vec<Value>>) -> Tried {
        let dotprompt_content =
            "---\nmodel: echo\ntemperature: 0.5\n---\nSystem: be kind\nUser: hello {{who}}".to_owned();
        let variables = json!({"who": "Ann"}).as_object().cloned();
        Tried { dotprompt_content, prompt_variables: variables, conversation_history: history }
    }

    #[test]
    fn a_prompt_becomes_a_chat() {
        let body = written(tried(None)).expect("a prompt");
        let messages =
            json!([{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello Ann"}]);
        assert_eq!(
            (&body["messages"], &body["temperature"], &body["stream"]),
            (&messages, &json!(0.5), &json!(true))
        );
        let turn = json!({"role": "user", "content": "and now?"});
        let body = written(tried(Some(vec![turn.clone()]))).expect("a prompt");
        assert_eq!(body["messages"], json!([{"role": "system", "content": "be kind"}, turn]));
    }

    #[test]
    fn what_is_missing_is_said() {
        let without = Tried { prompt_variables: None, ..tried(None) };
        assert!(written(without).expect_err("`who` is missing").message().contains("who"));
        let nameless = Tried { dotprompt_content: "User: hello".to_owned(), ..tried(None) };
        assert!(written(nameless).expect_err("no model").message().contains("model"));
    }
}
