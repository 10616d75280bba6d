//! The price book: the embedded table or a loaded one, with a user's own prices before it.

use std::collections::BTreeMap;

use llm_core::Result;

use super::entry::{Mode, ModelEntry};
use super::litellm;
use super::names::{candidates, is_same_provider, without_date};
use super::table::{Table, split};

/// How many names a family must have before an unknown name of it is ascribed to its provider.
const FAMILY: usize = 3;

/// What models cost, and what else is known of them.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceBook {
    table: Table,
    own: BTreeMap<Box<str>, ModelEntry>,
}

/// A model in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing<'a> {
    /// The model's name without its provider's prefix.
    pub model: &'a str,
    /// What it is for.
    pub mode: Mode,
}

impl PriceBook {
    /// The table that the crate carries.
    pub fn embedded() -> Self {
        Self { table: Table::Embedded, own: BTreeMap::new() }
    }

    /// A table that replaces the embedded one: text of this crate's own schema, or of LiteLLM's JSON.
    ///
    /// # Errors
    /// Names the line, or the model and the field, that cannot be read.
    pub fn load(text: &str) -> Result<Self> {
        let is_json = text.trim_start().starts_with('{');
        let text = if is_json { litellm::convert(text)?.lines } else { text.to_owned() };
        Ok(Self { table: Table::checked(text)?, own: BTreeMap::new() })
    }

    /// Puts a user's own prices before the table: for each model's name (`model` or `provider/model`) the fields
    /// that [`ModelEntry::set`] takes. What is not named stays as the table says.
    ///
    /// # Errors
    /// As [`ModelEntry::set`], naming the model.
    pub fn with_overrides<'a, Fields>(
        mut self,
        overrides: impl IntoIterator<Item = (&'a str, Fields)>,
    ) -> Result<Self>
    where
        Fields: IntoIterator<Item = (&'a str, &'a str)>,
    {
        for (name, fields) in overrides {
            let (provider, model) = name.split_once('/').unwrap_or(("", name));
            let known = self.lookup("", name).or_else(|| self.lookup(provider, model));
            let mut entry =
                known.unwrap_or_else(|| ModelEntry { provider: provider.into(), ..ModelEntry::default() });
            entry.set(fields).map_err(|error| error.with_prefix(&format!("model `{name}`: ")))?;
            self.own.insert(name.into(), entry);
        }
        Ok(self)
    }

    /// What is known of a model of a provider (the prefix of LiteLLM's model strings; empty for any).
    ///
    /// # Behavior
    /// - First `provider/model`, then `model` alone when it is the same provider's; a user's own entry before the
    ///   table's; then the same without routes and regions (`converse/`, `us-east-1/`, `eu.`), then without a date.
    /// - An entry of another provider is never used: the same model has another price there.
    pub fn lookup(&self, provider: &str, model: &str) -> Option<ModelEntry> {
        let names = candidates(provider, model);
        names
            .iter()
            .filter_map(|name| self.exact(name))
            .find(|entry| is_same_provider(provider, &entry.provider))
    }

    fn exact(&self, name: &str) -> Option<ModelEntry> {
        let own = self.own.get(name).cloned();
        own.or_else(|| ModelEntry::parse(self.table.find(name)?))
    }

    /// All models of a provider that the book knows, for listing a wildcard; walks the whole table.
    pub fn names_for<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = Listing<'a>> {
        let names = move |name: &str| [name.to_owned(), format!("{provider}/{name}")];
        let own = self.own.iter().map(|(name, entry)| (&**name, &*entry.provider, entry.mode));
        let table = self.table.lines().filter_map(move |line| {
            let (name, columns) = split(line);
            let (of, rest) = split(columns);
            let is_own = of == provider && names(name).iter().any(|name| self.own.contains_key(&**name));
            (!is_own).then(|| (name, of, Mode::named(split(rest).0)))
        });
        own.chain(table).filter(move |(_, of, _)| *of == provider).map(move |(name, _, mode)| {
            let bare = name.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/'));
            Listing { model: bare.unwrap_or(name), mode }
        })
    }

    /// The provider that a bare model name means (`gpt-4o`): the one that the book names for it, with or without
    /// its date, else the one that the known names of its family (the same first words) have.
    pub fn provider_of(&self, model: &str) -> Option<&str> {
        let named = [Some(model), without_date(model)]
            .into_iter()
            .flatten()
            .find_map(|name| self.provider_named(name));
        named.or_else(|| self.provider_of_family(model))
    }

    fn provider_named(&self, name: &str) -> Option<&str> {
        match self.own.get(name) {
            Some(entry) => Some(&*entry.provider).filter(|provider| !provider.is_empty()),
            None => Some(split(self.table.find(name)?).0),
        }
    }

    /// The longest beginning of the name, cut at a `-`, that [`FAMILY`] names of the table share decides, when nine
    /// in ten of them have the same provider (the table has strays: a name with one vendor's spelling and another's
    /// version suffix).
    fn provider_of_family(&self, model: &str) -> Option<&str> {
        if model.contains('/') {
            return None;
        }
        let cuts = model.rmatch_indices('-').filter_map(|(at, dash)| model.get(..at + dash.len()));
        let mut families = cuts.map(|family| self.providers_beginning(family));
        let providers = families.find(|providers| providers.len() >= FAMILY)?;
        let votes = |provider: &str| providers.iter().filter(|other| **other == provider).count();
        providers.iter().copied().find(|provider| votes(provider) * 10 >= providers.len() * 9)
    }

    /// The providers of all bare names with this beginning, one for each name.
    fn providers_beginning(&self, family: &str) -> Vec<&str> {
        let lines = self.table.from(family).take_while(|line| line.starts_with(family));
        lines
            .map(split)
            .filter(|(name, _)| !name.contains('/'))
            .map(|(_, columns)| split(columns).0)
            .collect()
    }
}

#[cfg(test)]
mod tests;
