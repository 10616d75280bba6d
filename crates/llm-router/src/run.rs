//! The one loop that makes attempts until an answer begins: in the group asked for, then in its fallbacks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use llm_core::loss::Loss;
use llm_core::provider::{BoxFuture, Inbound};
use llm_core::{Error, ErrorKind, LossPolicy, Result};

use crate::ask::Ask;
use crate::deployment::{Deployment, Limits};
use crate::fallback;
use crate::group::Group;
use crate::in_flight::InFlight;
use crate::needs::Needs;
use crate::retry::RetryPolicy;
use crate::router::Router;
use crate::settings::MidStream;
use crate::started::Started;
use crate::strategy::BuiltIn;
use crate::trail::{Skipped, Step, Trail};

pub(crate) use crate::clock::now;

mod attempt;
mod hedged;
mod queue;
mod under_way;
mod walk;

pub use under_way::{Asked, UnderWay};

/// Whether the caller may use a model, by its public name.
pub type MayUse<'a> = dyn Fn(&str) -> bool + Send + Sync + 'a;

/// Asked before a call goes on with another group than the one asked for.
pub trait Affords: Send + Sync {
    /// Holds what the call can cost there; `false`: its caller cannot pay that.
    fn affords<'a>(&'a self, model: &'a str) -> BoxFuture<'a, bool>;
}

/// What one call asks of the router.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    /// The request.
    pub inbound: &'a Inbound,
    /// The model's name as the client wrote it.
    pub model: &'a str,
    /// The name that the answer says, where it is another one.
    pub public: Option<&'a str>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// When the call began.
    pub began: Instant,
    /// What the request says to the router itself.
    pub options: &'a RouteOptions,
    /// Deployments, by id, that are not asked: their answer to this call broke off.
    pub avoid: &'a [String],
    /// What was done for this call before.
    pub earlier: Earlier,
    /// What a deployment's model must be known to do.
    pub requires: Needs,
    /// Which fallbacks the caller may use; `None`: all. The model asked for is the business of whoever calls.
    pub may_use: Option<&'a MayUse<'a>>,
    /// Whether the caller can pay for a fallback; `None`: whatever it costs.
    pub affords: Option<&'a dyn Affords>,
    /// Where attempts stand while they are made, for those who must know of them when the run is dropped.
    pub under_way: Option<&'a UnderWay>,
}

/// What was done for a call before it was run again: it counts on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Attempts that were made.
    pub attempts: usize,
    /// Fallback groups that were gone to.
    pub fallbacks: usize,
}

impl<'a> Route<'a> {
    /// A call that begins.
    pub fn new(
        inbound: &'a Inbound,
        model: &'a str,
        stream: bool,
        began: Instant,
        options: &'a RouteOptions,
    ) -> Self {
        let (earlier, requires) = (Earlier::default(), Needs::default());
        Self {
            inbound,
            model,
            public: None,
            stream,
            began,
            options,
            avoid: &[],
            earlier,
            requires,
            may_use: None,
            affords: None,
            under_way: None,
        }
    }

    /// What a pick in a group is decided by; `model` is the group's public name.
    pub(crate) fn ask<'b>(&self, model: &'b str, now: Instant) -> Ask<'b>
    where
        'a: 'b,
    {
        Ask { session: self.options.session, model, ..Ask::of(self.inbound, self.stream, now) }
    }
}

/// What a request says to the router itself, before what groups and the router say.
#[derive(Clone, Debug, Default)]
pub struct RouteOptions {
    /// Time limits of this call, before those of deployments and router.
    pub limits: Limits,
    /// Attempts after the first; `None`: as the deployment or the router says.
    pub num_retries: Option<u32>,
    /// Attempts after the first, by what went wrong.
    pub retry_policy: RetryPolicy,
    /// Fallback names of this call, before the configured ones; `Some(vec![])` switches fallbacks off.
    pub fallbacks: Option<Vec<String>>,
    /// Fallback names for a prompt that is too long.
    pub context_window_fallbacks: Option<Vec<String>>,
    /// Fallback names for what a content policy refuses.
    pub content_policy_fallbacks: Option<Vec<String>>,
    /// The most fallback groups.
    pub max_fallbacks: Option<usize>,
    /// The strategy of this call.
    pub strategy: Option<BuiltIn>,
    /// What to do with what a dialect cannot express.
    pub policy: Option<LossPolicy>,
    /// What becomes of a stream that breaks after its first content.
    pub mid_stream: Option<MidStream>,
    /// Words that choose among deployments.
    pub tags: Vec<String>,
    /// Where the deployment must stand.
    pub region: Option<String>,
    /// What the request belongs to, where requests that belong together go to the same deployment.
    pub session: Option<u64>,
    /// The call's importance, the lower the more important; `None`: as the router says.
    pub priority: Option<i64>,
    /// Whether the answer must be canonical, to a client of the vendor's own dialect too: somebody looks at it.
    pub canonical: bool,
    /// Whether the trail tells everything, not only what went wrong.
    pub explain: bool,
    /// The group asked for is to fail so, without anybody being asked: for tests of fallbacks.
    pub mock_failure: Option<ErrorKind>,
}

impl RouteOptions {
    /// No fallback of any kind.
    pub fn disable_fallbacks(&mut self) {
        for list in
            [&mut self.fallbacks, &mut self.context_window_fallbacks, &mut self.content_policy_fallbacks]
        {
            *list = Some(Vec::new());
        }
    }
}

/// One attempt that was made.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The deployment's id.
    pub deployment: String,
    /// How long it took to begin or to fail.
    pub took: Duration,
    /// How it failed; `None`: it gave the answer.
    pub error: Option<Error>,
    /// Whether it was made beside a slow one.
    pub hedge: bool,
}

/// An attempt that was cancelled because another one was faster.
pub struct Outrun {
    /// The deployment.
    pub deployment: Arc<Deployment>,
    /// How long it was waited for.
    pub took: Duration,
}

/// An answer that has begun.
pub struct Routed {
    /// The deployment that answers, marked as in use until this is dropped.
    pub in_flight: InFlight,
    /// The public name of the group that answers: not what was asked for, after a fallback.
    pub group: String,
    /// The vendor's headers.
    pub headers: HeaderMap,
    /// What could not be carried to the vendor.
    pub losses: Vec<Loss>,
    /// The answer.
    pub answer: Started,
    /// All attempts of this run, the successful one last.
    pub attempts: Vec<Attempt>,
    /// Attempts that were cancelled because another one was faster. Their vendors may bill the prompt.
    pub losers: Vec<Outrun>,
    /// How many attempts of the call were not the first ones in their group, earlier runs included.
    pub retries: usize,
    /// How many fallback groups were gone to, earlier runs included.
    pub fallbacks: usize,
    /// When the successful attempt began.
    pub attempt_began: Instant,
    /// What becomes of the stream when it breaks.
    pub mid_stream: MidStream,
    /// What else happened.
    pub trail: Trail,
}

/// No deployment answered.
#[derive(Debug)]
pub struct Unanswered {
    /// What the client is told: the error of the last attempt, or of the first one when the request is to blame.
    pub error: Error,
    /// All attempts of this run.
    pub attempts: Vec<Attempt>,
    /// How many attempts of the call were not the first ones in their group, earlier runs included.
    pub retries: usize,
    /// How many fallback groups were gone to, earlier runs included.
    pub fallbacks: usize,
    /// What else happened.
    pub trail: Trail,
}

impl Router {
    /// Makes attempts until an answer begins: in the group asked for, then in its fallbacks.
    ///
    /// Until the first event with content nothing reaches the client, so every failure before it can be made good
    /// elsewhere. Dropping the future cancels the attempt under way.
    ///
    /// # Errors
    /// The last attempt's error, when all failed or another attempt would not help.
    pub async fn run(&self, route: &Route<'_>) -> Result<Box<Routed>, Box<Unanswered>> {
        if route.earlier.attempts == 0 {
            self.retry_budget().request();
        }
        let mut run = Run::new(self, route);
        match run.all().await {
            Ok(routed) => Ok(routed),
            Err(error) => {
                let Run { attempts, retries, fallbacks, trail, .. } = run;
                Err(Box::new(Unanswered { error, attempts, retries, fallbacks, trail }))
            }
        }
    }
}

/// The state of a call on its way.
pub(crate) struct Run<'a> {
    router: &'a Router,
    route: &'a Route<'a>,
    attempts: Vec<Attempt>,
    losers: Vec<Outrun>,
    retries: usize,
    fallbacks: usize,
    /// Whether another group is left to go to; `None`: nobody looked yet.
    has_others: Option<bool>,
    /// All fallbacks failed, and nobody of the group asked for was asked: one that is benched is better than none.
    insists: bool,
    pub(crate) trail: Trail,
}

impl<'a> Run<'a> {
    pub(crate) fn new(router: &'a Router, route: &'a Route<'a>) -> Self {
        let Earlier { attempts, fallbacks } = route.earlier;
        Self {
            router,
            route,
            attempts: Vec::new(),
            losers: Vec::new(),
            // The first attempt of a run that goes on is one more try.
            retries: attempts.saturating_sub(fallbacks),
            fallbacks,
            has_others: None,
            insists: false,
            trail: Trail::default(),
        }
    }

    async fn all(&mut self) -> Result<Box<Routed>> {
        let model = self.route.model;
        let (name, error) = match self.router.resolve(model) {
            Ok((group, name)) => match self.group(group, name).await {
                Ok(routed) => return Ok(routed),
                Err(error) => (name, error),
            },
            Err(error) => (model, error),
        };
        // On its own memory: what seldom happens does not make every call larger.
        let skipped = self.attempts.is_empty() && self.route.options.mock_failure.is_none();
        match Box::pin(self.fall_back(name, error)).await {
            Err(error) if skipped => Box::pin(self.last_resort(error)).await,
            outcome => outcome,
        }
    }

    /// The group asked for was benched, and nobody stood in for it: it may be up again.
    async fn last_resort(&mut self, error: Error) -> Result<Box<Routed>> {
        let Ok((group, name)) = self.router.resolve(self.route.model) else { return Err(error) };
        if !fallback::may_help(&error, true) || self.is_over_in(Limits::default(), Duration::ZERO) {
            return Err(error);
        }
        let made = self.attempts.len();
        (self.insists, self.has_others) = (true, Some(false));
        match self.walk(group, name, 0).await {
            Err(last) if self.attempts.len() > made => Err(last),
            Err(_) => Err(error),
            outcome => outcome,
        }
    }

    /// Goes to one fallback after another, each at most once, and each time first to those of the group that failed
    /// last.
    async fn fall_back(&mut self, asked: &str, error: Error) -> Result<Box<Routed>> {
        let mut seen = vec![asked.to_owned()];
        let mut waiting = VecDeque::new();
        self.add_fallbacks(&mut waiting, &[self.route.model, asked], error.kind());
        let (mut first, mut last) = (None, error);
        while self.goes_on_after(&last, first.is_none()) {
            let Some(name) = waiting.pop_front() else { break };
            let Some((group, resolved)) = self.target(&name, &seen) else { continue };
            if self.fallbacks >= self.most_fallbacks() {
                self.trail.add(Step::Skipped { name, why: Skipped::Enough });
                break;
            }
            seen.push(resolved.to_owned());
            if let Some(affords) = self.route.affords
                && !affords.affords(resolved).await
            {
                self.trail.add(Step::Skipped { name, why: Skipped::TooDear });
                continue;
            }
            self.fallbacks += 1;
            self.has_others = Some(self.is_one_left(&waiting, &seen));
            let error = match Box::pin(self.fallback_group(group, resolved, last.kind())).await {
                Ok(routed) => return Ok(routed),
                Err(error) => error,
            };
            self.add_fallbacks(&mut waiting, &[&name, resolved], error.kind());
            first = first.or(Some(last));
            last = error;
        }
        Err(fallback::to_tell(first, last))
    }

    async fn fallback_group(&mut self, group: &Group, name: &str, after: ErrorKind) -> Result<Box<Routed>> {
        let candidates = if self.route.options.explain { ids(group) } else { Vec::new() };
        self.trail.add(Step::Group { name: name.to_owned(), candidates, after: Some(after) });
        self.walk(group, name, 0).await
    }

    async fn group(&mut self, group: &Group, name: &str) -> Result<Box<Routed>> {
        // Who goes on with a stream is past that.
        if let Some(kind) = self.route.options.mock_failure.filter(|_| self.route.earlier.attempts == 0) {
            let message = format!("`{name}` fails, as the request says, to test fallbacks");
            let status = if kind == ErrorKind::UpstreamFailure { 500 } else { kind.status() };
            return Err(Error::new(kind, message).with_status(status));
        }
        if self.route.options.explain {
            self.trail.add(Step::Group { name: name.to_owned(), candidates: ids(group), after: None });
        }
        self.walk(group, name, self.route.earlier.attempts.saturating_sub(1)).await
    }

    /// Puts the fallbacks of a group before those that wait already.
    pub(crate) fn add_fallbacks(&self, waiting: &mut VecDeque<String>, names: &[&str], kind: ErrorKind) {
        let found = fallback::find(self.router.settings(), self.route.options, names, kind);
        for name in found.names.into_iter().rev() {
            waiting.retain(|known| *known != name);
            waiting.push_front(name);
        }
    }

    /// The group of a fallback that was not gone to yet, if the caller may use it.
    pub(crate) fn target<'b>(&mut self, name: &'b str, seen: &[String]) -> Option<(&'b Group, &'b str)>
    where
        'a: 'b,
    {
        let router: &'b Router = self.router;
        let why = match router.resolve(name) {
            Ok((_, resolved)) if seen.iter().any(|known| known == resolved) => return None,
            Ok(_) if self.route.may_use.is_some_and(|may_use| !may_use(name)) => Skipped::Forbidden,
            Ok((group, resolved)) => return Some((group, resolved)),
            Err(_) => Skipped::Unknown,
        };
        self.trail.add(Step::Skipped { name: name.to_owned(), why });
        None
    }

    /// Whether one of these fallbacks could still be gone to.
    fn is_one_left(&self, waiting: &VecDeque<String>, seen: &[String]) -> bool {
        let is_new = |name: &String| {
            self.router.resolve(name).is_ok_and(|(_, name)| !seen.iter().any(|one| one == name))
        };
        self.fallbacks < self.most_fallbacks() && waiting.iter().any(is_new)
    }

    pub(crate) fn most_fallbacks(&self) -> usize {
        self.route.options.max_fallbacks.unwrap_or(self.router.settings().max_fallbacks)
    }

    /// Whether a fallback may help after this error.
    fn goes_on_after(&self, error: &Error, of_group_asked_for: bool) -> bool {
        // What a fallback refuses, the next one may take all the same.
        let on_refusals = self.router.settings().fallback_on_unsupported_params || !of_group_asked_for;
        fallback::may_help(error, on_refusals)
            && !self.is_over_in(Limits::default(), Duration::ZERO)
            && !self.is_malformed(error)
    }

    /// Whether the request is wrong in itself, and not only to one vendor: a second one says so too, or we do.
    fn is_malformed(&self, error: &Error) -> bool {
        let is_refusal = |error: &Error| error.kind() == ErrorKind::InvalidRequest;
        let refusals = self.attempts.iter().filter(|one| one.error.as_ref().is_some_and(is_refusal));
        let inbound = self.route.inbound;
        is_refusal(error)
            && (refusals.count() > 1 || (inbound.asked.operation.is_chat() && inbound.decoded().is_err()))
    }

    /// Whether the call's time is up when this much more of it has passed. `limits` are those of the group.
    fn is_over_in(&self, limits: Limits, more: Duration) -> bool {
        self.end(limits).is_some_and(|end| now() + more >= end)
    }

    /// When the call's time is up.
    fn end(&self, limits: Limits) -> Option<Instant> {
        let limits = self.route.options.limits.or(limits).or(self.router.settings().limits);
        limits.total.and_then(|total| self.route.began.checked_add(total))
    }
}

fn ids(group: &Group) -> Vec<String> {
    group.deployments().iter().map(|deployment| deployment.id.clone()).collect()
}
