//! The licences of everything that is compiled in, word by word: whoever passes the programs on passes these on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use super::programs::Programs;
use super::sbom::{Package, compiled_in};

/// What the files are called, in lower case.
const NAMES: [&str; 4] = ["license", "licence", "copying", "notice"];

pub(super) fn text(programs: &Programs) -> Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let packages = compiled_in(programs)?;
    for package in packages.iter().filter(|package| package.source.is_some()) {
        let named = format!("{} {}", package.name, package.version);
        for text in files(package)? {
            texts.entry(text).or_default().push(named.clone());
        }
    }
    let mut all =
        String::from("The programs contain the following, under the terms that follow each list of names.\n");
    for (text, names) in texts {
        write!(all, "\n{}\n{}\n\n{}\n", "-".repeat(78), names.join(", "), text.trim_end())?;
    }
    Ok(all)
}

fn files(package: &Package) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    let folder = Path::new(&package.manifest_path).parent().unwrap_or(Path::new("."));
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if entry.file_type()?.is_file() && NAMES.iter().any(|known| name.starts_with(known)) {
            texts.push(String::from_utf8_lossy(&std::fs::read(entry.path())?).into_owned());
        }
    }
    if texts.is_empty() {
        texts.push(format!("({})", package.license.as_deref().unwrap_or("no licence is named")));
    }
    Ok(texts)
}
