//! The vendors table: the embedded rows and the user's own, found by prefix, by host, or by a near miss.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use llm_core::{Error, Result};

use crate::base_url;
use crate::vendor::Vendor;

/// The vendors table, `vendors.toml`, a row a line: the build script wrote it.
const TABLE: &str = include_str!(concat!(env!("OUT_DIR"), "/vendors.jsonl"));

static BUILTIN: LazyLock<Vec<Arc<Vendor>>> = LazyLock::new(|| {
    // As a user's rows are read: so there is one reader of rows in the program.
    let row = |line| serde_json::from_str(line).and_then(serde_json::from_value::<Vendor>);
    TABLE.lines().map(|line| row(line).map(Arc::new).expect("the embedded table is read by a test")).collect()
});

/// All vendors that a gateway knows.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Shared with every copy of the registry: there are many rows, and each says a lot.
    rows: Vec<Arc<Vendor>>,
    by_prefix: HashMap<String, usize>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::builtin()
    }
}

impl Registry {
    /// The embedded table.
    pub fn builtin() -> Self {
        Self::index(BUILTIN.clone()).expect("the embedded table is checked by a test")
    }

    /// The embedded table with the user's own rows. A row with the name of an embedded one replaces it; its
    /// prefixes win over those of embedded rows.
    ///
    /// # Errors
    /// When two of the user's rows claim the same prefix, or a row's address is none.
    pub fn with_rows(own: Vec<Vendor>) -> Result<Self> {
        let mut own = Self::index(own.into_iter().map(Arc::new).collect())?;
        for vendor in BUILTIN.iter() {
            if own.rows.iter().any(|row| row.name == vendor.name) {
                continue;
            }
            let at = own.rows.len();
            for prefix in vendor.prefixes() {
                own.by_prefix.entry(prefix.to_owned()).or_insert(at);
            }
            own.rows.push(Arc::clone(vendor));
        }
        Ok(own)
    }

    fn index(rows: Vec<Arc<Vendor>>) -> Result<Self> {
        let mut by_prefix = HashMap::with_capacity(rows.len() * 2);
        for (at, vendor) in rows.iter().enumerate() {
            check(vendor)?;
            for prefix in vendor.prefixes() {
                if by_prefix.insert(prefix.to_owned(), at).is_some() {
                    let what = format!("vendor `{}`: the prefix `{prefix}` is another vendor's", vendor.name);
                    return Err(Error::invalid(what));
                }
            }
        }
        Ok(Self { rows, by_prefix })
    }

    /// The vendor with this name or alias.
    pub fn get(&self, prefix: &str) -> Option<&Vendor> {
        self.by_prefix.get(prefix).and_then(|at| self.rows.get(*at)).map(Arc::as_ref)
    }

    /// The vendor that a model's prefix names, and the model in the vendor's words. The longest prefix wins.
    pub fn split<'a>(&self, model: &'a str) -> Option<(&Vendor, &'a str)> {
        let mut slashes: Vec<usize> = model.match_indices('/').map(|(at, _)| at).take(3).collect();
        slashes.reverse();
        slashes.into_iter().find_map(|at| {
            let (prefix, rest) = (model.get(..at)?, model.get(at + 1..)?);
            Some((self.get(prefix)?, rest)).filter(|(_, rest)| !rest.is_empty())
        })
    }

    /// The row for a model of a vendor's: another one where the model's name begins as the row says.
    pub fn row_for<'a>(&'a self, vendor: &'a Vendor, model: &str) -> &'a Vendor {
        let name = model.to_ascii_lowercase();
        let rules = vendor.by_model.iter().filter(|(beginning, _)| name.starts_with(beginning.as_str()));
        let longest = rules.max_by_key(|(beginning, _)| beginning.len());
        longest.and_then(|(_, row)| self.get(row)).unwrap_or(vendor)
    }

    /// The vendor whose API an address points to, by its host.
    pub fn by_address(&self, address: &str) -> Option<&Vendor> {
        let host = base_url::host(address)?;
        self.iter().find(|vendor| vendor.has_host(host))
    }

    /// The row that speaks the API that an address of this vendor's means: mostly the vendor's own.
    pub fn meant<'a>(&'a self, vendor: &'a Vendor, address: &str) -> &'a Vendor {
        let address = address.trim().split(['?', '#']).next().unwrap_or_default();
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default().trim_end_matches('/');
        let variant = vendor.variants.iter().find(|(end, _)| path.ends_with(end.as_str()));
        variant.and_then(|(_, row)| self.get(row)).unwrap_or(vendor)
    }

    /// All vendors, the user's own first.
    pub fn iter(&self) -> impl Iterator<Item = &Vendor> {
        self.rows.iter().map(Arc::as_ref)
    }

    /// The known prefix that is spelt most like this one, when one is near enough to be meant.
    pub fn nearest(&self, prefix: &str) -> Option<&str> {
        let near = |known: &str| strsim::jaro_winkler(known, prefix);
        let best = self.by_prefix.keys().max_by(|a, b| near(a).total_cmp(&near(b)).then_with(|| b.cmp(a)))?;
        (near(best) >= 0.8).then_some(best)
    }

    /// The error for a vendor that is not in the table, with the nearest one that is.
    pub fn unknown(&self, name: &str) -> Error {
        let shown: String = name.chars().take(64).collect();
        let hint = self.nearest(name).map(|near| format!("did you mean `{near}`?"));
        let hint = hint.unwrap_or_else(|| "add it to the vendors, or use `openai_compatible/`".to_owned());
        Error::invalid(format!("unknown vendor `{shown}`: {hint}"))
    }
}

fn check(vendor: &Vendor) -> Result<()> {
    let valid = |name: &str| {
        let letters =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/');
        !name.is_empty() && name.bytes().all(letters) && !name.starts_with('/') && !name.ends_with('/')
    };
    if let Some(wrong) = vendor.prefixes().find(|prefix| !valid(prefix)) {
        let what =
            format!("vendor `{}`: `{wrong}` is no valid prefix: use letters, digits, `_`, `-`", vendor.name);
        return Err(Error::invalid(what));
    }
    // A parameter may stand in the host; its name is a word that a host may have.
    let is_address = |url: &str| base_url::host(&url.replace(['{', '}', '_'], "")).is_some();
    if let Some(url) = vendor.base_url.as_deref().filter(|url| !is_address(url)) {
        return Err(Error::invalid(format!("vendor `{}`: `base_url` {url} is no address", vendor.name)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
