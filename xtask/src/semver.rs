//! `semver`: whether the libraries still keep what the last release promised.

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::workspace;

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "semver",
    usage: "semver [--baseline REVISION]",
    about: "compares the public items of all libraries with those of the last release",
    details: "Runs cargo-semver-checks (`cargo install --locked cargo-semver-checks`) over every library that is published,\n\
              against the last tag of a release (`v1.2.3`) that is in the history. While there is none, it says so and\n\
              succeeds: nothing was promised yet. Without the tool it fails. It is run before `cargo xtask release`, not\n\
              with each change: it documents every crate twice.\n\
              \n\
              \x20 --baseline REVISION   compares with another revision",
    run,
};

fn run(mut arguments: Arguments) -> Result<()> {
    let baseline = arguments.option("--baseline")?;
    arguments.finish()?;
    let Some(baseline) = baseline.map_or_else(last_release, |revision| Ok(Some(revision)))? else {
        println!("semver: SKIPPED, there is no release to compare with (no tag `v…` in the history)");
        return Ok(());
    };
    workspace::capture(workspace::cargo().args(["semver-checks", "--version"])).context(
        "cargo-semver-checks is missing: install it with `cargo install --locked cargo-semver-checks`",
    )?;
    let libraries = libraries()?;
    let mut command = workspace::cargo();
    command.args(["semver-checks", "check-release", "--baseline-rev", &baseline]);
    for library in &libraries {
        command.args(["--package", library]);
    }
    workspace::run(&mut command)?;
    println!("semver: {} libraries keep what {baseline} promised", libraries.len());
    Ok(())
}

/// The last tag of a release; `None`: there is none.
fn last_release() -> Result<Option<String>> {
    let tags =
        workspace::output("git", ["tag", "--list", "v[0-9]*", "--merged", "HEAD", "--sort=-v:refname"])?;
    Ok(tags.lines().next().map(str::to_owned))
}

/// The libraries that are published.
fn libraries() -> Result<Vec<String>> {
    let published = workspace::packages()?.into_iter().filter(workspace::Package::is_published);
    let libraries: Vec<String> =
        published.filter(|one| one.folder().join("src/lib.rs").is_file()).map(|one| one.name).collect();
    if libraries.is_empty() {
        bail!("no library is published");
    }
    Ok(libraries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_test_support_promise_nothing() {
        let libraries = libraries().expect("there are some");
        assert!(libraries.len() > 20 && libraries.iter().any(|name| name == "llm-core"), "{libraries:?}");
        for none in ["llm-cli", "llm-testkit", "xtask", "end-to-end"] {
            assert!(!libraries.iter().any(|name| name == none), "{none}");
        }
    }
}
