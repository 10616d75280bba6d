//! `codegen fidelity`: the page of what each pair of dialects carries, written by the test that tries it out.

use anyhow::{Result, bail};

use crate::workspace;

/// Runs the test, which compares the page with the committed one, and writes it before unless `check`.
pub(super) fn run(check: bool) -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--package", "llm-providers", "--test", "providers", "fidelity"]);
    if !check {
        cargo.env("LLM_WRITE_PAGES", "1");
    }
    if !cargo.status()?.success() {
        bail!("the test of fidelity failed: what it says stands above");
    }
    println!("docs/fidelity.md is current");
    Ok(())
}
