//! What everyday calls execute, counted, so that the compiler knows which code is hot: a program is built that counts what
//! it runs, and calls of all kinds are sent through it. `.cargo/rustc-with-counts` gives the counts to the compiler.
//!
//! See <https://doc.rust-lang.org/rustc/profile-guided-optimization.html>.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::{trials, workspace};

/// The counts that are committed, of a program that is built for the machine that it is built on.
pub(crate) const COMMITTED: &str = ".cargo/counts.profdata";

/// Builds a program that counts; set, it names the folder that the program writes to.
const COUNTS_TO: &str = "LLM_COUNTS_TO";

/// The counts that a program is built with, in the place of those that are committed.
const COUNTS: &str = "LLM_COUNTS";

/// The oldest and the newest LLVM whose tools are looked for, beside those of the compiler itself.
const VERSIONS: std::ops::Range<u32> = 19..40;

/// Functions that never ran and have at least so many counters are named: the compiler builds them for size. Of those with
/// less there are tens of thousands, whose names are most of a profile (30 MB for 14), and they are no larger for that.
const LARGE: usize = 5;

/// A compiler that another tool wraps never hears of counting, nor does one that does not optimise the program as one.
const NOTHING: &str = "the program counted nothing: `.cargo/rustc-with-counts` must be cargo's `rustc-wrapper` (is \
    `RUSTC_WRAPPER` set?), and the profile one with `lto = \"fat\"`";

/// Counts what a program of this profile and target runs, into one file. Names of functions depend on whether a target was
/// named, and so counts of a program that was built without one are of use for such programs alone.
pub(crate) fn make(profile: &str, target: Option<&str>, file: &Path) -> Result<()> {
    // Asked for before the minutes of a build, not after them.
    let tools = tools()?;
    let folder = workspace::target_folder().join("counting");
    let counts = folder.join("counts");
    if counts.exists() {
        std::fs::remove_dir_all(&counts)?;
    }
    let program = program(profile, target, &folder, &counts)?;
    println!("counts: sends calls through a program that counts what it runs");
    let words = ["--program".to_owned(), program.display().to_string()];
    trials::trial("train", Arguments::new(words.into()))?;
    merge(&tools, &counts, file)
}

/// Why the committed counts do not fit the tree any longer, if they do not: names of functions depend on every dependency,
/// version and feature.
pub(crate) fn outdated(root: &Path) -> Result<Option<String>> {
    let git = |words: &[&str]| workspace::capture(Command::new("git").arg("-C").arg(root).args(words));
    let made = git(&["log", "-1", "--format=%H", "--", COMMITTED])?;
    let since = format!("{}..HEAD", made.trim());
    if made.trim().is_empty() {
        return Ok(Some(format!("{COMMITTED} is not committed")));
    }
    let changes =
        git(&["log", "--format=%h %s", &since, "--", "Cargo.lock", "Cargo.toml", "crates/*/Cargo.toml"])?;
    let count = changes.lines().count();
    let last = changes.lines().next();
    Ok(last.map(|last| {
        format!("{count} commits have changed manifests since {COMMITTED} was made, {last} the last")
    }))
}

/// Makes cargo build with such a file, in a folder where nothing was built with another one: cargo does not look at it.
pub(crate) fn take(command: &mut Command, file: &Path) -> PathBuf {
    let folder = workspace::target_folder().join("trained");
    command.env(COUNTS, file).arg("--target-dir").arg(&folder);
    folder
}

/// Builds the program that counts.
fn program(profile: &str, target: Option<&str>, folder: &Path, counts: &Path) -> Result<PathBuf> {
    let mut command = workspace::cargo();
    command.args(["build", "--locked", "--profile", profile, "--package", "llm-server"]);
    command.args(["--bin", "llm-server", "--target-dir"]).arg(folder).env(COUNTS_TO, counts);
    command.args(target.iter().flat_map(|target| ["--target", target]));
    workspace::run(&mut command)?;
    let profile = if profile == "dev" { "debug" } else { profile };
    Ok(folder.join(target.unwrap_or_default()).join(profile).join("llm-server"))
}

/// Makes one file of all that was counted, by the first tool that can read it.
fn merge(tools: &[PathBuf], counts: &Path, merged: &Path) -> Result<()> {
    let files = std::fs::read_dir(counts).context(NOTHING)?;
    let files = files.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
    let text = counts.with_extension("txt");
    let reads =
        |tool: &&PathBuf| succeeds(Command::new(tool).args(["merge", "-text", "-o"]).arg(&text).args(&files));
    let Some(tool) = tools.iter().find(reads) else {
        bail!("no `llvm-profdata` here reads what a program of this compiler counts: {}", installation());
    };
    std::fs::write(&text, needed(&workspace::read(&text)?))?;
    workspace::run(Command::new(tool).args(["merge", "-o"]).arg(merged).arg(&text))
}

/// The records of a profile that tell the compiler something: what ran, and what is large and never did. See
/// <https://llvm.org/docs/CommandGuide/llvm-profdata.html> for the format, records with empty lines between them.
fn needed(text: &str) -> String {
    text.split_inclusive("\n\n").filter(|record| is_needed(record)).collect()
}

fn is_needed(record: &str) -> bool {
    let mut lines = record.lines().filter(|line| !line.starts_with('#')).peekable();
    // What holds for all of them stands in front of the first one.
    if lines.peek().is_none_or(|line| line.starts_with(':')) {
        return true;
    }
    // The name and the hash, the number of counters, these, and what else is known of the function.
    let count = lines.nth(2).and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
    count >= LARGE || lines.take(count).any(|counter| counter != "0")
}

/// Every `llvm-profdata` that starts: beside the compiler, or installed.
fn tools() -> Result<Vec<PathBuf>> {
    let libraries = workspace::output("rustc", ["--print", "target-libdir"])?;
    let beside = Path::new(libraries.trim()).with_file_name("bin").join("llvm-profdata");
    let versions = VERSIONS.rev().map(|version| PathBuf::from(format!("llvm-profdata-{version}")));
    let places = [beside, PathBuf::from("llvm-profdata")].into_iter().chain(versions);
    let tools: Vec<PathBuf> =
        places.filter(|tool| succeeds(Command::new(tool).args(["merge", "--help"]))).collect();
    if tools.is_empty() {
        bail!("what a program counts is read by `llvm-profdata`: {}", installation());
    }
    Ok(tools)
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// What gives a machine the tool.
fn installation() -> String {
    format!(
        "`rustup component add llvm-tools`, or install LLVM {} or later (`apt-get install llvm-{0}`)",
        VERSIONS.start
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the wrapper that cargo is told of makes of the arguments of a compiler.
    fn wrapped(arguments: &[&str], variables: &[(&str, &str)]) -> String {
        run("echo", arguments, variables)
    }

    /// What another program prints in the place of the compiler.
    fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let config = workspace::read(&workspace::root().join(".cargo/config.toml")).expect("it is there");
        let config: toml::Table = config.parse().expect("it is TOML");
        let wrapper = config["build"]["rustc-wrapper"].as_str().expect("a path");
        let mut command = Command::new(workspace::root().join(wrapper));
        command.arg(program).args(arguments).env_remove(COUNTS).env_remove(COUNTS_TO);
        workspace::capture(command.envs(variables.iter().copied())).expect("it works")
    }

    #[test]
    fn compilers_hear_all_that_cargo_tells_them() {
        let told = run("env", &[], &[("CARGO_BIN_EXE_a-b", "/program")]);
        assert!(told.lines().any(|line| line == "CARGO_BIN_EXE_a-b=/program"), "{told}");
    }

    #[test]
    fn compilers_of_releases_alone_are_told_counts() {
        let committed = format!("-Cprofile-use={}", workspace::root().join(COMMITTED).display());
        for release in [["-C", "lto=fat"], ["-C", "linker-plugin-lto"]] {
            assert!(wrapped(&release, &[]).contains(&committed), "{release:?}");
            assert!(wrapped(&release, &[(COUNTS, "/other")]).contains("-Cprofile-use=/other "));
            assert!(!wrapped(&release, &[(COUNTS, "")]).contains("-Cprofile"));
            let counting = wrapped(&release, &[(COUNTS_TO, "/folder")]);
            assert!(counting.contains("-Cprofile-generate=/folder") && !counting.contains("-Cprofile-use"));
        }
        for other in [&["-C", "opt-level=3"][..], &["-vV"], &["-C", "lto=fat", "-Cprofile-use=mine"]] {
            assert_eq!(wrapped(other, &[]).trim_end(), other.join(" "));
        }
        assert!(workspace::root().join(COMMITTED).is_file());
    }

    #[test]
    fn small_functions_that_never_ran_are_left_out() {
        let record = |name: &str, counters: &[u64], values: &str| {
            let lines: String = counters.iter().map(|counter| format!("{counter}\n")).collect();
            let head = format!("{name}\n# Func Hash:\n7\n# Num Counters:\n{}\n", counters.len());
            format!("{head}# Counter Values:\n{lines}{values}\n")
        };
        let kinds = "# Num Value Kinds:\n1\n# ValueKind = IPVK_MemOPSize:\n1\n";
        let first = format!("# IR level Instrumentation Flag\n:ir\n{}", record("first", &[0], ""));
        let ran = record("ran", &[0, 3], kinds);
        let large = record("large", &[0; LARGE], "");
        let never = record("never", &[0, 0], "") + &record("never, of kinds", &[0], kinds);
        assert_eq!(needed(&format!("{first}{ran}{never}{large}")), format!("{first}{ran}{large}"));
    }

    /// Writes a file in a repository, and commits it.
    fn commit(root: &Path, path: &str, text: &str) {
        let file = root.join(path);
        std::fs::create_dir_all(file.parent().expect("it has one")).expect("a folder");
        std::fs::write(&file, text).expect("a file");
        let git = |words: &[&str]| {
            let mut command = Command::new("git");
            workspace::capture(command.arg("-C").arg(root).args(words)).expect("it works");
        };
        git(&["add", "--all"]);
        git(&["-c", "user.name=n", "-c", "user.email=n@example.com", "commit", "--quiet", "--message", path]);
    }

    #[test]
    fn counts_are_outdated_by_manifests_alone() {
        let root = workspace::target_folder().join("tests-of-counts");
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir_all(&root).expect("a folder");
        workspace::capture(Command::new("git").args(["init", "--quiet"]).arg(&root)).expect("a repository");
        commit(&root, "Cargo.lock", "1");
        let absent = outdated(&root).expect("it is a repository").expect("there are none");
        assert!(absent.ends_with("is not committed"), "{absent}");
        commit(&root, COMMITTED, "1");
        commit(&root, "crates/a/src/lib.rs", "2");
        assert_eq!(outdated(&root).expect("it is a repository"), None);
        commit(&root, "crates/a/Cargo.toml", "2");
        commit(&root, "Cargo.lock", "2");
        let told = outdated(&root).expect("it is a repository").expect("they changed");
        assert!(
            told.starts_with("2 commits have changed manifests") && told.contains("Cargo.lock"),
            "{told}"
        );
        std::fs::remove_dir_all(root).expect("it was there");
    }
}
