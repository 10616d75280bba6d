//! When deployments are left alone, and whether idle ones are asked how they are.

use std::time::Duration;

use llm_router::{AllowedFails, Cooldown, HealthSettings};
use serde::Deserialize;

use crate::node::Node;

#[derive(Deserialize)]
pub(super) struct ReadHealth {
    cooldown_time: Option<f64>,
    max_cooldown_time: Option<f64>,
    disable_cooldowns: bool,
    slow_start_time: Option<f64>,
    allowed_fails: Option<u32>,
}

impl ReadHealth {
    /// What is meant. `root` is the checked file: it alone may have a policy.
    pub(super) fn settings(&self, root: &Node) -> HealthSettings {
        let defaults = HealthSettings::default();
        let slow_start = self.slow_start_time.map_or(defaults.slow_start, Duration::from_secs_f64);
        HealthSettings {
            enabled: !self.disable_cooldowns && self.cooldown_time != Some(0.0),
            cooldown: self.cooldown(),
            allowed_fails: self.allowed_fails,
            allowed_fails_policy: allowed_fails(root.get("router_settings")),
            slow_start,
        }
    }

    /// A time that somebody wrote down holds as it stands, unless a greatest one is written beside it.
    fn cooldown(&self) -> Cooldown {
        let time = |seconds: Option<f64>| seconds.map(Duration::from_secs_f64);
        match (time(self.cooldown_time), time(self.max_cooldown_time), Cooldown::default()) {
            (Some(first), None, _) => Cooldown::Fixed(first),
            (Some(first), Some(most), _) | (None, Some(most), Cooldown::Growing { first, .. }) => {
                Cooldown::Growing { first: first.min(most), most }
            }
            (None, _, default) => default,
        }
    }
}

/// The policy in a section, by LiteLLM's names.
pub(crate) fn allowed_fails(section: Option<&Node>) -> AllowedFails {
    let policy = section.and_then(|section| section.get("allowed_fails_policy"));
    let borne = |class: &str| {
        let number = policy?.get_whole(&format!("{class}ErrorAllowedFails"))?;
        Some(u32::try_from(number).unwrap_or(u32::MAX))
    };
    AllowedFails {
        authentication: borne("Authentication"),
        not_found: borne("NotFound"),
        timeout: borne("Timeout"),
        rate_limit: borne("RateLimit"),
        internal_server: borne("InternalServer"),
        bad_gateway: borne("BadGateway"),
        service_unavailable: borne("ServiceUnavailable"),
    }
}

/// Whether health is asked after without clients, and whether clients may pretend that there is none.
#[derive(Deserialize)]
pub(super) struct ReadChecks {
    background_health_checks: bool,
    health_check_interval: f64,
    pub(super) dangerously_allow_mock_testing_request_params: bool,
}

impl ReadChecks {
    /// How often an idle deployment is asked, if at all.
    pub(super) fn interval(&self) -> Option<Duration> {
        let interval = Duration::from_secs_f64(self.health_check_interval);
        self.background_health_checks.then(|| interval.max(Duration::from_secs(1)))
    }
}
