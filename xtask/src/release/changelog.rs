//! The section of a release in the changelog.

use anyhow::{Context, Result, bail};

const UNRELEASED: &str = "## [Unreleased]\n";

/// What was under Unreleased, under a version.
pub(super) fn released(text: &str, version: &str, today: &str) -> Result<String> {
    let (before, after) =
        text.split_once(UNRELEASED).context("CHANGELOG.md has no section `## [Unreleased]`")?;
    let own = after.split("\n## ").next().unwrap_or_default();
    if !own.lines().any(|line| line.starts_with("- ")) {
        bail!("CHANGELOG.md has nothing under Unreleased: there is nothing to release");
    }
    Ok(format!("{before}{UNRELEASED}\n## [{version}] - {today}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unreleased_becomes_a_section() {
        let text =
            "# Changes\n\n## [Unreleased]\n\n### Added\n\n- One.\n\n## [1.0.0] - 2026-01-01\n\n- Old.\n";
        let released = released(text, "1.1.0", "2026-11-22").expect("there is something");
        assert_eq!(
            released,
            "# Changes\n\n## [Unreleased]\n\n## [1.1.0] - 2026-11-22\n\n### Added\n\n- One.\n\n## [1.0.0] - 2026-01-01\n\n- Old.\n"
        );
    }

    #[test]
    fn nothing_new_is_no_release() {
        for text in ["# Changes\n", "## [Unreleased]\n\n## [1.0.0] - 2026-01-01\n\n- Old.\n"] {
            assert!(released(text, "1.1.0", "2026-11-22").is_err(), "{text}");
        }
    }
}
