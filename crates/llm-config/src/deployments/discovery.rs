//! Deployments from variables alone: `<NAME>_API_KEY` and its companions, for every vendor of the table and for any
//! other that says where it is.
//!
//! | variable | meaning |
//! |---|---|
//! | `<NAME>_API_KEY`, `<NAME>_API_KEYS` | one key, or several between commas |
//! | `<NAME>_API_BASE`, `_API_BASES`, `_BASE_URL`, `_API_URL` | the address, or several between commas |
//! | `<NAME>_MODEL`, `<NAME>_MODELS` | models that are served under their bare names |
//!
//! As many keys as addresses are pairs in their order; otherwise every key is used at every address.

use llm_core::order;
use std::collections::BTreeMap;

use llm_providers::{Registry, Status, Vendor};

use super::parts::{bring_credential, vendor_of_address};
use super::{Access, Draft, Maker};
use crate::environment::Environment;
use crate::inference::Known;
use crate::node::Node;
use crate::report::Place;

const KEYS: [&str; 2] = ["_API_KEYS", "_API_KEY"];
const BASES: [&str; 4] = ["_API_BASES", "_API_BASE", "_BASE_URL", "_API_URL"];
const MODELS: [&str; 2] = ["_MODELS", "_MODEL"];

/// No model's name.
const NO_MODEL: &str = "?";

/// A vendor that variables speak of.
pub(crate) struct Discovered {
    vendor: String,
    /// Prefixes of public names.
    prefixes: Vec<String>,
    models: Vec<String>,
    access: Vec<Access>,
    at: Place,
}

/// Every vendor that variables speak of, sorted by name.
pub(crate) fn discover(known: Known<'_>, environment: &Environment) -> Vec<Discovered> {
    let mut found: BTreeMap<String, Discovered> = BTreeMap::new();
    for (variable, _, at) in environment.iter() {
        let Some(stem) = KEYS.iter().chain(&BASES).find_map(|suffix| variable.strip_suffix(suffix)) else {
            continue;
        };
        let Some(vendor) = vendor_of_stem(known, stem) else { continue };
        let Some(access) = access(environment, stem, vendor) else { continue };
        let address = access.first().and_then(|access| access.base.as_deref());
        let vendor = vendor_of_address(known.vendors, vendor, address);
        let one = found.entry(stem.to_owned()).or_insert_with(|| Discovered {
            vendor: vendor.name.clone(),
            prefixes: prefixes(stem, vendor),
            models: first_list(environment, stem, &MODELS),
            access,
            at: at.clone(),
        });
        // The key is the better place to name.
        if KEYS.iter().any(|suffix| variable.ends_with(suffix)) {
            one.at = at.clone();
        }
    }
    add_unusual_names(known.vendors, environment, &mut found);
    found.into_values().collect()
}

/// Rows for vendors that are in no table, and that say where they are.
pub(crate) fn own_rows(vendors: &Registry, environment: &Environment) -> Vec<serde_json::Value> {
    let known = |stem: &str| is_known(vendors, stem);
    let stems = environment.iter().filter_map(|(variable, ..)| {
        KEYS.iter()
            .find_map(|suffix| variable.strip_suffix(suffix))
            .filter(|stem| !known(stem) && is_name(stem))
    });
    let mut stems: Vec<&str> = stems.collect();
    stems.dedup();
    let row = |stem: &str| {
        let base = first_list(environment, stem, &BASES).into_iter().next()?;
        let key_env: Vec<String> = KEYS.iter().map(|suffix| format!("{stem}{suffix}")).collect();
        let name = stem.to_ascii_lowercase();
        Some(
            serde_json::json!({"name": name, "dialect": "openai.chat", "base_url": base, "key_env": key_env}),
        )
    };
    stems.into_iter().filter_map(row).collect()
}

fn is_name(stem: &str) -> bool {
    !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_known(vendors: &Registry, stem: &str) -> bool {
    let key = format!("{stem}_API_KEY");
    vendors.get(&stem.to_ascii_lowercase()).is_some()
        || vendors.iter().any(|vendor| vendor.key_env.contains(&key))
}

fn vendor_of_stem<'a>(known: Known<'a>, stem: &str) -> Option<&'a Vendor> {
    let key = format!("{stem}_API_KEY");
    let by_variable = || known.vendors.iter().find(|vendor| vendor.key_env.contains(&key));
    known.vendor(stem).or_else(by_variable)
}

/// The vendor's own name, and the name in the variable where people call it so (`qwen/`, `aliyun/`).
fn prefixes(stem: &str, vendor: &Vendor) -> Vec<String> {
    let spoken = stem.to_ascii_lowercase();
    let mut prefixes = vec![vendor.name.clone()];
    if !prefixes.contains(&spoken) {
        prefixes.push(spoken);
    }
    prefixes
}

/// `None` when there is no key and the vendor needs one.
fn access(environment: &Environment, stem: &str, vendor: &Vendor) -> Option<Vec<Access>> {
    let keys = first_list(environment, stem, &KEYS);
    let mut bases = first_list(environment, stem, &BASES);
    if bases.is_empty() {
        let named = vendor.base_env.iter().find(|name| environment.get(name).is_some());
        bases = named.map(|name| environment.list(name)).unwrap_or_default();
    }
    let is_set = |name: &str| {
        vendor.parameters.get(name).is_some_and(|all| all.iter().any(|name| environment.get(name).is_some()))
    };
    let brought = bring_credential(vendor, is_set);
    let optional = vendor.key_optional || vendor.status == Status::Planned || brought;
    (!keys.is_empty() || (optional && !bases.is_empty())).then(|| pairs(keys, bases))
}

fn first_list(environment: &Environment, stem: &str, suffixes: &[&str]) -> Vec<String> {
    let lists = suffixes.iter().map(|suffix| environment.list(&format!("{stem}{suffix}")));
    lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
}

/// Pairs where there are as many keys as addresses; otherwise every key at every address.
pub(crate) fn pairs(keys: Vec<String>, bases: Vec<String>) -> Vec<Access> {
    if keys.len() == bases.len() {
        let pairs = keys.into_iter().zip(bases);
        return pairs.map(|(key, base)| Access { key: Some(key), base: Some(base) }).collect();
    }
    let some = |list: Vec<String>| -> Vec<Option<String>> {
        if list.is_empty() { vec![None] } else { list.into_iter().map(Some).collect() }
    };
    let (keys, bases) = (some(keys), some(bases));
    let crossed = keys.iter().flat_map(|key| bases.iter().map(move |base| (key, base)));
    crossed.map(|(key, base)| Access { key: key.clone(), base: base.clone() }).collect()
}

/// Vendors whose key is in a variable that does not end with `_API_KEY`.
fn add_unusual_names(
    vendors: &Registry,
    environment: &Environment,
    found: &mut BTreeMap<String, Discovered>,
) {
    for vendor in vendors.iter() {
        let set =
            vendor.key_env.iter().find(|name| !name.ends_with("_API_KEY") && environment.get(name).is_some());
        let Some(variable) = set.filter(|_| !found.values().any(|one| one.vendor == vendor.name)) else {
            continue;
        };
        let one = Discovered {
            vendor: vendor.name.clone(),
            prefixes: vec![vendor.name.clone()],
            models: Vec::new(),
            access: vec![Access { key: environment.get(variable).map(str::to_owned), base: None }],
            at: environment.place(variable),
        };
        found.insert(variable.clone(), one);
    }
}

impl Maker<'_> {
    /// Serves a discovered vendor: a wildcard for each of its prefixes, the models that were named, and those that
    /// the price table knows by their bare name.
    pub(crate) fn serve(&mut self, found: &Discovered, defaults: Option<&Node>) {
        let vendor = self.known.vendors.get(&found.vendor);
        if vendor.is_some_and(|vendor| vendor.status == Status::Planned) {
            // One warning for the vendor is enough.
            self.names.extend(found.models.iter().cloned());
            return self.make(&draft(found, &format!("{}/*", found.vendor), "*", defaults));
        }
        for prefix in &found.prefixes {
            self.make(&draft(found, &format!("{prefix}/*"), "*", defaults));
        }
        let bare =
            vendor.and_then(|vendor| vendor.price_prefix.as_deref()).map(|prefix| self.bare_names(prefix));
        for model in found.models.iter().cloned().chain(bare.unwrap_or_default()) {
            if !self.made.iter().any(|one| one.config.public == model && one.config.vendor == found.vendor) {
                self.make(&draft(found, &model, &model, defaults));
            }
        }
    }

    /// The chat models whose bare name means this vendor: a pattern for each family of names (`acme-*`, so that
    /// names which the table does not have yet are served too), and the names that belong to none.
    fn bare_names(&self, provider: &str) -> Vec<String> {
        let prices = self.known.prices;
        let chat =
            prices.names_for(provider).filter(|listing| matches!(listing.mode.name(), "chat" | "responses"));
        let bare = chat.map(|listing| listing.model).filter(|model| !model.contains(['/', '*', ':']));
        let mut names: Vec<String> = Vec::new();
        for model in bare {
            let family = model.split_once('-').map(|(stem, _)| format!("{stem}-"));
            let pattern = family.as_ref().map(|family| format!("{family}*"));
            if pattern.as_ref().is_some_and(|pattern| names.contains(pattern)) {
                continue;
            }
            // A name that is in no table, so that only its family can decide.
            let decides =
                |family: &String| prices.provider_of(&format!("{family}{NO_MODEL}")) == Some(provider);
            if family.as_ref().is_some_and(decides) {
                names.extend(pattern);
            } else if prices.provider_of(model) == Some(provider) {
                names.push(model.to_owned());
            }
        }
        order::sort_by_key(&mut names, |name| !name.contains('*'));
        names
    }
}

fn draft<'a>(found: &Discovered, public: &str, model: &str, defaults: Option<&'a Node>) -> Draft<'a> {
    Draft {
        public: public.to_owned(),
        team: None,
        model: model.to_owned(),
        vendor: Some(found.vendor.clone()),
        id: None,
        layers: defaults.into_iter().collect(),
        info: None,
        access: found.access.clone(),
        at: found.at.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_keys_as_addresses_are_pairs_and_otherwise_all_are_crossed() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let shown = |keys: &[&str], bases: &[&str]| {
            let pairs = pairs(list(keys), list(bases)).into_iter();
            pairs
                .map(|one| format!("{}@{}", one.key.unwrap_or_default(), one.base.unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&["a", "b"], &["x", "y"]), ["a@x", "b@y"]);
        assert_eq!(shown(&["a", "b"], &["x"]), ["a@x", "b@x"]);
        assert_eq!(shown(&["a"], &["x", "y"]), ["a@x", "a@y"]);
        assert_eq!(shown(&["a", "b", "c"], &["x", "y"]).len(), 6);
        assert_eq!(shown(&["a", "b"], &[]), ["a@", "b@"]);
        assert_eq!(shown(&[], &["x"]), ["@x"]);
    }
}
