//! What the router would do with a request: the plan as JSON, and as text for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use llm_core::Result;
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_governance::Principal;
use llm_router::{
    FallbackList, HedgeAfter, HedgeSettings, Limits, Plan, PlannedDeployment, PlannedGroup, Route,
};
use serde::Serialize;

use crate::gateway::Gateway;
use crate::options::CallOptions;
use crate::placing;

/// What the router would do with a request.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    model: String,
    stream: bool,
    groups: Vec<Group>,
    max_fallbacks: usize,
    left_out: Vec<LeftOut>,
    context_window_fallbacks: Option<Vec<String>>,
    content_policy_fallbacks: Option<Vec<String>>,
    retry_budget: RetryBudget,
    /// Fields of the body that speak to the gateway and have no effect.
    ignored: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Group {
    name: String,
    serves: String,
    strategy: &'static str,
    num_retries: u32,
    retry_policy: BTreeMap<&'static str, u32>,
    timeouts: Timeouts,
    hedge: Option<Hedge>,
    mid_stream: &'static str,
    deployments: Vec<Deployment>,
}

#[derive(Clone, Debug, Serialize)]
struct Deployment {
    id: String,
    model: String,
    order: u32,
    weight: u32,
    in_flight: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_retries: Option<u32>,
    timeouts: Timeouts,
    /// Whether the strategy may pick it.
    candidate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed_over: Option<String>,
}

/// Seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Timeouts {
    connect: Option<f64>,
    headers: Option<f64>,
    first_content: Option<f64>,
    idle: Option<f64>,
    total: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
struct Hedge {
    after: String,
    budget: f64,
}

#[derive(Clone, Debug, Serialize)]
struct RetryBudget {
    share: f64,
    per_second: f64,
}

#[derive(Clone, Debug, Serialize)]
struct LeftOut {
    name: String,
    why: String,
}

impl Gateway {
    /// What would be done with a chat request of a caller in the default dialect; `None`: of one that may do everything.
    /// No vendor is asked, nothing is counted.
    ///
    /// # Errors
    /// When it is no such request, or nobody serves its model.
    pub fn explain(
        &self,
        caller: Option<&Principal>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Explanation> {
        let state = self.state();
        let ingress = state.default_ingress().clone();
        let inbound = Inbound::new(ingress, Operation::Chat, headers, body)?;
        let mut options = CallOptions::read(&inbound)?;
        state.name_model(&mut options)?;
        placing::place(&inbound, state.router.settings(), &mut options.route)?;
        let began = Instant::now();
        if let Some(caller) = caller {
            state.may_use(caller, &options.model)?;
            options.model = state.meant(caller, &options.model).to_owned();
        }
        let may_use = |model: &str| caller.is_none_or(|caller| state.may_use(caller, model).is_ok());
        let route = Route {
            may_use: Some(&may_use),
            ..Route::new(&inbound, &options.model, options.stream, began, &options.route)
        };
        let plan = state.router.plan(&route)?;
        let budget = state.router.settings().retry_budget;
        let retry_budget = RetryBudget { share: budget.share, per_second: budget.per_second };
        Ok(Explanation::of(plan, retry_budget, options))
    }
}

impl Explanation {
    fn of(plan: Plan, retry_budget: RetryBudget, options: CallOptions) -> Self {
        let typed =
            |list| plan.typed.iter().find(|found| found.list == list).map(|found| found.names.clone());
        let left_out = plan.left_out.iter();
        Self {
            model: options.model,
            stream: options.stream,
            max_fallbacks: plan.max_fallbacks,
            left_out: left_out
                .map(|(name, why)| LeftOut { name: name.clone(), why: why.to_string() })
                .collect(),
            context_window_fallbacks: typed(FallbackList::ContextWindow),
            content_policy_fallbacks: typed(FallbackList::ContentPolicy),
            retry_budget,
            ignored: options.ignored,
            groups: plan.groups.into_iter().map(Group::of).collect(),
        }
    }
}

impl Group {
    fn of(planned: PlannedGroup) -> Self {
        Self {
            name: planned.name,
            serves: planned.pattern,
            strategy: planned.strategy,
            num_retries: planned.num_retries,
            retry_policy: planned.retry_policy.entries().collect(),
            timeouts: Timeouts::of(planned.limits),
            hedge: planned.hedge.map(Hedge::of),
            mid_stream: planned.mid_stream.name(),
            deployments: planned.deployments.into_iter().map(Deployment::of).collect(),
        }
    }
}

impl Deployment {
    fn of(planned: PlannedDeployment) -> Self {
        Self {
            id: planned.id,
            model: planned.model,
            order: planned.order,
            weight: planned.weight,
            in_flight: planned.in_flight,
            num_retries: planned.num_retries,
            timeouts: Timeouts::of(planned.limits),
            candidate: planned.rule.is_none(),
            passed_over: planned.rule.map(|rule| rule.to_string()),
        }
    }
}

impl Timeouts {
    fn of(limits: Limits) -> Self {
        let seconds = |limit: Option<Duration>| limit.map(|limit| limit.as_secs_f64());
        Self {
            connect: seconds(limits.connect),
            headers: seconds(limits.headers),
            first_content: seconds(limits.first_content),
            idle: seconds(limits.idle),
            total: seconds(limits.total),
        }
    }
}

impl Hedge {
    fn of(settings: HedgeSettings) -> Self {
        let after = match settings.after {
            HedgeAfter::Fixed(after) => format!("{} s", after.as_secs_f64()),
            HedgeAfter::Quantile(share) => format!("p{}", (share * 1_000.0).round() / 10.0),
        };
        Self { after, budget: settings.budget }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.stream { "streamed" } else { "whole" };
        writeln!(out, "a {kind} answer of `{}`", self.model)?;
        for (at, group) in self.groups.iter().enumerate() {
            let role = if at == 0 { "first" } else { "then" };
            write!(out, "\n{role}: {group}")?;
        }
        writeln!(out, "\nat most {} fallbacks", self.max_fallbacks)?;
        for LeftOut { name, why } in &self.left_out {
            writeln!(out, "left out: {name} ({why})")?;
        }
        let lists = [
            ("when the prompt is too long", &self.context_window_fallbacks),
            ("when a content policy refuses", &self.content_policy_fallbacks),
        ];
        for (when, list) in lists {
            if let Some(names) = list {
                writeln!(out, "{when}: {}", names.join(", "))?;
            }
        }
        let RetryBudget { share, per_second } = self.retry_budget;
        writeln!(out, "retries: at most {share} for each request, or {per_second} a second")?;
        if !self.ignored.is_empty() {
            writeln!(out, "without effect: {}", self.ignored.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Group {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, strategy, num_retries, mid_stream, .. } = self;
        writeln!(out, "group {name}, {strategy}, retries {num_retries}, mid-stream {mid_stream}")?;
        writeln!(out, "  {}", self.timeouts)?;
        for (class, retries) in &self.retry_policy {
            writeln!(out, "  {class}: {retries}")?;
        }
        if let Some(Hedge { after, budget }) = &self.hedge {
            writeln!(out, "  hedged after {after}, at most {budget} of the requests")?;
        }
        for one in &self.deployments {
            let stands =
                one.passed_over.as_deref().map_or("may be picked".to_owned(), |rule| format!("no: {rule}"));
            writeln!(
                out,
                "  {} ({}), order {}, weight {}: {stands}",
                one.id, one.model, one.order, one.weight
            )?;
            if one.timeouts != self.timeouts {
                writeln!(out, "    {}", one.timeouts)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Timeouts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = [
            ("connect", self.connect),
            ("headers", self.headers),
            ("first content", self.first_content),
            ("idle", self.idle),
            ("total", self.total),
        ];
        let shown = shown.iter().filter_map(|(name, limit)| Some(format!("{name} {} s", (*limit)?)));
        write!(out, "timeouts: {}", shown.collect::<Vec<_>>().join(", "))
    }
}
