//! The Helm chart as an archive, as `helm package` would make it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::programs::Programs;
use super::{NAME, Order, archive, source, tools};

pub(super) fn make(order: &Order, _: &Programs) -> Result<PathBuf> {
    let (from, to) = (source("helm").join(NAME), order.stage.join(NAME));
    for folder in ["", "templates"] {
        archive::put_folder(&from.join(folder), &to.join(folder))?;
    }
    // Links to the dashboards and alerts, that are the same for everybody.
    for entry in std::fs::read_dir(from.join("files"))? {
        let entry = entry?;
        tools::copy(&entry.path(), &to.join("files").join(entry.file_name()), 0o644)?;
    }
    let path = order.out.join(format!("{NAME}-{}.tgz", order.version));
    tools::tar(order, NAME, Path::new(&path))?;
    Ok(path)
}
