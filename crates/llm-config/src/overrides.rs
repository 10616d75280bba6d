//! Settings of the router that administrators change while the gateway runs: kept in the database, over those of the files
//! and the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use llm_core::json::object_of;
use llm_router::{Alias, RouterSettings};
use serde_json::{Map, Value as Json, json};

use crate::config::{Loaded, Overrides};
use crate::environment::Environment;
use crate::kept::spelling;
use crate::keys::{Key, ROOT, Shape};
use crate::node::{Entry, Node, Value};
use crate::references;
use crate::report::{Place, Report};
use crate::settings::{LimitSettings, settings_under};
use crate::stored::{map, object};
use crate::strict;

/// The section that may be changed.
const SECTION: &str = "router_settings";

/// Where settings stand that the database keeps.
const PLACE: Place = Place::Database(SECTION);

/// What keys begin with that are read at the start alone.
const FIXED: &str = "redis_";

/// What a configuration says of the router once the settings of the store are over it.
struct Routed {
    router: RouterSettings,
    limits: LimitSettings,
    aliases: BTreeMap<String, Alias>,
    overrides: Overrides,
}

impl Loaded {
    /// Puts these settings of the store over those of the files, in the place of those that were put there before.
    /// Returns what is wrong with those that cannot be: they are left out. Call it after the models of the store are
    /// served, which fallbacks may name.
    pub fn override_router(&mut self, given: &Map<String, Json>) -> Report {
        if given.is_empty() && self.overrides.given.is_empty() {
            return Report::default();
        }
        let (routed, report) = match self.routed(given) {
            Ok(routed) => (Some(routed), Report::default()),
            Err(report) => {
                let alone = |(name, value): &(&String, &Json)| {
                    let alone = object_of([((*name).clone(), (*value).clone())]);
                    self.routed(&alone).is_ok()
                };
                let good = given.iter().filter(alone);
                let good = object_of(good.map(|(name, value)| (name.clone(), value.clone())));
                (self.routed(&good).or_else(|_| self.routed(&Map::new())).ok(), report)
            }
        };
        if let Some(Routed { router, limits, aliases, overrides }) = routed {
            (self.config.router, self.config.limits, self.config.aliases) = (router, limits, aliases);
            self.around = spelling(overrides.root.as_ref().unwrap_or(&self.read.root));
            self.overrides = Arc::new(overrides);
        }
        report
    }

    /// Whether the router could be set so.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_router(&self, given: &Map<String, Json>) -> Result<(), Report> {
        self.routed(given).map(|_| ())
    }

    /// The router's settings for people who change them: each with what it is, what is said of it and where. In the words
    /// of LiteLLM's `/router/settings`.
    pub fn router_fields(&self) -> Json {
        let keys: Vec<&Key> = keys().collect();
        let fields: Vec<Json> = keys.iter().map(|key| self.field(key)).collect();
        let sources = keys.iter().map(|key| (key.name.to_owned(), Json::from(self.source(key.name))));
        json!({
            "fields": fields,
            "source": object_of(sources),
            "stored": self.overrides.given,
        })
    }

    fn field(&self, key: &Key) -> Json {
        let said = self.root().get(SECTION).and_then(|router| router.get(key.name));
        let value: Option<Json> = said.and_then(|node| node.json().read().ok());
        json!({
            "field_name": key.name,
            "field_type": kind(key.shape),
            "field_value": value,
            "field_description": key.about,
            "field_default": null,
            "options": options(key),
            "ui_field_name": key.name.replace('_', " "),
        })
    }

    /// Where a setting of the router came from, in LiteLLM's words.
    fn source(&self, name: &str) -> &'static str {
        let sections = [SECTION, "litellm_settings"];
        let written = sections.iter().find_map(|section| Some(&self.root().get(section)?.get(name)?.at));
        let places = [&self.overrides.places, &self.sources.settings];
        let path = format!("router.{name}");
        let layered = places.iter().find_map(|places| places.get(path.as_str()));
        match (written, layered) {
            (Some(Place::Database(_)), _) | (_, Some(Place::Database(_))) => "db",
            (_, Some(Place::Variable(_) | Place::Flag(_))) => "env",
            (Some(_), _) | (_, Some(Place::File { .. })) => "config",
            _ => "default",
        }
    }

    /// The file with the settings of the store in it.
    fn root(&self) -> &Node {
        self.overrides.root.as_ref().unwrap_or(&self.read.root)
    }

    /// # Errors
    /// What is wrong with the settings.
    fn routed(&self, given: &Map<String, Json>) -> Result<Routed, Report> {
        let mut report = Report::default();
        if given.keys().any(|name| name.starts_with(FIXED)) {
            report.error(&PLACE, "what several gateways share is set at the start, in the configuration");
        }
        let mut stored = map([(SECTION, object(given, &PLACE))], &PLACE);
        // Of nobody's environment: a value is not to show what a variable holds.
        strict::check(&mut stored, &ROOT, &Environment::new(&[]), &mut report);
        if report.has_errors() {
            return Err(report);
        }
        let root = self.read.root.clone().over(&stored);
        let under = (&self.read.environment, &self.read.flags);
        let settings = settings_under(&root, Some(&stored), under, &mut report);
        let mut config = self.config.clone();
        (config.router, config.limits) = (settings.router, settings.limits);
        let origin = self.sources.deployments;
        references::resolve(&mut config, &root, &self.names, origin, &settings.places, &mut report);
        if report.has_errors() {
            return Err(report);
        }
        let overrides = match given.is_empty() {
            true => Overrides::default(),
            false => Overrides { given: given.clone(), root: Some(root), places: settings.places },
        };
        Ok(Routed { router: config.router, limits: config.limits, aliases: config.aliases, overrides })
    }
}

impl Node {
    /// This file with the keys of another one's sections in the place of its own.
    pub(crate) fn over(mut self, stored: &Self) -> Self {
        for entry in stored.entries() {
            let mut section = entry.clone();
            if let Some(known) = self.entries().iter().find(|known| known.key == entry.key) {
                section.value = known.value.clone();
                entry.value.entries().iter().for_each(|key| put(&mut section.value, key.clone()));
            }
            put(&mut self, section);
        }
        self
    }
}

/// Puts an entry into a map, in the place of one of the same key. What is no map becomes one.
fn put(map: &mut Node, entry: Entry) {
    match &mut map.value {
        Value::Map(entries) => {
            entries.retain(|known| known.key != entry.key);
            entries.push(entry);
        }
        _ => map.value = Value::Map(vec![entry]),
    }
}

/// The keys that may be changed.
fn keys() -> impl Iterator<Item = &'static Key> {
    let section = match ROOT.find(SECTION).map(|key| key.shape) {
        Some(Shape::Section(section)) => Some(section),
        _ => None,
    };
    section.into_iter().flat_map(|section| section.all()).filter(|key| !key.name.starts_with(FIXED))
}

fn kind(shape: Shape) -> &'static str {
    match shape {
        Shape::Bool => "Boolean",
        Shape::Whole => "Integer",
        Shape::Number | Shape::Seconds => "Float",
        Shape::Texts | Shape::Fallbacks | Shape::Sections(_) => "List",
        Shape::Section(_) | Shape::Named(_) | Shape::Aliases | Shape::Json | Shape::TextMap => "Dictionary",
        _ => "String",
    }
}

fn options(key: &Key) -> Option<Vec<&'static str>> {
    match key.shape {
        Shape::Choice(choices) => Some(choices.to_vec()),
        _ if key.name == "routing_strategy" => Some(llm_router::BuiltIn::ALL.map(|one| one.name()).to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Options, load};

    fn loaded(more: &str) -> Loaded {
        let models = "model_list:\n  - {model_name: a, litellm_params: {model: mock/echo}}\n  - {model_name: b, litellm_params: {model: mock/echo}}\n";
        let variables = vec![("LLM_NUM_RETRIES".to_owned(), "4".to_owned())];
        let text = Some(format!("{models}{more}"));
        load(&Options { text, variables, ..Options::default() }).expect("it loads")
    }

    fn object(value: &Json) -> Map<String, Json> {
        value.as_object().cloned().expect("an object")
    }

    const FILE: &str = "router_settings: {num_retries: 1, allowed_fails: 7, fallbacks: [{a: [b]}], retry_policy: {TimeoutErrorRetries: 3}}";

    #[test]
    fn what_is_stored_wins_and_what_it_leaves_open_stays() {
        let mut loaded = loaded(FILE);
        let before = loaded.config.router.clone();
        let report = loaded.override_router(&object(&json!({
            "num_retries": 0, "routing_strategy": "least-busy", "timeout": 2.5, "fallbacks": [{"b": ["a"]}],
        })));
        assert!(report.problems.is_empty(), "{report}");
        let router = &loaded.config.router;
        assert_eq!((router.num_retries, router.strategy.name()), (0, "least-busy"));
        assert_eq!(
            router.fallbacks,
            [("b".to_owned(), vec!["a".to_owned()])],
            "a list takes the place of the file's"
        );
        assert_eq!(router.health.allowed_fails, Some(7));
        assert_eq!(router.retry_policy, before.retry_policy);
        let fields = loaded.router_fields();
        let source = |name: &str| fields["source"][name].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            ["num_retries", "timeout", "fallbacks", "allowed_fails", "retry_policy", "cooldown_time"]
                .map(source),
            ["db", "db", "db", "config", "config", "default"]
        );

        // Without them it is as the files say.
        loaded.override_router(&Map::new());
        assert_eq!(loaded.config.router.num_retries, before.num_retries);
        assert_eq!(loaded.config.router.fallbacks, before.fallbacks);
        assert_eq!(loaded.router_fields()["source"]["fallbacks"], "config");
    }

    #[test]
    fn what_cannot_be_is_told_and_left_out_alone() {
        let mut loaded = loaded(FILE);
        for wrong in [
            json!({"num_retries": "many"}),
            json!({"routing_strategy": "fastest"}),
            json!({"fallbacks": [{"a": ["gone"]}]}),
            json!({"num_retris": 1}),
            json!({"redis_url": "redis://elsewhere"}),
            json!({"routing_strategy": "os.environ/LLM_NUM_RETRIES"}),
        ] {
            assert!(loaded.check_router(&object(&wrong)).is_err(), "{wrong}");
        }
        let report =
            loaded.override_router(&object(&json!({"fallbacks": [{"a": ["gone"]}], "cooldown_time": 9})));
        assert!(report.has_errors());
        assert_eq!(loaded.config.router.fallbacks, [("a".to_owned(), vec!["b".to_owned()])]);
        assert_eq!(loaded.router_fields()["source"]["cooldown_time"], "db");
        assert_eq!(loaded.router_fields()["source"]["fallbacks"], "config");
    }
}
