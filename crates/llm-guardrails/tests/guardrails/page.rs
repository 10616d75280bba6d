//! `docs/guardrails.md` names every kind and every rule.

use std::path::Path;

#[test]
fn the_page_has_every_kind_and_every_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guardrails.md");
    let page = std::fs::read_to_string(path).expect("the page");
    for kind in llm_guardrails::kinds() {
        for name in kind.aliases.iter().chain([&kind.name]) {
            assert!(page.contains(&format!("`{name}`")), "docs/guardrails.md does not name `{name}`");
        }
        for rule in kind.rules {
            let row = format!("| `{}` | {} |", rule.id, rule.finds);
            assert!(
                page.contains(&row),
                "docs/guardrails.md does not have this row: {row}\nrun `cargo run --package llm-guardrails --example rules`"
            );
        }
    }
}
