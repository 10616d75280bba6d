//! How often a long prompt is copied on its way from a client's body into a vendor's, counted by what is allocated. The
//! only test of this binary: whatever else runs would be counted, too.

use std::alloc::System;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use llm_core::{ChatRequest, Dialect, Ingress, Message, Role, Target};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const PROMPT: usize = 200 << 10;

/// Of what is allocated for one prompt: one copy of it in its JSON spelling, and what else a request is made of.
const BAR: usize = PROMPT * 13 / 10;

/// Clients of Cohere's and Ollama's formats, and vendors of Cohere's, are read and written in more steps.
const CLIENTS: [&str; 5] =
    ["openai.chat", "openai.responses", "anthropic.messages", "gemini.generate", "bedrock.converse"];
const VENDORS: [&str; 6] = [
    "openai.chat",
    "openai.responses",
    "anthropic.messages",
    "gemini.generate",
    "bedrock.converse",
    "ollama.chat",
];

/// Prose, which has what JSON has to escape.
fn prompt() -> String {
    let line = "The quick brown fox jumps over the lazy dog, and \"rests\" — über Nacht.\n";
    line.repeat(PROMPT / line.len())
}

fn target() -> Target {
    Target { model: "some-model".to_owned(), ..Target::default() }
}

fn body_of(dialect: &dyn Dialect) -> Bytes {
    let messages = vec![
        Message::text(Role::System, "Answer briefly."),
        Message::text(Role::User, "What is in the text that follows?"),
        Message::text(Role::Assistant, "Show it to me."),
        Message::text(Role::User, prompt()),
    ];
    let request = ChatRequest { model: "some-model".to_owned(), messages, ..ChatRequest::default() };
    dialect.encode(&request, &target()).expect("every format has words for it").request.body.joined()
}

fn allocated(client: &dyn Ingress, body: &Bytes, vendor: &dyn Dialect) -> usize {
    let target = target();
    let region = Region::new(ALLOCATOR);
    let request = client.decode(body, &HeaderMap::new()).expect("a request");
    let encoded = vendor.encode(&request, &target).expect("every format has words for it");
    let allocated = region.change().bytes_allocated;
    let written = encoded.request.body.joined();
    let read: serde_json::Value = serde_json::from_slice(&written).expect("JSON");
    assert!(read.to_string().contains(&serde_json::to_string(&prompt()).expect("a string")));
    allocated
}

#[test]
fn a_long_prompt_is_copied_once() {
    let dialects: Vec<Arc<dyn Dialect>> = llm_providers::dialects();
    let ingresses: Vec<Arc<dyn Ingress>> = llm_providers::ingresses();
    let mut above = Vec::new();
    for client in CLIENTS {
        let own = dialects.iter().find(|one| one.id().name() == client).expect("a vendor's side");
        let ingress = ingresses.iter().find(|one| one.id().name() == client).expect("a client's side");
        let body = body_of(&**own);
        for vendor in VENDORS.iter().filter(|vendor| **vendor != client) {
            let dialect = dialects.iter().find(|one| one.id().name() == *vendor).expect("a vendor's side");
            let allocated = allocated(&**ingress, &body, &**dialect);
            if allocated > BAR {
                above.push(format!("{client} > {vendor}: {:.2} prompts", allocated as f64 / PROMPT as f64));
            }
        }
    }
    assert!(above.is_empty(), "{}", above.join("\n"));
}
