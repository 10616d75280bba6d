//! What each pair of a client's dialect and a vendor's carries, tried out and written to `docs/fidelity.md`.
//!
//! A request goes the way that it goes in the gateway: written in the client's dialect, read into the canonical form,
//! written in the vendor's, and read back from there. What arrives changed without a word is a failure of this test.

#[path = "fidelity/answers.rs"]
mod answers;
#[path = "fidelity/kinds.rs"]
mod kinds;
#[path = "fidelity/page.rs"]
mod page;
#[path = "fidelity/requests.rs"]
mod requests;

use std::sync::Arc;

use llm_core::{ChatRequest, Dialect, Ingress, Message, Operation, Role, Target};

/// A dialect with both of its sides, where it has them.
pub(crate) struct Sides {
    pub(crate) name: String,
    pub(crate) vendor: Option<Arc<dyn Dialect>>,
    pub(crate) client: Option<Arc<dyn Ingress>>,
}

/// What became of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrived.
    Carried,
    /// It arrived as something close, and the client is told.
    Approximated,
    /// The gateway fetches what the vendor takes as bytes only, and sends those.
    Fetched,
    /// It did not arrive, and the client is told.
    Dropped,
    /// The request is refused, unless the client allows it to be dropped.
    Refused,
    /// The dialect that it would come from cannot say it.
    Unsayable,
    /// It did not arrive, and nobody says so.
    Lost,
}

fn all() -> Vec<Sides> {
    let mut clients = llm_providers::ingresses();
    clients.retain(|client| client.endpoints().iter().any(|endpoint| endpoint.operation == Operation::Chat));
    // Its path is there to say that chat of that version is not.
    clients.retain(|client| client.id().name() != "cohere.v1");
    let mut sides: Vec<Sides> = Vec::new();
    for vendor in llm_providers::dialects().into_iter().filter(|vendor| has_chat(vendor.as_ref())) {
        let id = vendor.id();
        // One format under the names of two kinds of models is one format.
        if sides.iter().any(|sides| sides.name == id.name()) {
            continue;
        }
        let client = clients.iter().position(|client| client.id() == id).map(|at| clients.remove(at));
        sides.push(Sides { name: id.to_string(), vendor: Some(vendor), client });
    }
    let rest = clients.into_iter();
    sides.extend(rest.map(|client| Sides {
        name: client.id().to_string(),
        vendor: None,
        client: Some(client),
    }));
    sides
}

/// Vendors of embeddings and reranking have none.
fn has_chat(vendor: &dyn Dialect) -> bool {
    let hello = vec![Message::text(Role::User, "Hello")];
    let request = ChatRequest { model: "model".to_owned(), messages: hello, ..ChatRequest::default() };
    vendor.encode(&request, &Target { model: "model".to_owned(), ..Target::default() }).is_ok()
}

#[test]
fn nothing_is_lost_in_silence_and_the_fidelity_page_is_current() {
    let sides = all();
    let requests = requests::table(&sides);
    let answers = answers::table(&sides);
    let (other_kinds, lost_of_others) = kinds::render();
    let lost = requests.lost().into_iter().chain(answers.broken_streams()).chain(lost_of_others);
    let lost: Vec<String> = lost.collect();
    assert!(lost.is_empty(), "lost in silence:\n{}", lost.join("\n"));

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fidelity.md");
    let page = page::render(&requests, &answers) + &other_kinds;
    if std::env::var_os("LLM_WRITE_PAGES").is_some() {
        std::fs::write(path, &page).expect("docs is writable");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page, "docs/fidelity.md is not current: run `cargo xtask codegen fidelity`");
}
