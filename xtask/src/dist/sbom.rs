//! What is in the programs, as CycloneDX 1.6 (<https://cyclonedx.org/docs/1.6/json/>, November 2026).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::programs::Programs;
use super::{NAME, Order, tools};
use crate::workspace;

/// The packages whose programs are packed.
const ROOTS: [&str; 2] = ["llm-cli", "llm-server"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

/// A crate.
#[derive(Clone, Deserialize)]
pub(super) struct Package {
    id: String,
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    /// The registry; `None`: a crate of ours.
    pub source: Option<String>,
    pub manifest_path: String,
    repository: Option<String>,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Dependency {
    /// Whether it is compiled in: not for tests, not for building.
    fn is_in(&self) -> bool {
        self.dep_kinds.iter().any(|one| one.kind.is_none())
    }
}

/// What the programs are made from, and what each of it needs.
struct Graph(BTreeMap<String, (Package, Vec<String>)>);

impl Graph {
    fn of(programs: &Programs) -> Result<Self> {
        let mut command = workspace::cargo();
        command.args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            &programs.target,
        ]);
        let metadata: Metadata = serde_json::from_str(&workspace::capture(&mut command)?)
            .context("cargo metadata printed something else")?;
        let packages: BTreeMap<_, _> =
            metadata.packages.into_iter().map(|one| (one.id.clone(), one)).collect();
        let needs = |node: Node| {
            let needed = node.deps.into_iter().filter(Dependency::is_in).map(|one| one.pkg);
            (node.id, needed.collect::<Vec<_>>())
        };
        let needs: BTreeMap<_, _> = metadata.resolve.nodes.into_iter().map(needs).collect();
        let roots =
            packages.values().filter(|one| one.source.is_none() && ROOTS.contains(&one.name.as_str()));
        let mut open: Vec<String> = roots.map(|one| one.id.clone()).collect();
        let mut graph = BTreeMap::new();
        while let Some(id) = open.pop() {
            let Some(package) = packages.get(&id).filter(|_| !graph.contains_key(&id)) else { continue };
            let needed = needs.get(&id).cloned().unwrap_or_default();
            open.extend(needed.iter().cloned());
            graph.insert(id, (package.clone(), needed));
        }
        Ok(Self(graph))
    }
}

/// The crates that are compiled in.
pub(super) fn compiled_in(programs: &Programs) -> Result<Vec<Package>> {
    Ok(Graph::of(programs)?.0.into_values().map(|(package, _)| package).collect())
}

pub(super) fn make(order: &Order, programs: &Programs) -> Result<PathBuf> {
    let lock: Lock = toml::from_str(&workspace::read(&workspace::root().join("Cargo.lock"))?)?;
    let sums = lock.package.into_iter().filter_map(|one| Some(((one.name, one.version), one.checksum?)));
    let document = document(order, &Graph::of(programs)?, &sums.collect())?;
    let path = order.out.join(format!("{NAME}-{}-{}.cdx.json", order.version, programs.target));
    tools::write(&path, format!("{document:#}\n"), 0o644)?;
    Ok(path)
}

type Sums = BTreeMap<(String, String), String>;

fn document(order: &Order, graph: &Graph, sums: &Sums) -> Result<Value> {
    let product = format!("pkg:generic/{NAME}@{}", order.version);
    let reference = |id: &String| graph.0.get(id).map(|(package, _)| purl(package));
    let components: Vec<Value> = graph.0.values().map(|(package, _)| component(package, sums)).collect();
    let mut dependencies: Vec<Value> = graph
        .0
        .values()
        .map(|(package, needed)| {
            let needed: BTreeSet<_> = needed.iter().filter_map(reference).collect();
            json!({"ref": purl(package), "dependsOn": needed})
        })
        .collect();
    let roots =
        graph.0.values().filter(|(one, _)| one.source.is_none() && ROOTS.contains(&one.name.as_str()));
    let roots: BTreeSet<_> = roots.map(|(package, _)| purl(package)).collect();
    dependencies.push(json!({"ref": product, "dependsOn": roots}));
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": tools::date(&order.time, "+%Y-%m-%dT%H:%M:%SZ")?,
            "tools": {"components": [{"type": "application", "name": "cargo xtask dist"}]},
            "component": {
                "type": "application",
                "bom-ref": product,
                "name": NAME,
                "version": order.version,
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
            },
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(package: &Package, sums: &Sums) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "scope": "required",
    });
    let Some(members) = component.as_object_mut() else { return component };
    if let Some(license) = &package.license {
        // An old way to write `OR`.
        members.insert("licenses".to_owned(), json!([{"expression": license.replace('/', " OR ")}]));
    }
    if let Some(sum) = sums.get(&(package.name.clone(), package.version.clone())) {
        members.insert("hashes".to_owned(), json!([{"alg": "SHA-256", "content": sum}]));
    }
    if let Some(url) = package.repository.as_ref().filter(|url| !url.contains(char::is_whitespace)) {
        members.insert("externalReferences".to_owned(), json!([{"type": "vcs", "url": url}]));
    }
    if let Some(description) = &package.description {
        members.insert("description".to_owned(), description.trim().into());
    }
    component
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}
