//! What a registry wants to know of a crate.

use crate::workspace::Package;

/// Categories that the crates are in. A registry drops what it does not know, see <https://crates.io/category_slugs>
/// (November 2026).
const CATEGORIES: [&str; 4] = ["api-bindings", "asynchronous", "command-line-utilities", "web-programming"];

/// The most keywords, and the most letters of one.
const KEYWORDS: (usize, usize) = (5, 20);

/// What is missing in a manifest, or would be refused.
pub(super) fn faults(package: &Package) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |is_good: bool, fault: &str| {
        if !is_good {
            faults.push(format!("{}: {fault}", package.name));
        }
    };
    let said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    check(said(&package.description), "it has no `description`");
    check(said(&package.license), "it has no `license`");
    check(package.readme.is_some(), "it has no README.md");
    let is_keyword = |word: &String| {
        let may_be_in = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+".contains(&byte);
        word.len() <= KEYWORDS.1
            && word.starts_with(|first: char| first.is_ascii_alphanumeric())
            && word.bytes().all(may_be_in)
    };
    let count = package.keywords.len();
    check((1..=KEYWORDS.0).contains(&count), "it needs one to five `keywords`");
    check(
        package.keywords.iter().all(is_keyword),
        "a keyword is too long, or has other signs than letters and `-`",
    );
    let is_category = |name: &String| CATEGORIES.contains(&name.as_str());
    check(!package.categories.is_empty(), "it has no `categories`");
    check(
        package.categories.iter().all(is_category),
        "a category is not in the list of xtask/src/package/manifest.rs: does the registry know it?",
    );
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(edit: impl FnOnce(&mut serde_json::Value)) -> Package {
        let mut told = serde_json::json!({
            "name": "llm-a", "version": "1.2.3", "features": {}, "manifest_path": "/a/Cargo.toml", "publish": null,
            "description": "What it is.", "license": "MIT", "readme": "README.md",
            "keywords": ["llm"], "categories": ["asynchronous"],
        });
        edit(&mut told);
        serde_json::from_value(told).expect("it is one")
    }

    #[test]
    fn a_manifest_has_all_that_a_registry_wants() {
        assert_eq!(faults(&package(|_| {})), [""; 0]);
        for (name, value, fault) in [
            ("description", serde_json::json!(null), "no `description`"),
            ("license", serde_json::json!(" "), "no `license`"),
            ("readme", serde_json::json!(null), "no README"),
            ("keywords", serde_json::json!([]), "one to five"),
            ("keywords", serde_json::json!(["a", "b", "c", "d", "e", "f"]), "one to five"),
            ("keywords", serde_json::json!(["two words"]), "a keyword is"),
            ("categories", serde_json::json!([]), "no `categories`"),
            ("categories", serde_json::json!(["gateways"]), "a category is not"),
        ] {
            let found = faults(&package(|told| told[name] = value.clone()));
            assert!(matches!(found.as_slice(), [one] if one.contains(fault)), "{name} {value}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_published_says_so() {
        assert!(package(|_| {}).is_published());
        assert!(!package(|told| told["publish"] = serde_json::json!([])).is_published());
    }
}
