//! `release`: one version for everything, and the changes that belong to it.

mod changelog;
mod versions;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::workspace;

pub(crate) const COMMAND: crate::Command = crate::Command {
    name: "release",
    usage: "release VERSION [--dry-run]",
    about: "sets the version of everything, and gives it its part of the changelog",
    details: "Writes VERSION (such as 1.2.3 or 1.3.0-rc.1) into the manifests of all crates, into what they want of each\n\
              other, into the lock files and the chart; what CHANGELOG.md has under Unreleased becomes its section, with\n\
              today's date. Refuses on a tree with changes, for a version that is not above the last, when there is a tag\n\
              of it, and when nothing is under Unreleased. It commits, tags and publishes nothing: it prints the commands.\n\
              \n\
              \x20 --dry-run   say which files would change, and write none",
    run,
};

/// A file that a release changes.
struct Change {
    path: String,
    text: String,
}

fn run(mut arguments: Arguments) -> Result<()> {
    let is_dry = arguments.flag("--dry-run");
    let version = arguments.next("the version")?;
    arguments.finish()?;
    let today = workspace::output("date", ["--utc", "+%Y-%m-%d"])?;
    print!("{}", perform(workspace::root(), &version, today.trim(), is_dry)?);
    Ok(())
}

/// Releases the workspace in a folder. Gives back what to say of it.
fn perform(root: &Path, version: &str, today: &str, is_dry: bool) -> Result<String> {
    let before = versions::current(&read(root, "Cargo.toml")?)?;
    versions::rises(&before, version)?;
    let changed = git(root, &["status", "--porcelain"])?;
    if !changed.trim().is_empty() {
        bail!("the tree has changes: commit or stash them first\n{}", changed.trim_end());
    }
    let tag = format!("v{version}");
    if !git(root, &["tag", "--list", &tag])?.trim().is_empty() {
        bail!("there is a tag `{tag}` already");
    }
    let changes = changes(root, &before, version, today)?;
    let names: String = changes.iter().map(|change| format!("  {}\n", change.path)).collect();
    if is_dry {
        return Ok(format!("{before} → {version} would change\n{names}"));
    }
    for change in &changes {
        let path = root.join(&change.path);
        std::fs::write(&path, &change.text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    // What does not agree with the manifests would be written anew.
    let mut check = workspace::cargo();
    workspace::capture(check.current_dir(root).args(["update", "--workspace", "--locked", "--offline"]))
        .context("the lock file does not agree with the manifests")?;
    Ok(format!(
        "{before} → {version}\n{names}Then:\n  cargo xtask codegen counts\n  git commit --all --message 'release: {version}'\n  git tag --annotate {tag} \
         --message {tag}\n  cargo xtask dist\n  cargo publish --workspace\n"
    ))
}

fn changes(root: &Path, before: &str, version: &str, today: &str) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for path in git(root, &["ls-files"])?.lines() {
        let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let edit: fn(&str, &str, &str) -> String = match name {
            "Cargo.toml" => versions::in_manifest,
            "Cargo.lock" => versions::in_lock,
            "Chart.yaml" => versions::in_chart,
            _ => continue,
        };
        let text = read(root, path)?;
        let edited = edit(&text, before, version);
        if edited != text {
            changes.push(Change { path: path.to_owned(), text: edited });
        }
    }
    let text = changelog::released(&read(root, "CHANGELOG.md")?, version, today)?;
    changes.push(Change { path: "CHANGELOG.md".to_owned(), text });
    Ok(changes)
}

fn read(root: &Path, path: &str) -> Result<String> {
    workspace::read(&root.join(path))
}

fn git(root: &Path, arguments: &[&str]) -> Result<String> {
    workspace::capture(Command::new("git").current_dir(root).args(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clone of this workspace, as it is in its last commit.
    fn clone(name: &str) -> std::path::PathBuf {
        let folder = workspace::target_folder().join("tests-of-release").join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.parent().expect("it has one")).expect("a folder");
        let mut command = Command::new("git");
        command.args(["clone", "--quiet", "--local"]).arg(workspace::root()).arg(&folder);
        workspace::capture(&mut command).expect("a clone");
        folder
    }

    #[test]
    fn a_release_gives_everything_one_version() {
        let root = clone("whole");
        let log = read(&root, "CHANGELOG.md").expect("a file");
        let dry = perform(&root, "97.0.1", "2026-11-22", true).expect("it can be released");
        assert!(dry.contains("CHANGELOG.md") && dry.contains("Chart.yaml"), "{dry}");
        assert_eq!(read(&root, "CHANGELOG.md").expect("a file"), log, "a dry run wrote");

        let said = perform(&root, "97.0.1", "2026-11-22", false).expect("it can be released");
        assert!(said.contains("git tag --annotate v97.0.1"), "{said}");
        assert_eq!(
            versions::current(&read(&root, "Cargo.toml").expect("a file")).expect("a version"),
            "97.0.1"
        );
        let lock = read(&root, "Cargo.lock").expect("a file");
        assert!(lock.contains("name = \"llm-core\"\nversion = \"97.0.1\""));
        let chart = read(&root, "config/packaging/helm/llm-gateway/Chart.yaml").expect("a file");
        assert!(chart.contains("version: 97.0.1\nappVersion: \"97.0.1\""), "{chart}");
        let log = read(&root, "CHANGELOG.md").expect("a file");
        assert!(log.contains("## [Unreleased]\n\n## [97.0.1] - 2026-11-22\n"), "{}", &log[..200]);

        let again =
            perform(&root, "97.0.2", "2026-11-22", false).map(drop).expect_err("the tree has changes");
        assert!(again.to_string().starts_with("the tree has changes"), "{again}");
        std::fs::remove_dir_all(root).expect("it was there");
    }

    #[test]
    fn what_must_not_be_released_is_refused() {
        let root = clone("refused");
        git(&root, &["tag", "v98.0.0"]).expect("a tag");
        for (version, why) in [
            ("98.0.0", "there is a tag"),
            ("0.0.1", "is not above"),
            ("1.2", "no version"),
            ("1.2.3 4", "no version"),
        ] {
            let refusal = perform(&root, version, "2026-11-22", true).map(drop).expect_err(version);
            assert!(refusal.to_string().contains(why), "{version}: {refusal}");
        }
        std::fs::remove_dir_all(root).expect("it was there");
    }
}
