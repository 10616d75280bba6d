//! The page of each crate: its README, with an example that is run, and with every feature.

use anyhow::Result;

use super::Finding;
use crate::workspace::{self, Package};

/// What makes a README the documentation of a crate.
const PAGE: &str = "#![doc = include_str!(\"../README.md\")]\n";

pub(super) fn check() -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in workspace::packages()?.iter().filter(|package| package.path().starts_with("crates/")) {
        findings.extend(of_package(package)?);
    }
    Ok(findings)
}

fn of_package(package: &Package) -> Result<Vec<Finding>> {
    let folder = package.folder();
    let library = folder.join("src/lib.rs");
    let is_library = library.is_file();
    let source = workspace::read(&if is_library { library } else { folder.join("src/main.rs") })?;
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap_or_default();
    let features: Vec<&str> = package.features.keys().map(String::as_str).collect();
    let faults = faults(&source, &readme, is_library, &features).into_iter().map(|message| Finding {
        rule: "readme",
        path: format!("{}/README.md", package.path()),
        line: 1,
        item: package.name.clone(),
        message,
    });
    Ok(faults.collect())
}

/// What is wrong with a README: `features` have to be in it, and in a library's an example that `cargo test` runs.
fn faults(source: &str, readme: &str, is_library: bool, features: &[&str]) -> Vec<String> {
    if readme.is_empty() {
        return vec!["the crate has no README".to_owned()];
    }
    let mut faults = Vec::new();
    if !source.starts_with(PAGE) {
        faults.push(format!("is not the crate's documentation: begin the crate with `{}`", PAGE.trim_end()));
    }
    // A program's examples are commands, which tests of pages run.
    let example = if is_library { "```rust" } else { "```sh" };
    if !readme.lines().any(|line| line == example) {
        faults.push(format!("has no example that is run: a block that begins with `{example}` alone"));
    }
    let told = readme.split_once("## Features\n").map_or("", |(_, told)| told);
    let told = told.split("\n## ").next().unwrap_or_default();
    for feature in features.iter().filter(|feature| **feature != "default") {
        if !told.contains(&format!("`{feature}`")) {
            faults.push(format!("does not say under `## Features` what `{feature}` is"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "#![doc = include_str!(\"../README.md\")]\n\nmod a;\n";
    const README: &str =
        "# a\n\n```rust\nassert!(true);\n```\n\n## Features\n\n- `big` (on)\n\n## Else\n\n`small`\n";

    #[test]
    fn a_readme_has_an_example_and_every_feature() {
        assert_eq!(faults(SOURCE, README, true, &["big", "default"]), [""; 0]);
        for (source, readme, is_library, features, fault) in [
            (SOURCE, "", true, [].as_slice(), "no README"),
            ("//! Else.\n", README, true, &[], "is not the crate's documentation"),
            (SOURCE, "```rust,no_run\n```\n", true, &[], "has no example that is run"),
            (SOURCE, README, false, &[], "has no example that is run"),
            (SOURCE, README, true, &["small"], "what `small` is"),
        ] {
            let found = faults(source, readme, is_library, features);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(fault), "{found:?}");
        }
    }
}
