//! A loaded configuration becomes what a gateway is made from.

use std::collections::HashMap;
use std::sync::Arc;

use llm_core::{LossPolicy, Result};
use llm_gateway::{AccountSpec, GatewayParts};
use llm_providers::{DeploymentSpec as ProviderSpec, Files, Providers, ingresses};
use llm_router::{Deployment, DeploymentSpec, Pattern, Router, RouterSettings, strategy_named};

use crate::config::{Config, DeploymentConfig, Loaded};
use crate::programs;
use crate::relays;
use crate::report::Report;

/// Builds what a gateway is made from. Opens no connection.
///
/// # Errors
/// Every deployment that cannot be meant, with its place: a malformed address, a header that is none, an unknown
/// dialect, a price that is none.
pub fn build(loaded: &Loaded) -> Result<GatewayParts, Report> {
    let config = &loaded.config;
    let mut report = Report::default();
    let settings = settings(config).unwrap_or_else(|error| {
        report.error(&crate::Place::Default, error.message().to_owned());
        RouterSettings::default()
    });
    let providers = Providers::new(config.vendors.clone()).with_media(config.media.clone());
    let mut deployments = Vec::with_capacity(config.deployments.len());
    let mut accounts = HashMap::with_capacity(config.deployments.len());
    for one in &config.deployments {
        let built = deployment(one, &settings, &providers);
        match built.and_then(|deployment| Ok((deployment, account(one, config)?))) {
            Ok((deployment, account)) => {
                deployments.push(Arc::new(deployment));
                accounts.insert(one.id.clone(), account);
            }
            Err(error) => {
                report.error(&one.place, format!("deployment `{}`: {}", one.public, error.message()));
            }
        }
    }
    if report.has_errors() {
        return Err(report);
    }
    let relays = relays::routes(config, &deployments, &mut accounts, |one| {
        Ok((Arc::new(deployment(one, &settings, &providers)?), account(one, config)?))
    });
    let aliases = config.aliases.iter().map(|(name, alias)| (name.clone(), alias.clone())).collect();
    Ok(GatewayParts {
        router: Router::new(deployments, aliases, settings),
        ingresses: ingresses(),
        master_key: config.server.master_key.clone(),
        default_model: config.default_model.clone(),
        prices: Arc::clone(&config.prices),
        accounts,
        relays,
    })
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
    let address = providers.base_url(&spec)?;
    let provider = providers.build(&spec)?;
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
        parameters: one.parameters.clone(),
        files: Files::new(|path| std::fs::read_to_string(path)),
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
        ..ProviderSpec::default()
    }
}

/// How a deployment's calls are priced.
///
/// # Errors
/// When a price of the configuration's own is no price.
pub(crate) fn account(one: &DeploymentConfig, config: &Config) -> Result<AccountSpec> {
    let vendor = config.vendors.get(&one.vendor);
    let price_provider = vendor.and_then(|vendor| vendor.price_prefix.clone()).unwrap_or_default();
    let mut entry = None;
    if !one.prices.is_empty() {
        let name = one.base_model.as_deref().unwrap_or(&one.model);
        let mut own = config.prices.lookup(&price_provider, name).unwrap_or_default();
        own.set(one.prices.iter().map(|(field, value)| (field.as_str(), value.as_str())))?;
        entry = Some(own);
    }
    Ok(AccountSpec { price_provider, base_model: one.base_model.clone(), entry })
}
