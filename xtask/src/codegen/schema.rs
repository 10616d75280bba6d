//! The JSON schema of the configuration, printed by the server itself.

use anyhow::{Context, Result};

use crate::workspace;

const TARGET: &str = "config/schema.json";

pub(super) fn run(check: bool) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["run", "--quiet", "--package", "llm-server", "--bin", "llm-server", "--", "schema"]);
    let schema = workspace::capture(&mut command).context(
        "the schema comes from `llm-server schema`; the server does not build or has no such command",
    )?;
    serde_json::from_str::<serde_json::Value>(&schema).context("`llm-server schema` printed no JSON")?;
    super::put(TARGET, &schema, check)
}
