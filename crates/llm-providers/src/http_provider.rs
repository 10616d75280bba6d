//! A vendor behind HTTP: a dialect and an upstream become a [`Provider`].
//!
//! A client of the vendor's own dialect gets the vendor's bytes; any other client gets canonical answers and
//! events. A vendor that answers in another form than it was asked (whole to a request for a stream, a stream to
//! a request for a whole answer) is still served, in canonical form.

mod chunks;
mod conversions;
mod events;
mod exchanges;
pub(crate) mod media;
mod native;
mod passages;
mod pump;
mod realtime;
mod relay;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::dialect::{Dialect, Encoded, TapOptions, Target};
use llm_core::event::unfold;
use llm_core::loss::{How, Loss};
use llm_core::operation::Operation;
use llm_core::provider::{BoxFuture, Call, Inbound, Provider, Reply, ReplyBody, boxed};
use llm_core::realtime::{Dial, Link};
use llm_core::relay::{RelayCall, RelayReply};
use llm_core::wire::{WireRequest, WireResponse};
use llm_core::{Authenticator, ChatRequest, DialectId, Error, ErrorKind, Result, Usage};
use llm_transport::{Upstream, UpstreamReply};
use tokio::time::Instant;

use crate::cache_points::{self, CachePoint};
use crate::headers::{self, Fixed, Forwarding};
use chunks::Chunks;
use events::Decoding;
use media::MediaSettings;
use native::Passing;
use pump::Pump;
pub(crate) use relay::{Places, shown_keys};
use whole::Shape;

/// How long the body of an error may take.
const REFUSAL: Duration = Duration::from_secs(10);

/// One deployment: a model's vendor with its address, credentials and settings.
pub(crate) struct HttpProvider {
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) upstream: Arc<Upstream>,
    /// Headers of every request.
    pub(crate) fixed: Fixed,
    /// Credentials that are made for each request.
    pub(crate) authenticator: Option<Authenticated>,
    /// The query of the base URL, which every request carries.
    pub(crate) query: Option<String>,
    /// How files are fetched that the vendor does not fetch itself.
    pub(crate) media: Arc<MediaSettings>,
    /// Where each prompt is marked for the vendor's cache.
    pub(crate) cache_points: Vec<CachePoint>,
    /// What chats say where the client's do not. With any, requests are written anew: each vendor has own words for it.
    pub(crate) defaults: Option<Arc<ChatRequest>>,
    /// Whether the vendor is told the trace that a request is part of.
    pub(crate) forwards_trace: bool,
    /// Which headers of clients it is sent; `None`: none but those of its format.
    pub(crate) forwarding: Option<Box<Forwarding>>,
    /// Where the vendor's paths begin.
    pub(crate) places: Places,
    /// What the deployment adds to each request; the call says the rest.
    pub(crate) target: Target,
}

/// Credentials that are made for each request, and the address that they are made for.
pub(crate) struct Authenticated {
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) base_url: String,
}

impl Provider for HttpProvider {
    fn dialect(&self) -> DialectId {
        self.dialect.id()
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        boxed(|| self.ask(call))
    }

    fn realtime<'a>(&'a self, dial: Dial<'a>) -> BoxFuture<'a, Result<Link>> {
        boxed(|| self.dial(dial))
    }

    fn serves(&self, inbound: &Inbound) -> bool {
        self.has(inbound)
    }

    fn exchange<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        boxed(|| self.answer(call))
    }

    fn count_tokens<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Option<u64>>> {
        boxed(|| self.count(call))
    }

    fn relay(&self, call: RelayCall) -> BoxFuture<'_, Result<RelayReply>> {
        boxed(|| self.relayed(call))
    }
}

impl HttpProvider {
    async fn ask(&self, call: Call<'_>) -> Result<Reply> {
        let native = self.is_native(&call);
        let encoded = if native && self.cache_points.is_empty() && self.defaults.is_none() {
            self.forward(&call)?
        } else {
            self.translated(&call).await?
        };
        let mut losses = encoded.losses;
        let first_content = call.deadlines.first_content.filter(|_| call.stream);
        let first_content = first_content.and_then(|limit| Instant::now().checked_add(limit));
        // What belongs to the format is said to its own vendors, also where the body is written anew.
        let same = call.inbound.dialect() == self.dialect.id();
        let request = self.addressed(encoded.request, &call, same);
        let (headers, body) = match first_content {
            Some(deadline) => tokio::time::timeout_at(deadline, self.begin(request, &call, Some(deadline)))
                .await
                .unwrap_or_else(|_| Err(chunks::no_content()))?,
            None => self.begin(request, &call, None).await?,
        };
        losses.extend(self.untold_choices(&body, &call));
        let native = matches!(body, ReplyBody::Native { .. } | ReplyBody::NativeStream(_));
        Ok(Reply { headers: headers::for_client(headers, native), losses, body })
    }

    /// That an answer has choices which the client's format does not tell. Clients of such a format cannot ask for any,
    /// but a deployment can (`n`), which is all that is known of a stream.
    fn untold_choices(&self, body: &ReplyBody, call: &Call<'_>) -> Option<Loss> {
        let several = match body {
            ReplyBody::Decoded(response) => response.choices.len() > 1,
            ReplyBody::Events(_) => {
                let asked = self.target.extra_body.get("n").and_then(|n| n.read::<u64>().ok());
                let default = self.defaults.as_ref().and_then(|defaults| defaults.sampling.n);
                asked.or(default).is_some_and(|n| n > 1)
            }
            _ => false,
        };
        let untold = several && !call.inbound.ingress.tells_choices();
        untold.then(|| Loss { field: "choices".into(), how: How::Dropped })
    }

    /// The request in the vendor's dialect, by way of the canonical form.
    async fn translated(&self, call: &Call<'_>) -> Result<Encoded> {
        let takes_url = |url: &str| self.dialect.takes_url(url);
        let mut request = media::with_bytes(call.inbound.decoded()?, takes_url, &self.media).await?;
        if !self.cache_points.is_empty() {
            cache_points::mark(request.to_mut(), &self.cache_points);
        }
        if let Some(defaults) = &self.defaults {
            request.to_mut().or(defaults);
        }
        self.dialect.encode(&request, &self.target(call))
    }

    /// Up to the whole answer, or to the first chunk of a stream.
    async fn begin(
        &self,
        request: WireRequest,
        call: &Call<'_>,
        first_content: Option<Instant>,
    ) -> Result<(HeaderMap, ReplyBody)> {
        let UpstreamReply { status, headers, body } = self.send(request, call).await?;
        if !call.stream {
            let reply = WireResponse { status, headers, body: body.collect().await? };
            let body = self.whole(call, &reply)?;
            return Ok((reply.headers, body));
        }
        let Some(chunks) = Chunks::begin(body, first_content).await? else {
            let reply = WireResponse { status, headers, body: bytes::Bytes::new() };
            return Err(whole::no_answer(Shape::Empty, &reply));
        };
        if Shape::of(chunks.first(), self.dialect.framing()) == Shape::Frames {
            return Ok((headers, self.stream(call, chunks)));
        }
        // A vendor that does not stream: its whole answer is told as events.
        let reply = WireResponse { status, headers, body: chunks.collect().await? };
        let response = whole::decoded(&*self.dialect, call.public_model, &reply)?;
        let events = futures_util::stream::iter([Ok(unfold(response))]);
        Ok((reply.headers, ReplyBody::Events(Box::pin(events))))
    }

    /// Sends a request with its credentials; the reply has a good status.
    async fn send(&self, mut request: WireRequest, call: &Call<'_>) -> Result<UpstreamReply> {
        self.authenticate(&mut request).await?;
        let reply = self.upstream.send(request, &call.deadlines).await?;
        if is_success(reply.status) {
            return Ok(reply);
        }
        // Refusals are rare, and their future is large.
        let error = Box::pin(self.refusal(reply)).await;
        if let Some(Authenticated { authenticator, .. }) = &self.authenticator
            && error.kind() == ErrorKind::UpstreamAuth
        {
            authenticator.refused();
        }
        Err(error)
    }

    fn whole(&self, call: &Call<'_>, reply: &WireResponse) -> Result<ReplyBody> {
        if self.is_native(call) {
            return whole::native(&*self.dialect, call.public_model, reply);
        }
        let response = whole::decoded(&*self.dialect, call.public_model, reply)?;
        Ok(ReplyBody::Decoded(Box::new(response)))
    }

    fn stream(&self, call: &Call<'_>, chunks: Chunks) -> ReplyBody {
        let framing = self.dialect.framing();
        if !self.is_native(call) {
            let decoding = Decoding::new(&*self.dialect, call.public_model);
            return ReplyBody::Events(Box::pin(Pump::new(chunks, framing, decoding)));
        }
        let inbound = call.inbound;
        let tap = self.dialect.tap(TapOptions {
            public_model: Some(call.public_model.to_owned()),
            include_usage: inbound.ingress.wants_usage(&inbound.body, &inbound.envelope),
        });
        ReplyBody::NativeStream(Box::pin(Pump::new(chunks, framing, Passing::new(tap, Usage::default()))))
    }

    async fn count(&self, call: Call<'_>) -> Result<Option<u64>> {
        if self.is_native(&call) {
            let (inbound, target) = (call.inbound, self.target(&call));
            if let Some(request) = self.dialect.count_tokens(&inbound.body, &inbound.envelope, &target) {
                let request = self.addressed(request?, &call, true);
                let reply = collected(self.send(request, &call).await?).await?;
                let count = self.dialect.read_token_count(&reply.body);
                return count
                    .map(Some)
                    .ok_or_else(|| Error::bad_answer("the vendor's count of tokens is none"));
            }
        }
        let Some(path) = self.dialect.count_tokens_path().filter(|_| self.is_native(&call)) else {
            return Ok(None);
        };
        // The dialect's headers are those of a forwarded request; of the body only the model may change.
        let inbound = call.inbound;
        let mut request = self.forward(&call)?.request;
        let mut edit = inbound.envelope.edit(&inbound.body);
        edit.set("model", serde_json::to_vec(call.model).expect("a string is always valid JSON"));
        request.path = path.to_owned();
        request.body = edit.finish();
        let request = self.addressed(request, &call, true);
        let reply = collected(self.send(request, &call).await?).await?;
        let counted: Counted = serde_json::from_slice(&reply.body)
            .map_err(|_| Error::bad_answer("the vendor's count of tokens is none"))?;
        Ok(Some(counted.input_tokens))
    }

    fn is_native(&self, call: &Call<'_>) -> bool {
        !call.canonical && call.inbound.dialect() == self.dialect.id()
    }

    fn forward(&self, call: &Call<'_>) -> Result<Encoded> {
        self.dialect.forward(&call.inbound.body, &call.inbound.envelope, &self.target(call))
    }

    fn target(&self, call: &Call<'_>) -> Target {
        Target {
            model: call.model.to_owned(),
            stream: call.stream && call.inbound.asked.operation == Operation::Chat,
            policy: call.policy.unwrap_or(self.target.policy),
            ..self.target.clone()
        }
    }

    /// The request with all its headers, over the base URL's query.
    fn addressed(&self, mut request: WireRequest, call: &Call<'_>, native: bool) -> WireRequest {
        if native {
            headers::forward(call.inbound, &mut request.headers);
        }
        let json = HeaderValue::from_static("application/json");
        request.headers.entry(CONTENT_TYPE).or_insert(json);
        if self.forwards_trace {
            headers::forward_trace(&call.inbound.headers, &mut request.headers);
        }
        if let Some(forwarding) = &self.forwarding {
            forwarding.forward(&call.inbound.headers, &mut request.headers);
        }
        self.address(&mut request);
        request
    }

    /// Puts on what every request of the deployment has.
    fn address(&self, request: &mut WireRequest) {
        self.fixed.put_on(&mut request.headers);
        if let Some(query) = &self.query {
            let mark = if request.path.contains('?') { '&' } else { '?' };
            request.path = format!("{}{mark}{query}", request.path);
        }
    }

    /// Makes the credentials of one request, where they are made for each.
    async fn authenticate(&self, request: &mut WireRequest) -> Result<()> {
        match &self.authenticator {
            // Cold beside the signing itself: a token is fetched once an hour.
            Some(Authenticated { authenticator, base_url }) => {
                authenticator.authenticate(request, base_url).await
            }
            None => Ok(()),
        }
    }

    /// What an error status means; the body may be broken or late, the status still tells.
    async fn refusal(&self, reply: UpstreamReply) -> Error {
        let UpstreamReply { status, headers, body } = reply;
        let body = tokio::time::timeout(REFUSAL, body.collect()).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        whose_key(self.dialect.classify(&WireResponse { status, headers, body }))
    }
}

/// A client that reads "incorrect API key" would look for the mistake in its own.
fn whose_key(error: Error) -> Error {
    match error.kind() {
        ErrorKind::UpstreamAuth => error.with_prefix("the vendor refused the gateway's key, not yours: "),
        _ => error,
    }
}

#[derive(serde::Deserialize)]
struct Counted {
    input_tokens: u64,
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

async fn collected(reply: UpstreamReply) -> Result<WireResponse> {
    let UpstreamReply { status, headers, body } = reply;
    Ok(WireResponse { status, headers, body: body.collect().await? })
}
