//! The rules for one source file: its first sentence, its length, its functions, the names in it.

use anyhow::Result;

use super::Finding;
use super::functions::functions;
use super::vendors::{self, Vendors};
use crate::workspace;

const MOST_LINES: usize = 500;
const MOST_LINES_OF_A_FUNCTION: usize = 60;

pub(super) fn check(files: &[String]) -> Result<Vec<Finding>> {
    let vendors = Vendors::of_workspace(files)?;
    let mut findings = Vec::new();
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        let source = workspace::read(&workspace::root().join(path))?;
        findings.extend(of_source(path, &source));
        findings.extend(vendors::check(&vendors, path, &source));
    }
    Ok(findings)
}

fn of_source(path: &str, source: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |rule, line, item: String, message| {
        findings.push(Finding { rule, path: path.to_owned(), line, item, message });
    };
    if !opens_with_a_sentence(source) {
        let message = "must open with a `//!` sentence that says what the module is".to_owned();
        add("module-sentence", 1, String::new(), message);
    }
    let lines = source.lines().count();
    if lines > MOST_LINES {
        let message = format!("{lines} lines, more than {MOST_LINES}: which two things is this?");
        add("file-length", lines, String::new(), message);
    }
    for function in functions(source) {
        if function.lines > MOST_LINES_OF_A_FUNCTION {
            let message = format!(
                "`{}` has {} lines, more than {MOST_LINES_OF_A_FUNCTION}",
                function.name, function.lines
            );
            add("function-length", function.line, function.name, message);
        }
    }
    findings
}

/// The first paragraph is, unless it is the README's, a `//!` comment of some words that ends like a sentence.
fn opens_with_a_sentence(source: &str) -> bool {
    // A crate's page is its README.
    if source.starts_with("#![doc = include_str!(\"../README.md\")]\n") {
        return true;
    }
    let paragraph: Vec<&str> = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let text = paragraph.join(" ");
    text.split_whitespace().count() >= 3 && text.ends_with(['.', '!', '?', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(source: &str) -> Vec<&'static str> {
        of_source("a.rs", source).into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_module_opens_with_a_sentence() {
        assert_eq!(rules("//! What a thing is,\n//! and is not.\n\nfn f() {}\n"), [""; 0]);
        for source in
            ["fn f() {}", "//! Placeholder.\n", "//! no sentence at all\n", "", "// Not a doc comment.\n"]
        {
            assert_eq!(rules(source), ["module-sentence"], "{source}");
        }
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let long = format!("//! What this file is.\nfn f() {{\n{}}}\n", "    x();\n".repeat(59));
        assert_eq!(rules(&long), ["function-length"]);
        let longer = format!("//! What this file is.\n{}", "const X: u8 = 1;\n".repeat(500));
        assert_eq!(rules(&longer), ["file-length"]);
    }
}
