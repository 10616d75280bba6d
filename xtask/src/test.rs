//! `test`: all tests of the workspace, with the total at the end.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::workspace;

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "test",
    usage: "test [arguments of cargo test]",
    about: "runs all tests and prints the total",
    details: "Runs `cargo test --workspace` (with what else you give, for example `-p llm-core` or `-- --nocapture`)\n\
              and adds up what the test programs report. Fails when a test fails, or when none ran.",
    run,
};

/// What test programs reported.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    programs: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// Adds a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.trim().strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        self.programs += 1;
        for count in counts.1.split("; ") {
            let Some((number, what)) = count.split_once(' ') else { continue };
            let number: u64 = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let arguments = arguments.rest();
    let chosen = arguments.iter().any(|word| word == "-p" || word.starts_with("--package"));
    let mut command = workspace::cargo();
    // All that fails is told in one run.
    command.args(["test", "--no-fail-fast"]).args((!chosen).then_some("--workspace")).args(arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut totals = Totals::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cargo printed no text")?;
        println!("{line}");
        totals.add(&line);
    }
    let status = child.wait()?;
    println!(
        "cargo test: {} passed, {} failed, {} ignored in {} test programs",
        totals.passed, totals.failed, totals.ignored, totals.programs
    );
    if !status.success() {
        bail!("tests failed");
    }
    if totals.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_all_programs_are_added_up() {
        let mut totals = Totals::default();
        totals.add(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        );
        totals.add("test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out");
        totals.add("test a::b ... ok");
        assert_eq!(totals, Totals { programs: 2, passed: 14, failed: 3, ignored: 1 });
    }
}
