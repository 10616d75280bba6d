//! A loaded configuration becomes what a gateway is made from.

use std::collections::HashMap;
use std::sync::Arc;

use llm_core::{Error, LossPolicy, Result};
use llm_metrics::{ModelEntry, PriceBook};
use llm_providers::{DeploymentSpec as ProviderSpec, Providers};
use llm_router::{Alias, Deployment, DeploymentSpec, Pattern, Router, RouterSettings, strategy_named};

use crate::config::{Config, DeploymentConfig};

/// What a deployment's calls cost, as far as the configuration knows.
#[derive(Clone, Debug, Default)]
pub struct Pricing {
    /// The name that the price table knows the vendor by.
    pub provider: String,
    /// The model's name in the price table, where it is another one than the vendor's.
    pub base_model: Option<String>,
    /// The entry itself, where the configuration gives prices or limits of its own.
    pub entry: Option<ModelEntry>,
}

/// The router of a configuration.
///
/// # Errors
/// When a deployment cannot be meant: a malformed address, a header that is none, a dialect that is unknown.
pub(crate) fn router(config: &Config, providers: &Providers) -> Result<Router> {
    let settings = settings(config)?;
    let deployments =
        config.deployments.iter().map(|one| deployment(one, &settings, providers).map(Arc::new));
    let deployments = deployments.collect::<Result<Vec<_>>>()?;
    let aliases: HashMap<String, Alias> =
        config.aliases.iter().map(|(name, alias)| (name.clone(), alias.clone())).collect();
    Ok(Router::new(deployments, aliases, settings))
}

/// The price of every deployment by its id.
///
/// # Errors
/// When a price of the configuration's own is no price.
pub(crate) fn pricing(config: &Config) -> Result<HashMap<String, Pricing>> {
    let all = config.deployments.iter();
    all.map(|one| Ok((one.id.clone(), price(one, config, &config.prices)?))).collect()
}

fn settings(config: &Config) -> Result<RouterSettings> {
    let router = &config.router;
    Ok(RouterSettings {
        strategy: strategy_named(&router.strategy)?,
        num_retries: router.num_retries,
        retry_after: router.retry_after,
        max_fallbacks: router.max_fallbacks,
        fallbacks: router.fallbacks.clone(),
        default_fallbacks: router.default_fallbacks.clone(),
        limits: router.limits,
        policy: if router.drop_params { LossPolicy::Drop } else { LossPolicy::Default },
    })
}

fn deployment(
    one: &DeploymentConfig,
    settings: &RouterSettings,
    providers: &Providers,
) -> Result<Deployment> {
    let spec = provider_spec(one, settings.policy);
    let blame = |error: Error| error.with_prefix(&format!("deployment `{}`: ", one.public));
    let address = providers.base_url(&spec).map_err(blame)?;
    let provider = providers.build(&spec).map_err(blame)?;
    let mut limits = one.limits;
    // An attempt may wait as long as its deployment says, so the call must last as long.
    let longest = [limits.headers, limits.first_content, limits.idle].into_iter().flatten().max();
    limits.total = limits.total.or_else(|| longest.filter(|longest| Some(*longest) > settings.limits.total));
    Ok(Deployment::new(DeploymentSpec {
        id: one.id.clone(),
        group: Pattern::new(one.public.as_str()),
        model: one.model.clone(),
        full_name: one.full_name.clone(),
        vendor: one.vendor.clone(),
        api_base: address.map(|address| address.url).unwrap_or_default(),
        weight: one.weight,
        order: one.order,
        limits,
        num_retries: one.num_retries,
        policy: one.policy,
        provider,
    }))
}

/// What the providers need to know of a deployment.
pub(crate) fn provider_spec(one: &DeploymentConfig, policy: LossPolicy) -> ProviderSpec {
    ProviderSpec {
        vendor: one.vendor.clone(),
        api_base: one.api_base.clone(),
        api_key: one.api_key.clone(),
        organization: one.organization.clone(),
        extra_headers: one.extra_headers.clone(),
        policy: one.policy.unwrap_or(policy),
        sampling: one.sampling.clone(),
        max_output_tokens: one.max_output_tokens,
        model_max_output_tokens: one.model_max_output_tokens,
        extra_body: one.extra_body.clone(),
        drop_fields: one.drop_fields.clone(),
        ..ProviderSpec::default()
    }
}

fn price(one: &DeploymentConfig, config: &Config, prices: &PriceBook) -> Result<Pricing> {
    let vendor = config.vendors.get(&one.vendor);
    let provider = vendor.and_then(|vendor| vendor.price_prefix.clone()).unwrap_or_default();
    let mut entry = None;
    if !one.prices.is_empty() {
        let name = one.base_model.as_deref().unwrap_or(&one.model);
        let mut own = prices.lookup(&provider, name).unwrap_or_default();
        let fields = one.prices.iter().map(|(field, value)| (field.as_str(), value.as_str()));
        own.set(fields).map_err(|error| error.with_prefix(&format!("deployment `{}`: ", one.public)))?;
        entry = Some(own);
    }
    Ok(Pricing { provider, base_model: one.base_model.clone(), entry })
}
