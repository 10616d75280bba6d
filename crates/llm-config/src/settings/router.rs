//! Settings of the router, as they are written and as they are meant.

use std::collections::BTreeMap;
use std::time::Duration;

use llm_core::LossPolicy;
use llm_router::{BuiltIn, Chosen, RouterSettings};
use serde::Deserialize;

use super::Phases;
use super::health::ReadHealth;
use crate::keys::nearest;
use crate::node::Node;
use crate::report::{Place, Report};

/// LiteLLM's strategies that come later.
const LATER: [&str; 6] = [
    "least-busy",
    "usage-based-routing",
    "usage-based-routing-v2",
    "latency-based-routing",
    "cost-based-routing",
    "provider-budget-routing",
];

#[derive(Deserialize)]
pub(super) struct ReadRouter {
    routing_strategy: String,
    num_retries: u32,
    retry_after: f64,
    max_fallbacks: usize,
    drop_params: bool,
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
            health: self.health.settings(root),
            policy: if self.drop_params { LossPolicy::Drop } else { LossPolicy::Default },
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

fn strategy(name: &str, place: &Place, report: &mut Report) -> Chosen {
    if let Ok(built_in) = name.parse() {
        return Chosen::BuiltIn(built_in);
    }
    let spelt = name.replace('_', "-");
    if LATER.contains(&spelt.as_str()) {
        report.warning(place, format!("the strategy `{name}` is not supported yet: simple-shuffle is used"));
        return Chosen::default();
    }
    let known = BuiltIn::ALL.map(BuiltIn::name);
    let near = nearest(name, known.iter().copied().chain(LATER));
    let help = near.map(|near| format!("did you mean `{near}`?"));
    let problem = report.error(place, format!("there is no strategy `{name}`"));
    problem.help(help.unwrap_or_else(|| format!("use one of {}", known.join(", "))));
    Chosen::default()
}
