//! Names to groups, fallback lists and settings: everything that is decided before an attempt.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use llm_core::{Error, ErrorKind, LossPolicy, Result};

use crate::deployment::{Deployment, Limits};
use crate::group::Group;
use crate::health::HealthSettings;
use crate::pattern::Pattern;
use crate::strategy::Chosen;

/// What holds for all groups.
#[derive(Clone, Debug)]
pub struct RouterSettings {
    /// Picks among a group's deployments.
    pub strategy: Chosen,
    /// Attempts after the first, in each group.
    pub num_retries: u32,
    /// The shortest wait before the same deployment is tried again.
    pub retry_after: Duration,
    /// The most fallback groups of one call.
    pub max_fallbacks: usize,
    /// Fallback groups by group name; `*` stands for any.
    pub fallbacks: Vec<(String, Vec<String>)>,
    /// Fallback groups for groups without an entry of their own.
    pub default_fallbacks: Vec<String>,
    /// How long each phase may take where a deployment does not say.
    pub limits: Limits,
    /// When deployments are benched, and for how long.
    pub health: HealthSettings,
    /// How often deployments without traffic are asked how they are; `None`: never.
    pub check_interval: Option<Duration>,
    /// What to do with what a vendor's dialect cannot express.
    pub policy: LossPolicy,
}

impl Default for RouterSettings {
    /// Two retries and ten minutes for a call: what the SDKs in front of us expect.
    fn default() -> Self {
        Self {
            strategy: Chosen::default(),
            num_retries: 2,
            retry_after: Duration::ZERO,
            max_fallbacks: 5,
            fallbacks: Vec::new(),
            default_fallbacks: Vec::new(),
            limits: Limits {
                connect: Some(Duration::from_secs(5)),
                headers: Some(Duration::from_secs(600)),
                first_content: Some(Duration::from_secs(600)),
                idle: Some(Duration::from_secs(120)),
                total: Some(Duration::from_secs(600)),
            },
            health: HealthSettings::default(),
            check_interval: None,
            policy: LossPolicy::Default,
        }
    }
}

/// Another name for a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The group's name.
    pub target: String,
    /// Whether it is left out of model lists.
    pub hidden: bool,
}

/// Names to groups. Immutable: a changed configuration makes a new one.
pub struct Router {
    exact: HashMap<String, Arc<Group>>,
    /// Longest pattern first.
    wildcards: Vec<Arc<Group>>,
    aliases: HashMap<String, Alias>,
    settings: RouterSettings,
}

impl Router {
    /// A router over deployments; those with the same public name form a group.
    pub fn new(
        deployments: impl IntoIterator<Item = Arc<Deployment>>,
        aliases: HashMap<String, Alias>,
        settings: RouterSettings,
    ) -> Self {
        let mut groups: HashMap<Pattern, Group> = HashMap::new();
        let health = Arc::new(settings.health.clone());
        for deployment in deployments {
            deployment.health().follow(&health);
            let name = deployment.group.clone();
            groups
                .entry(name.clone())
                .or_insert_with(|| Group::new(name, &settings.strategy))
                .add(deployment);
        }
        for group in groups.values().filter(|group| group.deployments().len() > 1) {
            group.deployments().iter().for_each(|deployment| deployment.health().has_siblings());
        }
        let (wild, exact): (Vec<_>, Vec<_>) =
            groups.into_values().map(Arc::new).partition(|group| group.name().is_wildcard());
        let mut wildcards = wild;
        wildcards.sort_by(|a, b| {
            let (a, b) = (a.name().as_str(), b.name().as_str());
            b.len().cmp(&a.len()).then_with(|| a.cmp(b))
        });
        let exact = exact.into_iter().map(|group| (group.name().as_str().to_owned(), group)).collect();
        Self { exact, wildcards, aliases, settings }
    }

    /// The settings.
    pub fn settings(&self) -> &RouterSettings {
        &self.settings
    }

    /// All groups, exact names first.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.exact.values().chain(&self.wildcards)
    }

    /// The aliases.
    pub fn aliases(&self) -> &HashMap<String, Alias> {
        &self.aliases
    }

    /// The group that serves a public name, and the name after aliases.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownModel`] when none does.
    pub fn resolve<'a>(&'a self, model: &'a str) -> Result<(&'a Arc<Group>, &'a str)> {
        let name = self.aliases.get(model).map_or(model, |alias| alias.target.as_str());
        let exact = self.exact.get(name);
        let found =
            exact.or_else(|| self.wildcards.iter().find(|group| group.name().capture(name).is_some()));
        found.map(|group| (group, name)).ok_or_else(|| unknown_model(model))
    }

    /// The fallback names of a group, in order.
    pub fn fallbacks_of(&self, name: &str) -> &[String] {
        let entry = |key: &str| self.settings.fallbacks.iter().find(|(group, _)| group == key);
        let without_vendor = name.split_once('/').map(|(_, bare)| bare);
        entry(name)
            .or_else(|| without_vendor.and_then(entry))
            .or_else(|| entry("*"))
            .map_or(self.settings.default_fallbacks.as_slice(), |(_, list)| list)
    }
}

fn unknown_model(model: &str) -> Error {
    let shown: String = model.chars().filter(|letter| !letter.is_control()).take(128).collect();
    Error::new(
        ErrorKind::UnknownModel,
        format!("unknown model `{shown}`: no deployment of this gateway offers it (GET /v1/models lists what it serves)"),
    )
    .with_param("model")
    .with_code("model_not_found")
    .with_type("invalid_request_error")
}
