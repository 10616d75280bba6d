//! What vendors need to be told beside a key and an address: regions, projects, tenants, other credentials.

use std::borrow::Cow;
use std::collections::BTreeMap;

use llm_core::{Error, Secret};

use crate::vendor::Vendor;

/// Parameters of a deployment by their names (`aws_region_name`, `vertex_project` …). Some are credentials, so all are
/// kept as such. They go into addresses and credentials, never into a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, Secret>);

impl Parameters {
    /// Sets one; an empty value is none.
    pub fn set(&mut self, name: impl Into<String>, value: Secret) {
        if !value.expose().trim().is_empty() {
            self.0.insert(name.into(), value);
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// A parameter's value, without white space around it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.expose().trim())
    }

    /// All of them by name; their values may be credentials.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose().as_str()))
    }

    /// Those that are credentials, by their names: regions and projects stand in every path.
    pub(crate) fn credentials(&self) -> impl Iterator<Item = &Secret> {
        const WORDS: [&str; 5] = ["credential", "key", "password", "secret", "token"];
        let named = self.0.iter().filter(|(name, _)| WORDS.iter().any(|word| name.contains(word)));
        named.map(|(_, value)| value)
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Parameters {
    fn from(entries: [(&str, &str); N]) -> Self {
        let mut parameters = Self::default();
        for (name, value) in entries {
            parameters.set(name, Secret::new(value.to_owned()));
        }
        parameters
    }
}

/// Parameters over the defaults of a vendor's row.
pub(crate) struct Settled<'a> {
    vendor: &'a Vendor,
    parameters: &'a Parameters,
}

/// A parameter that a template needs and nobody set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Missing(String);

impl<'a> Settled<'a> {
    pub(crate) fn new(vendor: &'a Vendor, parameters: &'a Parameters) -> Self {
        Self { vendor, parameters }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.parameters.get(name).or_else(|| self.vendor.defaults.get(name).map(String::as_str))
    }

    /// A parameter's value for a template: as it is set, or as it follows from another one.
    fn value(&self, name: &str) -> Result<Cow<'a, str>, Missing> {
        let missing = |name: &str| Missing(name.to_owned());
        if let Some(value) = self.get(name) {
            return Ok(Cow::Borrowed(value));
        }
        let derived = self.vendor.derived.get(name).ok_or_else(|| missing(name))?;
        let other = self.get(&derived.from).ok_or_else(|| missing(&derived.from))?;
        match derived.values.get(other) {
            Some(value) => Ok(Cow::Borrowed(value)),
            // What a parameter follows from is set, so that nothing turns in a circle.
            None => Ok(Cow::Owned(derived.otherwise.replace(&format!("{{{}}}", derived.from), other))),
        }
    }

    /// A template with the parameters in the place of their names.
    pub(crate) fn filled(&self, template: &str) -> Result<String, Missing> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            filled.push_str(&self.value(name)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// The query of every request: what the address has already, and what the row adds to it.
    pub(crate) fn query(&self, given: Option<&str>) -> Option<String> {
        let pairs: Vec<&str> = given.into_iter().flat_map(|query| query.split('&')).collect();
        let has = |name: &str| pairs.iter().any(|pair| pair.split('=').next() == Some(name));
        let own = self.vendor.query.iter().filter(|(name, _)| !has(name));
        let own = own.filter_map(|(name, template)| Some(format!("{name}={}", self.filled(template).ok()?)));
        let all: Vec<String> = given.map(str::to_owned).into_iter().chain(own).collect();
        (!all.is_empty()).then(|| all.join("&"))
    }
}

impl Missing {
    /// The error of an address that cannot be made.
    pub(crate) fn in_address(self, vendor: &Vendor) -> Error {
        let Self(name) = self;
        let variables = vendor.parameters.get(&name).map(Vec::as_slice).unwrap_or_default();
        let variables: String = variables.iter().map(|variable| format!(" or `{variable}`")).collect();
        let what = format!("vendor `{}` needs `{name}`: set it{variables}, or set `api_base`", vendor.name);
        Error::invalid(what).with_param(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> Vendor {
        serde_json::from_value(serde_json::json!({
            "name": "acme",
            "parameters": {"region": ["ACME_REGION"]},
            "defaults": {"version": "3"},
            "query": {"api-version": "{version}", "trace": "{trace}"},
        }))
        .expect("a valid row")
    }

    #[test]
    fn templates_take_parameters_and_defaults() {
        let (vendor, parameters) = (acme(), Parameters::from([("region", " eu-1 ")]));
        let settled = Settled::new(&vendor, &parameters);
        assert_eq!(
            settled.filled("https://{region}.acme.ai/v{version}").as_deref(),
            Ok("https://eu-1.acme.ai/v3")
        );
        let error = settled.filled("{zone}").expect_err("nobody said").in_address(&vendor);
        assert_eq!(error.message(), "vendor `acme` needs `zone`: set it, or set `api_base`");
    }

    #[test]
    fn a_parameter_may_follow_from_another() {
        let vendor: Vendor = serde_json::from_value(serde_json::json!({
            "name": "acme",
            "derived": {"host": {"from": "region", "values": {"global": "acme.ai"}, "otherwise": "{region}-acme.ai"}},
        }))
        .expect("a valid row");
        for (region, expected) in [("global", "https://acme.ai/v1"), ("eu", "https://eu-acme.ai/v1")] {
            let parameters = Parameters::from([("region", region)]);
            let filled = Settled::new(&vendor, &parameters).filled("https://{host}/v1");
            assert_eq!(filled.as_deref(), Ok(expected));
        }
        let none = Parameters::default();
        let missing = Settled::new(&vendor, &none).filled("https://{host}/v1");
        assert_eq!(missing, Err(Missing("region".to_owned())));
    }

    #[test]
    fn a_query_of_the_address_wins_and_unknown_parameters_are_left_out() {
        let vendor = acme();
        let none = Parameters::default();
        let query = |given: Option<&str>| Settled::new(&vendor, &none).query(given);
        assert_eq!(query(None).as_deref(), Some("api-version=3"));
        assert_eq!(query(Some("api-version=4&a=b")).as_deref(), Some("api-version=4&a=b"));
        assert_eq!(query(Some("a=b")).as_deref(), Some("a=b&api-version=3"));
    }
}
