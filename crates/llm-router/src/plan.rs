//! What the router would do with a call, without asking anybody.

use llm_core::{ErrorKind, Result};

use crate::deployment::Limits;
use crate::fallback::{FallbackList, Fallbacks, find};
use crate::fit::Fit;
use crate::group::Group;
use crate::hedge::HedgeSettings;
use crate::retry::RetryPolicy;
use crate::router::Router;
use crate::rule::Rule;
use crate::run::{Route, Run, now};
use crate::settings::MidStream;
use crate::trail::{Skipped, Step};

/// What the router would do with a call.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The groups in the order in which they are gone to while each fails: the one asked for, then fallbacks.
    pub groups: Vec<PlannedGroup>,
    /// Fallbacks that are left out, and why.
    pub left_out: Vec<(String, Skipped)>,
    /// Fallbacks after errors that have a list of their own.
    pub typed: Vec<Fallbacks>,
    /// The most fallback groups.
    pub max_fallbacks: usize,
}

/// What the router would do with a call in one group.
#[derive(Clone, Debug)]
pub struct PlannedGroup {
    /// The public name.
    pub name: String,
    /// The name or pattern of the deployments that serve it.
    pub pattern: String,
    /// Picks among them.
    pub strategy: &'static str,
    /// Attempts after the first at each priority level, where a deployment does not say.
    pub num_retries: u32,
    /// The same, by what went wrong.
    pub retry_policy: RetryPolicy,
    /// How long each phase may take, where a deployment does not say.
    pub limits: Limits,
    /// A second attempt when the first one is slow.
    pub hedge: Option<HedgeSettings>,
    /// What becomes of a stream that breaks after its first content.
    pub mid_stream: MidStream,
    /// All its deployments, by priority level.
    pub deployments: Vec<PlannedDeployment>,
}

/// What the router would do with one deployment.
#[derive(Clone, Debug)]
pub struct PlannedDeployment {
    /// Its id.
    pub id: String,
    /// The model with its vendor prefix.
    pub model: String,
    /// Priority level.
    pub order: u32,
    /// Share of the traffic in weighted strategies.
    pub weight: u32,
    /// Attempts under way.
    pub in_flight: u32,
    /// Attempts after the first, when it fails; `None`: as the group says.
    pub num_retries: Option<u32>,
    /// How long each phase may take here.
    pub limits: Limits,
    /// Why it would be passed over now; `None`: the strategy may pick it.
    pub rule: Option<Rule>,
}

impl Router {
    /// What would be done with a call, without asking anybody and without counting it.
    ///
    /// # Errors
    /// When no deployment has the name that is asked for, and no fallback stands in for it.
    pub fn plan(&self, route: &Route<'_>) -> Result<Plan> {
        let mut run = Run::new(self, route);
        let asked = self.resolve(route.model);
        let name = asked.as_ref().map_or(route.model, |(_, name)| *name);
        let names = [route.model, name];
        let kind = if asked.is_ok() { ErrorKind::UpstreamFailure } else { ErrorKind::UnknownModel };
        let max_fallbacks = run.most_fallbacks();
        let mut groups: Vec<PlannedGroup> = Vec::new();
        let mut error = asked.as_ref().err().cloned();
        if let Ok((group, name)) = asked {
            groups.push(self.planned(group, name, route));
        }
        let (mut seen, mut waiting) = (vec![name.to_owned()], std::collections::VecDeque::new());
        run.add_fallbacks(&mut waiting, &names, kind);
        while let Some(name) = waiting.pop_front() {
            let Some((group, resolved)) = run.target(&name, &seen) else { continue };
            if seen.len() > max_fallbacks {
                run.trail.add(Step::Skipped { name, why: Skipped::Enough });
                break;
            }
            error = None;
            groups.push(self.planned(group, resolved, route));
            seen.push(resolved.to_owned());
            run.add_fallbacks(&mut waiting, &[&name, resolved], ErrorKind::UpstreamFailure);
        }
        if let Some(error) = error {
            return Err(error);
        }
        let left_out = run.trail.steps().iter().filter_map(|step| match step {
            Step::Skipped { name, why } => Some((name.clone(), *why)),
            _ => None,
        });
        let typed = [ErrorKind::ContextLength, ErrorKind::ContentFilter]
            .map(|kind| find(self.settings(), route.options, &names, kind));
        let is_typed =
            |found: &Fallbacks| !matches!(found.list, FallbackList::General | FallbackList::Default);
        let typed = typed.into_iter().filter(is_typed).collect();
        Ok(Plan { groups, left_out: left_out.collect(), typed, max_fallbacks })
    }

    fn planned(&self, group: &Group, name: &str, route: &Route<'_>) -> PlannedGroup {
        let (options, own, all) = (route.options, group.settings(), self.settings());
        let strategy = options.strategy.map(|strategy| strategy.name());
        let limits = options.limits.or(own.limits).or(all.limits);
        let ask = route.ask(name, now());
        let fit = Fit::of(route, all, group.deployments());
        let mut deployments: Vec<PlannedDeployment> = Vec::new();
        let mut first_order = None;
        for deployment in group.deployments() {
            let mut rule = fit.refuses(deployment).or_else(|| deployment.check(&ask).err());
            if rule.is_none() && *first_order.get_or_insert(deployment.order) != deployment.order {
                rule = Some(Rule::LaterOrder);
            }
            deployments.push(PlannedDeployment {
                id: deployment.id.clone(),
                model: deployment.full_name.clone(),
                order: deployment.order,
                weight: deployment.weight,
                in_flight: deployment.quota().in_flight(),
                num_retries: options.num_retries.or(deployment.num_retries),
                limits: options.limits.or(deployment.limits).or(limits),
                rule,
            });
        }
        PlannedGroup {
            name: name.to_owned(),
            pattern: group.name().to_string(),
            strategy: strategy.unwrap_or_else(|| own.strategy.as_ref().unwrap_or(&all.strategy).name()),
            num_retries: options.num_retries.or(own.num_retries).unwrap_or(all.num_retries),
            retry_policy: options.retry_policy.or(own.retry_policy).or(all.retry_policy),
            limits,
            hedge: own.hedge.filter(|_| route.stream),
            mid_stream: options.mid_stream.or(own.mid_stream).unwrap_or(all.mid_stream),
            deployments,
        }
    }
}
