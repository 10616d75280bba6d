//! A client of any dialect: asks a provider, and gets what the gateway would write to its socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::HeaderMap;
use llm_core::operation::Operation;
use llm_core::provider::{Call, Deadlines, Inbound, NativeStream, ReplyBody};
use llm_core::wire::WireResponse;
use llm_core::{ChatResponse, Error, Ingress, Provider, Result, Secret, Usage};
use llm_providers::{DeploymentSpec, Providers};
use llm_testkit::replay;
use llm_testkit::scripted::ScriptedVendor;
use llm_transport::{Options, Proxy};
use serde_json::Value;

use crate::samples::Sample;

/// What a client got.
#[derive(Debug)]
pub(crate) struct Got {
    /// Whether it came without translation.
    pub(crate) native: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
    /// What metering saw, for answers that were not translated.
    pub(crate) usage: Option<Usage>,
    /// The error that ended a stream.
    pub(crate) error: Option<Error>,
}

/// A provider of the sample's vendor at the scripted one's address.
pub(crate) fn provider(sample: &Sample, vendor: &ScriptedVendor) -> Arc<dyn Provider> {
    built(&spec(sample, vendor))
}

pub(crate) fn spec(sample: &Sample, vendor: &ScriptedVendor) -> DeploymentSpec {
    DeploymentSpec {
        vendor: sample.vendor.to_owned(),
        api_base: Some(vendor.url()),
        api_key: Some(Secret::new("sk-vendor".to_owned())),
        transport: Options { proxy: Proxy::None, ..Options::default() },
        ..DeploymentSpec::default()
    }
}

pub(crate) fn built(spec: &DeploymentSpec) -> Arc<dyn Provider> {
    Providers::default().build(spec).expect("the settings are sound")
}

/// Deadlines after which a test fails instead of hanging.
pub(crate) fn deadlines() -> Deadlines {
    Deadlines { total: Instant::now().checked_add(Duration::from_secs(20)), ..Deadlines::default() }
}

pub(crate) fn inbound(ingress: &Arc<dyn Ingress>, body: &Value, headers: HeaderMap) -> Inbound {
    let body = Bytes::from(body.to_string());
    Inbound::new(ingress.clone(), Operation::Chat, headers, body).expect("a sample is an object")
}

pub(crate) fn call(inbound: &Inbound, stream: bool) -> Call<'_> {
    Call {
        inbound,
        model: "vendor-large",
        public_model: "public",
        stream,
        canonical: false,
        policy: None,
        deadlines: deadlines(),
    }
}

/// Asks with a client's sample request.
pub(crate) async fn ask(provider: &dyn Provider, client: &Sample, stream: bool) -> Result<Got> {
    let inbound = inbound(&client.ingress, &(client.request)(stream), HeaderMap::new());
    got(provider, call(&inbound, stream)).await
}

/// Makes a call, and writes what comes as the gateway would.
pub(crate) async fn got(provider: &dyn Provider, call: Call<'_>) -> Result<Got> {
    let reply = provider.chat(call).await?;
    let ingress = &call.inbound.ingress;
    let request = call.inbound.decoded()?;
    let mut got = Got { native: true, headers: reply.headers, bytes: Bytes::new(), usage: None, error: None };
    match reply.body {
        ReplyBody::Native { body, seen } => {
            got.bytes = body.joined();
            got.usage = Some(seen.usage);
        }
        ReplyBody::Decoded(response) => {
            got.native = false;
            got.bytes = ingress.encode(&response, request);
        }
        ReplyBody::Embeddings(_) | ReplyBody::Rerank(_) => panic!("a chat answer was asked for"),
        ReplyBody::NativeStream(stream) => native_stream(stream, &mut got).await,
        ReplyBody::Events(mut events) => {
            got.native = false;
            let mut encoder = ingress.encoder(request);
            let mut out = BytesMut::new();
            while let Some(batch) = events.next().await {
                match batch {
                    Ok(batch) => batch.iter().for_each(|event| encoder.push(event, &mut out)),
                    Err(error) => got.error = Some(error),
                }
            }
            got.bytes = out.freeze();
        }
    }
    Ok(got)
}

async fn native_stream(mut stream: std::pin::Pin<Box<dyn NativeStream>>, got: &mut Got) {
    let mut out = BytesMut::new();
    while let Some(bytes) = std::future::poll_fn(|context| stream.as_mut().poll_bytes(context)).await {
        assert!(got.error.is_none(), "nothing follows an error");
        match bytes {
            Ok(bytes) => out.extend_from_slice(&bytes),
            Err(error) => got.error = Some(error),
        }
    }
    got.usage = Some(stream.seen().usage);
    got.bytes = out.freeze();
}

/// What the client's own SDK would read out of the bytes.
pub(crate) fn understood(client: &Sample, got: &Got, stream: bool) -> Result<ChatResponse> {
    if stream {
        return replay::folded(&*client.dialect, &got.bytes);
    }
    let reply = WireResponse { status: 200, headers: HeaderMap::new(), body: got.bytes.clone() };
    client.dialect.decode(&reply)
}

/// The text of the first choice.
pub(crate) fn said(response: &ChatResponse) -> String {
    response.choices.first().map(|choice| choice.message.joined_text()).unwrap_or_default()
}
