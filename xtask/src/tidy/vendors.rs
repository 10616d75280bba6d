//! Vendors' names in code: they belong to the vendor's own crate, the vendors table, the configuration and tests.

use anyhow::{Context, Result};

use super::Finding;
use super::rust::{Keep, blank};
use crate::workspace;

const TABLE: &str = "crates/llm-providers/src/vendors.toml";

/// Every dialect has a crate of this name.
const CRATES: &str = "crates/llm-providers-";

/// Rows of the table that are words of their own, no vendor's name.
const GENERIC: [&str; 7] = ["custom", "local", "meta", "mock", "openai_compatible", "replicate", "together"];

/// Where any vendor may be named.
const FREE: [&str; 5] = [
    "crates/llm-providers/",
    "crates/llm-config/",
    "crates/llm-guardrails-remote/",
    "crates/llm-testkit/",
    "tests/",
];

/// The names that are looked for, in lower case without separators.
pub(super) struct Vendors(Vec<String>);

impl Vendors {
    /// The vendors of the table, and those that have a crate.
    pub(super) fn of_workspace(files: &[String]) -> Result<Self> {
        let table = workspace::root().join(TABLE);
        let rows = rows(&workspace::read(&table)?)?;
        let crates = files.iter().filter_map(|path| path.strip_prefix(CRATES)?.split('/').next());
        Ok(Self::named(rows.iter().map(String::as_str).chain(crates)))
    }

    fn named<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut names: Vec<String> = names.filter(|name| !GENERIC.contains(name)).map(squeezed).collect();
        names.sort();
        names.dedup();
        Self(names)
    }
}

/// The vendors of the table: the keys of its tables, or of those below `vendor` or `vendors`, or their `name`s.
fn rows(text: &str) -> Result<Vec<String>> {
    let table: toml::Table = toml::from_str(text).with_context(|| format!("{TABLE} is malformed"))?;
    let rows = ["vendors", "vendor", "provider", "providers"].iter().find_map(|key| table.get(*key));
    let tables = |table: &toml::Table| {
        table.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    Ok(match rows {
        Some(toml::Value::Table(rows)) => tables(rows),
        Some(toml::Value::Array(rows)) => {
            let name = |row: &toml::Value| row.get("name").or(row.get("id"))?.as_str().map(str::to_owned);
            rows.iter().filter_map(name).collect()
        }
        _ => tables(&table),
    })
}

pub(super) fn check(vendors: &Vendors, path: &str, source: &str) -> Vec<Finding> {
    let is_example = path.split('/').any(|part| part == "tests" || part == "examples" || part == "tests.rs");
    if is_example || !path.starts_with("crates/") || FREE.iter().any(|free| path.starts_with(free)) {
        return Vec::new();
    }
    let own = path.strip_prefix(CRATES).and_then(|rest| rest.split('/').next()).map(squeezed);
    let mut findings = Vec::new();
    let code = blank(without_tests(source), Keep::CodeAndStrings);
    for (at, line) in code.lines().enumerate() {
        let others = vendors.0.iter().filter(|vendor| own.as_ref() != Some(vendor));
        for vendor in others.filter(|vendor| names(line, vendor)) {
            findings.push(Finding {
                rule: "vendor-name",
                path: path.to_owned(),
                line: at + 1,
                item: vendor.clone(),
                message: format!("names the vendor `{vendor}`: say what differs, as a quirk, not who"),
            });
        }
    }
    findings
}

/// A source up to its unit tests, which stand last.
fn without_tests(source: &str) -> &str {
    source.find("\n#[cfg(test)]\nmod tests").and_then(|at| source.get(..at)).unwrap_or(source)
}

/// Whether a line has the name as a word, or as words put together (`OpenAi`, `open_ai`).
fn names(line: &str, vendor: &str) -> bool {
    let runs = line.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'));
    runs.filter(|run| squeezed(run).contains(vendor)).any(|run| {
        let words = words(run);
        (0..words.len()).any(|from| {
            let mut joined = String::new();
            words.iter().skip(from).any(|word| {
                joined.push_str(word);
                joined == vendor
            })
        })
    })
}

/// `HostedVllm_api` as `hosted`, `vllm`, `api`.
fn words(run: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut after_lower = false;
    for letter in run.chars() {
        let boundary = letter == '_' || letter == '-' || (letter.is_ascii_uppercase() && after_lower);
        if boundary {
            words.push(String::new());
        }
        if letter.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_lowercase());
        }
        after_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn squeezed(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, source: &str) -> Vec<String> {
        let vendors = Vendors::named(["open_ai", "xai", "hosted_vllm", "mock"].into_iter());
        check(&vendors, path, source).into_iter().map(|finding| finding.item).collect()
    }

    #[test]
    fn names_are_found_in_identifiers_and_strings_but_not_inside_other_words() {
        for line in
            ["struct OpenAi;", "let a = \"openai\";", "OPEN_AI_KEY", "fn open_ai()", "use x::openai_base;"]
        {
            assert_eq!(found("crates/llm-core/src/a.rs", line), ["openai"], "{line}");
        }
        assert_eq!(found("crates/llm-core/src/a.rs", "HostedVllm xai"), ["hostedvllm", "xai"]);
        for line in ["max_ai: maxai", "// openai says", "mock", "relaxaiming"] {
            assert_eq!(found("crates/llm-core/src/a.rs", line), [""; 0], "{line}");
        }
    }

    #[test]
    fn names_are_free_at_home_and_in_tests() {
        for path in [
            "crates/llm-providers-openai/src/a.rs",
            "crates/llm-config/src/a.rs",
            "crates/x/tests/a.rs",
            "xtask/src/a.rs",
        ] {
            assert_eq!(found(path, "openai"), [""; 0], "{path}");
        }
        assert_eq!(found("crates/x/src/a.rs", "\n#[cfg(test)]\nmod tests {\n    openai\n}"), [""; 0]);
        assert_eq!(found("crates/llm-providers-openai/src/a.rs", "xai"), ["xai"]);
    }

    #[test]
    fn tables_of_any_shape_are_read() {
        for text in ["[a]\n[b]\n", "[vendors.a]\n[vendors.b]", "[[vendor]]\nname='a'\n[[vendor]]\nid='b'"] {
            assert_eq!(rows(text).expect("valid"), ["a", "b"], "{text}");
        }
    }
}
