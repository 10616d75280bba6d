//! What single groups say for themselves, in our words and in LiteLLM's.

use std::collections::HashMap;
use std::time::Duration;

use llm_router::{
    GroupSettings, HedgeAfter, HedgeSettings, Limits, RetryBudgetSettings, RetryPolicy, RouterSettings,
};

use super::Resolving;
use crate::node::Node;
use crate::settings::{Phases, strategy};
use crate::strict::seconds;

impl Resolving<'_> {
    /// Reads policies, the retry budget and what groups say for themselves into the router's settings.
    pub(super) fn routing(&mut self, router: &Node, settings: &mut RouterSettings) {
        settings.retry_policy = router.get("retry_policy").map(policy).unwrap_or_default();
        settings.retry_budget = router.get("retry_budget").map_or(settings.retry_budget, budget);
        if router.get_flag("enable_mid_stream_fallback_continuation") == Some(true)
            && router.get("mid_stream").is_none()
        {
            settings.mid_stream = llm_router::MidStream::Continue;
        }
        let mut groups: HashMap<String, GroupSettings> = HashMap::new();
        for entry in router.get("groups").map(Node::entries).unwrap_or_default() {
            let name = self.settled_group(&Node::text_at(&entry.key, &entry.at));
            let Some(name) = name else { continue };
            groups.insert(name, self.group_settings(&entry.value, settings.limits));
        }
        for entry in router.get("model_group_retry_policy").map(Node::entries).unwrap_or_default() {
            let name = self.settled_group(&Node::text_at(&entry.key, &entry.at));
            let own = GroupSettings { retry_policy: policy(&entry.value), ..GroupSettings::default() };
            add(&mut groups, name, own);
        }
        for routing_group in router.get("routing_groups").map(Node::elements).unwrap_or_default() {
            let own = GroupSettings {
                strategy: routing_group
                    .get("routing_strategy")
                    .and_then(|node| Some(strategy(node.text()?, &node.at, self.report))),
                ..GroupSettings::default()
            };
            for model in routing_group.get("models").map(Node::elements).unwrap_or_default() {
                let name = self.settled_group(model);
                add(&mut groups, name, own.clone());
            }
        }
        settings.groups = groups;
    }

    fn group_settings(&mut self, node: &Node, router: Limits) -> GroupSettings {
        GroupSettings {
            strategy: node
                .get("strategy")
                .and_then(|node| Some(strategy(node.text()?, &node.at, self.report))),
            num_retries: node.get_whole("num_retries").map(short),
            retry_policy: node.get("retry_policy").map(policy).unwrap_or_default(),
            limits: limits(node, router),
            hedge: node.get("hedge").and_then(|hedge| self.hedge(hedge)),
            mid_stream: node.get_text("mid_stream").and_then(|name| name.parse().ok()),
        }
    }

    fn hedge(&mut self, node: &Node) -> Option<HedgeSettings> {
        let mut settings = HedgeSettings::DEFAULT;
        if let Some(after) = node.get("after") {
            let Some(read) = after.text().and_then(hedge_after) else {
                let problem = self.report.error(&after.at, "`after` in `hedge` must be a time");
                problem.help("write seconds, such as 2.5, or a percentile, such as p95");
                return None;
            };
            settings.after = read;
        }
        settings.budget = node.get_number("budget").unwrap_or(settings.budget);
        if !(0.0..=1.0).contains(&settings.budget) {
            let problem = self.report.error(&node.at, "`budget` in `hedge` must be a share between 0 and 1");
            problem.help("0.02 allows a second attempt for one request in fifty");
            return None;
        }
        Some(settings)
    }

    /// The name of a group that settings are about: a `model_name` as it stands at its deployments.
    fn settled_group(&mut self, node: &Node) -> Option<String> {
        let name = node.text().map(str::trim).filter(|name| !name.is_empty())?;
        if self.names.contains(name) {
            return Some(name.to_owned());
        }
        if let Some(alias) = self.targets.get(name) {
            return Some(alias.target.clone());
        }
        let message = format!("there are settings of the group `{name}`, and no deployment has this name");
        self.unknown(node, name, message);
        None
    }
}

fn add(groups: &mut HashMap<String, GroupSettings>, name: Option<String>, more: GroupSettings) {
    let Some(name) = name else { return };
    let known = groups.remove(&name).unwrap_or_default();
    groups.insert(name, known.or(more));
}

fn policy(node: &Node) -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    for entry in node.entries() {
        if let Some(retries) = node.get_whole(&entry.key) {
            // Unknown keys were reported by the check.
            policy.set_key(&entry.key, short(retries));
        }
    }
    policy
}

fn budget(node: &Node) -> RetryBudgetSettings {
    let default = RetryBudgetSettings::default();
    let number = |key: &str, default: f64| node.get_number(key).unwrap_or(default).max(0.0);
    RetryBudgetSettings {
        share: number("share", default.share),
        per_second: number("per_second", default.per_second),
    }
}

fn hedge_after(text: &str) -> Option<HedgeAfter> {
    match text.trim().strip_prefix(['p', 'P']) {
        Some(percent) => {
            let percent = percent.parse::<f64>().ok().filter(|percent| *percent > 0.0 && *percent < 100.0)?;
            Some(HedgeAfter::Quantile(percent / 100.0))
        }
        None => seconds(text).filter(|after| *after > Duration::ZERO).map(HedgeAfter::Fixed),
    }
}

fn limits(node: &Node, router: Limits) -> Limits {
    let phases = Phases {
        timeout: node.get_seconds("timeout"),
        stream: node.get_seconds("stream_timeout"),
        connect: node.get_seconds("connect_timeout"),
        first_content: node.get_seconds("first_content_timeout"),
        idle: node.get_seconds("idle_timeout"),
        total: node.get_seconds("total_timeout"),
    };
    let mut limits = phases.limits(Limits::default());
    // An attempt may wait as long as its group says, so the call must last as long.
    let longest = [limits.headers, limits.first_content, limits.idle].into_iter().flatten().max();
    limits.total = limits.total.or_else(|| longest.filter(|longest| Some(*longest) > router.total));
    limits
}

fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
