//! Counting: the lanes built, and run under callgrind.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::budgets::Count;
use crate::workspace;

/// Rounds of the two runs of a lane. The start, the making of the lane and the first round are in both.
const ROUNDS: [u64; 2] = [5, 55];

/// Builds the lanes, and says where their program is.
pub(super) fn build() -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--package", "trials", "--bench", "instructions", "--profile", "instructions"]);
    println!("$ cargo build --package trials --bench instructions --profile instructions");
    let printed = workspace::capture(cargo.arg("--message-format=json-render-diagnostics"))?;
    let program = printed.lines().filter_map(program).next_back();
    program.context("cargo built no program of the lanes")
}

/// The program that a message of cargo names.
fn program(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_ours = message["target"]["name"] == "instructions";
    is_ours.then(|| message["executable"].as_str().map(PathBuf::from))?
}

/// The names of the lanes.
pub(super) fn lanes(program: &Path) -> Result<Vec<String>> {
    let names = workspace::capture(&mut Command::new(program))?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// Counts the instructions of a round of each lane, as many lanes at a time as there are cores.
pub(super) fn count(program: &Path, lanes: &[String]) -> Result<Vec<Count>> {
    let folder = workspace::target_folder().join("instructions/profiles");
    std::fs::create_dir_all(&folder).context("cannot make the folder of the profiles")?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut counted = Vec::new();
    for some in lanes.chunks(cores) {
        let round: Vec<Result<Count>> = thread::scope(|scope| {
            let threads: Vec<_> =
                some.iter().map(|lane| scope.spawn(|| round(program, lane, &folder))).collect();
            threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
        });
        counted.extend(round.into_iter().collect::<Result<Vec<Count>>>()?);
    }
    Ok(counted)
}

fn round(program: &Path, lane: &str, folder: &Path) -> Result<Count> {
    let [few, many] = ROUNDS;
    let short = instructions(program, lane, few, &folder.join(format!("{lane}.short")))?;
    let long = instructions(program, lane, many, &folder.join(format!("{lane}.long")))?;
    Ok((lane.to_owned(), long.saturating_sub(short) / (many - few)))
}

/// What a run executes from its start to its end, as callgrind's file sums it up.
fn instructions(program: &Path, lane: &str, rounds: u64, profile: &Path) -> Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind"]);
    valgrind.arg(format!("--callgrind-out-file={}", profile.display())).arg(program);
    valgrind.args([lane, &rounds.to_string()]);
    // The environment lies on the stack, and moves what lies below it.
    let path = std::env::var_os("PATH").unwrap_or_default();
    valgrind.env_clear().env("PATH", path).stdout(Stdio::null());
    let status = valgrind.status().context("cannot start valgrind: install it")?;
    if !status.success() {
        bail!("the lane `{lane}` failed under valgrind ({status})");
    }
    summary(&workspace::read(profile)?).with_context(|| format!("callgrind wrote no sum of `{lane}`"))
}

fn summary(profile: &str) -> Option<u64> {
    let sum = profile.lines().find_map(|line| line.strip_prefix("summary: "))?;
    sum.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_a_profile_and_the_program_of_a_build_are_found() {
        assert_eq!(summary("version: 1\nevents: Ir\nsummary: 1234567\nfn=(1)\n"), Some(1_234_567));
        assert_eq!(summary("events: Ir\n"), None);
        let built = r#"{"target": {"name": "instructions"}, "executable": "deps/instructions-1"}"#;
        assert_eq!(program(built), Some(PathBuf::from("deps/instructions-1")));
        assert_eq!(program(&built.replace("instructions\"}", "other\"}")), None);
        assert_eq!(program("{}"), None);
    }
}
