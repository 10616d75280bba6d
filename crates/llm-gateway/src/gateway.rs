//! The gateway, and the life of a request: one function, [`Gateway::handle`], and what it calls.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::operation::{Asked, Operation};
use llm_core::provider::{BoxFuture, Inbound, boxed};
use llm_core::{Error, Ingress, Result};
use llm_governance::authorise::{AccessGroups, Route as PathRoute, RouteRules};
use llm_governance::{Governance, Principal};
use llm_metrics::{Instrument, Metrics};
use llm_router::{Earlier, Link, MidStream, Router, Started};
use tokio::sync::Notify;

use crate::answer::{Answer, AnswerBody, Incoming};
use crate::answering::Facts;
use crate::begun::{Begun, BegunStream, GoingOnWith, Refused, whole};
use crate::bill::Purse;
use crate::books::Books;
use crate::cache::{AnswerCache, Remembered};
use crate::call_id::new_call_id;
use crate::calls::OnDisconnect;
use crate::drain::{Drains, Watched};
use crate::guards::{Guarded, Guardrails, Hits};
use crate::headers;
use crate::hooks::Hooks;
use crate::introduction;
use crate::load::{InProgress, Load};
use crate::options::CallOptions;
use crate::parts::GatewayParts;
use crate::paths::Paths;
use crate::placing;
use crate::prompts::Prompts;
use crate::recent::Recent;
use crate::relay::RelayRoute;
use crate::routed::RoutedParts;
use crate::running::may_have;
use crate::settlement::{CallFacts, Outcome, Prompt, Settlement};
use crate::stream::InStream;
use crate::team_models::TeamModels;

/// The content type of an answer whose vendor names none.
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A gateway. Share it in an `Arc`; [`Gateway::replace`] changes its configuration while it runs.
pub struct Gateway {
    state: ArcSwap<State>,
    replaced: Notify,
    pub(crate) metrics: Arc<Metrics>,
    load: Arc<Load>,
    drains: Drains,
    hits: Hits,
    pub(crate) recent: Recent,
}

/// Everything that a configuration decides. Calls under way keep the state that they began with.
pub(crate) struct State {
    pub router: Router,
    pub ingresses: Vec<Arc<dyn Ingress>>,
    pub paths: Paths,
    pub governance: Arc<Governance>,
    /// Nobody has keys or limits, and no row is kept.
    pub is_idle: bool,
    pub routes: RouteRules,
    pub access_groups: Arc<dyn AccessGroups>,
    pub team_models: TeamModels,
    pub default_model: Option<String>,
    pub guardrails: Guardrails,
    pub books: Arc<Books>,
    pub relays: Vec<RelayRoute>,
    pub load: Arc<Load>,
    pub max_calls: Option<usize>,
    pub hooks: Arc<Hooks>,
    pub prompts: Prompts,
    pub cache: Option<Arc<AnswerCache>>,
}

impl Gateway {
    /// A gateway with its own metrics.
    ///
    /// # Panics
    /// When there is no client dialect at all.
    pub fn new(parts: GatewayParts) -> Self {
        let metrics = Arc::new(Metrics::new());
        let load = Arc::new(Load::default());
        let (drains, hits) = (Drains::default(), Hits::default());
        let state = State::new(parts, &metrics, &load, (&drains, &hits));
        let (state, recent) = (ArcSwap::from_pointee(state), Recent::default());
        Self { state, replaced: Notify::new(), metrics, load, drains, hits, recent }
    }

    /// Puts another configuration in place of this one. Calls under way end as they began.
    pub fn replace(&self, parts: GatewayParts) {
        self.state.store(Arc::new(State::new(parts, &self.metrics, &self.load, (&self.drains, &self.hits))));
        self.replaced.notify_one();
    }

    /// What guardrails found last.
    pub(crate) fn hits(&self) -> &Hits {
        &self.hits
    }

    /// Waits until the configuration is replaced.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// Where answers are kept; `None`: nowhere.
    pub fn cache(&self) -> Option<Arc<AnswerCache>> {
        self.state.load().cache.clone()
    }

    /// What a POST to this path and query means, and in which dialect.
    pub fn route(&self, path: &str, query: Option<&str>) -> Option<(Arc<dyn Ingress>, Asked)> {
        self.state.load().paths.find(path, query)
    }

    /// The dialect of answers to paths that name none.
    pub fn default_ingress(&self) -> Arc<dyn Ingress> {
        Arc::clone(self.state.load().default_ingress())
    }

    /// Who asks, and whether they may use this path. `looks`: nothing is changed by it, as its method says.
    ///
    /// # Errors
    /// When a key is needed and none, or a wrong one, was shown, or when its holder may not use the path from there.
    pub fn authorise<'a>(
        &'a self,
        headers: &'a HeaderMap,
        address: Option<IpAddr>,
        (path, looks): (&'a str, bool),
    ) -> BoxFuture<'a, Result<Arc<Principal>>> {
        Box::pin(async move {
            let state = self.state();
            let is_relayed = state.relay_route(path).is_some();
            let is_model_api = is_relayed || state.paths.find(path, None).is_some();
            let route = if is_model_api { PathRoute::model_api(path) } else { PathRoute::new(path, looks) };
            match is_relayed {
                true => state.identify_for_relay(headers, address, (path, &route)).await,
                false => state.identify(headers, address, &route).await,
            }
        })
    }

    /// The same for a route that knows itself which roles may ask it.
    ///
    /// # Errors
    /// When a key is needed and none, or a wrong one, was shown, or when it may not be used for the path or from there.
    pub fn identify<'a>(
        &'a self,
        headers: &'a HeaderMap,
        address: Option<IpAddr>,
        (path, looks): (&'a str, bool),
    ) -> BoxFuture<'a, Result<Arc<Principal>>> {
        Box::pin(
            async move { self.state().identify_for(headers, address, &PathRoute::new(path, looks)).await },
        )
    }

    /// An error as an answer in a client's dialect, to a request that never became a call.
    pub fn refusal(&self, ingress: &dyn Ingress, error: &Error) -> Answer {
        refusal(ingress, error, &new_call_id())
    }

    /// The same, under the id that the request has already.
    pub fn refusal_of(&self, ingress: &dyn Ingress, error: &Error, call_id: &str) -> Answer {
        refusal(ingress, error, call_id)
    }

    /// All metrics in the Prometheus text format.
    pub fn render_metrics(&self) -> String {
        self.note_states();
        self.metrics.render()
    }

    /// All metrics as instruments of OpenTelemetry.
    pub fn instruments(&self) -> Vec<Instrument> {
        self.note_states();
        self.metrics.instruments()
    }

    /// Tells the metrics what is only known when somebody asks.
    fn note_states(&self) {
        let state = self.state.load();
        state.note_states();
        self.metrics.set_shared(state.shared_link().map(|link| link == Link::Connected));
        self.metrics.set_callbacks(state.books.log_counts());
    }

    /// Who is told of calls: by the callback's name, how many arrived, could not be delivered, and were dropped.
    pub fn callbacks(&self) -> Vec<(String, [u64; 3])> {
        self.state.load().books.log_counts()
    }

    /// The life of a request. Errors are answers too, in the client's dialect.
    ///
    /// Dropping the future cancels the vendor's work and settles the call as cancelled, or, where the operator wants that
    /// ([`crate::OnDisconnect::Drain`]), leaves it to a task that reads the answer to its end.
    ///
    /// The future is boxed here: it is large, and whoever holds it would copy it with every step outwards.
    pub fn handle(&self, incoming: Incoming) -> BoxFuture<'static, Answer> {
        let state = self.state.load_full();
        if state.books.calls.on_disconnect == OnDisconnect::Drain {
            return Box::pin(Watched::new(state, incoming));
        }
        boxed(|| state.serve(incoming, None))
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }
}

impl State {
    fn new(
        parts: GatewayParts,
        metrics: &Arc<Metrics>,
        load: &Arc<Load>,
        (drains, hits): (&Drains, &Hits),
    ) -> Self {
        assert!(!parts.ingresses.is_empty(), "a gateway needs at least one client dialect");
        Self {
            books: Arc::new(
                Books::new(
                    &parts.router,
                    &parts.ingresses,
                    &parts.relays,
                    parts.accounts,
                    parts.prices,
                    (metrics, parts.calls, drains),
                    parts.outages.as_ref(),
                )
                .with_log(parts.log.clone()),
            ),
            router: parts.router,
            paths: Paths::of(&parts.ingresses),
            ingresses: parts.ingresses,
            // A log that is for single keys alone has nothing to do where there are none.
            is_idle: parts.governance.is_idle() && !parts.log.as_ref().is_some_and(|log| log.is_for_all()),
            governance: parts.governance,
            routes: parts.routes,
            access_groups: parts.access_groups,
            team_models: parts.team_models,
            default_model: parts.default_model,
            guardrails: Guardrails::new(parts.guardrails, metrics, hits),
            relays: parts.relays,
            load: Arc::clone(load),
            max_calls: parts.max_calls,
            hooks: Arc::new(Hooks::new(parts.hooks)),
            prompts: parts.prompts,
            cache: parts.cache,
        }
    }

    pub(crate) fn default_ingress(&self) -> &Arc<dyn Ingress> {
        self.ingresses.first().expect("checked to be there when the state was made")
    }

    /// Answers, and waits until what the call cost is as safe as the operator wants it.
    pub(crate) async fn serve(self: Arc<Self>, incoming: Incoming, purse: Option<Arc<Purse>>) -> Answer {
        let ingress = Arc::clone(&incoming.ingress);
        let facts = facts(&self.books, &incoming);
        let mut settlement = Settlement::new(Arc::clone(&self.books), facts, purse);
        let answer = match self.answer(incoming, &mut settlement).await {
            Ok(Begun::Whole(answer)) => *answer,
            Ok(Begun::Stream(begun)) => return begun.into_answer(ingress, settlement),
            Err(Refused { error, trail }) => {
                settlement.settle(Outcome::Failed(&error));
                let mut answer = refusal(&*ingress, &error, &settlement.call().call_id);
                if let Some(bill) = settlement.bill() {
                    headers::put_caller(&mut answer.headers, bill);
                }
                if let Some(trail) = trail {
                    headers::put_trail(&mut answer.headers, &trail);
                }
                headers::put_guardrails(&mut answer.headers, &settlement.call().guardrails);
                answer
            }
        };
        settlement.is_safe().await;
        answer
    }

    /// Identify, read, guard, admit, plan and run, guard again, settle.
    async fn answer(
        self: &Arc<Self>,
        incoming: Incoming,
        settlement: &mut Settlement,
    ) -> Result<Begun, Refused> {
        let route = PathRoute::model_api(incoming.uri.path());
        let caller = self.identify(&incoming.headers, incoming.address, &route).await?;
        self.open_bill(&incoming.headers, incoming.address, &caller, settlement);
        let inbound = Inbound::new(incoming.ingress, incoming.asked, incoming.headers, incoming.body)?;
        // On its own memory from here on: each step takes it and gives it back.
        let inbound = self.prompts.fill(Box::new(inbound))?;
        let mut options = CallOptions::read(&inbound)?;
        self.name_model(&mut options)?;
        settlement.call_mut().of_body(&inbound, &options.model, options.stream);
        self.check_request(&inbound, &mut options, settlement)?;
        settlement.enters(self.enter(options.route.priority)?);
        let mut inbound = self.instruct(inbound, &options, settlement)?;
        if inbound.asked.operation == Operation::CountTokens {
            return Ok(whole(Box::pin(self.count_tokens(&inbound, &options, settlement)).await?));
        }
        if !self.hooks.is_empty() {
            inbound = Box::pin(self.before(inbound, &mut options, settlement)).await?;
        }
        let caller = settlement.bill().map(|bill| &*bill.caller);
        let mut guarded = self.guardrails.of_call(&inbound, caller, settlement.call())?;
        if let Some(guarded) = &mut guarded {
            settlement.logs_through(guarded.on_logs());
            guarded.may_ask(self, settlement);
            if options.stream {
                guarded.may_stream(inbound.asked.operation)?;
            }
            inbound = Box::pin(guarded.on_request(inbound, settlement.call_mut())).await?;
        }
        settlement.asks_for(&inbound);
        placing::place(&inbound, self.router.settings(), &mut options.route)?;
        if let Some(cache) = &self.cache {
            let remembered =
                boxed(|| self.remembered(cache, inbound, &mut options, &mut guarded, settlement));
            inbound = match remembered.await? {
                Remembered::Answer(begun) => return Ok(begun),
                Remembered::Nothing(inbound) => inbound,
            };
        }
        inbound = self.admit(inbound, &mut options, settlement).await?;
        if self.books.calls.tells_callers {
            introduction::introduce(&mut inbound.headers, settlement.bill());
        }
        let (parts, answer) = match &mut guarded {
            Some(guarded) => {
                Box::pin(self.route_guarded(&inbound, &mut options, guarded, settlement)).await?
            }
            None => self.route(&inbound, &options, settlement).await?,
        };
        self.begin(inbound, &options, (parts, answer), guarded, settlement).await
    }

    /// Hands an answer over: a whole one is settled, a stream takes its account with it.
    async fn begin(
        self: &Arc<Self>,
        inbound: Box<Inbound>,
        options: &CallOptions,
        (mut parts, mut answer): (Box<RoutedParts>, Started),
        mut guarded: Option<Box<Guarded>>,
        settlement: &mut Settlement,
    ) -> Result<Begun, Refused> {
        let account = parts.account(&self.books)?;
        let deployment = parts.in_flight.as_ref().map(|in_flight| Arc::clone(in_flight.deployment()));
        settlement.answered(&mut parts, Arc::clone(&account));
        if settlement.hooked().is_some() {
            answer = Box::pin(self.after(&inbound, answer, settlement)).await?;
        }
        let content_type = inbound.asked.operation.passes().then(|| parts.headers.get(CONTENT_TYPE).cloned());
        let content_type = content_type.map(|vendors| vendors.unwrap_or(BINARY));
        let told = Facts {
            parts: &parts,
            options,
            account: &account,
            deployment: deployment.as_deref(),
            content_type,
        };
        if matches!(answer, Started::NativeStream { .. } | Started::Events { .. }) {
            let guarded = guarded.filter(|guarded| guarded.looks_at_answers());
            let headers = told.headers(settlement, None, inbound.ingress.stream_content_type());
            let told = InStream::of(told.content_type.as_ref());
            let going_on = self.going_on(&parts, options);
            let begun = BegunStream { headers, inbound, told, answer, going_on, guarded };
            return Ok(Begun::Stream(Box::new(begun)));
        }
        let body = told.body(&inbound, answer, settlement)?;
        let body = match &mut guarded {
            Some(guarded) => Box::pin(may_have(body, guarded, &inbound, settlement)).await?,
            None => body,
        };
        Ok(whole(told.whole(body, settlement)))
    }

    /// What a stream is gone on with, where it is to be.
    fn going_on(self: &Arc<Self>, parts: &RoutedParts, options: &CallOptions) -> Option<GoingOnWith> {
        let earlier = Earlier { attempts: parts.attempts.len(), fallbacks: parts.fallbacks };
        let goes_on = parts.mid_stream == MidStream::Continue;
        goes_on.then(|| GoingOnWith { state: Arc::clone(self), options: options.clone(), earlier })
    }

    /// Takes a place among the calls in progress.
    ///
    /// # Errors
    /// When calls of this importance have all places that they may have.
    pub(crate) fn enter(&self, priority: Option<i64>) -> Result<Option<InProgress>> {
        let priority = priority.unwrap_or(self.router.settings().default_priority);
        self.load.enter(self.max_calls, priority)
    }

    pub(crate) fn name_model(&self, options: &mut CallOptions) -> Result<()> {
        if options.model.is_empty() {
            let default = self.default_model.clone();
            options.model = default.ok_or_else(|| {
                Error::invalid("the request names no model: set `model` (GET /v1/models lists what there is)")
                    .with_param("model")
            })?;
        }
        Ok(())
    }
}

pub(crate) fn unasked() -> Error {
    Error::internal("an answer of another kind than was asked for")
}

fn facts(books: &Books, incoming: &Incoming) -> CallFacts {
    CallFacts {
        is_ours: incoming.call_id.is_none(),
        call_id: incoming.call_id.clone().unwrap_or_else(new_call_id),
        route: books.route(incoming.ingress.id(), incoming.asked.operation),
        dialect: incoming.ingress.id(),
        model: String::new(),
        stream: false,
        guardrails: String::new(),
        messages: 0,
        operation: incoming.asked.operation,
        prompt: Prompt::Body(incoming.body.clone()),
        received: incoming.received,
    }
}

pub(crate) fn refusal(ingress: &dyn Ingress, error: &Error, call_id: &str) -> Answer {
    let mut headers = headers::of_error(error, call_id);
    headers.extend(ingress.error_headers(error));
    Answer {
        status: ingress.error_status(error),
        headers,
        body: AnswerBody::Whole(ingress.error(error).into()),
    }
}
