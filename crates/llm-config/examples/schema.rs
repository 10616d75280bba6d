//! Prints the JSON schema of a configuration.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(llm_config::schema().as_bytes())
}
