//! Programs whose compiler knows which code is hot: one is built that counts what it runs, everyday calls are sent
//! through it, and the program proper is built with what was counted.
//!
//! See <https://doc.rust-lang.org/rustc/profile-guided-optimization.html>.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::{trials, workspace};

/// The oldest and the newest LLVM whose tools are looked for, beside those of the compiler itself.
const VERSIONS: std::ops::Range<u32> = 19..40;

/// Before it counts, the compiler inlines what is small, up to this cost: its own bound of 75 holds in crates that are built
/// for the least size, too, and makes the program a fourteenth larger. It must be the same in both builds.
const INLINED_BEFORE: &str = "-Cllvm-args=-preinline-threshold=5";

/// What keeps a trained program as small as one that is not. Calls of all kinds run every format of every vendor, and the
/// compiler inlines what ran without end: it makes the program 0.8 MB larger. So what never ran is not inlined, what is hot
/// up to a cost of 800 (3,000), hot is only what has 93 % of all counts (99), and what is not is built for size. A call
/// executes a twentieth more than without these.
const SMALLER: [&str; 4] = [
    "-Cllvm-args=-inline-cold-callsite-threshold=5",
    "-Cllvm-args=-hot-callsite-threshold=800",
    "-Cllvm-args=-profile-summary-cutoff-hot=930000",
    "-Cllvm-args=-pgso-lwss-only=false",
];

/// One of functions that are the same to the last instruction: 0.2 MB less. For the target whose linker is the compiler's
/// own, which can do it. Nothing compares addresses of functions, and data keeps its own.
const FOLDED: [(&str, &str); 1] = [("x86_64-unknown-linux-gnu", "-Clink-arg=-Wl,--icf=all")];

/// What the compiler must be told to use what a program of this target and profile counted.
pub(super) fn flags(profile: &str, target: &str) -> Result<Vec<String>> {
    // Asked for before the minutes of a build, not after them.
    let tools = tools()?;
    let folder = workspace::target_folder().join("trained");
    let counts = folder.join("counts");
    if counts.exists() {
        std::fs::remove_dir_all(&counts)?;
    }
    let program = counting(profile, target, &folder, &counts)?;
    println!("dist: sends calls through a program that counts what it runs");
    let words = ["--program".to_owned(), program.display().to_string()];
    trials::trial("train", Arguments::new(words.into()))?;
    let merged = folder.join("counts.profdata");
    merge(&tools, &counts, &merged)?;
    let folded = FOLDED.iter().filter(|(of, _)| *of == target).map(|(_, flag)| *flag);
    let flags = std::iter::once(INLINED_BEFORE).chain(SMALLER).chain(folded).map(str::to_owned);
    Ok(std::iter::once(format!("-Cprofile-use={}", merged.display())).chain(flags).collect())
}

/// What cargo must be told to give a compiler of a target such flags, beside those of `.cargo/config.toml`.
pub(super) fn setting(flags: &[String]) -> Result<String> {
    Ok(format!("build.rustflags={}", serde_json::to_string(flags)?))
}

/// Builds the program that counts.
fn counting(profile: &str, target: &str, folder: &Path, counts: &Path) -> Result<PathBuf> {
    let mut command = workspace::cargo();
    command.args([
        "build",
        "--locked",
        "--profile",
        profile,
        "--package",
        "llm-server",
        "--bin",
        "llm-server",
    ]);
    command.args(["--target", target, "--target-dir"]).arg(folder);
    let flags = [format!("-Cprofile-generate={}", counts.display()), INLINED_BEFORE.to_owned()];
    command.args(["--config", &setting(&flags)?]);
    workspace::run(&mut command)?;
    let profile = if profile == "dev" { "debug" } else { profile };
    Ok(folder.join(target).join(profile).join("llm-server"))
}

/// Makes one file of all that was counted, by the first tool that can read it.
fn merge(tools: &[PathBuf], counts: &Path, merged: &Path) -> Result<()> {
    let files = std::fs::read_dir(counts).context("the program counted nothing")?;
    let files = files.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
    let reads = |tool: &PathBuf| succeeds(Command::new(tool).args(["merge", "-o"]).arg(merged).args(&files));
    if !tools.iter().any(reads) {
        bail!("no `llvm-profdata` here reads what a program of this compiler counts: {}", installation());
    }
    Ok(())
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
        bail!("a trained program needs `llvm-profdata`: {}", installation());
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
