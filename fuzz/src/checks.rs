//! All checks, with the folders of their seeds.

use std::path::Path;

/// Panics when a promise does not hold for some bytes.
pub type Check = fn(&[u8]);

/// A target: its name, its check, and the folders of `seeds/` that it begins with.
pub struct Target {
    /// That of its file in `fuzz_targets/`.
    pub name: &'static str,
    /// What it promises.
    pub check: Check,
    /// How many inputs it takes in a second, about: a debug build on one core of an AMD EPYC, November 2026.
    pub pace: u64,
    folders: &'static [&'static str],
}

/// What vendors and clients send; recorded traffic is of this kind.
const BODIES: &[&str] = &["answers", "requests", "streams"];

/// All of them, by name.
pub const TARGETS: [Target; 17] = [
    Target { name: "answers", check: crate::answers::check, pace: 90, folders: BODIES },
    Target { name: "base_urls", check: crate::base_urls::check, pace: 700, folders: &["base_urls"] },
    Target { name: "cache_keys", check: crate::cache_keys::check, pace: 8_000, folders: BODIES },
    Target { name: "calls", check: crate::calls::check, pace: 5_000, folders: &["calls"] },
    Target {
        name: "configuration",
        check: crate::configuration::check,
        pace: 90,
        folders: &["configuration"],
    },
    Target { name: "envelope", check: crate::envelope::check, pace: 24_000, folders: BODIES },
    Target { name: "forms", check: crate::forms::check, pace: 60_000, folders: &["forms"] },
    Target { name: "forwards", check: crate::forwards::check, pace: 13_000, folders: BODIES },
    Target { name: "framing", check: crate::framing::check, pace: 450, folders: BODIES },
    Target { name: "guardrails", check: crate::guardrails::check, pace: 1_100, folders: &["guardrails"] },
    Target { name: "prices", check: crate::prices::check, pace: 450, folders: &["prices"] },
    Target { name: "requests", check: crate::requests::check, pace: 3_500, folders: BODIES },
    Target { name: "streams", check: crate::streams::check, pace: 750, folders: BODIES },
    Target { name: "taps", check: crate::taps::check, pace: 2_700, folders: BODIES },
    Target { name: "tokens", check: crate::tokens::check, pace: 17_000, folders: &["tokens"] },
    Target { name: "variables", check: crate::variables::check, pace: 100, folders: &["variables"] },
    Target { name: "ways", check: crate::ways::check, pace: 20_000, folders: BODIES },
];

impl Target {
    /// Its seeds, in the order of their paths.
    ///
    /// # Panics
    /// When a seed cannot be read.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
        self.folders.iter().flat_map(|folder| files(&seeds.join(folder))).collect()
    }

    /// Whether recorded traffic is a sample for it.
    pub fn reads_bodies(&self) -> bool {
        self.folders == BODIES
    }
}

/// What stands in the files of a folder and of those in it, in the order of their paths.
///
/// # Panics
/// When one of them cannot be read.
pub fn files(folder: &Path) -> Vec<Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        if path.is_dir() { files(path) } else { vec![std::fs::read(path).expect("a file can be read")] }
    };
    paths.iter().flat_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_file_and_seeds_that_keep_its_promises() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
        assert_eq!(std::fs::read_dir(&folder).expect("the targets").count(), TARGETS.len());
        for target in TARGETS {
            assert!(folder.join(format!("{}.rs", target.name)).is_file(), "{}", target.name);
            assert!(!target.seeds().is_empty(), "{}", target.name);
            target.seeds().iter().for_each(|seed| (target.check)(seed));
        }
    }
}
