//! The gateway, and the life of a request: one function, [`Gateway::handle`], and what it calls.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::operation::{Asked, Operation};
use llm_core::provider::{Call, Inbound};
use llm_core::wire::WireBody;
use llm_core::{ChatResponse, Error, Ingress, Result, Secret, Seen};
use llm_metrics::{Metrics, PriceBook};
use llm_router::{Deployment, Earlier, Link, MidStream, Route, Router, Started, Trail, Unanswered};
use tokio::sync::Notify;

use crate::answer::{Answer, AnswerBody, Incoming};
use crate::books::{Account, AccountSpec, Books};
use crate::call_id::new_call_id;
use crate::caller::{self, Caller};
use crate::headers::{self, Done, Told};
use crate::load::{InProgress, Load};
use crate::mid_stream::Recovery;
use crate::options::CallOptions;
use crate::paths::Paths;
use crate::placing;
use crate::relay::RelayRoute;
use crate::routed::RoutedParts;
use crate::settlement::{CallFacts, Outcome, Settlement};
use crate::stream::{AnswerStream, GoingOn, InStream};
use llm_core::tokens;

/// The content type of an answer whose vendor names none.
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// What a gateway is made from.
pub struct GatewayParts {
    /// Names to deployments.
    pub router: Router,
    /// Client dialects; the first one answers where a path names none.
    pub ingresses: Vec<Arc<dyn Ingress>>,
    /// The key that clients must show; `None`: anyone may ask.
    pub master_key: Option<Secret>,
    /// The model of requests that name none.
    pub default_model: Option<String>,
    /// Prices and limits of models.
    pub prices: Arc<PriceBook>,
    /// How each deployment is priced, by its id.
    pub accounts: HashMap<String, AccountSpec>,
    /// Paths that pass to a vendor as they are.
    pub relays: Vec<RelayRoute>,
    /// Calls at a time; `None`: without limit.
    pub max_calls: Option<usize>,
}

impl GatewayParts {
    /// A gateway that anyone may ask, with the embedded prices, and nothing else.
    pub fn new(router: Router, ingresses: Vec<Arc<dyn Ingress>>) -> Self {
        Self {
            router,
            ingresses,
            master_key: None,
            default_model: None,
            prices: Arc::new(PriceBook::embedded()),
            accounts: HashMap::new(),
            relays: Vec::new(),
            max_calls: None,
        }
    }
}

/// A gateway. Share it in an `Arc`; [`Gateway::replace`] changes its configuration while it runs.
pub struct Gateway {
    state: ArcSwap<State>,
    replaced: Notify,
    metrics: Arc<Metrics>,
    load: Arc<Load>,
}

/// Everything that a configuration decides. Calls under way keep the state that they began with.
pub(crate) struct State {
    pub router: Router,
    pub ingresses: Vec<Arc<dyn Ingress>>,
    pub paths: Paths,
    pub master_key: Option<Secret>,
    pub default_model: Option<String>,
    pub books: Arc<Books>,
    pub relays: Vec<RelayRoute>,
    pub load: Arc<Load>,
    pub max_calls: Option<usize>,
}

impl Gateway {
    /// A gateway with its own metrics.
    ///
    /// # Panics
    /// When there is no client dialect at all.
    pub fn new(parts: GatewayParts) -> Self {
        let metrics = Arc::new(Metrics::new());
        let load = Arc::new(Load::default());
        let state = State::new(parts, &metrics, &load);
        Self { state: ArcSwap::from_pointee(state), replaced: Notify::new(), metrics, load }
    }

    /// Puts another configuration in place of this one. Calls under way end as they began.
    pub fn replace(&self, parts: GatewayParts) {
        self.state.store(Arc::new(State::new(parts, &self.metrics, &self.load)));
        self.replaced.notify_one();
    }

    /// Waits until the configuration is replaced.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// What a POST to this path and query means, and in which dialect.
    pub fn route(&self, path: &str, query: Option<&str>) -> Option<(Arc<dyn Ingress>, Asked)> {
        self.state.load().paths.find(path, query)
    }

    /// The dialect of answers to paths that name none.
    pub fn default_ingress(&self) -> Arc<dyn Ingress> {
        Arc::clone(self.state.load().default_ingress())
    }

    /// Who asks, for paths beside the model APIs.
    ///
    /// # Errors
    /// When a key is needed and none, or a wrong one, was shown.
    pub fn authorise(&self, headers: &HeaderMap) -> Result<Caller> {
        caller::identify(headers, self.state.load().master_key.as_ref())
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
        let state = self.state.load();
        state.note_states();
        self.metrics.set_shared(state.shared_link().map(|link| link == Link::Connected));
        self.metrics.render()
    }

    /// The life of a request. Errors are answers too, in the client's dialect.
    ///
    /// Dropping the future cancels the vendor's work and settles the call as cancelled.
    pub async fn handle(&self, incoming: Incoming) -> Answer {
        let state = self.state.load_full();
        let ingress = Arc::clone(&incoming.ingress);
        let mut settlement = Settlement::new(Arc::clone(&state.books), facts(&state.books, &incoming));
        match state.answer(incoming, &mut settlement).await {
            Ok(Begun::Whole(answer)) => *answer,
            Ok(Begun::Stream(begun)) => begun.into_answer(ingress, settlement),
            Err(Refused { error, trail }) => {
                settlement.settle(Outcome::Failed(&error));
                let mut answer = refusal(&*ingress, &error, &settlement.call().call_id);
                if let Some(trail) = trail {
                    headers::put_trail(&mut answer.headers, &trail);
                }
                answer
            }
        }
    }

    pub(crate) fn state(&self) -> Arc<State> {
        self.state.load_full()
    }
}

impl State {
    fn new(parts: GatewayParts, metrics: &Arc<Metrics>, load: &Arc<Load>) -> Self {
        assert!(!parts.ingresses.is_empty(), "a gateway needs at least one client dialect");
        Self {
            books: Arc::new(Books::new(
                &parts.router,
                &parts.ingresses,
                &parts.relays,
                parts.accounts,
                parts.prices,
                metrics,
            )),
            router: parts.router,
            paths: Paths::of(&parts.ingresses),
            ingresses: parts.ingresses,
            master_key: parts.master_key,
            default_model: parts.default_model,
            relays: parts.relays,
            load: Arc::clone(load),
            max_calls: parts.max_calls,
        }
    }

    pub(crate) fn default_ingress(&self) -> &Arc<dyn Ingress> {
        self.ingresses.first().expect("checked to be there when the state was made")
    }

    /// Identify, read, plan and run, settle. What guards, caches and budgets will do are lines of this function.
    async fn answer(
        self: &Arc<Self>,
        incoming: Incoming,
        settlement: &mut Settlement,
    ) -> Result<Begun, Refused> {
        caller::identify(&incoming.headers, self.master_key.as_ref())?;
        let inbound = Inbound::new(incoming.ingress, incoming.asked, incoming.headers, incoming.body)?;
        let mut options = CallOptions::read(&inbound)?;
        self.name_model(&mut options)?;
        settlement.call_mut().of_body(&inbound, &options.model, options.stream);
        settlement.enters(self.enter(options.route.priority)?);
        if inbound.asked.operation == Operation::CountTokens {
            return Ok(whole(self.count_tokens(&inbound, &options, settlement).await?));
        }

        placing::place(&inbound, self.router.settings(), &mut options.route)?;
        let (mut parts, answer) = self.route(&inbound, &options, settlement).await?;
        let account = parts.account(&self.books)?;
        let deployment = parts.in_flight.as_ref().map(|in_flight| Arc::clone(in_flight.deployment()));
        settlement.answered(&mut parts, Arc::clone(&account));
        let content_type = inbound.asked.operation.passes().then(|| parts.headers.get(CONTENT_TYPE).cloned());
        let content_type = content_type.map(|vendors| vendors.unwrap_or(BINARY));
        let told = Facts {
            parts: &parts,
            options: &options,
            account: &account,
            deployment: deployment.as_deref(),
            content_type,
        };
        match answer {
            Started::Native { body, seen } => Ok(whole(told.native(body, &seen, settlement))),
            Started::Decoded(response) => Ok(whole(told.decoded(&inbound, &response, settlement)?)),
            Started::Embeddings(response) => {
                let client = inbound.ingress.embeddings().ok_or_else(unasked)?;
                let body = client.encode(&response, inbound.embedding_request()?);
                settlement.used(response.usage);
                Ok(whole(told.whole(body.into(), settlement)))
            }
            Started::Rerank(response) => {
                let client = inbound.ingress.rerank().ok_or_else(unasked)?;
                let body = client.encode(&response, inbound.rerank_request()?);
                settlement.used(response.usage);
                Ok(whole(told.whole(body.into(), settlement)))
            }
            stream => {
                let content_type = inbound.ingress.stream_content_type();
                let headers = told.headers(&settlement.call().call_id, None, content_type);
                let told = InStream::of(told.content_type.as_ref());
                let goes_on = parts.mid_stream == MidStream::Continue;
                let going_on = goes_on.then(|| GoingOnWith {
                    state: Arc::clone(self),
                    options,
                    earlier: Earlier { attempts: parts.attempts.len(), fallbacks: parts.fallbacks },
                });
                Ok(Begun::Stream(Box::new(BegunStream { headers, inbound, told, answer: stream, going_on })))
            }
        }
    }

    /// Takes a place among the calls in progress.
    ///
    /// # Errors
    /// When calls of this importance have all places that they may have.
    pub(crate) fn enter(&self, priority: Option<i64>) -> Result<Option<InProgress>> {
        let priority = priority.unwrap_or(self.router.settings().default_priority);
        self.load.enter(self.max_calls, priority)
    }

    /// Plans and runs: an answer that has begun, all that happened before it booked.
    async fn route(
        &self,
        inbound: &Inbound,
        options: &CallOptions,
        settlement: &mut Settlement,
    ) -> Result<(RoutedParts, Started), Refused> {
        let began = settlement.call().received;
        let route = Route::new(inbound, &options.model, options.stream, began, &options.route);
        let routed = self.router.run(&route).await.map_err(|unanswered| {
            let Unanswered { error, attempts, trail, .. } = *unanswered;
            settlement.failed_attempts(&attempts);
            settlement.tell(&trail);
            Refused { error, trail: options.route.explain.then(|| Box::new(trail)) }
        })?;
        settlement.failed_attempts(&routed.attempts);
        settlement.outrun(&routed.losers, &routed.group);
        settlement.tell(&routed.trail);
        Ok(RoutedParts::of(routed))
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

    /// Counts tokens at the vendor where its dialect is the client's, else roughly here.
    async fn count_tokens(
        &self,
        inbound: &Inbound,
        options: &CallOptions,
        settlement: &mut Settlement,
    ) -> Result<Answer> {
        let (group, name) = self.router.resolve(&options.model)?;
        let limits = options.route.limits.or(self.router.settings().limits);
        for deployment in group.deployments() {
            let model = deployment.model_for(name);
            let call = Call {
                inbound,
                model: &model,
                public_model: &options.model,
                stream: false,
                canonical: false,
                policy: None,
                deadlines: limits.or(deployment.limits).deadlines(settlement.call().received),
            };
            settlement.asks();
            if let Some(tokens) = deployment.provider.count_tokens(call).await? {
                settlement.settle(Outcome::Complete);
                return Ok(counted(inbound, tokens, &settlement.call().call_id));
            }
        }
        let tokens = tokens::of_request(inbound.decoded()?);
        settlement.settle(Outcome::Complete);
        Ok(counted(inbound, tokens, &settlement.call().call_id))
    }
}

fn counted(inbound: &Inbound, tokens: u64, call_id: &str) -> Answer {
    let body = inbound.ingress.encode_token_count(tokens);
    Answer { status: 200, headers: headers::plain(call_id), body: AnswerBody::Whole(body.into()) }
}

fn unasked() -> Error {
    Error::internal("an answer of another kind than was asked for")
}

fn facts(books: &Books, incoming: &Incoming) -> CallFacts {
    CallFacts {
        call_id: incoming.call_id.clone().unwrap_or_else(new_call_id),
        route: books.route(incoming.ingress.id(), incoming.asked.operation),
        dialect: incoming.ingress.id(),
        model: String::new(),
        stream: false,
        messages: 0,
        body_bytes: incoming.body.len(),
        received: incoming.received,
    }
}

fn refusal(ingress: &dyn Ingress, error: &Error, call_id: &str) -> Answer {
    let mut headers = headers::of_error(error, call_id);
    headers.extend(ingress.error_headers(error));
    Answer {
        status: ingress.error_status(error),
        headers,
        body: AnswerBody::Whole(ingress.error(error).into()),
    }
}
