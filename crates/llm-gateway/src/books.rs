//! What calls are booked into: each deployment's prices and counters, and the counters of each route.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use llm_core::operation::{Endpoint, Operation};
use llm_core::{DialectId, Ingress};
use llm_metrics::metrics::UNKNOWN_MODEL;
use llm_metrics::{DeploymentLabels, DeploymentMetrics, Metrics, ModelEntry, PriceBook, RouteMetrics};
use llm_router::{Deployment, Group, Router};

use crate::call_log::CallLog;
use crate::calls::CallSettings;
use crate::drain::Drains;
use crate::headers::DeploymentHeaders;
use crate::health::{self, Outages};
use crate::relay::RelayRoute;

/// Tokens of an answer of a deployment that has given none yet.
const USUAL_OUTPUT: u64 = 256;

/// How a deployment's calls are priced.
#[derive(Clone, Debug, Default)]
pub struct AccountSpec {
    /// The name that the price table knows the vendor by.
    pub price_provider: String,
    /// The model's name in the price table, where it is another one than the vendor's.
    pub base_model: Option<String>,
    /// The entry itself, where the configuration gives prices or limits of its own.
    pub entry: Option<ModelEntry>,
}

/// A deployment's price, counters and constant headers.
pub(crate) struct Account {
    spec: AccountSpec,
    /// The entry of a deployment of one model, looked up once; wildcards are looked up by call.
    fixed: Option<Option<ModelEntry>>,
    pub headers: DeploymentHeaders,
    pub metrics: DeploymentMetrics,
    /// Tokens of an answer on average, in sixteenths, shared by those that are alike.
    mean_output: Arc<AtomicU64>,
    group: String,
    routes: Vec<OnceLock<RouteMetrics>>,
}

/// What all calls are booked into.
pub(crate) struct Books {
    pub accounts: HashMap<String, Arc<Account>>,
    /// By the first deployment of a group: one account of each kind of its deployments, see [`Books::kinds`].
    kinds: HashMap<String, Vec<Arc<Account>>>,
    pub calls: CallSettings,
    pub drains: Drains,
    pub prices: Arc<PriceBook>,
    pub metrics: Arc<Metrics>,
    /// Who is told of each call.
    pub log: Option<Arc<dyn CallLog>>,
    /// And of what is said in it.
    pub logs_content: bool,
    /// Each operation of each client dialect, with the path that names it.
    routes: Vec<(DialectId, Operation, &'static str)>,
    /// Counters of calls that no deployment answered.
    unanswered: Vec<OnceLock<RouteMetrics>>,
}

impl Account {
    fn new(
        spec: AccountSpec,
        deployment: &Deployment,
        prices: &PriceBook,
        metrics: &Metrics,
        routes: usize,
    ) -> Self {
        let labels = DeploymentLabels {
            model: deployment.full_name.clone(),
            requested_model: deployment.group.to_string(),
            api_provider: deployment.vendor.clone(),
            model_id: deployment.id.clone(),
        };
        let handle = metrics.deployment(labels);
        let quota = deployment.quota().spec();
        handle.set_limits(quota.rpm, quota.tpm);
        let mut account = Self {
            headers: DeploymentHeaders::new(
                &deployment.id,
                &deployment.api_base,
                &deployment.full_name,
                &deployment.group.to_string(),
            ),
            metrics: handle,
            mean_output: Arc::new(AtomicU64::new(16 * USUAL_OUTPUT)),
            group: deployment.group.to_string(),
            routes: vec![OnceLock::new(); routes],
            fixed: None,
            spec,
        };
        if !deployment.model.contains('*') {
            account.fixed = Some(account.look_up(prices, &deployment.model));
        }
        account
    }

    /// What the price table or the configuration knows of a model of this deployment.
    pub(crate) fn entry(&self, prices: &PriceBook, model: &str) -> Option<Cow<'_, ModelEntry>> {
        match &self.fixed {
            Some(entry) => entry.as_ref().map(Cow::Borrowed),
            None => self.look_up(prices, model).map(Cow::Owned),
        }
    }

    /// The same of a model that a client named itself at the vendor.
    pub(crate) fn entry_of_any(
        &self,
        prices: &PriceBook,
        own: &str,
        model: &str,
    ) -> Option<Cow<'_, ModelEntry>> {
        if model == own {
            self.entry(prices, model)
        } else {
            prices.lookup(&self.spec.price_provider, model).map(Cow::Owned)
        }
    }

    fn look_up(&self, prices: &PriceBook, model: &str) -> Option<ModelEntry> {
        let name = self.spec.base_model.as_deref().unwrap_or(model);
        self.spec.entry.clone().or_else(|| prices.lookup(&self.spec.price_provider, name))
    }

    /// One of these with the same prices and limits.
    fn one_like_it<'a>(&self, others: &'a [Arc<Self>]) -> Option<&'a Arc<Self>> {
        others.iter().find(|other| other.fixed == self.fixed)
    }

    /// Tokens of an answer, as they usually are.
    pub(crate) fn usual_output(&self) -> u64 {
        self.mean_output.load(Relaxed) / 16
    }

    /// An answer had so many tokens.
    pub(crate) fn note_output(&self, tokens: u64) {
        let mean = self.mean_output.load(Relaxed);
        // Of two that come at once one may be lost: it is an average.
        self.mean_output.store(mean - mean / 16 + tokens.min(1 << 40), Relaxed);
    }

    pub(crate) fn price_provider(&self) -> &str {
        &self.spec.price_provider
    }
}

impl Books {
    pub(crate) fn new(
        router: &Router,
        ingresses: &[Arc<dyn Ingress>],
        relays: &[RelayRoute],
        mut specs: HashMap<String, AccountSpec>,
        prices: Arc<PriceBook>,
        (metrics, calls, drains): (&Arc<Metrics>, CallSettings, &Drains),
        outages: Option<&Arc<dyn Outages>>,
    ) -> Self {
        let mut routes = routes(ingresses);
        let targets = || relays.iter().flat_map(|route| &route.targets).map(|target| &target.deployment);
        let first = ingresses.first().map(|ingress| ingress.id());
        routes.extend(relays.iter().filter_map(|relay| Some((first?, Operation::Relay, relay.prefix))));
        let (mut accounts, mut kinds) = (HashMap::new(), HashMap::new());
        let mut open = |deployment: &Deployment, others: &[Arc<Account>]| {
            let spec = specs.remove(&deployment.id).unwrap_or_default();
            let mut account = Account::new(spec, deployment, &prices, metrics, routes.len());
            health::watch(deployment, &account.metrics, outages);
            if let Some(other) = account.one_like_it(others) {
                account.mean_output = Arc::clone(&other.mean_output);
            }
            Arc::new(account)
        };
        for group in router.groups() {
            let mut of_group = Vec::new();
            for deployment in group.deployments() {
                let known: Option<&Arc<Account>> = accounts.get(&deployment.id);
                let account = known.map_or_else(|| open(deployment, &of_group), Arc::clone);
                if account.one_like_it(&of_group).is_none() {
                    of_group.push(Arc::clone(&account));
                }
                accounts.insert(deployment.id.clone(), account);
            }
            if let Some(first) = group.deployments().first() {
                kinds.insert(first.id.clone(), of_group);
            }
        }
        // Most targets of relays are the router's own.
        for target in targets() {
            accounts.entry(target.id.clone()).or_insert_with(|| open(target, &[]));
        }
        let unanswered = vec![OnceLock::new(); routes.len()];
        let (metrics, drains) = (Arc::clone(metrics), drains.clone());
        let (log, logs_content) = (None, false);
        Self { accounts, kinds, calls, drains, prices, metrics, log, logs_content, routes, unanswered }
    }

    /// One account of each kind of a group's deployments, where the price and the limits of each are known: a thousand
    /// deployments of one model are one kind. `None`: they depend on the model that is asked for.
    pub(crate) fn kinds(&self, group: &Group) -> Option<&[Arc<Account>]> {
        let kinds = self.kinds.get(&group.deployments().first()?.id)?;
        kinds.iter().all(|kind| kind.fixed.is_some()).then_some(kinds)
    }

    /// The same, which tell somebody of each call.
    #[must_use]
    pub(crate) fn with_log(self, log: Option<Arc<dyn CallLog>>) -> Self {
        let logs_content = log.as_ref().is_some_and(|log| log.wants_content());
        Self { log, logs_content, ..self }
    }

    /// What became of the calls that callbacks were told of.
    pub(crate) fn log_counts(&self) -> Vec<(String, [u64; 3])> {
        let counts = self.log.as_ref().map(|log| log.counts()).unwrap_or_default();
        counts.into_iter().map(|one| (one.name, [one.sent, one.failed, one.dropped])).collect()
    }

    /// The place of a dialect's operation among the routes.
    pub(crate) fn route(&self, dialect: DialectId, operation: Operation) -> usize {
        let found = self.routes.iter().position(|(known, does, _)| *known == dialect && *does == operation);
        found.unwrap_or(0)
    }

    /// The place of the route of requests that pass as they are.
    pub(crate) fn relay_route(&self, prefix: &str) -> usize {
        let is_it = |(_, does, path): &(_, Operation, &str)| *does == Operation::Relay && *path == prefix;
        self.routes.iter().position(is_it).unwrap_or(0)
    }

    /// The path that names a route.
    pub(crate) fn route_label(&self, route: usize) -> &'static str {
        self.routes.get(route).map_or("", |(_, _, path)| path)
    }

    /// The counters of a route for the public name that answered; public names come from the configuration, so
    /// that clients cannot make series.
    pub(crate) fn route_metrics(&self, route: usize, account: Option<&Account>) -> RouteMetrics {
        let (cells, model) = match account {
            Some(account) => (&account.routes, account.group.as_str()),
            None => (&self.unanswered, UNKNOWN_MODEL),
        };
        let make = || self.metrics.route(self.route_label(route), model);
        cells.get(route).map_or_else(make, |cell| cell.get_or_init(make).clone())
    }
}

fn routes(ingresses: &[Arc<dyn Ingress>]) -> Vec<(DialectId, Operation, &'static str)> {
    let mut routes: Vec<(DialectId, Operation, &'static str)> = Vec::new();
    for ingress in ingresses {
        for Endpoint { path, operation, .. } in ingress.endpoints() {
            if !routes.iter().any(|(known, does, _)| *known == ingress.id() && does == operation) {
                routes.push((ingress.id(), *operation, path));
            }
        }
    }
    routes
}
