//! How often a long prompt is copied on its way from a client's body into a vendor's, counted by what is allocated. The
//! only test of this binary: whatever else runs would be counted, too.

use std::alloc::System;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::{ChatRequest, Dialect, Ingress, Message, Role, Target};
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PROMPT: usize = 200 << 10;

/// Of what is allocated for one prompt: one copy of it in its JSON spelling, and what else a request is made of.
const BAR: usize = PROMPT * 13 / 10;

/// Prose, which has what JSON has to escape.
fn prompt() -> String {
    let line = "The quick brown fox jumps over the lazy dog, and \"rests\" — über Nacht.\n";
    line.repeat(PROMPT / line.len())
}

fn target() -> Target {
    Target { model: "some-model".to_owned(), ..Target::default() }
}

fn request() -> ChatRequest {
    let messages = vec![
        Message::text(Role::System, "Answer briefly."),
        Message::text(Role::User, "What is in the text that follows?"),
        Message::text(Role::Assistant, "Show it to me."),
        Message::text(Role::User, prompt()),
    ];
    ChatRequest { model: "some-model".to_owned(), messages, ..ChatRequest::default() }
}

/// A client's body: as a vendor of the same format gets it, or written here where there is none.
fn body_of(client: &str, vendors: &[Arc<dyn Dialect>]) -> Bytes {
    if client == "ollama.generate" {
        return json!({"model": "some-model", "system": "Answer briefly.", "prompt": prompt()})
            .to_string()
            .into();
    }
    // Answers of this one come in a list; its bodies are those of the other.
    let client = client.trim_end_matches(".array");
    let own = vendors.iter().find(|one| one.id().name() == client).expect("a vendor's side");
    own.encode(&request(), &target()).expect("every format has words for it").request.body.joined()
}

fn allocated(client: &dyn Ingress, body: &Bytes, vendor: &dyn Dialect) -> usize {
    let target = target();
    let region = Region::new(ALLOCATOR);
    let request = client.decode(body, &HeaderMap::new()).expect("a request");
    let encoded = vendor.encode(&request, &target).expect("every format has words for it");
    let allocated = region.change().bytes_allocated;
    let written = encoded.request.body.joined();
    let read: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
    let prompt = serde_json::to_string(&prompt()).expect("a string");
    assert!(read.to_string().contains(prompt.trim_matches('"')));
    allocated
}

/// Whether a format has chat: some have only embeddings and the like.
fn has_chat(dialect: &dyn Dialect) -> bool {
    dialect.encode(&request(), &target()).is_ok()
}

#[test]
fn a_long_prompt_is_copied_once() {
    let vendors: Vec<Arc<dyn Dialect>> =
        llm_providers::dialects().into_iter().filter(|one| has_chat(&**one)).collect();
    assert!(vendors.len() > 10);
    let mut clients = llm_providers::ingresses();
    // The first version of this format has no chat.
    clients.retain(|one| one.id().name() != "cohere.v1");
    let mut above = Vec::new();
    for client in clients {
        let id = client.id();
        let name = id.name();
        let body = body_of(name, &vendors);
        for vendor in vendors.iter().filter(|vendor| vendor.id().name() != name) {
            let allocated = allocated(&*client, &body, &**vendor);
            if allocated > BAR {
                let prompts = allocated as f64 / PROMPT as f64;
                above.push(format!("{name} > {}: {prompts:.2} prompts", vendor.id()));
            }
        }
    }
    assert!(above.is_empty(), "{}", above.join("\n"));
}
