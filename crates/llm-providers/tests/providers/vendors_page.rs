//! The tables of `docs/providers.md`, made from the vendors table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use llm_providers::{Auth, Registry, Status, Vendor};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers.md");

/// Vendors that speak a format of OpenAI's with a plain key, save OpenAI itself, which has a section of its own.
fn is_compatible(vendor: &Vendor) -> bool {
    let is_openai = vendor.key_env.iter().any(|name| name == "OPENAI_API_KEY");
    vendor.dialect.starts_with("openai.") && vendor.auth == Auth::Bearer && !is_openai
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn variables(names: &[String]) -> String {
    words(names.iter().map(String::as_str))
}

fn row(vendor: &Vendor) -> String {
    let key = match (vendor.key_env.is_empty(), vendor.key_optional) {
        (true, _) => String::new(),
        (false, true) => format!("{} (not needed)", variables(&vendor.key_env)),
        (false, false) => variables(&vendor.key_env),
    };
    let address = vendor.base_url.as_deref().map_or_else(|| "your own".to_owned(), |url| format!("`{url}`"));
    let (prefixes, base) = (words(vendor.prefixes()), variables(&vendor.base_env));
    format!("| {prefixes} | `{}` | {address} | {key} | {base} |\n", vendor.dialect)
}

/// The rows of some vendors, and the names of those that are not served yet.
fn vendors(registry: &Registry, holds: fn(&Vendor) -> bool) -> String {
    let mut text = "| prefixes | format | address | variables of the key | of the address |\n\
                    | --- | --- | --- | --- | --- |\n"
        .to_owned();
    let is_listed = |vendor: &&Vendor| holds(vendor) && vendor.auth != Auth::None;
    for vendor in registry.iter().filter(is_listed).filter(|vendor| vendor.status == Status::Ready) {
        text.push_str(&row(vendor));
    }
    let planned = registry.iter().filter(|vendor| vendor.status == Status::Planned && holds(vendor));
    let planned = words(planned.map(|vendor| vendor.name.as_str()));
    if !planned.is_empty() {
        write!(text, "\nKnown by name, and not served yet: {planned}.\n").expect("a string takes everything");
    }
    text
}

/// What vendors need beside a key, with the variables that say it and the vendors that read it.
fn parameters(registry: &Registry) -> String {
    let mut found: BTreeMap<(&str, &[String]), Vec<&str>> = BTreeMap::new();
    for vendor in registry.iter() {
        for (name, variables) in &vendor.parameters {
            found.entry((name, variables)).or_default().push(&vendor.name);
        }
    }
    let mut text = "| parameter | variables | read by |\n| --- | --- | --- |\n".to_owned();
    for ((name, names), vendors) in found {
        writeln!(text, "| `{name}` | {} | {} |", variables(names), words(vendors))
            .expect("a string takes everything");
    }
    text
}

/// The page with what stands between two marks made anew.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name} begin -->\n"), format!("<!-- {name} end -->\n"));
    let (before, rest) = page.split_once(&begin).expect("the beginning of the table");
    let (_, after) = rest.split_once(&end).expect("the end of the table");
    format!("{before}{begin}\n{table}\n{end}{after}")
}

#[test]
fn the_page_of_vendors_is_current() {
    let committed = std::fs::read_to_string(PAGE).expect("docs/providers.md is there");
    let registry = Registry::builtin();
    let page = with_table(&committed, "native vendors", &vendors(&registry, |vendor| !is_compatible(vendor)));
    let page = with_table(&page, "parameters", &parameters(&registry));
    let page = with_table(&page, "compatible vendors", &vendors(&registry, is_compatible));
    if std::env::var_os("LLM_WRITE_PAGES").is_some() {
        std::fs::write(PAGE, &page).expect("docs is writable");
        return;
    }
    assert!(committed == page, "docs/providers.md is not current: run `cargo xtask codegen providers`");
}
