//! A request as hooks see it.

use std::sync::Arc;

use bytes::Bytes;
use llm_core::envelope::is_gateway_field;
use llm_core::provider::Inbound;
use llm_core::{ChatRequest, Result};

/// The member that asks for a stream.
const STREAM: &str = "stream";

/// A request that may be changed.
pub struct HookedRequest {
    inbound: Box<Inbound>,
    is_changed: bool,
}

impl HookedRequest {
    pub(crate) fn new(inbound: Box<Inbound>) -> Self {
        Self { inbound, is_changed: false }
    }

    /// The request, and whether it was changed.
    pub(crate) fn into_parts(self) -> (Box<Inbound>, bool) {
        (self.inbound, self.is_changed)
    }

    /// Its body, in the client's dialect.
    pub fn body(&self) -> &Bytes {
        &self.inbound.body
    }

    /// Whether its body is a form (of sound or pictures), not JSON.
    pub fn is_form(&self) -> bool {
        self.inbound.form.is_some()
    }

    /// The request in canonical form.
    ///
    /// # Errors
    /// When it is no chat, or not one of its dialect.
    pub fn chat(&self) -> Result<&ChatRequest> {
        self.inbound.decoded()
    }

    /// Changes the canonical form of a chat.
    ///
    /// # Errors
    /// When it is no chat, or its dialect cannot be written.
    pub fn edit(&mut self, change: impl FnOnce(&mut ChatRequest)) -> Result<()> {
        let mut request = self.inbound.decoded()?.clone();
        change(&mut request);
        self.inbound = rewritten(&self.inbound, &request)?;
        self.is_changed = true;
        Ok(())
    }

    /// Puts another body in the place of this one, in the client's dialect.
    ///
    /// # Errors
    /// When it is no JSON object, or no form where the request is one.
    pub fn set_body(&mut self, body: Bytes) -> Result<()> {
        self.inbound = with_body(&self.inbound, body)?;
        self.is_changed = true;
        Ok(())
    }
}

/// The same call with a body that says this request, and what the client says to the gateway. What follows reads the body
/// alone, so that nobody looks at another request than the vendor gets.
///
/// # Errors
/// When requests of its dialect cannot be written.
pub(crate) fn rewritten(inbound: &Inbound, request: &ChatRequest) -> Result<Box<Inbound>> {
    let body = inbound.ingress.write_request(request)?;
    let rewritten = with_body(inbound, body)?;
    let mut edit = rewritten.envelope.amend(&rewritten.body);
    // Whether it is streamed is the client's to say: formats differ in what saying nothing means.
    let is_kept = |key: &str| key == STREAM || is_gateway_field(key);
    for key in inbound.envelope.keys(&inbound.body).filter(|key| is_kept(key)) {
        if let Some(value) = inbound.envelope.value(&inbound.body, key) {
            edit.set(key, value.to_owned());
        }
    }
    if inbound.envelope.range(&inbound.body, STREAM).is_none() {
        edit.remove(STREAM);
    }
    let body = edit.finish().joined();
    with_body(inbound, body)
}

/// The same call with another body.
///
/// # Errors
/// When it is none of its kind.
pub(crate) fn with_body(inbound: &Inbound, body: Bytes) -> Result<Box<Inbound>> {
    let (ingress, asked) = (Arc::clone(&inbound.ingress), inbound.asked.clone());
    Inbound::new(ingress, asked, inbound.headers.clone(), body).map(Box::new)
}
