//! Names to groups, fallback lists and settings: everything that is decided before an attempt.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::order;
use llm_core::{Error, ErrorKind, LossPolicy, Result};

use crate::affinity::Affinity;
use crate::deployment::{Deployment, Limits};
use crate::fit::TagFiltering;
use crate::group::Group;
use crate::health::HealthSettings;
use crate::pattern::Pattern;
use crate::retry::{RetryBudget, RetryBudgetSettings, RetryPolicy};
use crate::settings::{GroupSettings, MidStream};
use crate::shared::Shared;
use crate::strategy::Chosen;
use crate::wait::QueueSettings;

/// What holds for all groups.
#[derive(Clone, Debug)]
pub struct RouterSettings {
    /// Picks among a group's deployments.
    pub strategy: Chosen,
    /// Attempts after the first, in each group.
    pub num_retries: u32,
    /// Attempts after the first, by what went wrong.
    pub retry_policy: RetryPolicy,
    /// How much of the traffic may be retries.
    pub retry_budget: RetryBudgetSettings,
    /// The shortest wait before the same deployment is tried again.
    pub retry_after: Duration,
    /// The most fallback groups of one call.
    pub max_fallbacks: usize,
    /// Fallback groups by group name; `*` stands for any text.
    pub fallbacks: Vec<(String, Vec<String>)>,
    /// Likewise, for prompts that are too long for a group.
    pub context_window_fallbacks: Vec<(String, Vec<String>)>,
    /// Likewise, for what a group's content policy refused.
    pub content_policy_fallbacks: Vec<(String, Vec<String>)>,
    /// Fallback groups for groups without an entry of their own.
    pub default_fallbacks: Vec<String>,
    /// Whether a request that a vendor refused as invalid or unsupported goes to a fallback.
    pub fallback_on_unsupported_params: bool,
    /// Whether a request may have the group that it asks for fail, to test fallbacks.
    pub allows_mock_failures: bool,
    /// What becomes of a stream that breaks after its first content.
    pub mid_stream: MidStream,
    /// What single groups say for themselves, by name.
    pub groups: HashMap<String, GroupSettings>,
    /// How long each phase may take where a deployment does not say.
    pub limits: Limits,
    /// How requests' tags choose among deployments.
    pub tag_filtering: TagFiltering,
    /// Whether prompt length and abilities are checked before a vendor is asked.
    pub pre_call_checks: bool,
    /// What makes requests stay with a deployment.
    pub affinity: Affinity,
    /// When deployments are benched, and for how long.
    pub health: HealthSettings,
    /// How often deployments without traffic are asked how they are; `None`: never.
    pub check_interval: Option<Duration>,
    /// Whether calls wait where all deployments are full; `None`: they are refused at once.
    pub queue: Option<QueueSettings>,
    /// The importance of calls that do not say: the lower the more important.
    pub default_priority: i64,
    /// What to do with what a vendor's dialect cannot express.
    pub policy: LossPolicy,
}

impl Default for RouterSettings {
    /// Two retries and ten minutes for a call: what the SDKs in front of us expect.
    fn default() -> Self {
        Self {
            strategy: Chosen::default(),
            num_retries: 2,
            retry_policy: RetryPolicy::default(),
            retry_budget: RetryBudgetSettings::default(),
            retry_after: Duration::ZERO,
            max_fallbacks: 5,
            fallbacks: Vec::new(),
            context_window_fallbacks: Vec::new(),
            content_policy_fallbacks: Vec::new(),
            default_fallbacks: Vec::new(),
            fallback_on_unsupported_params: true,
            allows_mock_failures: false,
            mid_stream: MidStream::default(),
            groups: HashMap::new(),
            limits: Limits {
                connect: Some(Duration::from_secs(5)),
                headers: Some(Duration::from_secs(600)),
                first_content: Some(Duration::from_secs(600)),
                idle: Some(Duration::from_secs(120)),
                total: Some(Duration::from_secs(600)),
            },
            tag_filtering: TagFiltering::default(),
            pre_call_checks: false,
            affinity: Affinity::default(),
            health: HealthSettings::default(),
            check_interval: None,
            queue: None,
            default_priority: 0,
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

/// Names to groups. Immutable: a changed configuration makes a new one, from the same deployments where those did not
/// change, so that what is known of them stays.
pub struct Router {
    exact: HashMap<String, Arc<Group>>,
    /// Longest pattern first.
    wildcards: Vec<Arc<Group>>,
    aliases: HashMap<String, Alias>,
    settings: RouterSettings,
    retry_budget: RetryBudget,
}

impl Router {
    /// A router over deployments; those with the same public name form a group.
    pub fn new(
        deployments: impl IntoIterator<Item = Arc<Deployment>>,
        aliases: HashMap<String, Alias>,
        settings: RouterSettings,
    ) -> Self {
        let health = Arc::new(settings.health.clone());
        let mut by_name: HashMap<Pattern, Vec<Arc<Deployment>>> = HashMap::new();
        for deployment in deployments {
            deployment.health().follow(&health);
            by_name.entry(deployment.group.clone()).or_default().push(deployment);
        }
        for group in by_name.values() {
            group.iter().for_each(|deployment| deployment.health().has_siblings(group.len() > 1));
        }
        let groups = by_name.into_iter().map(|(name, all)| {
            let own = settings.groups.get(name.as_str()).cloned().unwrap_or_default();
            Group::new(name, all, &settings, own)
        });
        let (wild, exact): (Vec<_>, Vec<_>) =
            groups.map(Arc::new).partition(|group| group.name().is_wildcard());
        let mut wildcards = wild;
        order::sort_by(&mut wildcards, |a, b| {
            let (a, b) = (a.name().as_str(), b.name().as_str());
            b.len().cmp(&a.len()).then_with(|| a.cmp(b))
        });
        let exact = exact.into_iter().map(|group| (group.name().as_str().to_owned(), group)).collect();
        let retry_budget = RetryBudget::new(settings.retry_budget, Instant::now());
        Self { exact, wildcards, aliases, settings, retry_budget }
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

    /// What is said of a model that nobody serves.
    pub fn unknown(&self, model: &str) -> Error {
        unknown_model(model)
    }

    /// What is shared with other gateways; `None`: nothing.
    pub fn shared(&self) -> Option<&Arc<dyn Shared>> {
        let deployments = self.groups().flat_map(|group| group.deployments());
        deployments.filter_map(|deployment| deployment.shared.as_ref()).next()
    }

    pub(crate) fn retry_budget(&self) -> &RetryBudget {
        &self.retry_budget
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
