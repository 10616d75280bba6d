//! How the router is set, for people: what is in force, under the names of LiteLLM's `router_settings`.

use std::time::Duration;

use llm_core::LossPolicy;
use llm_core::json::object_of;
use llm_router::{Cooldown, GroupSettings, Limits, RetryPolicy, RouterSettings};
use serde_json::{Map, Value, json};

use crate::gateway::Gateway;

impl Gateway {
    /// The router's settings in force.
    pub fn routing(&self) -> Value {
        let state = self.state();
        let mut shown = of_router(state.router.settings());
        let aliases = state.router.aliases().iter().map(|(name, alias)| (name.clone(), json!(alias.target)));
        let mut aliases: Vec<(String, Value)> = aliases.collect();
        aliases.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        shown.insert("model_group_alias".to_owned(), Value::Object(object_of(aliases)));
        shown.insert("max_parallel_requests".to_owned(), json!(state.max_calls));
        Value::Object(shown)
    }
}

fn of_router(settings: &RouterSettings) -> Map<String, Value> {
    let health = &settings.health;
    let (cooldown, most_cooldown) = match health.cooldown {
        Cooldown::Growing { first, most } => (first, Some(most)),
        Cooldown::Fixed(time) | Cooldown::Always(time) => (time, None),
    };
    let shown = json!({
        "routing_strategy": settings.strategy.name(),
        "num_retries": settings.num_retries,
        "retry_policy": policy(&settings.retry_policy),
        "retry_after": settings.retry_after.as_secs_f64(),
        "retry_budget": {"share": settings.retry_budget.share, "per_second": settings.retry_budget.per_second},
        "max_fallbacks": settings.max_fallbacks,
        "fallbacks": lists(&settings.fallbacks),
        "context_window_fallbacks": lists(&settings.context_window_fallbacks),
        "content_policy_fallbacks": lists(&settings.content_policy_fallbacks),
        "default_fallbacks": settings.default_fallbacks,
        "mid_stream": settings.mid_stream.name(),
        "disable_cooldowns": !health.enabled,
        "allowed_fails": health.allowed_fails,
        "cooldown_time": cooldown.as_secs_f64(),
        "max_cooldown_time": seconds(most_cooldown),
        "slow_start": health.slow_start.as_secs_f64(),
        "timeouts": timeouts(&settings.limits),
        "enable_pre_call_checks": settings.pre_call_checks,
        "check_interval": seconds(settings.check_interval),
        "queue": settings.queue.as_ref().map(|queue| json!({"timeout": queue.timeout.as_secs_f64(), "max": queue.most})),
        "default_priority": settings.default_priority,
        "drop_params": settings.policy != LossPolicy::Default,
        "affinity": {"session": settings.affinity.session, "conversation": settings.affinity.conversation},
        "groups": groups(settings),
    });
    match shown {
        Value::Object(shown) => shown,
        _ => Map::new(),
    }
}

fn lists(all: &[(String, Vec<String>)]) -> Value {
    all.iter().map(|(from, to)| json!({(from): to})).collect()
}

fn timeouts(limits: &Limits) -> Value {
    json!({
        "connect": seconds(limits.connect),
        "answer": seconds(limits.headers),
        "first_content": seconds(limits.first_content),
        "idle": seconds(limits.idle),
        "total": seconds(limits.total),
    })
}

/// Attempts after the first, by what went wrong; empty where nothing is said.
fn policy(policy: &RetryPolicy) -> Value {
    object_of(policy.entries().map(|(class, retries)| (class.to_owned(), Value::from(retries)))).into()
}

fn groups(settings: &RouterSettings) -> Value {
    let shown = |(name, group): (&String, &GroupSettings)| {
        let shown = json!({
            "routing_strategy": group.strategy.as_ref().map(|strategy| strategy.name()),
            "num_retries": group.num_retries,
            "retry_policy": policy(&group.retry_policy),
            "timeouts": timeouts(&group.limits),
        });
        (name.clone(), shown)
    };
    let mut all: Vec<(String, Value)> = settings.groups.iter().map(shown).collect();
    all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Value::Object(object_of(all))
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}
