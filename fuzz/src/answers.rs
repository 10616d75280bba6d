//! Vendors' whole answers, read, metered and told to every client.

use http::HeaderMap;
use llm_core::event::{Fold, unfold};
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, ChatResponse, Dialect, FinishReason};

use crate::dialects;
use crate::rules::Rules;
use crate::sample::{Draws, reply};
use crate::streams;

/// Any body is an answer or an error. An answer can be metered without reading it, to the same count; every client
/// can be told it, whole or as a stream; and telling it as events changes nothing.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let mut draws = Draws::of(data);
    let reply = reply(data, &mut draws);
    for vendor in dialects::vendors(&mut draws) {
        classified(&*vendor, &reply);
        let peek = vendor.peek(&reply.body);
        if let Some(model) = peek.as_ref().ok().and_then(|peek| peek.model.clone()) {
            let shown = reply.body.get(model).expect("the model stands in the body");
            serde_json::from_slice::<&serde_json::value::RawValue>(shown).expect("the model is a value");
        }
        let Ok(response) = vendor.decode(&reply) else { continue };
        let id = vendor.id();
        let peek = peek.unwrap_or_else(|error| panic!("{id} reads but does not meter: {error:?}"));
        assert_eq!(peek.usage, response.usage, "{id} meters otherwise");
        told(&response);
    }
}

fn classified(vendor: &dyn Dialect, reply: &WireResponse) {
    let error = vendor.classify(reply);
    for client in dialects::clients() {
        serde_json::from_slice::<serde_json::Value>(&client.error(&error)).expect("an error is JSON");
        streams::frames_of(&**client, &client.stream_error(&error));
    }
}

fn told(response: &ChatResponse) {
    let mut rules = Rules::default();
    let mut fold = Fold::default();
    // Events have no place for what is unknown in a message.
    let mut expected = response.clone();
    for choice in &mut expected.choices {
        choice.message.extras = None;
        // A stream must say that it ended.
        let reason = if choice.wants_tools() { FinishReason::ToolCalls } else { FinishReason::Stop };
        choice.finish.get_or_insert(reason);
    }
    let events = unfold(response.clone());
    for event in &events {
        rules.see(event);
        fold.push(event.clone());
    }
    assert_eq!(fold.finish(), Ok(expected), "events tell another answer");
    let request = ChatRequest::default();
    for client in dialects::clients() {
        let body = client.encode(response, &request);
        let reply = WireResponse { status: 200, headers: HeaderMap::new(), body };
        let id = client.id();
        let read = dialects::vendor_of(&**client).decode(&reply);
        let shown = reply.body.escape_ascii();
        if let Err(error) = read
            && !streams::is_told_as_failure(id, response)
        {
            panic!("{id} does not read its own answer: {error:?}: {shown}");
        }
        streams::encoded(&**client, &events);
    }
}
