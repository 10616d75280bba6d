//! Models of the store beside those of the files: through the same table of keys, and the same way to deployments.

use std::collections::BTreeMap;
use std::sync::Arc;

use llm_gateway::PromptTemplate;
use llm_management::{OpenModel, StoredPrompt};
use llm_providers::Providers;
use serde_json::{Map, Value as Json};

use crate::build;
use crate::config::{Config, DeploymentConfig, Loaded, Read};
use crate::deployments::{Maker, Network, shapes};
use crate::inference::Known;
use crate::keys::ROOT;
use crate::load::{Served, make};
use crate::node::{Entry, Node, Value};
use crate::report::{Place, Report, Severity};
use crate::settings::Templates;
use crate::strict;

impl Loaded {
    /// Serves these models of the store beside those of the files, in the place of those that were served before.
    /// Returns what is wrong with those that cannot be: they are left out, and nothing else is.
    pub fn serve_stored(&mut self, models: &[OpenModel]) -> Report {
        let mut report = Report::default();
        let served = {
            let bench = Bench::of(self);
            let mut left_out = |wrong: Report| report.problems.extend(wrong.problems);
            let tried = models.iter().filter_map(|model| bench.entry(model).map_err(&mut left_out).ok());
            let entries: Vec<Node> = tried.collect();
            let Read { root, environment, .. } = &*self.read;
            Served::find(root, environment, bench.known(), &entries, &mut Report::default())
        };
        self.config.deployments = served.deployments;
        self.names = Arc::new(served.names);
        report
    }

    /// Serves these prompts of the store beside those of the files, whose names win. Returns what is wrong with those that
    /// cannot be.
    pub fn serve_prompts(&mut self, prompts: &[StoredPrompt]) -> Report {
        let mut report = Report::default();
        let mut served = crate::settings::prompts(&self.read.root, &mut Report::default());
        for prompt in prompts {
            let mut versions = BTreeMap::new();
            for version in &prompt.versions {
                match prompt_of(&version.entry(&prompt.id)) {
                    Ok(read) => versions.extend(read.into_values().flatten()),
                    Err(wrong) => report.problems.extend(wrong.problems),
                }
            }
            served.entry(prompt.id.clone()).or_insert(versions);
        }
        self.config.prompts = served;
        report
    }

    /// Prompts of the files, with their versions in order.
    pub fn prompts_of_files(&self) -> Vec<(String, Vec<u64>)> {
        let read = crate::settings::prompts(&self.read.root, &mut Report::default());
        read.into_iter().map(|(id, versions)| (id, versions.into_keys().collect())).collect()
    }

    /// Whether a deployment can be made of a model of the store.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_stored(&self, model: &OpenModel) -> Result<(), Report> {
        Bench::of(self).entry(model).map(|_| ())
    }
}

impl DeploymentConfig {
    /// Whether it is of the store, not of a file.
    pub fn is_stored(&self) -> bool {
        matches!(self.place, Place::Stored(_))
    }
}

/// The prompt that an entry says.
///
/// # Errors
/// What is wrong with it; what a file only warns of is wrong, too.
pub(crate) fn prompt_of(entry: &Json) -> Result<Templates, Report> {
    let at = Place::Stored(Arc::from(entry.get("prompt_id").and_then(Json::as_str).unwrap_or_default()));
    let mut report = Report::default();
    let node = node(entry, &at);
    let read = crate::settings::listed(Some(&Node { value: Value::List(vec![node]), at }), &mut report);
    if report.problems.is_empty() { Ok(read) } else { Err(report) }
}

/// A prompt of dotprompt's format, as it is tried before it is kept.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn dotprompt(content: &str) -> Result<PromptTemplate, String> {
    let params = serde_json::json!({"prompt_integration": "dotprompt", "dotprompt_content": content});
    let entry = serde_json::json!({"prompt_id": "test", "litellm_params": params});
    let read = prompt_of(&entry).map_err(|report| told(&report))?;
    let versions = read.into_values().next();
    versions.and_then(|versions| versions.into_values().next()).ok_or_else(|| "it is empty".to_owned())
}

/// Where single models are tried before they are put beside others.
struct Bench<'a> {
    config: &'a Config,
    read: &'a Read,
    providers: Providers,
}

impl<'a> Bench<'a> {
    fn of(loaded: &'a Loaded) -> Self {
        let config = &loaded.config;
        let providers = Providers::new(config.vendors.clone()).with_media(config.media.clone());
        Self { config, read: &loaded.read, providers }
    }

    fn known(&self) -> Known<'a> {
        Known { vendors: &self.config.vendors, prices: &self.config.prices }
    }

    /// The model as an element of `model_list`, checked.
    ///
    /// # Errors
    /// Why it cannot be served.
    fn entry(&self, model: &OpenModel) -> Result<Node, Report> {
        let mut report = Report::default();
        let at = Place::Stored(Arc::from(model.id.as_str()));
        if self.config.deployments.iter().any(|one| one.id == model.id && !one.is_stored()) {
            report.error(&at, format!("the id `{}` is a deployment's of the configuration", model.id));
            return Err(report);
        }
        let mut root = map([("model_list", Value::List(vec![element(model, &at)]))], &at);
        strict::check(&mut root, &ROOT, &self.read.environment, &mut report);
        let list = root.get("model_list").map(Node::elements).unwrap_or_default();
        let Some(entry) = list.first().cloned().filter(|_| !report.has_errors()) else { return Err(report) };
        let made = self.made(&entry, &mut report);
        if made.is_empty() && report.problems.is_empty() {
            report.error(&at, "no deployment can be made of it");
        }
        // What a file only warns of keeps this one, which stands alone, from being served.
        if report.has_errors() || made.is_empty() { Err(report) } else { Ok(entry) }
    }

    fn made(&self, entry: &Node, report: &mut Report) -> Vec<DeploymentConfig> {
        let Read { root, environment, .. } = self.read;
        let draft = shapes::entry(root, entry, report);
        let (known, names) = (self.known(), std::collections::HashSet::new());
        let network = Network::of(root, environment);
        let mut maker = Maker { known, environment, report, made: Vec::new(), names, network };
        draft.into_iter().for_each(|draft| make(&mut maker, draft, root.get("llm")));
        let made = maker.finish().0;
        for one in &made {
            if let Err(error) = build::can_be_built(one, self.config, &self.providers) {
                report.error(&one.place, format!("deployment `{}`: {}", one.public, error.message()));
            }
        }
        made
    }
}

fn element(model: &OpenModel, at: &Place) -> Node {
    let mut info = model.info.clone();
    info.insert("id".to_owned(), Json::from(model.id.as_str()));
    let parts = [
        ("model_name", Value::Text(model.name.clone())),
        ("litellm_params", object(&model.params, at)),
        ("model_info", object(&info, at)),
    ];
    map(parts, at)
}

pub(crate) fn map<const N: usize>(parts: [(&str, Value); N], at: &Place) -> Node {
    let entry = |(key, value): (&str, Value)| Entry {
        key: key.to_owned(),
        at: at.clone(),
        value: Node { value, at: at.clone() },
    };
    Node { value: Value::Map(parts.into_iter().map(entry).collect()), at: at.clone() }
}

pub(crate) fn object(members: &Map<String, Json>, at: &Place) -> Value {
    let entry =
        |(key, value): (&String, &Json)| Entry { key: key.clone(), at: at.clone(), value: node(value, at) };
    Value::Map(members.iter().map(entry).collect())
}

pub(crate) fn node(value: &Json, at: &Place) -> Node {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value, value.to_string()),
        Json::Number(number) => Value::Number(number.to_string()),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(list) => Value::List(list.iter().map(|element| node(element, at)).collect()),
        Json::Object(members) => object(members, at),
    };
    Node { value, at: at.clone() }
}

/// What is wrong, in one line: the errors, or where there are none what else there is.
pub(crate) fn told(report: &Report) -> String {
    let errors = report.has_errors();
    let wanted = report.problems.iter().filter(|one| !errors || one.severity == Severity::Error);
    let told: Vec<String> = wanted
        .map(|one| match &one.help {
            Some(help) => format!("{}: {help}", one.message),
            None => one.message.clone(),
        })
        .collect();
    told.join("; ")
}
