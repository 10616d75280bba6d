//! `xtask/tidy.toml`: findings that are right as they are, each with its reason.

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Finding;
use crate::workspace;

const FILE: &str = "xtask/tidy.toml";

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    #[serde(default)]
    exception: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    rule: String,
    path: String,
    /// The function, crate or name that is meant; all of the file when absent.
    item: Option<String>,
    reason: String,
}

/// Takes the excepted findings out, and adds one for each exception that excepts nothing.
pub(super) fn apply(findings: Vec<Finding>) -> Result<Vec<Finding>> {
    apply_text(findings, &workspace::read(&workspace::root().join(FILE))?)
}

fn apply_text(mut findings: Vec<Finding>, text: &str) -> Result<Vec<Finding>> {
    let Exceptions { exception: exceptions } =
        toml::from_str(text).with_context(|| format!("{FILE} is malformed"))?;
    for exception in exceptions {
        if exception.reason.trim().len() < 10 {
            bail!("{FILE}: the exception for {} needs a reason that explains it", exception.path);
        }
        let before = findings.len();
        findings.retain(|finding| !exception.covers(finding));
        if findings.len() == before {
            findings.push(Finding {
                rule: "exceptions",
                path: FILE.to_owned(),
                line: 1,
                item: String::new(),
                message: format!(
                    "nothing breaks `{}` in {} any more: take it out",
                    exception.rule, exception.path
                ),
            });
        }
    }
    Ok(findings)
}

impl Exception {
    fn covers(&self, finding: &Finding) -> bool {
        let item = self.item.as_ref().is_none_or(|item| *item == finding.item);
        self.rule == finding.rule && self.path == finding.path && item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(item: &str) -> Finding {
        Finding {
            rule: "function-length",
            path: "a.rs".into(),
            line: 1,
            item: item.into(),
            message: String::new(),
        }
    }

    #[test]
    fn an_exception_covers_its_item_only_and_must_not_be_stale() {
        let text = "[[exception]]\nrule = 'function-length'\npath = 'a.rs'\nitem = 'f'\nreason = 'a table of all cases'";
        let left = apply_text(vec![finding("f"), finding("g")], text).expect("valid");
        assert_eq!(left, [finding("g")]);
        let stale = apply_text(Vec::new(), text).expect("valid");
        assert_eq!(stale.first().map(|finding| finding.rule), Some("exceptions"));
    }

    #[test]
    fn an_exception_without_a_reason_is_refused() {
        for text in
            ["[[exception]]\nrule = 'x'\npath = 'a.rs'", "[[exception]]\nrule='x'\npath='a'\nreason=''"]
        {
            assert!(apply_text(Vec::new(), text).is_err(), "{text}");
        }
    }
}
