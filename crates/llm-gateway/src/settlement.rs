//! The account of one call, from its first byte to its last: settled exactly once, whatever ends it.

mod attempts;
mod kept;
mod log;
mod logged;
mod row;
mod way;

pub(crate) use kept::Hit;
pub(crate) use row::tell_unsafe;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use llm_core::ingress::Took;
use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::provider::Inbound;
use llm_core::response::FinishReason;
use llm_core::{Error, ErrorKind, Usage};
use llm_governance::Durable;
use llm_metrics::{Cost, InFlight as Serving, ModelEntry, Observation};
use llm_router::ask::tokens_of_body;
use llm_router::{Deployment, Finished, InFlight};
use parking_lot::Mutex;

use crate::bill::{Bill, Purse};
use crate::books::{Account, Books};
use crate::cache::Keeping;
use crate::call_log::CallContent;
use crate::guards::LogGuards;
use crate::headers;
use crate::hooks::Hooked;
use crate::load::InProgress;
use crate::routed::RoutedParts;
use kept::Cached;
use way::Way;

/// How a call ended.
#[derive(Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// The client has the whole answer.
    Complete,
    /// It failed.
    Failed(&'a Error),
    /// The client went away.
    Cancelled,
    /// The client went away, and the answer was read to its end.
    Drained,
}

impl Outcome<'_> {
    fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Complete | Self::Cancelled | Self::Drained => None,
        }
    }

    /// The status that the client got, or would have got.
    fn status(&self) -> u16 {
        match self {
            Self::Complete => 200,
            Self::Failed(error) => error.status(),
            Self::Cancelled | Self::Drained => ErrorKind::Cancelled.status(),
        }
    }
}

/// The account of one call. Dropping it unsettled settles it as cancelled.
pub(crate) struct Settlement {
    books: Arc<Books>,
    call: CallFacts,
    answered: Option<Answered>,
    usage: Usage,
    /// What answers used and cost that broke off and were gone on with elsewhere, and attempts that were outrun.
    before: Option<Box<(Usage, Option<Cost>)>>,
    finish: Option<FinishReason>,
    /// The vendor's id of the answer.
    vendor_id: Option<String>,
    /// Attempts that were made.
    attempts: usize,
    fallbacks: usize,
    /// What happened before an answer came; empty where the first deployment gave it.
    way: Way,
    settled: bool,
    /// A vendor was asked: an error may be in its words.
    asked: bool,
    /// The request passes as it is.
    relayed: Option<Box<Relayed>>,
    /// Its place among the calls in progress, where they are limited.
    in_progress: Option<InProgress>,
    /// What is held for the call, where anybody must know of attempts under way.
    purse: Option<Arc<Purse>>,
    /// Who pays, where that is of interest.
    bill: Option<Arc<Bill>>,
    /// Its answer is to be kept for requests that come again.
    keeping: Option<Box<Keeping>>,
    cached: Cached,
    /// Done when the row survives a power failure. In a lock so that the account can be looked at from several threads.
    durable: Option<Mutex<Durable>>,
    /// Hooks that the call was shown to.
    hooked: Option<Arc<Hooked>>,
    /// What is said in it, where somebody is to know.
    content: Option<Box<CallContent>>,
    log_guards: LogGuards,
    /// Counts the call as being served until the account is dropped.
    _serving: Serving,
}

/// What is known of a request that passes as it is. Few do: it has a place of its own.
#[derive(Default)]
struct Relayed {
    /// The vendor's model that it uses, if any.
    model: Option<String>,
    /// What it costs, whatever is used.
    flat: Option<NanoDollars>,
    /// The deployment that it waits for.
    waits_for: Option<(Arc<Deployment>, Arc<Account>)>,
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
    /// We made the id: no other call has it.
    pub is_ours: bool,
    /// The route's place among [`Books::routes`].
    pub route: usize,
    pub dialect: llm_core::DialectId,
    pub operation: Operation,
    pub model: String,
    pub stream: bool,
    /// Names of guardrails that looked at it, with commas between.
    pub guardrails: String,
    pub messages: usize,
    pub prompt: Prompt,
    pub received: Instant,
}

/// The prompt, for those who must know how long it is.
pub(crate) enum Prompt {
    /// The body that it is in.
    Body(Bytes),
    /// Its length.
    Tokens(u64),
}

impl Prompt {
    fn tokens(&self) -> u64 {
        match self {
            Self::Body(body) => tokens_of_body(body),
            Self::Tokens(tokens) => *tokens,
        }
    }
}

impl CallFacts {
    pub(crate) fn of_body(&mut self, inbound: &Inbound, model: &str, stream: bool) {
        self.model = model.to_owned();
        self.stream = stream;
        let (body, envelope) = (&inbound.body, &inbound.envelope);
        self.messages = envelope.count(body, "messages") + envelope.count(body, "input");
        if inbound.form.is_some() {
            // Sound and pictures are no words.
            self.prompt = Prompt::Tokens(0);
        }
    }
}

/// What is known of a call once a deployment answers.
struct Answered {
    in_flight: InFlight,
    account: Arc<Account>,
    group: String,
    dropped: usize,
    /// What the request lost on its way, in words, where the answer is to be kept.
    lost: String,
    attempt_began: Instant,
    first_content: Instant,
}

impl Settlement {
    pub(crate) fn new(books: Arc<Books>, call: CallFacts, purse: Option<Arc<Purse>>) -> Self {
        let serving = books.metrics.enter();
        let content = books.logs_content.then(Box::default);
        Self {
            books,
            call,
            answered: None,
            usage: Usage::default(),
            before: None,
            finish: None,
            vendor_id: None,
            attempts: 0,
            fallbacks: 0,
            way: Way::default(),
            settled: false,
            asked: false,
            relayed: None,
            in_progress: None,
            purse,
            bill: None,
            keeping: None,
            cached: Cached::No,
            durable: None,
            log_guards: LogGuards::default(),
            hooked: None,
            content,
            _serving: serving,
        }
    }

    pub(crate) fn call(&self) -> &CallFacts {
        &self.call
    }

    pub(crate) fn call_mut(&mut self) -> &mut CallFacts {
        &mut self.call
    }

    /// The caller is known, and pays.
    pub(crate) fn bills(&mut self, bill: Bill) {
        self.purse = Some(Arc::clone(&bill.purse));
        self.bill = Some(Arc::new(bill));
    }

    /// Who pays, where that is of interest.
    pub(crate) fn bill(&self) -> Option<&Arc<Bill>> {
        self.bill.as_ref()
    }

    /// The same, as long as nobody else has a share of it.
    pub(crate) fn bill_mut(&mut self) -> Option<&mut Bill> {
        self.bill.as_mut().and_then(Arc::get_mut)
    }

    pub(crate) fn purse(&self) -> Option<&Arc<Purse>> {
        self.purse.as_ref()
    }

    /// What must be waited for before the answer's end goes out.
    pub(crate) fn durable(&mut self) -> Option<Durable> {
        self.durable.take().map(Mutex::into_inner)
    }

    /// Waits until the row survives whatever the operator wants it to survive.
    pub(crate) async fn is_safe(&mut self) {
        if let Some(durable) = self.durable() {
            tell_unsafe(&self.call.call_id, durable.await);
        }
    }

    /// The call has a place among those in progress, until the account is dropped.
    pub(crate) fn enters(&mut self, in_progress: Option<InProgress>) {
        self.in_progress = in_progress;
    }

    /// A vendor is asked: an error may be in its words from now on.
    pub(crate) fn asks(&mut self) {
        self.asked = true;
    }

    /// What calls are booked into.
    pub(crate) fn books(&self) -> &Arc<Books> {
        &self.books
    }

    /// The id of the deployment that answers.
    pub(crate) fn deployment(&self) -> Option<&str> {
        self.answered.as_ref().map(|answered| answered.in_flight.deployment().id.as_str())
    }

    /// A deployment answers.
    pub(crate) fn answered(&mut self, routed: &mut RoutedParts, account: Arc<Account>) {
        self.attempts = self.attempts.max(1);
        self.waits_no_more();
        self.fallbacks = routed.fallbacks;
        self.answered = routed.in_flight.take().map(|in_flight| Answered {
            in_flight,
            account,
            group: routed.group.clone(),
            dropped: routed.losses.len(),
            lost: if self.keeping.is_some() { headers::lost(&routed.losses) } else { String::new() },
            attempt_began: routed.attempt_began,
            first_content: Instant::now(),
        });
    }

    /// The answer is a stream, which may take long: the request need not be kept for its account.
    pub(crate) fn begins_to_stream(&mut self) {
        self.call.prompt = Prompt::Tokens(self.call.prompt.tokens());
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
            self.usage.input = Some(self.call.prompt.tokens());
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

    /// What answers cost that broke off, and attempts that were outrun.
    pub(crate) fn spent_before(&self) -> NanoDollars {
        self.before.as_ref().and_then(|before| before.1).map(|cost| cost.total).unwrap_or_default()
    }

    /// What the call cost until now, where a price is known.
    pub(crate) fn cost_so_far(&self) -> NanoDollars {
        self.spent_before() + self.cost().map(|cost| cost.total).unwrap_or_default()
    }

    pub(crate) fn finished(&mut self, finish: Option<FinishReason>) {
        self.finish = finish;
    }

    /// The vendor's id of the answer, where it says one.
    pub(crate) fn names_answer(&mut self, id: &str) {
        if self.bill.is_some() && !id.is_empty() {
            self.vendor_id = Some(id.to_owned());
        }
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
        let is_left = self.purse.as_ref().is_some_and(|purse| purse.is_left());
        let outcome = match outcome {
            Outcome::Complete if is_left => Outcome::Drained,
            outcome => outcome,
        };
        let cost = self.cost();
        let times = Times {
            total: now.saturating_duration_since(self.call.received),
            upstream: self.upstream_time(now),
        };
        self.keeping = None;
        self.observe(outcome, cost, times);
        if let (Some(hooked), Some(error)) = (&self.hooked, outcome.error()) {
            hooked.failed(error);
        }
        self.release(outcome, cost, times);
        self.abandoned();
        let cost = self.with_before(cost);
        self.book(outcome, cost, times);
        let given = self.answered.as_ref().map(|answered| &*answered.account);
        let account = given.or_else(|| self.hit_by()?.account.as_deref());
        self.books.route_metrics(self.call.route, account).finished(outcome.status());
        self.count_cached(account);
        self.log(outcome, cost, times);
        self.answered = None;
        cost
    }

    fn cost(&self) -> Option<Cost> {
        if let Some(total) = self.relayed.as_ref().and_then(|relayed| relayed.flat) {
            return Some(Cost { total, ..Cost::default() });
        }
        if self.usage.is_empty() {
            return None;
        }
        let entry = self.entry()?;
        entry.price.covers(&self.usage).then(|| entry.price.cost(&self.usage))
    }

    /// What is known of the model that answers.
    fn entry(&self) -> Option<Cow<'_, ModelEntry>> {
        let answered = self.answered.as_ref()?;
        let (deployment, prices) = (answered.in_flight.deployment(), &self.books.prices);
        match &self.relayed {
            Some(relayed) => {
                answered.account.entry_of_any(prices, &deployment.model, relayed.model.as_deref()?)
            }
            None => answered.account.entry(prices, &deployment.model_for(&answered.group)),
        }
    }

    fn observe(&self, outcome: Outcome<'_>, cost: Option<Cost>, times: Times) {
        let Some(answered) = &self.answered else { return };
        if let Outcome::Failed(error) = outcome {
            let operation = self.call.operation;
            return answered.account.metrics.failure(operation, error.kind(), times.upstream);
        }
        if let Some(tokens) = self.usage.completion_total() {
            answered.account.note_output(tokens);
        }
        let first = answered.first_content.saturating_duration_since(answered.attempt_began);
        answered.account.metrics.success(&Observation {
            operation: self.call.operation,
            usage: self.usage,
            cost: cost.unwrap_or_default(),
            total: times.total,
            upstream: times.upstream,
            time_to_first_token: self.call.stream.then_some(first),
            streamed: self.call.stream,
        });
    }

    /// Tells the deployment how its attempt ended, and what it used.
    fn release(&mut self, outcome: Outcome<'_>, cost: Option<Cost>, times: Times) {
        let Some(answered) = &mut self.answered else { return };
        let first_content = answered.first_content.saturating_duration_since(answered.attempt_began);
        answered.in_flight.finished(&Finished {
            error: outcome.error(),
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
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        if std::thread::panicking() {
            let error = Error::internal("the gateway failed at this request; its log says where");
            self.settle(Outcome::Failed(&error));
        } else {
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
