//! What an import did, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

/// What an import did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// One for each kind, in the order in which they were taken over.
    pub kinds: Vec<KindReport>,
}

/// What became of the rows of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindReport {
    /// What they are, in words.
    pub kind: &'static str,
    /// How many rows were read.
    pub read: u64,
    /// How many were not here before.
    pub new: u64,
    /// How many had changed there since the last import.
    pub changed: u64,
    /// How many had not.
    pub same: u64,
    /// The ids of those that an earlier import took over and that are not there any more.
    pub gone: Vec<String>,
    /// The ids of those that were not taken over, and why.
    pub refused: Vec<(String, String)>,
    /// Columns with something in them that nothing here means, and in how many rows.
    pub without_effect: BTreeMap<&'static str, u64>,
}

impl KindReport {
    pub(super) fn new(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }

    pub(super) fn refuse(&mut self, id: impl Into<String>, reason: impl Into<String>) {
        self.refused.push((id.into(), reason.into()));
    }
}

impl ImportReport {
    /// The same as JSON.
    pub fn to_json(&self) -> Value {
        let refused = |(id, reason): &(String, String)| json!({"id": id, "reason": reason});
        let kind = |one: &KindReport| {
            json!({
                "kind": one.kind,
                "read": one.read,
                "new": one.new,
                "changed": one.changed,
                "same": one.same,
                "gone": one.gone,
                "refused": one.refused.iter().map(refused).collect::<Vec<_>>(),
                "without_effect": one.without_effect,
            })
        };
        json!({"dry_run": self.dry_run, "kinds": self.kinds.iter().map(kind).collect::<Vec<_>>()})
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["kind", "read", "new", "changed", "same", "refused"];
        let [kind, read, new, changed, same, refused] = heads;
        writeln!(formatter, "{kind:<16}{read:>9}{new:>9}{changed:>9}{same:>9}{refused:>9}")?;
        for one in &self.kinds {
            let (kind, refused) = (one.kind, one.refused.len());
            let KindReport { read, new, changed, same, .. } = one;
            writeln!(formatter, "{kind:<16}{read:>9}{new:>9}{changed:>9}{same:>9}{refused:>9}")?;
        }
        for one in &self.kinds {
            for (id, reason) in &one.refused {
                writeln!(formatter, "refused: {} `{id}`: {reason}", one.kind)?;
            }
            for id in &one.gone {
                writeln!(formatter, "gone there, and still here: {} `{id}`", one.kind)?;
            }
            for (column, rows) in &one.without_effect {
                writeln!(formatter, "without effect here: `{column}` of {} ({rows} rows)", one.kind)?;
            }
        }
        if self.dry_run {
            writeln!(formatter, "nothing was written")?;
        }
        Ok(())
    }
}
