//! Which crate may know which: the arrows of the architecture, and who owns a heavy dependency.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Finding;
use crate::workspace;

/// The crates of the workspace that a crate may depend on. `*` stands for any ending. A more exact name goes first.
/// Development dependencies are free: tests may see everything.
const ARROWS: [(&str, &[&str]); 24] = [
    ("llm-core", &[]),
    ("llm-transport", &["llm-core"]),
    ("llm-router", &["llm-core"]),
    ("llm-metrics", &["llm-core"]),
    ("llm-guardrails", &["llm-core"]),
    ("llm-guardrails-remote", &["llm-core", "llm-transport"]),
    ("llm-governance", &["llm-core"]),
    ("llm-management", &["llm-core", "llm-governance"]),
    ("llm-store", &["llm-core", "llm-governance", "llm-router", "llm-transport"]),
    ("llm-providers-azure", &["llm-core", "llm-providers-openai"]),
    ("llm-providers-huggingface", &["llm-core", "llm-providers-openai"]),
    ("llm-providers-*", &["llm-core"]),
    ("llm-providers", &["llm-core", "llm-transport", "llm-providers-*"]),
    ("llm-gateway", &["llm-core", "llm-governance", "llm-metrics", "llm-router"]),
    ("llm-callbacks", &["llm-core", "llm-gateway", "llm-governance", "llm-metrics", "llm-transport"]),
    (
        "llm-config",
        &[
            "llm-callbacks",
            "llm-core",
            "llm-gateway",
            "llm-governance",
            "llm-guardrails",
            "llm-guardrails-remote",
            "llm-management",
            "llm-metrics",
            "llm-providers",
            "llm-router",
            "llm-store",
            "llm-transport",
        ],
    ),
    (
        "llm-server",
        &[
            "llm-config",
            "llm-core",
            "llm-dashboard",
            "llm-gateway",
            "llm-governance",
            "llm-management",
            "llm-metrics",
            "llm-router",
            "llm-transport",
        ],
    ),
    ("llm-dashboard", &[]),
    ("llm-cli", &["llm-config", "llm-core", "llm-server", "llm-transport"]),
    ("llm-client", &["llm-config", "llm-core", "llm-gateway"]),
    ("llm-testkit", &["llm-core", "llm-governance"]),
    ("end-to-end", &["*"]),
    ("trials", &[]),
    ("xtask", &["llm-metrics"]),
];

/// Dependencies (or some features of one) that only some crates may have: `(name, features, owners)`; without
/// features the dependency itself is meant.
const OWNERS: [(&str, &[&str], &[&str]); 18] = [
    ("reqwest", &[], &["llm-cli"]),
    ("hyper", &["client", "full"], &["llm-transport"]),
    ("hyper-util", &["client", "client-legacy", "client-pool", "client-proxy", "full"], &["llm-transport"]),
    ("hyper-rustls", &[], &["reqwest"]),
    ("redis", &[], &["llm-store"]),
    ("rustls", &[], &["llm-transport", "llm-server", "llm-store"]),
    ("axum", &[], &["llm-server"]),
    ("prometheus", &[], &["llm-metrics"]),
    ("figment", &[], &["llm-config"]),
    ("schemars", &[], &["llm-config"]),
    ("deadpool-postgres", &[], &["llm-store"]),
    ("rusqlite", &[], &["llm-store"]),
    ("tokio-postgres", &[], &["llm-store"]),
    ("clap_complete", &[], &["llm-cli", "llm-server"]),
    ("comfy-table", &[], &["llm-cli"]),
    ("indicatif", &[], &["llm-cli"]),
    ("inquire", &[], &["llm-cli"]),
    ("rustyline", &[], &["llm-cli"]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
    features: Vec<String>,
}

pub(super) fn check() -> Result<Vec<Finding>> {
    let mut command = workspace::cargo();
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]);
    let metadata: Metadata = serde_json::from_str(&workspace::capture(&mut command)?)
        .context("cargo metadata printed something else")?;
    Ok(metadata.packages.iter().flat_map(of_package).collect())
}

fn of_package(package: &Package) -> Vec<Finding> {
    let finding = |item: &str, message: String| Finding {
        rule: "arrows",
        path: manifest(package),
        line: 1,
        item: item.to_owned(),
        message,
    };
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| fits(name, &package.name)) else {
        let message =
            format!("the crate `{}` has no place among the arrows: name it in {}", package.name, file!());
        return vec![finding(&package.name, message)];
    };
    let mut findings = Vec::new();
    let built = package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    for dependency in built {
        let name = &dependency.name;
        if dependency.path.is_some() && !allowed.iter().any(|pattern| fits(pattern, name)) {
            let message = format!(
                "`{}` must not know `{name}`: the arrows of the architecture point the other way",
                package.name
            );
            findings.push(finding(name, message));
        }
        if let Some(owners) = owners(dependency).filter(|owners| !owners.contains(&&*package.name)) {
            let message = format!("`{name}` (with these features) belongs to {} alone", owners.join(" and "));
            findings.push(finding(name, message));
        }
    }
    findings
}

fn owners(dependency: &Dependency) -> Option<&'static [&'static str]> {
    let owned = |features: &[&str]| {
        features.is_empty() || dependency.features.iter().any(|feature| features.contains(&feature.as_str()))
    };
    OWNERS
        .iter()
        .find(|(name, features, _)| *name == dependency.name && owned(features))
        .map(|(.., owners)| *owners)
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

fn manifest(package: &Package) -> String {
    let root = workspace::root().to_string_lossy();
    let path = package.manifest_path.strip_prefix(&*root).unwrap_or(&package.manifest_path);
    path.trim_start_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &str) -> Package {
        let text = format!(r#"{{"name": "{name}", "manifest_path": "m", "dependencies": [{dependencies}]}}"#);
        serde_json::from_str(&text).expect("a valid package")
    }

    fn messages(name: &str, dependencies: &str) -> Vec<String> {
        of_package(&package(name, dependencies)).into_iter().map(|finding| finding.item).collect()
    }

    #[test]
    fn arrows_upward_are_found_and_tests_are_free() {
        let upward = r#"{"name": "llm-server", "kind": null, "path": "p", "features": []}"#;
        assert_eq!(messages("llm-core", upward), ["llm-server"]);
        assert_eq!(messages("llm-core", &upward.replace("null", "\"dev\"")), [""; 0]);
        assert_eq!(messages("end-to-end", upward), [""; 0]);
        let base = r#"{"name": "llm-providers-openai", "kind": null, "path": "p", "features": []}"#;
        assert_eq!(messages("llm-providers", base), [""; 0]);
        assert_eq!(messages("llm-providers-anthropic", base), ["llm-providers-openai"]);
    }

    #[test]
    fn heavy_dependencies_and_features_have_owners() {
        let client = r#"{"name": "hyper", "kind": null, "path": null, "features": ["client", "http1"]}"#;
        assert_eq!(messages("llm-server", client), ["hyper"]);
        assert_eq!(messages("llm-server", &client.replace("client", "server")), [""; 0]);
        assert_eq!(messages("llm-transport", client), [""; 0]);
    }

    #[test]
    fn a_crate_without_arrows_is_found() {
        assert_eq!(messages("llm-utils", ""), ["llm-utils"]);
    }
}
