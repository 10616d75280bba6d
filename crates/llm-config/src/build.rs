//! A loaded configuration becomes what a gateway is made from.

use std::collections::HashMap;
use std::sync::Arc;

use llm_core::{LossPolicy, Result, Usage};
use llm_gateway::{AccountSpec, CallLog, GatewayParts, Hook, Instruction, Outages, Prompts, RelayRoute};
use llm_governance::{Governance, GovernanceParts};
use llm_metrics::{Capability, ModelEntry};
use llm_providers::{DeploymentSpec as ProviderSpec, Files, Providers, ingresses};
use llm_router::{Budget, Deployment, DeploymentSpec, Facts, Needs, Price, QuotaSpec, Router};
use llm_transport::Options;

use crate::answers::Answers;
use crate::config::{Config, DeploymentConfig, Loaded, NetworkConfig};
use crate::deployments::is_fact;
use crate::health;
use crate::kept::{Around, Built, Workshop};
use crate::report::Report;
use crate::settings::{BudgetConfig, EndpointConfig, HookConfig};
use crate::shared::Sharing;
use crate::{guardrails, programs, recordings, relays, replaced, team};

/// What requests may need, in the words of the price table.
const NEEDS: [(Capability, Needs); 6] = [
    (Capability::Vision, Needs::VISION),
    (Capability::AudioInput, Needs::AUDIO_INPUT),
    (Capability::PdfInput, Needs::PDF_INPUT),
    (Capability::FunctionCalling, Needs::FUNCTION_CALLING),
    (Capability::ResponseSchema, Needs::RESPONSE_SCHEMA),
    (Capability::AssistantPrefill, Needs::ASSISTANT_PREFILL),
];

/// Builds what a gateway is made from, once. A program that reads its configuration again keeps a [`Builder`].
///
/// # Errors
/// As [`Builder::build`].
pub fn build(loaded: &Loaded) -> Result<GatewayParts, Report> {
    Builder::default().build(loaded)
}

/// Builds one configuration after the other. A deployment whose configuration did not change is the same one: its
/// health, its limits and what was learnt of it stay, and a reload admits nothing twice.
#[derive(Default)]
pub struct Builder {
    workshop: Option<Workshop>,
    governance: Option<Arc<Governance>>,
    outages: Option<Arc<dyn Outages>>,
    log: Option<Arc<dyn CallLog>>,
    hooks: (Vec<HookConfig>, Vec<Arc<dyn Hook>>),
    answers: Answers,
}

impl Builder {
    /// Builds gateways under this governance. Without one each gateway knows no keys but the master key.
    pub fn under(governance: Arc<Governance>) -> Self {
        Self { governance: Some(governance), ..Self::default() }
    }

    /// Builds gateways that tell somebody of deployments that are left alone, and back.
    #[must_use]
    pub fn telling(self, outages: Arc<dyn Outages>) -> Self {
        Self { outages: Some(outages), ..self }
    }

    /// Builds gateways that tell somebody of each call that has ended.
    #[must_use]
    pub fn logging(self, log: Arc<dyn CallLog>) -> Self {
        Self { log: Some(log), ..self }
    }

    /// From now on it builds gateways that tell somebody else of calls, or nobody.
    pub fn log_to(&mut self, log: Option<Arc<dyn CallLog>>) {
        self.log = log;
    }

    /// Builds what a gateway is made from. Opens no connection but that to a Redis, which begins on a thread of its own.
    ///
    /// # Errors
    /// Every deployment that cannot be meant, with its place: a malformed address, a header that is none, an unknown
    /// dialect, a price that is none. What was built before is kept.
    pub fn build(&mut self, loaded: &Loaded) -> Result<GatewayParts, Report> {
        let mut report = Report::default();
        let around = Around::of(loaded);
        let (workshop, fresh) = match self.workshop.take() {
            Some(workshop) if workshop.serves(&around) => (workshop, None),
            before => (workshop(loaded, around, &mut report), before),
        };
        let building = Building { config: &loaded.config, workshop };
        let all = loaded.config.deployments.iter();
        let instructions = instructions(&loaded.config, &mut report);
        let made: Vec<Built> = all.filter_map(|one| building.reported(one, &mut report)).collect();
        let guardrails =
            guardrails::build(&loaded.config.guardrails, &building.workshop.providers, &mut report);
        let cache = self.answers.of(&loaded.config, &mut report);
        let own: Vec<_> =
            loaded.config.endpoints.iter().filter_map(|one| building.endpoint(one, &mut report)).collect();
        if report.has_errors() {
            // The old configuration stays, and what it was made with.
            self.workshop = fresh.or(Some(building.workshop));
            return Err(report);
        }
        let (mut parts, workshop) = building.finish(made, self.governance.as_ref());
        parts.prompts = Prompts { templates: loaded.config.prompts.clone(), instructions };
        parts.outages.clone_from(&self.outages);
        parts.guardrails = guardrails;
        parts.log.clone_from(&self.log);
        parts.hooks = self.hooks(&loaded.config.hooks)?;
        parts.cache = cache;
        parts.relays.extend(own);
        self.workshop = Some(workshop);
        Ok(parts)
    }
}

impl Builder {
    /// The hooks of a configuration; those of the last one where nothing about them changed.
    ///
    /// # Errors
    /// When there is no thread to be had for one.
    fn hooks(&mut self, wanted: &[HookConfig]) -> Result<Vec<Arc<dyn Hook>>, Report> {
        if self.hooks.0 != wanted {
            let mut report = Report::default();
            let made = wanted.iter().filter_map(|hook| hook.make(&mut report)).collect();
            if report.has_errors() {
                return Err(report);
            }
            self.hooks = (wanted.to_vec(), made);
        }
        Ok(self.hooks.1.clone())
    }
}

/// What each group's chats are told. Deployments of one group that say something say the same.
fn instructions(config: &Config, report: &mut Report) -> HashMap<String, Instruction> {
    let mut instructions: HashMap<String, Instruction> = HashMap::new();
    for one in &config.deployments {
        let Some(own) = &one.instruction else { continue };
        let known = instructions.entry(one.public.clone()).or_insert_with(|| own.clone());
        if known != own {
            let message = format!("two deployments of `{}` have different `system_prompt`s", one.public);
            report.error(&one.place, message).help("say it in one of them: it holds for all of their group");
        }
    }
    instructions
}

fn workshop(loaded: &Loaded, around: Around, report: &mut Report) -> Workshop {
    let config = &loaded.config;
    let recordings = config.recordings.as_ref().map(|settings| recordings::open(settings, report));
    let providers = Providers::new(config.vendors.clone())
        .with_media(config.media.clone())
        .with_recordings(recordings)
        .for_a_mock_server(config.mock_server);
    let place = ["redis.url", "redis.host"].iter().find_map(|path| loaded.sources.settings.get(*path));
    let sharing = Sharing::of(config.redis.as_ref(), &place.cloned().unwrap_or_default(), report);
    Workshop::new(around, (sharing, providers), vendor_budgets(config, report))
}

/// A configuration, and what its deployments are made with.
struct Building<'a> {
    config: &'a Config,
    workshop: Workshop,
}

impl Building<'_> {
    fn reported(&self, one: &DeploymentConfig, report: &mut Report) -> Option<Built> {
        let wrong = |error: &llm_core::Error| {
            report.error(&one.place, format!("deployment `{}`: {}", one.public, error.message()));
        };
        self.made(one).inspect_err(wrong).ok()
    }

    /// The route of a path of the operator's own.
    fn endpoint(&self, one: &EndpointConfig, report: &mut Report) -> Option<RelayRoute> {
        let wrong = |error: &llm_core::Error| {
            report.error(&one.place, format!("the endpoint `{}`: {}", one.path, error.message()));
        };
        relays::endpoint(one, &self.workshop.providers).inspect_err(wrong).ok()
    }

    /// The deployment that there is already, or a new one.
    fn made(&self, one: &DeploymentConfig) -> Result<Built> {
        match self.workshop.kept(one) {
            Some(made) => Ok(made.clone()),
            None => self.deployment(one).map(|(deployment, account)| Built::new(one, deployment, account)),
        }
    }

    fn finish(self, made: Vec<Built>, governance: Option<&Arc<Governance>>) -> (GatewayParts, Workshop) {
        let config = self.config;
        let deployments: Vec<_> = made.iter().map(|made| Arc::clone(&made.deployment)).collect();
        // A single team's credentials are not lent to others.
        let is_open = |one: &&Built| one.is_open();
        let open: Vec<_> = made.iter().filter(is_open).map(|made| Arc::clone(&made.deployment)).collect();
        let mut made: HashMap<String, Built> =
            made.into_iter().map(|made| (made.deployment.id.clone(), made)).collect();
        let (relays, only_relayed) = relays::routes(config, &open, |one| self.made(one));
        made.extend(only_relayed.into_iter().map(|made| (made.deployment.id.clone(), made)));
        let accounts = made.iter().map(|(id, made)| (id.clone(), made.account.clone())).collect();
        let aliases = config.aliases.iter().map(|(name, alias)| (name.clone(), alias.clone())).collect();
        let router = Router::new(deployments, aliases, config.router.clone());
        let mut workshop = self.workshop;
        workshop.sharing.start(&router);
        workshop.made = made;
        let governance = governance.map(Arc::clone).unwrap_or_else(|| {
            let master_key = config.server.master_key.clone();
            Arc::new(Governance::new(GovernanceParts { master_key, ..GovernanceParts::default() }))
        });
        let parts = GatewayParts {
            governance,
            calls: config.governance.calls.clone(),
            access_groups: Arc::new(team::Groups::of(&config.deployments)),
            team_models: team::models(&config.deployments),
            routes: config.governance.routes.clone(),
            default_model: config.default_model.clone(),
            prices: Arc::clone(&config.prices),
            accounts,
            relays,
            max_calls: config.limits.max_calls,
            ..GatewayParts::new(router, ingresses())
        };
        (parts, workshop)
    }

    fn deployment(&self, one: &DeploymentConfig) -> Result<(Deployment, AccountSpec)> {
        let settings = &self.config.router;
        let account = account(one, self.config)?;
        let transport = self.transport(one);
        let spec = ProviderSpec {
            transport,
            forwards_trace: self.config.forwards_trace,
            forwarding: {
                let key_header = self.config.governance.calls.key_header.as_ref();
                self.config.forwards.to_group(&one.public, key_header)
            },
            ..provider_spec(one, settings.policy)
        };
        let address = self.workshop.providers.base_url(&spec)?;
        let provider = self.workshop.providers.build(&spec)?;
        let mut limits = one.limits;
        // An attempt may wait as long as its deployment says, so the call must last as long.
        let longest = [limits.headers, limits.first_content, limits.idle].into_iter().flatten().max();
        limits.total =
            limits.total.or_else(|| longest.filter(|longest| Some(*longest) > settings.limits.total));
        let deployment = Deployment::new(DeploymentSpec {
            full_name: one.full_name.clone(),
            vendor: one.vendor.clone(),
            api_base: address.map(|address| address.url).unwrap_or_default(),
            weight: one.weight,
            order: one.order,
            limits,
            num_retries: one.num_retries,
            policy: one.policy,
            health: health::settings(one, &settings.health),
            credential: self.workshop.credentials.of(one),
            check: health::check(one),
            facts: facts(one, &account, self.config),
            tags: one.tags.clone(),
            region: one.region.clone(),
            quota: self.quota(one),
            budgets: self.budgets(one),
            price: price(one, &account, self.config),
            shared: self.workshop.sharing.shared(),
            ..DeploymentSpec::new(one.id.as_str(), one.public.as_str(), one.model.as_str(), provider)
        });
        Ok((deployment, account))
    }

    /// How connections to the vendor are made.
    fn transport(&self, one: &DeploymentConfig) -> Options {
        let usual = transport(one);
        Options { max_body: self.config.limits.max_answer.unwrap_or(usual.max_body), ..usual }
    }

    fn quota(&self, one: &DeploymentConfig) -> QuotaSpec {
        let defaults = &self.config.limits;
        QuotaSpec {
            max_parallel: one.quota.max_parallel.or(defaults.max_parallel),
            adaptive: one.adaptive.unwrap_or(defaults.adaptive),
            ..one.quota
        }
    }

    fn budgets(&self, one: &DeploymentConfig) -> Vec<Arc<Budget>> {
        let own = one.budget.as_ref().map(|own| budget("max_budget", own));
        own.into_iter().chain(self.workshop.vendor_budgets.get(&one.vendor).map(Arc::clone)).collect()
    }
}

fn budget(name: &'static str, config: &BudgetConfig) -> Arc<Budget> {
    Arc::new(Budget::new(name, config.limit, config.window))
}

/// A budget that nobody can spend from is a name spelt wrong, and no limit where one was wanted.
fn vendor_budgets(config: &Config, report: &mut Report) -> HashMap<String, Arc<Budget>> {
    let mut budgets = HashMap::new();
    for (name, own) in &config.limits.vendors {
        let Some(vendor) = config.vendors.get(name) else {
            let near = config.vendors.nearest(name);
            let message = format!("`provider_budget_config` names no vendor: `{name}`");
            report.error(&own.place, message).help_if(near.map(|near| format!("did you mean `{near}`?")));
            continue;
        };
        budgets.insert(vendor.name.clone(), budget("provider_budget_config", own));
    }
    budgets
}

/// What is known of a deployment's model; nothing of a deployment of many models.
fn entry(one: &DeploymentConfig, account: &AccountSpec, config: &Config) -> Option<ModelEntry> {
    if one.model.contains('*') {
        return None;
    }
    let name = account.base_model.as_deref().unwrap_or(&one.model);
    account.entry.clone().or_else(|| config.prices.lookup(&account.price_provider, name))
}

fn facts(one: &DeploymentConfig, account: &AccountSpec, config: &Config) -> Facts {
    let entry = if one.model.contains('*') { own_facts(one) } else { entry(one, account, config) };
    let entry = entry.unwrap_or_default();
    let known = |says: bool| {
        let matching = NEEDS.iter().filter(|(capability, _)| entry.supports.says(*capability) == Some(says));
        matching.fold(Needs::default(), |needs, (_, need)| needs.and(*need))
    };
    Facts { max_input_tokens: entry.max_input_tokens, can: known(true), cannot: known(false) }
}

/// What the configuration says of all models of a deployment, besides prices.
fn own_facts(one: &DeploymentConfig) -> Option<ModelEntry> {
    let facts = one.prices.iter().filter(|(field, _)| is_fact(field));
    let mut entry = ModelEntry::default();
    entry.set(facts.map(|(field, value)| (field.as_str(), value.as_str()))).ok()?;
    Some(entry)
}

/// What calls of a deployment of one model cost, where a price is known.
fn price(one: &DeploymentConfig, account: &AccountSpec, config: &Config) -> Option<Price> {
    let price = entry(one, account, config)?.price;
    price.is_known().then(|| {
        Price::new(move |input, output| {
            let usage = Usage { input: Some(input), output: Some(output), ..Usage::default() };
            price.covers(&usage).then(|| price.cost(&usage).total)
        })
    })
}

/// Whether a deployment can be built.
///
/// # Errors
/// What keeps it from being built: a malformed address, a header that is none, a price that is none.
pub(crate) fn can_be_built(one: &DeploymentConfig, config: &Config, providers: &Providers) -> Result<()> {
    account(one, config)?;
    let spec = provider_spec(one, config.router.policy);
    providers.base_url(&spec)?;
    providers.build(&spec).map(|_| ())
}

/// What the providers need to know of a deployment.
pub(crate) fn provider_spec(one: &DeploymentConfig, policy: LossPolicy) -> ProviderSpec {
    ProviderSpec {
        vendor: one.vendor.clone(),
        api_base: one.api_base.clone(),
        api_key: one.api_key.clone(),
        parameters: one.parameters.clone(),
        files: Files::new(|path| std::fs::read_to_string(path)).replacing(replaced::replace),
        programs: programs::runner(),
        organization: one.organization.clone(),
        extra_headers: one.extra_headers.clone(),
        policy: one.policy.unwrap_or(policy),
        sampling: one.sampling.clone(),
        max_output_tokens: one.max_output_tokens,
        model_max_output_tokens: one.model_max_output_tokens,
        extra_body: one.extra_body.clone(),
        drop_fields: one.drop_fields.clone(),
        cache_points: one.cache_points.clone(),
        defaults: one.defaults.clone(),
        mock: one.mock.clone(),
        transport: transport(one),
        ..ProviderSpec::default()
    }
}

fn transport(one: &DeploymentConfig) -> Options {
    let NetworkConfig { tls, proxy, http_version } = one.network.clone();
    Options { tls, proxy, http_version, ..Options::default() }
}

/// How a deployment's calls are priced.
///
/// # Errors
/// When a price of the configuration's own is no price.
pub(crate) fn account(one: &DeploymentConfig, config: &Config) -> Result<AccountSpec> {
    let vendor = config.vendors.get(&one.vendor);
    let price_provider = vendor.and_then(|vendor| vendor.price_prefix.clone()).unwrap_or_default();
    let mut entry = None;
    // Of many models each has prices of its own, which no common fact may hide.
    let is_price = |(field, _): &(String, String)| !one.model.contains('*') || !is_fact(field);
    if one.prices.iter().any(is_price) {
        let name = one.base_model.as_deref().unwrap_or(&one.model);
        let mut own = config.prices.lookup(&price_provider, name).unwrap_or_default();
        own.set(one.prices.iter().map(|(field, value)| (field.as_str(), value.as_str())))?;
        entry = Some(own);
    }
    Ok(AccountSpec { price_provider, base_model: one.base_model.clone(), entry })
}
