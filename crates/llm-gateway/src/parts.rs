//! What a gateway is made from.

use std::collections::HashMap;
use std::sync::Arc;

use llm_core::Ingress;
use llm_governance::authorise::{AccessGroups, NoGroups, RouteRules};
use llm_governance::{Governance, GovernanceParts};
use llm_metrics::PriceBook;
use llm_router::Router;

use crate::books::AccountSpec;
use crate::cache::AnswerCache;
use crate::call_log::CallLog;
use crate::calls::CallSettings;
use crate::guards::GuardrailSpec;
use crate::health::Outages;
use crate::hooks::Hook;
use crate::prompts::Prompts;
use crate::relay::RelayRoute;
use crate::team_models::TeamModels;

/// What a gateway is made from.
pub struct GatewayParts {
    /// Names to deployments.
    pub router: Router,
    /// Client dialects; the first one answers where a path names none.
    pub ingresses: Vec<Arc<dyn Ingress>>,
    /// Who may ask, for what, and for how much.
    pub governance: Arc<Governance>,
    /// Paths that the operator opens or closes.
    pub routes: RouteRules,
    /// Which access groups models are in.
    pub access_groups: Arc<dyn AccessGroups>,
    /// Which groups of the router are single teams'.
    pub team_models: TeamModels,
    /// What holds for all calls.
    pub calls: CallSettings,
    /// The model of requests that name none.
    pub default_model: Option<String>,
    /// What looks at the texts of calls.
    pub guardrails: Vec<GuardrailSpec>,
    /// Prices and limits of models.
    pub prices: Arc<PriceBook>,
    /// How each deployment is priced, by its id.
    pub accounts: HashMap<String, AccountSpec>,
    /// Paths that pass to a vendor as they are.
    pub relays: Vec<RelayRoute>,
    /// Calls at a time; `None`: without limit.
    pub max_calls: Option<usize>,
    /// Who is told of deployments that are left alone, besides the log and the metrics.
    pub outages: Option<Arc<dyn Outages>>,
    /// Code of the operator's own, in the order in which it is called.
    pub hooks: Vec<Arc<dyn Hook>>,
    /// Who is told of each call that has ended.
    pub log: Option<Arc<dyn CallLog>>,
    /// Prompts that the operator keeps.
    pub prompts: Prompts,
    /// Where answers are kept for requests that come again.
    pub cache: Option<Arc<AnswerCache>>,
}

impl GatewayParts {
    /// A gateway that anyone may ask, with the embedded prices, and nothing else.
    pub fn new(router: Router, ingresses: Vec<Arc<dyn Ingress>>) -> Self {
        Self {
            router,
            ingresses,
            governance: Arc::new(Governance::new(GovernanceParts::default())),
            routes: RouteRules::default(),
            access_groups: Arc::new(NoGroups),
            team_models: TeamModels::default(),
            calls: CallSettings::default(),
            default_model: None,
            guardrails: Vec::new(),
            prices: Arc::new(PriceBook::embedded()),
            accounts: HashMap::new(),
            relays: Vec::new(),
            max_calls: None,
            outages: None,
            hooks: Vec::new(),
            log: None,
            prompts: Prompts::default(),
            cache: None,
        }
    }
}
