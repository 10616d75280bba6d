//! Versions in manifests, lock files and the chart. Edits are of lines, so that everything else stays as it was written.

use anyhow::{Context, Result, bail};

/// The version of a workspace.
pub(super) fn current(manifest: &str) -> Result<String> {
    let manifest: toml::Table = toml::from_str(manifest)?;
    let version =
        manifest.get("workspace").and_then(|workspace| workspace.get("package")?.get("version")?.as_str());
    version.map(str::to_owned).context("Cargo.toml has no `workspace.package.version`")
}

/// Refuses what is no version, and what is not above another one.
pub(super) fn rises(before: &str, after: &str) -> Result<()> {
    if parsed(after)? <= parsed(before)? {
        bail!("{after} is not above {before}");
    }
    Ok(())
}

/// Numbers, whether it is whole (above its own previews), and the preview in pieces that sort.
type Version = ([u64; 3], bool, Vec<(Option<u64>, String)>);

fn parsed(version: &str) -> Result<Version> {
    let none = || format!("`{version}` is no version: write it as 1.2.3 or 1.3.0-rc.1");
    let (numbers, preview) =
        version.split_once('-').map_or((version, None), |(numbers, preview)| (numbers, Some(preview)));
    let numbers: Vec<u64> =
        numbers.split('.').map(str::parse).collect::<Result<_, _>>().with_context(none)?;
    let numbers = <[u64; 3]>::try_from(numbers).ok().with_context(none)?;
    let is_word = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let words: Vec<&str> = preview.map(|preview| preview.split('.').collect()).unwrap_or_default();
    if !words.iter().all(is_word) {
        bail!(none());
    }
    // Words stand above numbers.
    let piece = |word: &str| match word.parse::<u64>() {
        Ok(number) => (Some(number), String::new()),
        Err(_) => (Some(u64::MAX), word.to_owned()),
    };
    Ok((numbers, preview.is_none(), words.into_iter().map(piece).collect()))
}

/// The version of a package, and those that it wants of crates beside it.
pub(super) fn in_manifest(text: &str, before: &str, after: &str) -> String {
    let mut section = String::new();
    lines(text, |line| {
        if line.starts_with('[') {
            section = line.trim().to_owned();
        }
        let own =
            matches!(section.as_str(), "[package]" | "[workspace.package]") && line.starts_with("version = ");
        let beside =
            section.contains("dependencies") && line.contains("path = \"") && line.contains("version = \"");
        if !own && !beside {
            return line.to_owned();
        }
        let pinned = format!("version = \"={before}\"");
        line.replace(&format!("version = \"{before}\""), &format!("version = \"{after}\""))
            .replace(&pinned, &format!("version = \"={after}\""))
    })
}

/// The versions of packages that come from no registry.
pub(super) fn in_lock(text: &str, before: &str, after: &str) -> String {
    let own = format!("version = \"{before}\"\n");
    let packages = text.split("\n\n").map(|package| {
        let is_ours = package.contains("\n[[package]]") || package.starts_with("[[package]]");
        if is_ours && !package.contains("\nsource = ") {
            package.replacen(&own, &format!("version = \"{after}\"\n"), 1)
        } else {
            package.to_owned()
        }
    });
    packages.collect::<Vec<_>>().join("\n\n")
}

/// The versions of the chart and of what it runs.
pub(super) fn in_chart(text: &str, before: &str, after: &str) -> String {
    lines(text, |line| match line {
        line if line == format!("version: {before}") => format!("version: {after}"),
        line if line == format!("appVersion: \"{before}\"") => format!("appVersion: \"{after}\""),
        line => line.to_owned(),
    })
}

fn lines(text: &str, edit: impl FnMut(&str) -> String) -> String {
    text.split('\n').map(edit).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_an_order() {
        let rising = ["0.1.0", "0.2.0-alpha", "0.2.0-rc.2", "0.2.0-rc.10", "0.2.0", "0.10.0", "1.0.0"];
        for (at, after) in rising.iter().enumerate() {
            for (before_at, before) in rising.iter().enumerate() {
                assert_eq!(rises(before, after).is_ok(), before_at < at, "{before} {after}");
            }
        }
        for wrong in ["", "1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3-", "1.2.3-a_b", "1.2.x"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_our_own_versions_change() {
        let manifest = "[workspace.package]\nversion = \"0.1.0\"\n[workspace.dependencies]\n\
                        a = { path = \"crates/a\", version = \"0.1.0\" }\nb = { path = \"b\", version = \"=0.1.0\" }\n\
                        other = { version = \"0.1.0\" }\nplain = \"0.1.0\"\n";
        assert_eq!(
            in_manifest(manifest, "0.1.0", "0.2.0"),
            "[workspace.package]\nversion = \"0.2.0\"\n[workspace.dependencies]\n\
             a = { path = \"crates/a\", version = \"0.2.0\" }\nb = { path = \"b\", version = \"=0.2.0\" }\n\
             other = { version = \"0.1.0\" }\nplain = \"0.1.0\"\n"
        );
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\ndependencies = [\n \"x 0.1.0\",\n]\n\n\
                    [[package]]\nname = \"x\"\nversion = \"0.1.0\"\nsource = \"registry\"\n";
        assert_eq!(
            in_lock(lock, "0.1.0", "0.2.0"),
            "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.2.0\"\ndependencies = [\n \"x 0.1.0\",\n]\n\n\
             [[package]]\nname = \"x\"\nversion = \"0.1.0\"\nsource = \"registry\"\n"
        );
    }
}
