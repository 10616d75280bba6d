//! A guardrail in Rust: one word is masked wherever it stands, another one closes the door.
//! `cargo run --package llm-client --example own_guard`.

use std::sync::Arc;

use llm_client::{Client, Model};
use llm_core::guard::{Action, Finding, Judge, Piece, Scanner};
use llm_gateway::{GuardrailSpec, Modes};

/// What may not be said, and what is done about it.
const WORDS: [(&str, Action); 2] = [("Rosebud", Action::Mask), ("Xanadu", Action::Block)];

struct Secrets;

impl Scanner for Secrets {
    fn scan(&self, piece: &Piece<'_>, findings: &mut Vec<Finding>) {
        for (word, action) in WORDS {
            findings.extend(piece.text.match_indices(word).map(|(at, _)| Finding {
                range: at..at + word.len(),
                rule: "project".into(),
                action,
                replacement: "[project]".into(),
            }));
        }
        findings.sort_by_key(|finding| finding.range.start);
    }

    fn reach(&self) -> usize {
        WORDS.map(|(word, _)| word.len()).into_iter().max().unwrap_or_default()
    }
}

/// The status of a refused call, and what the model heard of another one.
pub(crate) async fn run() -> (u16, String) {
    let client = Client::builder()
        .model(Model::new("m", "mock/echo"))
        .shape(|parts| {
            let guardrail = GuardrailSpec::new("projects", Judge::Scanner(Arc::new(Secrets)));
            parts.guardrails.push(GuardrailSpec {
                modes: Modes { pre_call: true, post_call: true, ..Modes::default() },
                default_on: true,
                ..guardrail
            });
        })
        .build()
        .expect("nothing is wrong with it");
    let refused = client.chat("tell me of Xanadu").await.expect_err("the door is closed");
    let told = client.chat("tell me of Rosebud").await.expect("an answer");
    (refused.status, told.text().to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (refused, told) = run().await;
    #[expect(clippy::print_stdout, reason = "it is what the example is for")]
    {
        println!("refused with {refused}\n{told}");
    }
}
