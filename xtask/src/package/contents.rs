//! What lies in a package: enough to build it, and nothing that only this repository can use.

use std::path::{Component, Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::{self, Package};

/// What registries take.
const MOST_BYTES: u64 = 10 * 1024 * 1024;

/// Folders that stay behind.
const OURS: [&str; 3] = ["benches/", "tests/", "web/"];

/// What is wrong with a package that was made.
pub(super) fn faults(package: &Package) -> Result<Vec<String>> {
    let name = format!("{}-{}", package.name, package.version);
    let path = workspace::target_folder().join("package").join(format!("{name}.crate"));
    let bytes = std::fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.len();
    let unpacked = workspace::target_folder().join("package-contents");
    std::fs::create_dir_all(&unpacked)?;
    let folder = unpacked.join(&name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    workspace::capture(Command::new("tar").arg("-xzf").arg(&path).arg("-C").arg(&unpacked))?;
    let mut faults = Vec::new();
    if bytes > MOST_BYTES {
        faults.push(format!("its package has {bytes} bytes, more than {MOST_BYTES}"));
    }
    let mut files = Vec::new();
    list(&folder, &folder, &mut files)?;
    faults.extend(files.iter().filter(|file| OURS.iter().any(|ours| file.starts_with(ours))).map(ours));
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let missing = included(file, &workspace::read(&folder.join(file))?)
            .into_iter()
            .filter(|path| !files.iter().any(|file| Path::new(file) == path));
        faults.extend(
            missing.map(|path| format!("{file} includes {}, which is not in the package", path.display())),
        );
    }
    Ok(faults.into_iter().map(|fault| format!("{}: {fault}", package.name)).collect())
}

fn ours(file: &String) -> String {
    format!("{file} is in the package: add its folder to `exclude`")
}

/// The files below a folder, relative to `root`.
fn list(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(root, &entry.path(), files)?;
        } else {
            let path = entry.path();
            files.push(path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned());
        }
    }
    Ok(())
}

/// The files that a source includes, relative to its crate; one that lies outside begins with `..`.
fn included(file: &str, source: &str) -> Vec<PathBuf> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let asked =
        ["include_str!(\"", "include_bytes!(\""].into_iter().flat_map(|word| source.split(word).skip(1));
    asked.filter_map(|rest| rest.split('"').next()).map(|path| plain(&folder.join(path))).collect()
}

/// A path without detours.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        let goes_up = part == Component::ParentDir && plain.file_name().is_some();
        if goes_up {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_a_source_includes_are_found() {
        let source = "const A: &str = include_str!(\"../../data/a.tsv\");\nconst B: &[u8] = include_bytes!(\"b.bin\");\n\
                      const C: &str = include_str!(\"../../../../docs/c.md\");\n";
        let found = included("src/deep/one.rs", source);
        let expected = ["data/a.tsv", "../../docs/c.md", "src/deep/b.bin"].map(PathBuf::from);
        assert_eq!(found, expected);
    }
}
