//! `lints`: every crate takes the workspace's lints, `unsafe_code = "forbid"` among them: a crate that says nothing has none.

use anyhow::Result;

use super::Finding;
use crate::workspace;

pub(super) fn check() -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let forbids = forbids_unsafe(&workspace::read(&workspace::root().join("Cargo.toml"))?)?;
    if !forbids {
        findings.push(finding("Cargo.toml", "`unsafe_code` is not forbidden in `workspace.lints.rust`"));
    }
    for package in workspace::packages()? {
        let path = format!("{}/Cargo.toml", package.path());
        if !inherits(&workspace::read(&package.folder().join("Cargo.toml"))?)? {
            findings
                .push(finding(&path, "the workspace's lints do not hold here: say `lints.workspace = true`"));
        }
    }
    Ok(findings)
}

fn finding(path: &str, message: &str) -> Finding {
    Finding {
        rule: "lints",
        path: path.to_owned(),
        line: 1,
        item: "lints".to_owned(),
        message: message.to_owned(),
    }
}

fn forbids_unsafe(manifest: &str) -> Result<bool> {
    let manifest: toml::Table = toml::from_str(manifest)?;
    let lints = manifest.get("workspace").and_then(|workspace| workspace.get("lints")?.get("rust"));
    Ok(lints.and_then(|lints| lints.get("unsafe_code")?.as_str()) == Some("forbid"))
}

fn inherits(manifest: &str) -> Result<bool> {
    let manifest: toml::Table = toml::from_str(manifest)?;
    Ok(manifest.get("lints").and_then(|lints| lints.get("workspace")?.as_bool()) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_the_lints_is_found() {
        assert!(inherits("[lints]\nworkspace = true").expect("TOML"));
        assert!(!inherits("[package]\nname = 'x'").expect("TOML"));
        assert!(!inherits("[lints.rust]\nunsafe_code = 'allow'").expect("TOML"));
    }

    #[test]
    fn only_forbid_is_enough() {
        assert!(forbids_unsafe("[workspace.lints.rust]\nunsafe_code = 'forbid'").expect("TOML"));
        assert!(!forbids_unsafe("[workspace.lints.rust]\nunsafe_code = 'deny'").expect("TOML"));
        assert!(!forbids_unsafe("").expect("TOML"));
    }
}
