//! What `model_info` says of who may use a deployment: a single team, or those whose terms name an access group.

use std::collections::BTreeMap;

use llm_gateway::TeamModels;
use llm_governance::authorise::AccessGroups;
use llm_router::Pattern;

use crate::config::DeploymentConfig;

/// A team that alone may use a deployment, and the name under which it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamName {
    /// The team's id.
    pub team: String,
    /// The public name.
    pub public: String,
}

impl TeamName {
    /// The name that the router knows the model by.
    pub(crate) fn group(&self) -> String {
        TeamModels::group_of(&self.team, &self.public)
    }
}

/// The models of single teams among the deployments.
pub(crate) fn models(deployments: &[DeploymentConfig]) -> TeamModels {
    let mut models = TeamModels::default();
    for name in deployments.iter().filter_map(|one| one.team.as_ref()) {
        models.add(&name.team, &name.public);
    }
    models
}

/// The access groups of models: those of all their deployments.
#[derive(Default)]
pub(crate) struct Groups {
    exact: BTreeMap<String, Vec<String>>,
    patterns: Vec<(Pattern, Vec<String>)>,
}

impl Groups {
    pub(crate) fn of(deployments: &[DeploymentConfig]) -> Self {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for one in deployments.iter().filter(|one| !one.access_groups.is_empty()) {
            let name = one.team.as_ref().map_or(&one.public, |team| &team.public);
            let groups = all.entry(name.clone()).or_default();
            groups.extend(one.access_groups.iter().cloned());
            groups.sort_unstable();
            groups.dedup();
        }
        let (patterns, exact) = all.into_iter().partition(|(name, _)| name.contains('*'));
        let patterns: BTreeMap<String, Vec<String>> = patterns;
        let pattern = |(name, groups): (String, Vec<String>)| (Pattern::new(name), groups);
        Self { exact, patterns: patterns.into_iter().map(pattern).collect() }
    }
}

impl AccessGroups for Groups {
    fn groups(&self, model: &str) -> &[String] {
        let by_pattern = || self.patterns.iter().find(|(pattern, _)| pattern.capture(model).is_some());
        let found = self.exact.get(model).or_else(|| by_pattern().map(|(_, groups)| groups));
        found.map(Vec::as_slice).unwrap_or_default()
    }
}
