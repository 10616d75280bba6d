//! `codegen providers`: the tables of docs/providers.md, written by the test that compares them with the vendors table.

use anyhow::{Result, bail};

use crate::workspace;

/// Runs the test, which compares the tables with the committed ones, and writes them before unless `check`.
pub(super) fn run(check: bool) -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--package", "llm-providers", "--test", "providers", "vendors_page"]);
    if !check {
        cargo.env("LLM_WRITE_PAGES", "1");
    }
    if !cargo.status()?.success() {
        bail!("the test of the vendors' page failed: what it says stands above");
    }
    println!("docs/providers.md is current");
    Ok(())
}
