//! Absolute paths of somebody's machine in tracked files.

use std::path::Path;

use anyhow::{Context, Result};

use super::Finding;
use crate::workspace;

/// Beginnings of paths that exist on one machine only. In pieces, so that this file keeps its own rule.
const HOMES: [[&str; 2]; 3] = [["/ho", "me/"], ["/Us", "ers/"], ["/ro", "ot/"]];

pub(super) fn check(files: &[String]) -> Result<Vec<Finding>> {
    let mut beginnings: Vec<String> = HOMES.iter().map(|pieces| pieces.concat()).collect();
    beginnings.extend(folder_above(workspace::root()));
    let mut findings = Vec::new();
    for path in files {
        let bytes =
            std::fs::read(workspace::root().join(path)).with_context(|| format!("cannot read {path}"))?;
        // What is no text (an image) has no paths to read.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        findings.extend(of_text(path, &text, &beginnings));
    }
    Ok(findings)
}

/// The folder that this checkout lies in: it must not be known to the project.
fn folder_above(root: &Path) -> Option<String> {
    let above = root.parent()?.to_str()?;
    (above.len() > 1).then(|| format!("{above}/"))
}

fn of_text(path: &str, text: &str, beginnings: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for beginning in beginnings.iter().filter(|beginning| holds(line, beginning)) {
            findings.push(Finding {
                rule: "machine-path",
                path: path.to_owned(),
                line: at + 1,
                item: beginning.clone(),
                message: format!("a path below `{beginning}` exists on one machine only: make it relative"),
            });
        }
    }
    findings
}

/// Whether a path with this beginning stands in the line, not in the middle of a longer path or address.
fn holds(line: &str, beginning: &str) -> bool {
    line.match_indices(beginning).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before
            .is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '~' | '}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_paths_are_found_and_addresses_are_not() {
        let beginnings = ["/folks/".to_owned()];
        let found = |text: &str| of_text("a", text, &beginnings).len();
        assert_eq!(found("let a = \"/folks/me/x\";\nb=/folks/y"), 2);
        assert_eq!(found("https://example.com/folks/me and ./folks/me and ${HOME}/folks/"), 0);
    }

    #[test]
    fn the_folder_above_the_checkout_is_named_unless_it_is_the_root() {
        assert_eq!(folder_above(Path::new("/a/b/c")).as_deref(), Some("/a/b/"));
        assert_eq!(folder_above(Path::new("/a")), None);
    }
}
