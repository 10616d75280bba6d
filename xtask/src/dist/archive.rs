//! The archive: one folder with the programs and all that helps to run them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::programs::Programs;
use super::{NAME, Order, manual, notices, source, tools};
use crate::workspace;

/// Files of the workspace, and their places in the archive.
const FILES: [(&str, &str); 11] = [
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("README.md", "README.md"),
    ("config/full.yaml", "config/full.yaml"),
    ("config/minimal.yaml", "config/minimal.yaml"),
    ("config/schema.json", "config/schema.json"),
    ("config/packaging/prometheus/alerts.yaml", "prometheus/alerts.yaml"),
    ("config/packaging/systemd/llm-gateway.service", "systemd/llm-gateway.service"),
    ("config/packaging/systemd/llm-gateway.sysusers", "systemd/llm-gateway.sysusers"),
    ("config/packaging/debian/environment", "systemd/environment"),
];

/// Folders of the workspace whose files go into the archive, and where.
const FOLDERS: [(&str, &str); 4] = [
    ("config/examples", "config/examples"),
    ("config/packaging/compose", "compose"),
    ("config/packaging/grafana", "grafana"),
    ("docs", "docs"),
];

pub(super) fn make(order: &Order, programs: &Programs) -> Result<PathBuf> {
    let name = format!("{NAME}-{}-{}", order.version, programs.target);
    let folder = order.stage.join(&name);
    programs.put(&folder.join("bin"))?;
    manual::put(order, programs, &folder.join("share"))?;
    for (from, to) in FILES {
        tools::copy(&workspace::root().join(from), &folder.join(to), 0o644)?;
    }
    for (from, to) in FOLDERS {
        put_folder(&workspace::root().join(from), &folder.join(to))?;
    }
    tools::write(&folder.join("THIRD-PARTY.txt"), notices::text(programs)?, 0o644)?;
    let path = order.out.join(format!("{name}.tar.gz"));
    tools::tar(order, &name, &path)?;
    Ok(path)
}

/// Copies the files of a folder.
pub(super) fn put_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            tools::copy(&entry.path(), &to.join(entry.file_name()), 0o644)?;
        }
    }
    Ok(())
}

/// The unit of the service.
pub(super) fn unit() -> PathBuf {
    source("systemd/llm-gateway.service")
}
