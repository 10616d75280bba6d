//! `ci`: every check that a change must pass, in the order in which they are cheap.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::{package, tidy, trials, workspace};

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "ci",
    usage: "ci [--keep-going] [step …]",
    about: "runs every check that a change must pass",
    details: "Steps, in this order:\n\
              \x20 fmt     cargo fmt --all --check\n\
              \x20 tidy    cargo xtask tidy\n\
              \x20 clippy  cargo clippy --workspace --all-targets, warnings are errors\n\
              \x20 doc     cargo doc --workspace --all-features --no-deps, warnings are errors\n\
              \x20 deny    cargo deny check bans licenses sources (needs `cargo install cargo-deny`)\n\
              \x20 package cargo xtask package\n\
              \x20 features  each crate alone, with each of its cargo features and with none\n\
              \x20 test    cargo xtask test\n\
              \x20 loom    every interleaving of the counters that threads share\n\
              \x20 fuzz    every fuzz target's check on changed seeds, some five minutes in all; which ones get the\n\
              \x20         most, and each input, follow from the committed tree (no fuzzer needed)\n\
              \x20 trials  half a minute of `soak`, and every scenario of `chaos` (Linux)\n\
              \x20 instructions  what the hot paths cost, beside their budgets (needs valgrind)\n\
              \n\
              Named steps run alone. The first failure ends the run, unless `--keep-going` is given.",
    run,
};

type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 12] = [
    ("fmt", fmt),
    ("tidy", tidy::check),
    ("clippy", clippy),
    ("doc", doc),
    ("deny", deny),
    ("package", package::check),
    ("features", features),
    ("test", test),
    ("loom", loom),
    ("fuzz", crate::fuzz::rotation),
    ("trials", short_trials),
    ("instructions", instructions),
];

fn run(mut arguments: Arguments) -> Result<()> {
    let keep_going = arguments.flag("--keep-going");
    let chosen = arguments.rest();
    if let Some(unknown) = chosen.iter().find(|name| STEPS.iter().all(|(step, _)| step != name)) {
        bail!("unknown step `{unknown}`: see `cargo xtask help ci`");
    }
    let mut failed = Vec::new();
    for (name, step) in
        STEPS.iter().filter(|(name, _)| chosen.is_empty() || chosen.iter().any(|word| word == name))
    {
        let start = Instant::now();
        let result = step();
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        println!("ci: {name} {verdict} in {:.1} s", start.elapsed().as_secs_f32());
        match result {
            Ok(()) => {}
            Err(fault) if keep_going => {
                eprintln!("error: {fault:#}");
                failed.push(*name);
            }
            Err(fault) => return Err(fault.context(format!("step `{name}`"))),
        }
    }
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn fmt() -> Result<()> {
    workspace::run(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    workspace::run(workspace::cargo().args(arguments))
}

fn doc() -> Result<()> {
    let mut command = workspace::cargo();
    command
        .args(["doc", "--workspace", "--all-features", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings");
    workspace::run(&mut command)
}

fn deny() -> Result<()> {
    workspace::capture(workspace::cargo().args(["deny", "--version"]))
        .context("cargo-deny is missing: install it with `cargo install --locked cargo-deny`")?;
    workspace::run(workspace::cargo().args(["deny", "check", "bans", "licenses", "sources"]))
}

/// Features are additive and each one stands alone: a crate must compile with any one of them and with none. So must one
/// that has none: what it gets from a crate beside it in the workspace is not there for others.
fn features() -> Result<()> {
    for package in workspace::packages()? {
        let alone = package.features.keys().filter(|feature| *feature != "default");
        let choices: Vec<Option<&String>> = std::iter::once(None).chain(alone.map(Some)).collect();
        for feature in choices {
            let mut check = workspace::cargo();
            check.args(["check", "--quiet", "--package", &package.name, "--no-default-features"]);
            if let Some(feature) = feature {
                check.args(["--features", feature]);
            }
            workspace::run(&mut check)?;
        }
    }
    Ok(())
}

fn test() -> Result<()> {
    (crate::test::COMMAND.run)(Arguments::new(Vec::new()))
}

/// Loom replaces locks and counters throughout, so its build has a folder of its own.
fn loom() -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["test", "--quiet", "--package", "llm-governance", "--package", "llm-router"]);
    command.args(["--lib", "--target-dir", "target/loom", "interleavings"]);
    workspace::run(command.env("RUSTFLAGS", "--cfg loom").env("LOOM_MAX_PREEMPTIONS", "3"))
}

/// The built program under load and faults: as long as shows that it stands, not as long as shows that it lasts.
fn short_trials() -> Result<()> {
    let words = |words: &[&str]| Arguments::new(words.iter().map(|word| (*word).to_owned()).collect());
    trials::trial("soak", words(&["--minutes", "0.5"]))?;
    trials::trial("chaos", words(&[]))
}

fn instructions() -> Result<()> {
    (crate::instructions::COMMAND.run)(Arguments::new(Vec::new()))
}
