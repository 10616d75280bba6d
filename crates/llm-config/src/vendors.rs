//! The vendors that a key is enough for: what a program offers to somebody who has no configuration yet.

use llm_core::order;
use llm_providers::{Registry, Status};

/// A vendor that can be called with a key, an address, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownVendor {
    /// Its name: the first part of its models' names.
    pub name: String,
    /// The variable for its key.
    pub key_variable: String,
    /// The other variables that a key is looked for in.
    pub other_key_variables: Vec<String>,
    /// The variable for its address, where there is one.
    pub base_variable: Option<String>,
    /// Where it is; `None`: everybody has an address of their own.
    pub base_url: Option<String>,
    /// It may be called without a key.
    pub key_optional: bool,
}

/// Every vendor of the table that needs nothing but a key and an address, by name.
pub fn vendors() -> Vec<KnownVendor> {
    let registry = Registry::builtin();
    let known = registry.iter().filter(|vendor| vendor.status != Status::Planned).filter_map(|vendor| {
        let (key, others) = vendor.key_env.split_first()?;
        let base_variable = vendor.base_env.first().cloned();
        let is_fixed = vendor.base_url.as_ref().is_some_and(|url| !url.contains('{'));
        // An address with a part that is to be filled in needs more than a key.
        let is_own = vendor.base_url.is_none() && base_variable.is_some();
        (is_fixed || is_own).then(|| KnownVendor {
            name: vendor.name.clone(),
            key_variable: key.clone(),
            other_key_variables: others.to_vec(),
            base_variable,
            base_url: vendor.base_url.clone(),
            key_optional: vendor.key_optional,
        })
    });
    let mut known: Vec<KnownVendor> = known.collect();
    // Of rows for the formats of one vendor, the one that has the variable's name stands for all.
    let has_its_name =
        |one: &KnownVendor| one.key_variable == format!("{}_API_KEY", one.name.to_ascii_uppercase());
    order::sort_by_key(&mut known, |one| (one.key_variable.clone(), !has_its_name(one), one.name.clone()));
    known.dedup_by(|one, first| one.key_variable == first.key_variable);
    known.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_with_a_key_are_offered_once() {
        let known = vendors();
        assert!(known.len() > 50, "{}", known.len());
        let of_openai: Vec<&str> = known
            .iter()
            .filter(|one| one.key_variable == "OPENAI_API_KEY")
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(of_openai, ["openai"]);
        assert!(known.iter().all(|one| one.base_url.is_some() || one.base_variable.is_some()));
    }
}
