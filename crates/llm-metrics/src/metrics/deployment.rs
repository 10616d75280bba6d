//! What a deployment did: calls, failures, tokens, money and times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::{ErrorKind, Usage};

use super::Times;
use super::cells::{Striped, add};
use super::histogram::{self, ANSWER, OVERHEAD, Scale, TOKEN};
use super::operations::Operations;
use crate::prices::Cost;

/// Which deployment it is. All of it comes from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentLabels {
    /// The model in the vendor's words, as configured (`gpt-4o`, or a wildcard).
    pub model: String,
    /// The public name that the deployment serves.
    pub requested_model: String,
    /// The vendor.
    pub api_provider: String,
    /// The deployment's own id.
    pub model_id: String,
}

/// A successful call, all of it known.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// What was asked for.
    pub operation: Operation,
    /// Its tokens.
    pub usage: Usage,
    /// What it cost.
    pub cost: Cost,
    /// From the client's request to the answer's end.
    pub total: Duration,
    /// From the request to the vendor to the end of its answer, of the attempt that succeeded.
    pub upstream: Duration,
    /// From the request to the vendor to the first content of its answer; for streamed answers.
    pub time_to_first_token: Option<Duration>,
    /// Whether the answer was streamed.
    pub streamed: bool,
}

impl Observation {
    /// A call of which nothing is known yet.
    pub fn of(operation: Operation) -> Self {
        Self {
            operation,
            usage: Usage::default(),
            cost: Cost::default(),
            total: Duration::ZERO,
            upstream: Duration::ZERO,
            time_to_first_token: None,
            streamed: false,
        }
    }
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeploymentState {
    /// It answers.
    #[default]
    Healthy = 0,
    /// It fails now and then.
    Degraded = 1,
    /// It is not asked.
    Out = 2,
}

/// A counter of a deployment: its place among the cells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Counter {
    Successes,
    Streamed,
    SpendNanos,
    Input,
    Output,
    CacheRead,
    CacheWrite,
    AudioIn,
    AudioOut,
    Reasoning,
}

/// How many counters stand before the histograms.
const COUNTERS: usize = 10;

/// A histogram of a deployment: its place after the counters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timing {
    Total,
    Upstream,
    FirstToken,
    Overhead,
    PerToken,
}

impl Timing {
    const ALL: usize = 5;

    fn scale(self) -> Scale {
        match self {
            Self::Total | Self::Upstream | Self::FirstToken => ANSWER,
            Self::Overhead => OVERHEAD,
            Self::PerToken => TOKEN,
        }
    }

    fn first_cell(self) -> usize {
        COUNTERS + self as usize * histogram::CELLS
    }
}

/// A limit of a deployment: its place among the limits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Requests,
    Tokens,
    Concurrency,
}

/// The kinds of failure that are counted apart; the last place counts all others.
pub(crate) const FAILURES: [ErrorKind; 14] = [
    ErrorKind::RateLimited,
    ErrorKind::QuotaExhausted,
    ErrorKind::UpstreamAuth,
    ErrorKind::UpstreamNotFound,
    ErrorKind::Timeout,
    ErrorKind::Overloaded,
    ErrorKind::UpstreamFailure,
    ErrorKind::Connection,
    ErrorKind::BadUpstreamAnswer,
    ErrorKind::Truncated,
    ErrorKind::Cancelled,
    ErrorKind::InvalidRequest,
    ErrorKind::ContextLength,
    ErrorKind::ContentFilter,
];

/// The statuses of failures after which a deployment was left alone that are counted apart; the last place counts all
/// others.
pub(crate) const STATUSES: [u16; 11] = [401, 402, 403, 404, 408, 429, 500, 502, 503, 504, 529];

/// The counters of a deployment. Cloning gives another handle to the same ones.
#[derive(Clone, Debug, Default)]
pub struct DeploymentMetrics(Arc<Cells>);

#[derive(Debug, Default)]
struct Cells {
    calls: Striped<{ COUNTERS + Timing::ALL * histogram::CELLS }>,
    failures: Striped<{ FAILURES.len() + 1 }>,
    cooldowns: Striped<{ STATUSES.len() + 1 }>,
    operations: Operations,
    state: AtomicU8,
    /// Limits in the order of [`Limit`], each one more than it is; 0 stands for none.
    limits: [AtomicU64; 3],
}

/// A deployment's totals as plain numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Attempts: successes and failures.
    pub requests: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Successful answers that were streamed.
    pub streamed: u64,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Answer tokens.
    pub output_tokens: u64,
    /// What all calls cost.
    pub cost: NanoDollars,
    /// How long the vendor took, on average over the successes.
    pub average_latency: Option<Duration>,
    /// How it stands.
    pub state: DeploymentState,
}

/// A deployment and its totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// Which one.
    pub labels: DeploymentLabels,
    /// What it did.
    pub totals: Totals,
}

impl DeploymentMetrics {
    /// Counts a call that succeeded, once, when its usage is known.
    pub fn success(&self, seen: &Observation) {
        let cells = self.0.calls.own();
        let count = |counter: Counter, amount: u64| add(&cells[counter as usize], amount);
        let usage = &seen.usage;
        count(Counter::Successes, 1);
        count(Counter::Streamed, u64::from(seen.streamed));
        count(Counter::SpendNanos, u64::try_from(seen.cost.total.0).unwrap_or(0));
        count(Counter::Input, usage.prompt_total().unwrap_or(0));
        count(Counter::Output, usage.completion_total().unwrap_or(0));
        count(Counter::CacheRead, usage.cache_read.unwrap_or(0));
        count(Counter::CacheWrite, usage.cache_write().unwrap_or(0));
        count(Counter::AudioIn, usage.audio_in.unwrap_or(0));
        count(Counter::AudioOut, usage.audio_out.unwrap_or(0));
        count(Counter::Reasoning, usage.reasoning.unwrap_or(0));
        observe_times(cells, seen);
        self.0.operations.success(seen);
    }

    /// Counts an attempt that failed after this long.
    pub fn failure(&self, operation: Operation, kind: ErrorKind, took: Duration) {
        let at = FAILURES.iter().position(|known| *known == kind).unwrap_or(FAILURES.len());
        add(&self.0.failures.own()[at], 1);
        self.0.operations.failure(operation, at, took);
    }

    /// Counts an attempt that ended before its answer did but may have been billed: the answer broke off, or another
    /// one was faster. With what it used and cost.
    pub fn broke_off(&self, kind: ErrorKind, seen: &Observation) {
        let (usage, cost) = (&seen.usage, seen.cost);
        let cells = self.0.calls.own();
        add(&cells[Counter::SpendNanos as usize], u64::try_from(cost.total.0).unwrap_or(0));
        add(&cells[Counter::Input as usize], usage.prompt_total().unwrap_or(0));
        add(&cells[Counter::Output as usize], usage.completion_total().unwrap_or(0));
        self.failure(seen.operation, kind, seen.upstream);
        self.0.operations.used(seen.operation, usage);
    }

    /// Counts that the deployment is left alone for a while after a failure of this status.
    pub fn cooled_down(&self, status: u16) {
        let at = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len());
        add(&self.0.cooldowns.own()[at], 1);
    }

    /// Says how the deployment stands.
    pub fn set_state(&self, state: DeploymentState) {
        self.0.state.store(state as u8, Ordering::Relaxed);
    }

    /// Says how many requests and tokens a minute the deployment may be asked for.
    pub fn set_limits(&self, rpm: Option<u64>, tpm: Option<u64>) {
        for (limit, value) in [(Limit::Requests, rpm), (Limit::Tokens, tpm)] {
            let kept = value.map_or(0, |value| value.saturating_add(1));
            self.0.limits[limit as usize].store(kept, Ordering::Relaxed);
        }
    }

    /// Says how many attempts at a time the deployment is thought to bear.
    pub fn set_concurrency_limit(&self, limit: u32) {
        self.0.limits[Limit::Concurrency as usize].store(u64::from(limit) + 1, Ordering::Relaxed);
    }

    pub(crate) fn limit(&self, limit: Limit) -> Option<u64> {
        self.0.limits[limit as usize].load(Ordering::Relaxed).checked_sub(1)
    }

    /// How the deployment stands.
    pub fn state(&self) -> DeploymentState {
        match self.0.state.load(Ordering::Relaxed) {
            0 => DeploymentState::Healthy,
            1 => DeploymentState::Degraded,
            _ => DeploymentState::Out,
        }
    }

    /// The totals so far.
    pub fn totals(&self) -> Totals {
        let failures = (0..=FAILURES.len()).map(|at| self.failures_at(at)).sum();
        let latency = self.distribution(Timing::Upstream);
        Totals {
            requests: self.counter(Counter::Successes) + failures,
            failures,
            streamed: self.counter(Counter::Streamed),
            input_tokens: self.counter(Counter::Input),
            output_tokens: self.counter(Counter::Output),
            cost: NanoDollars(i64::try_from(self.counter(Counter::SpendNanos)).unwrap_or(i64::MAX)),
            average_latency: latency.sum.checked_div(latency.count).map(Duration::from_nanos),
            state: self.state(),
        }
    }

    pub(crate) fn counter(&self, counter: Counter) -> u64 {
        self.0.calls.sum(counter as usize)
    }

    pub(crate) fn distribution(&self, timing: Timing) -> histogram::Distribution {
        timing.scale().read(&self.0.calls, timing.first_cell())
    }

    /// What is known by operation.
    pub(crate) fn operations(&self) -> &Operations {
        &self.0.operations
    }

    /// Failures of the kind at a place of [`FAILURES`]; after them all others.
    pub(crate) fn failures_at(&self, at: usize) -> u64 {
        self.0.failures.sum(at)
    }

    /// Cooldowns after the status at a place of [`STATUSES`]; after them all others.
    pub(crate) fn cooldowns_at(&self, at: usize) -> u64 {
        self.0.cooldowns.sum(at)
    }

    /// What went wrong, by kind; kinds that are not counted apart are `other`.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let name = |at: usize| FAILURES.get(at).map_or("other", |kind| kind.name());
        let all = (0..=FAILURES.len()).map(move |at| (name(at), self.failures_at(at)));
        all.filter(|(_, count)| *count > 0)
    }

    /// How long the vendor took for whole answers, until the first token, and for each token.
    pub fn times(&self) -> [Times; 3] {
        [Timing::Upstream, Timing::FirstToken, Timing::PerToken]
            .map(|timing| self.distribution(timing).into())
    }

    /// Whether anybody but the registry holds this handle.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

fn observe_times(cells: &[AtomicU64], seen: &Observation) {
    let observe = |timing: Timing, duration: Duration| {
        let own = cells.get(timing.first_cell()..).unwrap_or_default();
        timing.scale().observe(own, duration);
    };
    observe(Timing::Total, seen.total);
    observe(Timing::Upstream, seen.upstream);
    observe(Timing::Overhead, seen.total.saturating_sub(seen.upstream));
    if let Some(first) = seen.time_to_first_token {
        observe(Timing::FirstToken, first);
    }
    let tokens = seen.usage.completion_total().and_then(|tokens| u32::try_from(tokens).ok());
    if let Some(each) = tokens.and_then(|tokens| seen.upstream.checked_div(tokens)) {
        observe(Timing::PerToken, each);
    }
}
