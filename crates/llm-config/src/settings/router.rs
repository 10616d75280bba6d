//! Settings of the router, as they are written and as they are meant.

use std::collections::BTreeMap;
use std::time::Duration;

use llm_core::LossPolicy;
use llm_router::{Affinity, BuiltIn, Chosen, QueueSettings, RouterSettings, TagFiltering};
use serde::Deserialize;

use super::Phases;
use super::health::ReadHealth;
use crate::keys::nearest;
use crate::node::Node;
use crate::report::{Place, Report};

/// A strategy of LiteLLM's that comes later.
const LATER: &str = "provider-budget-routing";

#[derive(Deserialize)]
pub(super) struct ReadRouter {
    routing_strategy: String,
    num_retries: u32,
    retry_after: f64,
    max_fallbacks: usize,
    fallback_on_unsupported_params: bool,
    mid_stream: Option<String>,
    queue_timeout: f64,
    max_queue: usize,
    default_priority: u32,
    drop_params: bool,
    enable_tag_filtering: bool,
    tag_filtering_match_any: bool,
    enable_pre_call_checks: bool,
    timeout: Option<f64>,
    stream_timeout: Option<f64>,
    connect_timeout: Option<f64>,
    first_content_timeout: Option<f64>,
    idle_timeout: Option<f64>,
    total_timeout: Option<f64>,
    #[serde(flatten)]
    health: ReadHealth,
}

impl ReadRouter {
    /// What is meant; fallbacks are resolved later, when all names are known.
    pub(super) fn settings(
        self,
        root: &Node,
        places: &BTreeMap<&'static str, Place>,
        report: &mut Report,
    ) -> RouterSettings {
        let place = |path: &str| places.get(path).cloned().unwrap_or_default();
        let defaults = RouterSettings::default();
        RouterSettings {
            limits: self.phases().limits(defaults.limits),
            strategy: strategy(&self.routing_strategy, &place("router.routing_strategy"), report),
            num_retries: self.num_retries,
            retry_after: Duration::from_secs_f64(self.retry_after),
            max_fallbacks: self.max_fallbacks,
            fallback_on_unsupported_params: self.fallback_on_unsupported_params,
            mid_stream: self.mid_stream.as_deref().and_then(|name| name.parse().ok()).unwrap_or_default(),
            queue: (self.queue_timeout > 0.0).then(|| QueueSettings {
                timeout: Duration::from_secs_f64(self.queue_timeout),
                most: self.max_queue,
            }),
            default_priority: i64::from(self.default_priority),
            health: self.health.settings(root),
            policy: if self.drop_params { LossPolicy::Drop } else { LossPolicy::Default },
            tag_filtering: match (self.enable_tag_filtering, self.tag_filtering_match_any) {
                (false, _) => TagFiltering::Off,
                (true, true) => TagFiltering::Any,
                (true, false) => TagFiltering::All,
            },
            pre_call_checks: self.enable_pre_call_checks,
            affinity: affinity(root, report),
            ..defaults
        }
    }

    fn phases(&self) -> Phases {
        let time = |seconds: Option<f64>| seconds.map(Duration::from_secs_f64);
        Phases {
            timeout: time(self.timeout),
            stream: time(self.stream_timeout),
            connect: time(self.connect_timeout),
            first_content: time(self.first_content_timeout),
            idle: time(self.idle_timeout),
            total: time(self.total_timeout),
        }
    }
}

const CHECKS: &str = "optional_pre_call_checks";

/// What makes requests stay with a deployment, by LiteLLM's names.
const AFFINITIES: [&str; 2] = ["session_affinity", "prompt_caching"];

/// Those of LiteLLM's checks that come later.
const CHECKS_LATER: [&str; 5] = [
    "deployment_affinity",
    "enforce_model_rate_limits",
    "encrypted_content_affinity",
    "responses_api_deployment_check",
    "router_budget_limiting",
];

fn affinity(root: &Node, report: &mut Report) -> Affinity {
    let router = root.get("router_settings");
    let Some(listed) = router.and_then(|router| router.get(CHECKS)) else { return Affinity::default() };
    let names = router.map(|router| router.get_texts(CHECKS)).unwrap_or_default();
    for name in names.iter().filter(|name| !AFFINITIES.contains(&name.as_str())) {
        if CHECKS_LATER.contains(&name.as_str()) {
            report.warning(&listed.at, format!("the check `{name}` is not supported yet and has no effect"));
            continue;
        }
        let near = nearest(name, AFFINITIES.into_iter().chain(CHECKS_LATER));
        let help = near.map(|near| format!("did you mean `{near}`?"));
        let problem = report.error(&listed.at, format!("there is no check `{name}`"));
        problem.help(help.unwrap_or_else(|| format!("use {}", AFFINITIES.join(" or "))));
    }
    let has = |name: &str| names.iter().any(|check| check == name);
    Affinity { session: has(AFFINITIES[0]), conversation: has(AFFINITIES[1]) }
}

/// A strategy by its name.
pub(crate) fn strategy(name: &str, place: &Place, report: &mut Report) -> Chosen {
    if let Ok(built_in) = name.parse() {
        return Chosen::BuiltIn(built_in);
    }
    let spelt = name.replace('_', "-");
    if spelt == LATER {
        report.warning(place, format!("the strategy `{name}` is not supported yet: simple-shuffle is used"));
        return Chosen::default();
    }
    let known = BuiltIn::ALL.map(BuiltIn::name);
    let near = nearest(name, known.iter().copied().chain([LATER]));
    let help = near.map(|near| format!("did you mean `{near}`?"));
    let problem = report.error(place, format!("there is no strategy `{name}`"));
    problem.help(help.unwrap_or_else(|| format!("use one of {}", known.join(", "))));
    Chosen::default()
}
