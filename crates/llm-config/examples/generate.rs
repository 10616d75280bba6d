//! Prints what is made from the key table: `schema` for editors, or `keys` for docs/configuration.md.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let text = match std::env::args().nth(1).as_deref() {
        Some("schema") => llm_config::schema(),
        Some("keys") => llm_config::reference(),
        _ => return Err(std::io::Error::other("say what to print: `schema` or `keys`")),
    };
    std::io::stdout().write_all(text.as_bytes())
}
