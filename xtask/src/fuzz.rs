//! `fuzz`: runs the fuzz targets, which are a package of their own beside the workspace's crates.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::workspace;

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "fuzz",
    usage: "fuzz [target] [--seconds N] [--with FOLDER]",
    about: "feeds the parsers of outside bytes until one breaks a promise",
    details: "Runs one target of fuzz/fuzz_targets, or all of them one after the other, for 60 seconds each or as long\n\
              as `--seconds` says. It needs cargo-fuzz (`cargo install cargo-fuzz`) and a C++ compiler, no nightly.\n\
              `--with` names a folder of more samples, recorded traffic for example; nothing is written there.\n\
              What was learnt stays in fuzz/corpus, what broke a promise in fuzz/artifacts. See fuzz/README.md.",
    run,
};

/// Each target, with the folder of its seeds.
const TARGETS: [(&str, &str); 17] = [
    ("answers", "answers"),
    ("base_urls", "base_urls"),
    ("cache_keys", "requests"),
    ("calls", "calls"),
    ("configuration", "configuration"),
    ("envelope", "requests"),
    ("forms", "forms"),
    ("forwards", "requests"),
    ("framing", "streams"),
    ("guardrails", "guardrails"),
    ("prices", "prices"),
    ("requests", "requests"),
    ("streams", "streams"),
    ("taps", "streams"),
    ("tokens", "tokens"),
    ("variables", "variables"),
    ("ways", "requests"),
];

fn run(mut arguments: Arguments) -> Result<()> {
    let seconds = arguments.option("--seconds")?.unwrap_or_else(|| "60".to_owned());
    let seconds: u32 = seconds.parse().context("`--seconds` needs a whole number")?;
    let more = arguments.option("--with")?.map(|folder| folder_of(&folder)).transpose()?;
    let chosen = arguments.rest();
    let targets = chosen_targets(&chosen)?;
    installed()?;
    for (target, seeds) in targets {
        let corpus = folder().join("corpus").join(target);
        std::fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        // The first folder is written to; the others are only read.
        let mut command = workspace::cargo();
        command.current_dir(folder()).args(["fuzz", "run", "--sanitizer", "none", target]).arg(corpus);
        command.arg(folder().join("seeds").join(seeds)).args(&more).arg("--");
        command.args(limits(seconds));
        workspace::run(&mut command)?;
    }
    Ok(())
}

/// Every check on changed seeds without a fuzzer, for about five minutes of one core: a step of `ci`. Who gets the most of
/// them, and every input, follows from the tree that is committed, so that each change tries others, each run can be
/// repeated, and what passed before a merge passes after it.
pub(crate) fn rotation() -> Result<()> {
    const SECONDS: &str = "300";
    let tree = workspace::output("git", ["rev-parse", "HEAD^{tree}"])?;
    let mut settings =
        vec![("LLM_FUZZ_SECONDS", SECONDS.to_owned()), ("LLM_FUZZ_FROM", tree.trim().to_owned())];
    let recordings =
        std::env::var_os("LLM_FIXTURES").map_or_else(|| workspace::beside("fixtures"), PathBuf::from);
    if let Ok(recordings) = recordings.canonicalize() {
        settings.push(("LLM_FUZZ_WITH", recordings.display().to_string()));
    }
    // A package of its own with a lock of its own: another place than the workspace's crates have.
    let target = workspace::target_folder().join("fuzz");
    let mut command = workspace::cargo();
    command.args(["test", "--manifest-path", "fuzz/Cargo.toml", "--lib", "--target-dir"]).arg(target);
    command.args(["--", "--nocapture", "rotation"]).envs(settings.iter().map(|(name, value)| (name, value)));
    let repeat = settings.iter().map(|(name, value)| format!("{name}={value} ")).collect::<String>();
    println!("fuzz: to repeat it, the environment is {repeat}");
    workspace::run(&mut command)
}

/// The flags of libFuzzer: how long, how large, how much memory and time an input may take.
fn limits(seconds: u32) -> [String; 5] {
    [
        format!("-max_total_time={seconds}"),
        format!("-dict={}", folder().join("words.dict").display()),
        "-max_len=16384".to_owned(),
        "-rss_limit_mb=2048".to_owned(),
        "-timeout=10".to_owned(),
    ]
}

fn folder() -> PathBuf {
    workspace::root().join("fuzz")
}

fn folder_of(path: &str) -> Result<PathBuf> {
    Path::new(path).canonicalize().with_context(|| format!("cannot read the folder {path}"))
}

fn chosen_targets(names: &[String]) -> Result<Vec<(&'static str, &'static str)>> {
    if names.is_empty() {
        return Ok(TARGETS.to_vec());
    }
    let find = |name: &String| TARGETS.iter().find(|(target, _)| target == name).copied();
    names
        .iter()
        .map(|name| {
            find(name).with_context(|| {
                let known: Vec<&str> = TARGETS.iter().map(|(target, _)| *target).collect();
                format!("unknown target `{name}`: there are {}", known.join(", "))
            })
        })
        .collect()
}

fn installed() -> Result<()> {
    let mut command: Command = workspace::cargo();
    let found = command.args(["fuzz", "--version"]).output().context("cannot start cargo")?;
    if !found.status.success() {
        bail!("cargo-fuzz is missing: install it with `cargo install cargo-fuzz`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_file_and_its_seeds() {
        let files = std::fs::read_dir(folder().join("fuzz_targets")).expect("the folder is there").count();
        assert_eq!(files, TARGETS.len());
        for (target, seeds) in TARGETS {
            assert!(folder().join("fuzz_targets").join(format!("{target}.rs")).is_file(), "{target}");
            assert!(folder().join("seeds").join(seeds).is_dir(), "{seeds}");
        }
    }

    #[test]
    fn an_unknown_target_names_the_known_ones() {
        let fault = chosen_targets(&["envelop".to_owned()]).expect_err("no such target");
        assert!(fault.to_string().contains("envelope"), "{fault}");
        assert_eq!(chosen_targets(&[]).expect("all").len(), TARGETS.len());
    }
}
