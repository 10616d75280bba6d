//! `tidy`: the rules of the house that the compiler does not know.

mod arrows;
mod exceptions;
mod functions;
mod lints;
mod paths;
mod readmes;
mod rust;
mod sources;
mod vendors;

use std::fmt;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::{codegen, workspace};

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "tidy",
    usage: "tidy",
    about: "checks the rules of the house that the compiler does not know",
    details: "  arrows           crates depend downward only; heavy dependencies stay in the crate that owns them\n\
              \x20 module-sentence  every .rs file opens with a `//!` sentence that ends with a period\n\
              \x20 file-length      a .rs file has at most 500 lines\n\
              \x20 function-length  a function has at most 60 lines\n\
              \x20 vendor-name      no vendor's name in code outside its own crate, llm-providers, llm-config and tests\n\
              \x20 readme           a crate's page is its README, with an example that is run, and with every feature\n\
              \x20 lints            every crate takes the workspace's lints, which forbid `unsafe`\n\
              \x20 machine-path     no absolute path of somebody's machine in a tracked file\n\
              \x20 generated        generated files are what their generator writes\n\
              \n\
              A finding that is right as it is goes into xtask/tidy.toml with its reason; one there that is found\n\
              no more must be taken out.",
    run,
};

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    rule: &'static str,
    path: String,
    line: usize,
    /// What in the file is meant: a function, a name.
    item: String,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, path, line, message, .. } = self;
        write!(formatter, "{path}:{line}: {message} [{rule}]")
    }
}

fn run(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    check()
}

/// Checks every rule and prints what breaks one.
pub(crate) fn check() -> Result<()> {
    let files = workspace::tracked()?;
    let mut findings = arrows::check()?;
    findings.extend(sources::check(&files)?);
    findings.extend(lints::check()?);
    findings.extend(readmes::check()?);
    findings.extend(paths::check(&files)?);
    findings.extend(generated()?);
    let mut findings = exceptions::apply(findings)?;
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings: mend them, or see `cargo xtask help tidy` for exceptions", findings.len());
    }
    println!("tidy: {} files keep the rules", files.len());
    Ok(())
}

fn generated() -> Result<Option<Finding>> {
    let current = codegen::prices_are_current()?;
    if current.is_none() {
        println!("tidy: SKIPPED the price table: LiteLLM's is not beside the workspace");
    }
    Ok((current == Some(false)).then(|| Finding {
        rule: "generated",
        path: "crates/llm-metrics/data/prices.tsv".to_owned(),
        line: 1,
        item: String::new(),
        message: "is not current: run `cargo xtask codegen prices`".to_owned(),
    }))
}
