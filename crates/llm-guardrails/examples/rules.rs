//! Prints the rules of all judges as the tables of `docs/guardrails.md`: `cargo run --package llm-guardrails --example rules`.

#![expect(clippy::print_stdout, reason = "the tables are for the page")]

fn main() {
    for kind in llm_guardrails::kinds().into_iter().filter(|kind| !kind.rules.is_empty()) {
        println!("### Rules of `{}`\n\n| rule | finds |\n| --- | --- |", kind.name);
        for rule in kind.rules {
            println!("| `{}` | {} |", rule.id, rule.finds);
        }
        println!();
    }
}
