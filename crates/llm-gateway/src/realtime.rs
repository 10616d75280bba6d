//! Conversations over a WebSocket: the handshake with the vendor, and the bytes in both directions, metered on the side.

mod frames;

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::Uri;
use http::header::{HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use llm_core::operation::Operation;
use llm_core::provider::BoxFuture;
use llm_core::realtime::{Dial, Duplex, Link};
use llm_core::{Error, ErrorKind, Ingress, Result, Usage};
use llm_governance::Principal;
use llm_governance::authorise::Route as PathRoute;
use llm_router::{Ask, unavailable};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};

use crate::call_id::new_call_id;
use crate::estimate::{Estimate, Estimating, Size};
use crate::gateway::{Gateway, State};
use crate::routed::RoutedParts;
use crate::settlement::{CallFacts, Outcome, Prompt, Settlement};
use frames::Frames;

/// Headers of the client's handshake that go on to the vendor. Extensions stay here: a compressed message could not be
/// metered.
const HANDSHAKE: [&str; 2] = ["sec-websocket-key", "sec-websocket-version"];

/// A client that asks for a conversation.
pub struct RealtimeRequest {
    /// The client's dialect.
    pub ingress: Arc<dyn Ingress>,
    /// The client's headers.
    pub headers: HeaderMap,
    /// The model that its path or query names.
    pub model: Option<String>,
    /// When the request's head was there.
    pub received: Instant,
    /// Where it was sent to.
    pub uri: Uri,
    /// Where it came from, where that is known.
    pub address: Option<IpAddr>,
}

/// A conversation that a vendor agreed to. Dropping it ends it and settles what was used.
pub struct Conversation {
    /// Headers of the answer to the client's handshake, beside those of the connection.
    pub headers: HeaderMap,
    metered: Metered,
}

impl Gateway {
    /// Opens a conversation with the first deployment that agrees.
    ///
    /// # Errors
    /// As for any call: no key, no such model, no vendor that can.
    pub fn converse(&self, request: RealtimeRequest) -> BoxFuture<'_, Result<Conversation>> {
        Box::pin(async move {
            let state = self.state();
            let (headers, protocols) = without_key(&request.headers, request.ingress.key_subprotocol())?;
            let route = PathRoute::model_api(request.uri.path());
            let caller = state.identify(&headers, request.address, &route).await?;
            let asked = request.model.clone().or_else(|| state.default_model.clone()).ok_or_else(|| {
                Error::invalid("the address names no model: add `?model=` to it").with_param("model")
            })?;
            let mut settlement =
                Settlement::new(Arc::clone(&state.books), facts(&state, &request, &asked), None);
            state.open_bill(&request.headers, request.address, &caller, &mut settlement);
            let model = state.meant(&caller, &asked);
            let handshake = handshake(&request.headers, &protocols, &*request.ingress);
            let opened = match admit(&state, (&caller, &asked), &mut settlement).await {
                Ok(turn) => open(&state, model, &handshake, &mut settlement).await.map(|link| (link, turn)),
                Err(error) => Err(error),
            };
            match opened {
                Ok((link, turn)) => {
                    let (usage, seen) = (link.usage, Usage::default());
                    let (socket, frames) = (link.socket, Frames::default());
                    let metered = Metered { socket, frames, usage, seen, turn, raising: None, settlement };
                    Ok(Conversation { headers: link.handshake, metered })
                }
                Err(error) => {
                    settlement.settle(Outcome::Failed(&error));
                    settlement.is_safe().await;
                    Err(error)
                }
            }
        })
    }
}

impl Conversation {
    /// Carries bytes both ways until one side ends, and settles.
    pub async fn run(self, mut client: impl AsyncRead + AsyncWrite + Unpin) {
        let mut metered = self.metered;
        // Either end may just go away: that is how conversations end.
        let ended = copy_bidirectional(&mut client, &mut metered).await;
        if let Err(error) = ended {
            tracing::debug!(%error, "conversation ended");
        }
        // It may have a hand on what is held.
        metered.raising = None;
        let over = matches!(metered.turn, Turn::Refused).then(over_budget);
        metered.settlement.settle(over.as_ref().map_or(Outcome::Complete, Outcome::Failed));
        metered.settlement.is_safe().await;
    }
}

/// Why a conversation ends in its middle.
fn over_budget() -> Error {
    let message = "what is left of the budget does not pay for another turn of the conversation";
    Error::new(ErrorKind::BudgetExceeded, message).with_type("budget_exceeded")
}

/// Whether the caller may have the conversation, with what one turn of it can cost held.
async fn admit(
    state: &State,
    (caller, asked): (&Principal, &str),
    settlement: &mut Settlement,
) -> Result<Turn> {
    settlement.enters(state.enter(None)?);
    state.guardrails.may_converse(Some(caller))?;
    let Some(bill) = settlement.bill() else { return Ok(Turn::Free) };
    state.may_use(caller, asked)?;
    let (group, name) = state.router.resolve(state.meant(caller, asked))?;
    if !bill.is_limited() {
        bill.admit_unmeasured(name).await?;
        return Ok(Turn::Free);
    }
    let size = bill.size.get_or_init(Size::of_turn);
    let estimate =
        Estimating { books: &state.books, operation: Operation::Realtime, size }.of_group(group, name);
    let admitted = bill.admit(name, (estimate.tokens, estimate.cost), None).await;
    admitted.map_err(|refused| state.told(refused))?;
    Ok(Turn::Costs(Box::new((name.to_owned(), estimate))))
}

/// The deployments of the model's group, one after the other, until one agrees.
async fn open(
    state: &State,
    model: &str,
    handshake: &HeaderMap,
    settlement: &mut Settlement,
) -> Result<Link> {
    let (group, name) = state.router.resolve(model)?;
    let mut refused = None;
    let all = group.deployments();
    let mut asked = false;
    for (turn, deployment) in all.iter().chain(all).enumerate() {
        let insists = turn >= all.len();
        // Those that are benched are asked when there is nobody else.
        if insists && asked {
            break;
        }
        let vendor_model = deployment.model_for(name);
        let deadlines = state.router.settings().limits.or(deployment.limits).deadlines(Instant::now());
        let began = Instant::now();
        let mut in_flight = match deployment.admit_everywhere(&Ask { insists, ..Ask::at(began) }).await {
            Ok(in_flight) => in_flight,
            Err(rule) => {
                refused = Some(unavailable(model, [&rule], began));
                continue;
            }
        };
        settlement.asks();
        asked = true;
        match deployment.provider.realtime(Dial { model: &vendor_model, handshake, deadlines }).await {
            Ok(link) => {
                in_flight.answered();
                let account = state.books.accounts.get(&deployment.id).map(Arc::clone);
                let account =
                    account.ok_or_else(|| Error::internal("a deployment without an account answered"))?;
                settlement
                    .answered(&mut RoutedParts::direct(in_flight, group.name().as_str(), began), account);
                return Ok(link);
            }
            Err(error) => {
                in_flight.failed(&error);
                refused = Some(error);
            }
        }
    }
    Err(refused.unwrap_or_else(|| Error::unsupported("no deployment of this model has a realtime API")))
}

/// The client's headers with the key where it is looked for, and the subprotocols without it.
fn without_key(headers: &HeaderMap, key_protocol: Option<&str>) -> Result<(HeaderMap, Vec<String>)> {
    let mut headers = headers.clone();
    let offered: Vec<String> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|protocol| protocol.trim().to_owned())
        .collect();
    let (keys, protocols): (Vec<String>, Vec<String>) =
        offered.into_iter().partition(|protocol| key_in(protocol, key_protocol).is_some());
    if let Some(key) = keys.first().and_then(|protocol| key_in(protocol, key_protocol)) {
        let invalid = |_| Error::invalid("the key among the subprotocols is no key");
        let mut value = HeaderValue::from_str(key).map_err(invalid)?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static("x-litellm-api-key"), value);
    }
    Ok((headers, protocols))
}

fn key_in<'a>(protocol: &'a str, key_protocol: Option<&str>) -> Option<&'a str> {
    protocol.strip_prefix(key_protocol?)
}

fn handshake(headers: &HeaderMap, protocols: &[String], ingress: &dyn Ingress) -> HeaderMap {
    let names = HANDSHAKE.iter().chain(ingress.forwarded_headers());
    let mut kept: HeaderMap =
        names.filter_map(|name| Some((HeaderName::from_static(name), headers.get(*name)?.clone()))).collect();
    if let Ok(value) = HeaderValue::from_str(&protocols.join(", "))
        && !protocols.is_empty()
    {
        kept.insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    kept
}

fn facts(state: &State, request: &RealtimeRequest, model: &str) -> CallFacts {
    let dialect = request.ingress.id();
    CallFacts {
        call_id: new_call_id(),
        is_ours: true,
        route: state.books.route(dialect, Operation::Realtime),
        dialect,
        model: model.to_owned(),
        stream: true,
        guardrails: String::new(),
        messages: 0,
        operation: Operation::Realtime,
        prompt: Prompt::Tokens(0),
        received: request.received,
    }
}

/// What a turn of a conversation can cost.
enum Turn {
    /// Nobody behind the call has limits.
    Free,
    /// So much, with this model.
    Costs(Box<(String, Estimate)>),
    /// More than there is.
    Refused,
}

/// The vendor's end of a conversation; what it says is read on the side. After each turn the next one is held for.
struct Metered {
    socket: Box<dyn Duplex>,
    frames: Frames,
    usage: fn(&str) -> Option<Usage>,
    seen: Usage,
    turn: Turn,
    /// Asks whether there is money for another turn.
    raising: Option<BoxFuture<'static, bool>>,
    settlement: Settlement,
}

impl Metered {
    /// A turn was paid: the next one must be payable too.
    fn hold_another(&mut self) {
        let (Turn::Costs(turn), Some(bill)) = (&self.turn, self.settlement.bill()) else { return };
        let (bill, spent) = (Arc::clone(bill), self.settlement.cost_so_far());
        let (model, estimate) = (turn.0.clone(), turn.1);
        self.raising = Some(Box::pin(async move { bill.raise(&model, &estimate, spent).await }));
    }

    /// Waits until it is known whether there is money for another turn.
    fn poll_raise(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(raising) = &mut self.raising {
            if !ready!(raising.as_mut().poll(context)) {
                self.turn = Turn::Refused;
            }
            self.raising = None;
        }
        match self.turn {
            Turn::Refused => Poll::Ready(Err(io::Error::other(over_budget().to_string()))),
            Turn::Free | Turn::Costs(_) => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_raise(context))?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        let Self { frames, usage, seen, settlement, .. } = &mut *self;
        let fresh = buffer.filled().get(before..).unwrap_or_default();
        let mut has_paid = false;
        frames.push(fresh, |message| {
            if let Some(used) = usage(message) {
                seen.add(&used);
                settlement.used(*seen);
                has_paid = true;
            }
        });
        if has_paid {
            self.hold_another();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_raise(context))?;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
