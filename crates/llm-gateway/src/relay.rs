//! Requests that pass to a vendor as they are: which vendor a path means, whose credentials are used, and the account
//! of the call. Nothing here is on the way of a request to a model API.

mod asked;
mod endpoint;
mod stream;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use llm_core::dialect::Seen;
use llm_core::money::NanoDollars;
use llm_core::operation::Operation;
use llm_core::provider::{BoxFuture, NativeStream};
use llm_core::relay::{RelayBase, RelayBody, RelayCall, RelayReply, check_path};
use llm_core::{Error, ErrorKind, Ingress, Result};
use llm_governance::Principal;
use llm_governance::authorise::Route as PathRoute;
use llm_router::{Ask, Attempt, Deployment, Group, InFlight, unavailable};

use crate::books::Account;
use crate::call_id::new_call_id;
use crate::delivered;
use crate::estimate::{Estimating, Size};
use crate::gateway::{Gateway, State};
use crate::headers;
use crate::routed::RoutedParts;
use crate::settlement::{CallFacts, Outcome, Prompt, Settlement};

use asked::{Asked, MODEL_PARAMETER, VENDOR_PARAMETERS, json_body};
pub use endpoint::RelayEndpoint;
pub use stream::RelayStream;

/// Paths that pass to one of some deployments.
#[derive(Clone)]
pub struct RelayRoute {
    /// What the paths of clients begin with. It names the route in logs and metrics too.
    pub prefix: &'static str,
    /// What it becomes at the vendor.
    pub becomes: &'static str,
    /// Where the vendor's paths begin.
    pub base: RelayBase,
    /// Whose address and credentials are used, the default first.
    pub targets: Vec<RelayTarget>,
    /// What an operator does when there is none.
    pub remedy: String,
    /// What is said of a path of the operator's own; `None`: it is one of the gateway's.
    pub endpoint: Option<RelayEndpoint>,
}

/// A deployment that requests pass to.
#[derive(Clone)]
pub struct RelayTarget {
    /// What clients call its vendor.
    pub names: Vec<String>,
    /// Its address and credentials.
    pub deployment: Arc<Deployment>,
}

/// A request that is to be passed on.
pub struct RelayIncoming {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: RelayBody,
    /// When the request's head was there.
    pub received: Instant,
    /// The client's own id of the call, already checked to be a harmless header value.
    pub call_id: Option<String>,
    /// Where it came from, where that is known.
    pub address: Option<IpAddr>,
}

/// The answer to it.
pub struct RelayAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers, length excluded.
    pub headers: HeaderMap,
    /// The body.
    pub body: RelayAnswerBody,
}

/// The body of an answer.
pub enum RelayAnswerBody {
    /// The gateway's own words, or a vendor's that were waited for.
    Whole(Bytes),
    /// The vendor's, as they come.
    Stream(Box<RelayStream>),
}

impl RelayRoute {
    /// What is left of a path of this route.
    fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(self.prefix)?;
        let is_below = rest.starts_with('/') && self.endpoint.as_ref().is_none_or(|own| own.subpaths);
        (rest.is_empty() || rest.starts_with('?') || is_below).then_some(rest)
    }

    /// Whether a key must be shown.
    fn needs_key(&self) -> bool {
        self.endpoint.as_ref().is_none_or(|own| own.needs_key)
    }
}

impl Gateway {
    /// Whether requests to this path pass to a vendor as they are.
    pub fn relays(&self, path: &str) -> bool {
        self.state().relay_route(path).is_some()
    }

    /// An error as the answer to a request that is not passed on.
    pub fn relay_refusal(&self, path: &str, error: &Error) -> RelayAnswer {
        self.state().relay_refused(path, error, &new_call_id())
    }

    /// Passes a request on. Errors of the gateway are in the words of the vendor's dialect, where it has a client side;
    /// the vendor's own are as they come. Dropping the future cancels the vendor's work.
    pub fn relay(&self, mut incoming: RelayIncoming) -> BoxFuture<'_, RelayAnswer> {
        Box::pin(async move {
            let state = self.state();
            let call_id = incoming.call_id.take();
            let path = incoming.path.clone();
            let answer = state.pass_on(incoming, call_id.clone()).await;
            answer.unwrap_or_else(|error| {
                state.relay_refused(&path, &error, &call_id.unwrap_or_else(new_call_id))
            })
        })
    }
}

impl State {
    pub(crate) fn relay_route(&self, path: &str) -> Option<&RelayRoute> {
        let matching = self.relays.iter().filter(|route| route.rest(path).is_some());
        matching.max_by_key(|route| route.prefix.len())
    }

    /// Who asks for such a path; nobody in particular where the operator wants no key for it.
    pub(crate) async fn identify_for_relay(
        &self,
        headers: &HeaderMap,
        address: Option<IpAddr>,
        (path, asked_for): (&str, &PathRoute<'_>),
    ) -> Result<Arc<Principal>> {
        match self.relay_route(path) {
            Some(route) if !route.needs_key() => {
                self.routes.may_be_asked(asked_for)?;
                self.governance.anybody(address).await
            }
            _ => self.identify(headers, address, asked_for).await,
        }
    }

    fn relay_refused(&self, path: &str, error: &Error, call_id: &str) -> RelayAnswer {
        let target = self.relay_route(path).and_then(|route| route.targets.first());
        let spoken = target.map(|target| target.deployment.provider.dialect());
        let same = self.ingresses.iter().find(|ingress| Some(ingress.id()) == spoken);
        let ingress = same.unwrap_or_else(|| self.default_ingress());
        RelayAnswer {
            status: error.status(),
            headers: headers::of_error(error, call_id),
            body: RelayAnswerBody::Whole(ingress.error(error)),
        }
    }

    async fn pass_on(
        self: &Arc<Self>,
        mut incoming: RelayIncoming,
        call_id: Option<String>,
    ) -> Result<RelayAnswer> {
        let path = incoming.path.split('?').next().unwrap_or_default();
        let asked_for = PathRoute::model_api(path);
        let caller = self.identify_for_relay(&incoming.headers, incoming.address, (path, &asked_for)).await?;
        if let Some(name) = &self.books.calls.key_header {
            // The vendor has no business with it; it takes out those that everybody knows itself.
            incoming.headers.remove(name);
        }
        check_path(&incoming.path)?;
        let route = self.relay_route(&incoming.path).ok_or_else(|| Error::internal("no such route"))?;
        if let Some(endpoint) = &route.endpoint {
            endpoint.takes(&incoming.method)?;
        }
        let mut settlement =
            Settlement::new(Arc::clone(&self.books), self.relay_facts(route, &incoming, call_id), None);
        self.open_bill(&incoming.headers, incoming.address, &caller, &mut settlement);
        match self.prepare(route, incoming, &caller, &mut settlement).await {
            Ok((target, call)) => self.exchange(&target, route, call, settlement).await,
            Err(error) => Err(failed(settlement, error).await),
        }
    }

    fn relay_facts(
        &self,
        route: &RelayRoute,
        incoming: &RelayIncoming,
        call_id: Option<String>,
    ) -> CallFacts {
        let target = route.targets.first().map(|target| target.deployment.provider.dialect());
        let whole = match &incoming.body {
            RelayBody::Whole(bytes) => bytes.clone(),
            RelayBody::Arriving { .. } => Bytes::new(),
        };
        CallFacts {
            is_ours: call_id.is_none(),
            call_id: call_id.unwrap_or_else(new_call_id),
            route: self.books.relay_route(route.prefix),
            dialect: target.unwrap_or_else(|| self.default_ingress().id()),
            operation: Operation::Relay,
            model: String::new(),
            stream: false,
            guardrails: String::new(),
            messages: 0,
            prompt: json_body(incoming).map_or(Prompt::Tokens(0), |_| Prompt::Body(whole)),
            received: incoming.received,
        }
    }

    /// Which deployment is meant, whether the caller may ask it, and what it is asked.
    async fn prepare(
        self: &Arc<Self>,
        route: &RelayRoute,
        incoming: RelayIncoming,
        caller: &Principal,
        settlement: &mut Settlement,
    ) -> Result<(Arc<Deployment>, RelayCall)> {
        let asked = Asked::of(route, &incoming)?;
        let target = self.target(route, &asked)?;
        settlement.call_mut().dialect = target.provider.dialect();
        let reading = self.paths.find(&asked.path, None);
        let model = asked.model.or_else(|| reading.as_ref().and_then(|(_, asked)| asked.model.clone()));
        let ingress = reading.as_ref().map(|(ingress, _)| ingress);
        // An address of the operator's is no model.
        if let Some(model) = model.as_ref().filter(|_| route.endpoint.is_none()) {
            self.may_relay(caller, &target, model)?;
        }
        let sent = asked.body.as_ref().or_else(|| json_body(&incoming));
        let is_empty = matches!(&incoming.body, RelayBody::Whole(body) if body.is_empty());
        let masked = self.guardrails.on_relay(self, (sent, is_empty), Some(caller), settlement).await?;
        match (&route.endpoint, settlement.bill()) {
            (Some(endpoint), Some(bill)) => bill.admit_cost(endpoint.cost.unwrap_or_default()).await?,
            (Some(_), None) => {}
            (None, _) => {
                self.admit_relay(&target, model.as_deref(), json_body(&incoming), ingress, settlement)
                    .await?;
            }
        }
        settlement.relays(model.filter(|_| route.endpoint.is_none()));
        settlement.enters(self.enter(None)?);
        let RelayIncoming { method, headers, body, received, .. } = incoming;
        let mut deadlines = target.limits.or(self.router.settings().limits).deadlines(received);
        // Large files take their time; a way that stands still is noticed all the same.
        deadlines.total = None;
        let call = RelayCall {
            method,
            base: route.base,
            path: asked.at_vendor,
            headers: route.endpoint.as_ref().map_or_else(|| headers.clone(), |own| own.headers(&headers)),
            own_credentials: !route.needs_key(),
            body: masked.or(asked.body).map_or(body, RelayBody::Whole),
            reading: ingress.map(|ingress| ingress.id()),
            deadlines,
        };
        Ok((target, call))
    }

    /// Whether a caller may ask a deployment's vendor for a model: by the vendor's name of it, with or without the
    /// vendor, or by a public name under which the deployment serves it.
    fn may_relay(&self, caller: &Principal, target: &Arc<Deployment>, model: &str) -> Result<()> {
        let Err(denied) = self.may_use(caller, model) else { return Ok(()) };
        let serves = |group: &&Arc<Group>| {
            let mut deployments = group.deployments().iter();
            deployments
                .any(|one| Arc::ptr_eq(one, target) && (one.model == model || group.name().as_str() == model))
        };
        let is_open = |group: &&Arc<Group>| self.team_models.owner(group.name().as_str()).is_none();
        let mut public =
            self.router.groups().filter(is_open).filter(serves).map(|group| group.name().as_str().to_owned());
        let full = format!("{}/{model}", target.vendor);
        let may_use = |name: String| self.may_use(caller, &name).is_ok();
        if may_use(full) || public.any(may_use) { Ok(()) } else { Err(denied) }
    }

    /// Holds what a request that passes can take: what its model costs, where it names one.
    async fn admit_relay(
        &self,
        target: &Arc<Deployment>,
        model: Option<&str>,
        body: Option<&Bytes>,
        ingress: Option<&Arc<dyn Ingress>>,
        settlement: &Settlement,
    ) -> Result<()> {
        let Some(bill) = settlement.bill() else { return Ok(()) };
        let (Some(model), Some(body), true) = (model, body, bill.is_limited()) else {
            return bill.admit_unmeasured(model.unwrap_or_default()).await;
        };
        let account = self.books.accounts.get(&target.id);
        let account = account.ok_or_else(|| Error::internal("a deployment without an account"))?;
        let entry = account.entry_of_any(&self.books.prices, &target.model, model);
        let size = Size::of_passing(body, ingress.map(|ingress| &**ingress));
        let estimating = Estimating { books: &self.books, operation: Operation::Chat, size: &size };
        let estimate = estimating.of_entry(entry.as_deref(), account);
        let admitted = bill.admit(model, (estimate.tokens, estimate.cost), None).await;
        admitted.map(|_| ()).map_err(|refused| self.told(refused))
    }

    async fn exchange(
        &self,
        target: &Arc<Deployment>,
        route: &RelayRoute,
        call: RelayCall,
        mut settlement: Settlement,
    ) -> Result<RelayAnswer> {
        let began = Instant::now();
        // The client chose the deployment: there is no other.
        let (mut in_flight, account) = match self.reserve(target, began).await {
            Ok(both) => both,
            Err(error) => return Err(failed(settlement, error).await),
        };
        settlement.waits_for(target, &account);
        let replied = target.provider.relay(call).await;
        let attempt =
            |error| Attempt { deployment: target.id.clone(), took: began.elapsed(), error, hedge: false };
        let RelayReply { status, headers, mut body, is_document } = match replied {
            Ok(reply) => reply,
            Err(error) => {
                in_flight.failed(&error);
                settlement.failed_attempts(&[attempt(Some(error.clone()))]);
                return Err(failed(settlement, error).await);
            }
        };
        if status < 500 {
            in_flight.answered();
        }
        let mut parts = RoutedParts::direct(in_flight, route.prefix, began);
        parts.attempts = vec![attempt(None)];
        let mut headers = headers::of_relay(headers, &account.headers, &settlement.call().call_id);
        if let Some(bill) = settlement.bill() {
            headers::put_caller(&mut headers, bill);
        }
        settlement.answered(&mut parts, account);
        let (refusal, mut held) = (refusal(status), VecDeque::new());
        if let Some(cost) = route.endpoint.as_ref().and_then(|own| own.cost).filter(|_| refusal.is_none()) {
            settlement.costs(cost);
        }
        if is_document && refusal.is_none() {
            let whole = hold(&mut body, &mut held).await.inspect_err(|error| {
                settlement.settle(Outcome::Failed(error));
            })?;
            if whole {
                settlement.names_answer(delivered::id(held.front()));
                headers::put_cost(&mut headers, settle(&mut settlement, body.seen()));
                settlement.is_safe().await;
                return Ok(RelayAnswer { status, headers, body: RelayAnswerBody::Whole(joined_bytes(held)) });
            }
        }
        settlement.begins_to_stream();
        let body = RelayStream::new(held, body, refusal, settlement);
        Ok(RelayAnswer { status, headers, body: RelayAnswerBody::Stream(Box::new(body)) })
    }

    /// A place at the deployment, and its account. The client chose it: there is no other.
    async fn reserve(&self, target: &Arc<Deployment>, began: Instant) -> Result<(InFlight, Arc<Account>)> {
        let admitted = target.admit_everywhere(&Ask::at(began).insisting()).await;
        let in_flight = admitted.map_err(|rule| unavailable(&target.full_name, [&rule], began))?;
        let account = self.books.accounts.get(&target.id).map(Arc::clone);
        Ok((in_flight, account.ok_or_else(|| Error::internal("a deployment without an account"))?))
    }

    /// The deployment that a request means, by the model or the vendor that it names, else the first one.
    fn target(&self, route: &RelayRoute, asked: &Asked) -> Result<Arc<Deployment>> {
        let first = route.targets.first().map(|target| Arc::clone(&target.deployment)).ok_or_else(|| {
            let message = format!("nothing is configured behind `{}`: {}", route.prefix, route.remedy);
            Error::new(ErrorKind::NotFound, message).with_code("404")
        })?;
        if let Some(named) = &asked.vendor {
            let found = route.targets.iter().find(|target| target.names.iter().any(|name| name == named));
            return found
                .map(|target| Arc::clone(&target.deployment))
                .ok_or_else(|| unknown("vendor", named));
        }
        let Some(model) = asked.model.as_ref().filter(|_| asked.model_chooses) else { return Ok(first) };
        let (group, _) = self.router.resolve(model)?;
        let of_route =
            |one: &&Arc<Deployment>| route.targets.iter().any(|target| Arc::ptr_eq(&target.deployment, one));
        group.deployments().iter().find(of_route).map(Arc::clone).ok_or_else(|| unknown("model", model))
    }
}

/// Books a call that failed, and says why it did.
async fn failed(mut settlement: Settlement, error: Error) -> Error {
    settlement.settle(Outcome::Failed(&error));
    settlement.is_safe().await;
    error
}

/// The most bytes of a document that are waited for; a longer one passes as it comes, and nothing tells its cost.
const HELD: usize = 1 << 20;

/// Waits for a document. Returns whether it is whole.
///
/// # Errors
/// When it breaks off: the client has seen nothing of it.
async fn hold(body: &mut Pin<Box<dyn NativeStream>>, held: &mut VecDeque<Bytes>) -> Result<bool> {
    let mut length = 0;
    while length <= HELD {
        match poll_fn(|context| body.as_mut().poll_bytes(context)).await {
            Some(chunk) => {
                let chunk = chunk?;
                length += chunk.len();
                held.push_back(chunk);
            }
            None => return Ok(true),
        }
    }
    Ok(false)
}

/// Books a document that is whole, and says what it cost, where the vendor said what was used.
fn settle(settlement: &mut Settlement, seen: &Seen) -> Option<NanoDollars> {
    settlement.used(seen.usage);
    settlement.finished(seen.finish.clone());
    let outcome = seen.error.as_ref().map_or(Outcome::Complete, Outcome::Failed);
    let cost = settlement.settle(outcome).map(|cost| cost.total);
    cost.filter(|_| seen.usage.total().is_some())
}

fn joined_bytes(held: VecDeque<Bytes>) -> Bytes {
    let mut pieces = held.into_iter();
    match (pieces.next(), pieces.len()) {
        (None, _) => Bytes::new(),
        (Some(only), 0) => only,
        (Some(first), _) => {
            let mut joined = BytesMut::from(&first[..]);
            pieces.for_each(|piece| joined.extend_from_slice(&piece));
            joined.freeze()
        }
    }
}

fn unknown(what: &str, name: &str) -> Error {
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(64).collect();
    Error::invalid(format!("no deployment for the {what} `{shown}` takes this request: leave the hint out"))
        .with_param(if what == "model" { MODEL_PARAMETER } else { VENDOR_PARAMETERS[0] })
}

/// What a vendor's bad status means for logs and metrics; the client reads the vendor's own words.
fn refusal(status: u16) -> Option<Error> {
    let kind = match status {
        ..400 => return None,
        401 | 403 => ErrorKind::UpstreamAuth,
        // The client chose the path.
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        503 | 529 => ErrorKind::Overloaded,
        400..500 => ErrorKind::InvalidRequest,
        _ => ErrorKind::UpstreamFailure,
    };
    Some(Error::new(kind, "the vendor's own answer was passed on").with_status(status))
}
