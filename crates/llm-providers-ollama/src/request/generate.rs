//! A client's body of `/api/generate` to the canonical form: one prompt is one question.

use llm_core::{ChatRequest, Error, Message, Part, Result, Role};

use super::read;
use crate::body::{Malformed, Members};

/// What only the server that holds the model could do, and why a request with it is not translated.
const INEXPRESSIBLE: [(&str, &str); 4] = [
    (
        "context",
        "the tokens of an earlier answer mean nothing to another model: send the conversation to `/api/chat`",
    ),
    (
        "raw",
        "a prompt in a model's own template cannot be translated: leave it out, or ask `/v1/completions`",
    ),
    ("suffix", "text after the answer cannot be translated: ask `/v1/completions` of a model that fills in"),
    ("template", "a model's own template cannot be replaced from here: leave it out"),
];

/// Reads a client's body.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest> {
    let mut body = Members::of_bytes(body).map_err(Malformed::of_client)?;
    for (field, why) in INEXPRESSIBLE {
        let given = body.raw(field);
        if given.is_some_and(|value| !matches!(value.get(), "\"\"" | "[]" | "false")) {
            return Err(
                Error::unsupported(format!("`{field}` is not possible here: {why}")).with_param(field)
            );
        }
    }
    read(body).map_err(Malformed::of_client)
}

fn read(mut body: Members<'_>) -> Result<ChatRequest, Malformed> {
    let system = body.words("system")?;
    let prompt = body.words("prompt")?;
    let images = body.texts("images")?;
    let asked: Vec<Part> =
        prompt.map(Part::text).into_iter().chain(images.into_iter().map(read::image)).collect();
    if asked.is_empty() {
        // A server of this format would load the model, which is nothing that a gateway does.
        return Err(Malformed::new("prompt", "field required"));
    }
    let system = system.map(|text| Message::text(Role::System, text));
    let messages = system.into_iter().chain([Message::new(Role::User, asked)]).collect();
    let mut request = ChatRequest { messages, ..ChatRequest::default() };
    read::common(body, &mut request)?;
    Ok(request)
}
