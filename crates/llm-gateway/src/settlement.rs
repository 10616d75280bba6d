//! The account of one call, from its first byte to its last: settled exactly once, whatever ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use llm_core::ingress::Took;
use llm_core::provider::Inbound;
use llm_core::response::FinishReason;
use llm_core::{Error, ErrorKind, Usage};
use llm_metrics::{Cost, InFlight as Serving, Observation};
use llm_router::{Attempt, Finished, InFlight, Outrun, Trail};

use crate::books::{Account, Books};
use crate::load::InProgress;
use crate::routed::RoutedParts;

/// How a call ended.
#[derive(Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// The client has the whole answer.
    Complete,
    /// It failed.
    Failed(&'a Error),
    /// The client went away.
    Cancelled,
}

/// The account of one call. Dropping it unsettled settles it as cancelled.
pub(crate) struct Settlement {
    books: Arc<Books>,
    call: CallFacts,
    answered: Option<Answered>,
    usage: Usage,
    /// What answers used and cost that broke off and were gone on with elsewhere.
    before: Option<Box<(Usage, Option<Cost>)>>,
    finish: Option<FinishReason>,
    settled: bool,
    /// A vendor was asked: an error may be in its words.
    asked: bool,
    /// The request passes as it is, and uses this model of the vendor's.
    relayed: Option<Option<String>>,
    /// Its place among the calls in progress, where they are limited.
    in_progress: Option<InProgress>,
    /// Counts the call as being served until the account is dropped.
    _serving: Serving,
}

/// How long a call took.
#[derive(Clone, Copy)]
struct Times {
    total: Duration,
    /// Of the attempt that answered.
    upstream: Duration,
}

/// What is known of a call from its request.
pub(crate) struct CallFacts {
    pub call_id: String,
    /// The route's place among [`Books::routes`].
    pub route: usize,
    pub dialect: llm_core::DialectId,
    pub model: String,
    pub stream: bool,
    pub messages: usize,
    pub body_bytes: usize,
    pub received: Instant,
}

impl CallFacts {
    pub(crate) fn of_body(&mut self, inbound: &Inbound, model: &str, stream: bool) {
        self.model = model.to_owned();
        self.stream = stream;
        let (body, envelope) = (&inbound.body, &inbound.envelope);
        self.messages = envelope.count(body, "messages") + envelope.count(body, "input");
    }
}

/// What is known of a call once a deployment answers.
struct Answered {
    in_flight: InFlight,
    account: Arc<Account>,
    group: String,
    attempts: usize,
    fallbacks: usize,
    dropped: usize,
    attempt_began: Instant,
    first_content: Instant,
}

impl Settlement {
    pub(crate) fn new(books: Arc<Books>, call: CallFacts) -> Self {
        let serving = books.metrics.enter();
        let (usage, finish) = (Usage::default(), None);
        Self {
            books,
            call,
            answered: None,
            usage,
            before: None,
            finish,
            settled: false,
            asked: false,
            relayed: None,
            in_progress: None,
            _serving: serving,
        }
    }

    pub(crate) fn call(&self) -> &CallFacts {
        &self.call
    }

    pub(crate) fn call_mut(&mut self) -> &mut CallFacts {
        &mut self.call
    }

    /// The call has a place among those in progress, until the account is dropped.
    pub(crate) fn enters(&mut self, in_progress: Option<InProgress>) {
        self.in_progress = in_progress;
    }

    /// A vendor is asked: an error may be in its words from now on.
    pub(crate) fn asks(&mut self) {
        self.asked = true;
    }

    /// The request passes as it is, and names this model of the vendor's, if any.
    pub(crate) fn relays(&mut self, model: Option<String>) {
        self.call.model = model.clone().unwrap_or_default();
        self.relayed = Some(model);
    }

    /// Books the attempts that failed before, or instead of, an answer.
    pub(crate) fn failed_attempts(&mut self, attempts: &[Attempt]) {
        self.asked |= !attempts.is_empty();
        for attempt in attempts {
            let Some(error) = &attempt.error else { continue };
            if let Some(account) = self.books.accounts.get(&attempt.deployment) {
                account.metrics.failure(error.kind());
            }
            self.warn(&attempt.deployment, error, attempt.took);
        }
    }

    fn warn(&self, deployment: &str, error: &Error, took: Duration) {
        tracing::warn!(
            target: "llm_gateway::attempt",
            call_id = %self.call.call_id,
            deployment,
            error = error.kind().name(),
            status = error.status(),
            detail = error.detail(),
            reason = reason(error),
            milliseconds = milliseconds(took),
            "attempt failed"
        );
        self.quote(error);
    }

    /// What a vendor says of the request itself: for operators who ask for it, as it may be the prompt.
    fn quote(&self, error: &Error) {
        if reason(error).is_none() {
            let (call_id, message) = (self.call.call_id.as_str(), error.message());
            tracing::debug!(target: "llm_gateway::quoted", call_id, reason = message, "the vendor says");
        }
    }

    /// The id of the deployment that answers.
    pub(crate) fn deployment(&self) -> Option<&str> {
        self.answered.as_ref().map(|answered| answered.in_flight.deployment().id.as_str())
    }

    /// Makes usage and cost those of the whole call, for its log line and the client.
    fn with_before(&mut self, cost: Option<Cost>) -> Option<Cost> {
        let Some(before) = self.before.take() else { return cost };
        let (used, spent) = *before;
        self.usage.add(&used);
        sum(spent, cost)
    }

    /// What calls are booked into.
    pub(crate) fn books(&self) -> &Books {
        &self.books
    }

    /// Books attempts that were cancelled because another one was faster. What their vendors bill is not known: the
    /// prompt is taken to be billed, by its size.
    pub(crate) fn outrun(&self, losers: &[Outrun], group: &str) {
        let input = Some((self.call.body_bytes as u64).div_ceil(4));
        let usage = Usage { input, estimated: true, ..Usage::default() };
        for Outrun { deployment, took } in losers {
            let Some(account) = self.books.accounts.get(&deployment.id) else { continue };
            let entry = account.entry(&self.books.prices, &deployment.model_for(group));
            let priced = entry.filter(|entry| entry.price.covers(&usage));
            let cost = priced.map(|entry| entry.price.cost(&usage)).unwrap_or_default();
            account.metrics.broke_off(ErrorKind::Cancelled, &usage, cost);
            tracing::info!(
                target: "llm_gateway::attempt",
                call_id = %self.call.call_id,
                deployment = %deployment.id,
                milliseconds = milliseconds(*took),
                input_tokens = usage.input,
                estimated = true,
                cost_nanodollars = cost.total.0,
                "attempt outrun"
            );
        }
    }

    /// The way of the call, for operators who ask for it.
    pub(crate) fn tell(&self, trail: &Trail) {
        if !trail.is_empty() {
            let call_id = self.call.call_id.as_str();
            tracing::debug!(target: "llm_gateway::trail", call_id, %trail, "routed");
        }
    }

    /// A deployment answers.
    pub(crate) fn answered(&mut self, routed: &mut RoutedParts, account: Arc<Account>) {
        self.answered = routed.in_flight.take().map(|in_flight| Answered {
            in_flight,
            account,
            group: routed.group.clone(),
            attempts: routed.attempts.len(),
            fallbacks: routed.fallbacks,
            dropped: routed.losses.len(),
            attempt_began: routed.attempt_began,
            first_content: Instant::now(),
        });
    }

    /// What a whole answer used.
    pub(crate) fn used(&mut self, usage: Usage) {
        self.usage = usage;
    }

    /// What a stream used. Without a report of the vendor's, `output_estimate` tokens of output are taken and the prompt
    /// is counted by its size. A report from the beginning of a stream that broke off (`counted` is false) knows nothing
    /// of the words that followed: they are counted, too.
    pub(crate) fn streamed(&mut self, usage: Usage, output_estimate: u64, counted: bool) {
        self.usage = usage;
        if output_estimate == 0 || (counted && usage.total().is_some()) {
            return;
        }
        // A prompt of no tokens is one that was not counted yet.
        if usage.prompt_total().is_none_or(|tokens| tokens == 0) {
            self.usage.input = Some((self.call.body_bytes as u64).div_ceil(4));
            self.usage.estimated = true;
        }
        if usage.completion_total().is_none_or(|tokens| tokens < output_estimate) {
            self.usage.output = Some(output_estimate.saturating_sub(usage.reasoning.unwrap_or(0)));
            self.usage.estimated = true;
        }
    }

    /// What the whole call used until now, for its client.
    pub(crate) fn usage_so_far(&self) -> Usage {
        let mut usage = self.usage;
        if let Some(before) = &self.before {
            usage.add(&before.0);
        }
        usage
    }

    /// The answer broke off: books what it used, as it was told before, and waits for another deployment to go on.
    /// Returns what was used so far.
    pub(crate) fn broke_off(&mut self, error: &Error) -> Usage {
        let cost = self.cost();
        let now = Instant::now();
        let upstream = self.upstream_time(now);
        let times = Times { total: now.saturating_duration_since(self.call.received), upstream };
        self.release(Outcome::Failed(error), cost, times);
        if let Some(answered) = self.answered.take() {
            answered.account.metrics.broke_off(error.kind(), &self.usage, cost.unwrap_or_default());
            self.warn(&answered.in_flight.deployment().id, error, upstream);
        }
        let (used, spent) = &mut **self.before.get_or_insert_default();
        used.add(&std::mem::take(&mut self.usage));
        *spent = sum(*spent, cost);
        *used
    }

    pub(crate) fn finished(&mut self, finish: Option<FinishReason>) {
        self.finish = finish;
    }

    /// Time from when the vendor was asked until `now`.
    pub(crate) fn upstream_time(&self, now: Instant) -> Duration {
        let began = self.answered.as_ref().map(|answered| answered.attempt_began);
        began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began))
    }

    /// How long the answer took, when it came in one piece and is whole now.
    pub(crate) fn took_until(&self, now: Instant) -> Took {
        Took { total: now.saturating_duration_since(self.call.received), first_content: None }
    }

    /// When the first content of the answer was there.
    pub(crate) fn first_content(&self) -> Option<Instant> {
        self.answered.as_ref().map(|answered| answered.first_content)
    }

    /// Books the end of the call; does nothing the second time. Returns the cost, where a price is known.
    pub(crate) fn settle(&mut self, outcome: Outcome<'_>) -> Option<Cost> {
        self.settle_at(Instant::now(), outcome)
    }

    /// The same, for those who looked at the clock already.
    pub(crate) fn settle_at(&mut self, now: Instant, outcome: Outcome<'_>) -> Option<Cost> {
        if std::mem::replace(&mut self.settled, true) {
            return None;
        }
        let cost = self.cost();
        let times = Times {
            total: now.saturating_duration_since(self.call.received),
            upstream: self.upstream_time(now),
        };
        let status = match outcome {
            Outcome::Complete => 200,
            Outcome::Failed(error) => error.status(),
            Outcome::Cancelled => ErrorKind::Cancelled.status(),
        };
        self.observe(outcome, cost, times);
        self.release(outcome, cost, times);
        let cost = self.with_before(cost);
        let account = self.answered.as_ref().map(|answered| &*answered.account);
        self.books.route_metrics(self.call.route, account).finished(status);
        self.log(outcome, status, cost, times);
        self.answered = None;
        cost
    }

    fn cost(&self) -> Option<Cost> {
        let answered = self.answered.as_ref()?;
        if self.usage.is_empty() {
            return None;
        }
        let (deployment, prices) = (answered.in_flight.deployment(), &self.books.prices);
        let entry = match &self.relayed {
            Some(model) => answered.account.entry_of_any(prices, &deployment.model, model.as_deref()?)?,
            None => answered.account.entry(prices, &deployment.model_for(&answered.group))?,
        };
        entry.price.covers(&self.usage).then(|| entry.price.cost(&self.usage))
    }

    fn observe(&self, outcome: Outcome<'_>, cost: Option<Cost>, times: Times) {
        let Some(answered) = &self.answered else { return };
        match outcome {
            Outcome::Failed(error) => answered.account.metrics.failure(error.kind()),
            Outcome::Complete | Outcome::Cancelled => {
                let first = answered.first_content.saturating_duration_since(answered.attempt_began);
                answered.account.metrics.success(&Observation {
                    usage: self.usage,
                    cost: cost.unwrap_or_default(),
                    total: times.total,
                    upstream: times.upstream,
                    time_to_first_token: self.call.stream.then_some(first),
                    streamed: self.call.stream,
                });
            }
        }
    }

    /// Tells the deployment how its attempt ended, and what it used.
    fn release(&mut self, outcome: Outcome<'_>, cost: Option<Cost>, times: Times) {
        let Some(answered) = &mut self.answered else { return };
        let first_content = answered.first_content.saturating_duration_since(answered.attempt_began);
        answered.in_flight.finished(&Finished {
            error: match outcome {
                Outcome::Failed(error) => Some(error),
                Outcome::Complete | Outcome::Cancelled => None,
            },
            tokens: self.usage.total(),
            output_tokens: self.usage.completion_total(),
            cost: cost.map(|cost| cost.total),
            first_content,
            took: times.upstream,
            stream: self.call.stream,
        });
        let quota = answered.in_flight.deployment().quota();
        if let Some(limit) = quota.concurrency_limit().filter(|_| quota.spec().adaptive) {
            answered.account.metrics.set_concurrency_limit(limit);
        }
    }

    /// One line for each call: who answered, what it used and how long it took; no prompt, answer or key.
    fn log(&self, outcome: Outcome<'_>, status: u16, cost: Option<Cost>, times: Times) {
        if !tracing::enabled!(target: "llm_gateway::call", tracing::Level::INFO) {
            return;
        }
        let answered = self.answered.as_ref();
        let error = match outcome {
            Outcome::Failed(error) => Some(error),
            Outcome::Complete | Outcome::Cancelled => None,
        };
        tracing::info!(
            target: "llm_gateway::call",
            call_id = self.call.call_id.as_str(),
            route = self.books.route_label(self.call.route),
            dialect = self.call.dialect.name(),
            model = self.call.model.as_str(),
            deployment = answered.map(|answered| answered.in_flight.deployment().id.as_str()),
            upstream_model = answered.map(|answered| answered.in_flight.deployment().full_name.as_str()),
            status,
            stream = self.call.stream,
            messages = self.call.messages,
            input_tokens = self.usage.prompt_total(),
            cached_tokens = self.usage.cache_read,
            output_tokens = self.usage.completion_total(),
            reasoning_tokens = self.usage.reasoning,
            estimated = self.usage.estimated.then_some(true),
            cost_nanodollars = cost.map(|cost| cost.total.0),
            milliseconds = milliseconds(times.total),
            upstream_milliseconds = answered.map(|_| milliseconds(times.upstream)),
            first_token_milliseconds = answered.filter(|_| self.call.stream).map(|answered| {
                milliseconds(answered.first_content.saturating_duration_since(self.call.received))
            }),
            attempts = answered.map(|answered| answered.attempts),
            fallbacks = answered.map(|answered| answered.fallbacks),
            dropped = answered.map(|answered| answered.dropped).filter(|dropped| *dropped > 0),
            finish = self.finish.as_ref().map(tracing::field::debug),
            error = error.map(|error| error.kind().name()),
            reason = error.and_then(|error| if self.asked { reason(error) } else { Some(error.message()) }),
            detail = error.and_then(Error::detail),
            "{}",
            match outcome {
                Outcome::Complete => "answered",
                Outcome::Failed(_) => "failed",
                Outcome::Cancelled => "cancelled",
            },
        );
    }
}

/// What an error says, for logs. What a vendor says of a request may quote it, so those words are left to
/// [`Settlement::quote`].
fn reason(error: &Error) -> Option<&str> {
    let of_the_request = matches!(
        error.kind(),
        ErrorKind::InvalidRequest
            | ErrorKind::Unsupported
            | ErrorKind::PayloadTooLarge
            | ErrorKind::ContextLength
            | ErrorKind::ContentFilter
    );
    (!of_the_request).then(|| error.message())
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(Outcome::Cancelled);
        }
    }
}

fn sum(one: Option<Cost>, other: Option<Cost>) -> Option<Cost> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
