//! What a deployment's health is made from: settings of its own over the router's, a credential that it may share, and
//! what it may be asked in the background.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use llm_router::{AllowedFails, CheckSpec, Cooldown, Credential, HealthSettings};

use crate::config::DeploymentConfig;

/// How long a health check may take where nobody says.
const CHECK_TIMEOUT: Duration = Duration::from_secs(60);

/// What `model_info.mode` calls models that chat.
const CHAT_MODES: [&str; 3] = ["chat", "completion", "responses"];

/// The credentials of a configuration, each once.
#[derive(Default)]
pub(crate) struct Credentials(RefCell<HashMap<u64, Arc<Credential>>>);

impl Credentials {
    /// What a deployment shows its vendor; the same for deployments that show the same at the same address. Those that
    /// show nothing share nothing.
    pub(crate) fn of(&self, one: &DeploymentConfig) -> Arc<Credential> {
        let shows_nothing = one.api_key.is_none() && one.extra_headers.is_empty();
        if shows_nothing && one.parameters.iter().next().is_none() {
            return Arc::default();
        }
        let mut hasher = DefaultHasher::new();
        (&one.vendor, &one.api_base, &one.organization).hash(&mut hasher);
        one.api_key.as_ref().map(|key| key.expose()).hash(&mut hasher);
        for (name, value) in one.parameters.iter() {
            (name, value).hash(&mut hasher);
        }
        for (name, value) in &one.extra_headers {
            (name, value.expose()).hash(&mut hasher);
        }
        Arc::clone(self.0.borrow_mut().entry(hasher.finish()).or_default())
    }
}

/// The settings of a deployment that says something itself.
pub(crate) fn settings(one: &DeploymentConfig, router: &HealthSettings) -> Option<HealthSettings> {
    let own = &one.health;
    let policy = own.allowed_fails_policy;
    if own.cooldown_time.is_none() && own.allowed_fails.is_none() && policy == AllowedFails::default() {
        return None;
    }
    let off = own.cooldown_time.is_some_and(|time| time.is_zero());
    Some(HealthSettings {
        enabled: router.enabled && !off,
        cooldown: own.cooldown_time.map_or(router.cooldown, Cooldown::Always),
        allowed_fails: own.allowed_fails.or(router.allowed_fails),
        // The router's policy for kinds of failures would win over the deployment's number for all of them.
        allowed_fails_policy: match own.allowed_fails {
            Some(_) => policy,
            None => policy.or(router.allowed_fails_policy),
        },
        ..router.clone()
    })
}

/// What a deployment may be asked in the background.
pub(crate) fn check(one: &DeploymentConfig) -> Option<CheckSpec> {
    let mode = one.prices.iter().find(|(field, _)| field == "mode").map(|(_, mode)| mode.as_str());
    let chats = mode.is_none_or(|mode| CHAT_MODES.contains(&mode));
    let model =
        one.health.check_model.clone().or_else(|| (!one.model.contains('*')).then(|| one.model.clone()));
    let timeout = one.health.check_timeout.unwrap_or(CHECK_TIMEOUT);
    model.filter(|_| chats && !one.health.unchecked).map(|model| CheckSpec { model, timeout })
}

#[cfg(test)]
mod tests;
