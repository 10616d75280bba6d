//! An endpoint around the format of its container.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::wire::{Framing, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};
use serde::Deserialize;

use crate::{INVOKE, error, stream};

/// Named behaviours of endpoints.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EndpointQuirks {
    /// The dialect that the container speaks; `None`: `openai.chat`, as most do.
    pub payload: Option<String>,
}

/// Calls endpoints whose containers speak an inner format. The model's name is the endpoint's.
pub struct Endpoint {
    inner: Arc<dyn Dialect>,
}

impl Endpoint {
    /// Endpoints whose containers speak this.
    pub fn new(inner: Arc<dyn Dialect>) -> Self {
        Self { inner }
    }
}

impl Dialect for Endpoint {
    fn id(&self) -> DialectId {
        INVOKE
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        self.inner.encode(request, target).map(|encoded| addressed(encoded, target))
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        self.inner.forward(body, envelope, target).map(|encoded| addressed(encoded, target))
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        self.inner.decode(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        self.inner.peek(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(self.inner.decoder(), self.inner.framing()))
    }

    fn tap(&self, _options: TapOptions) -> Box<dyn StreamTap> {
        Box::new(stream::Tap::new(stream::Decoder::new(self.inner.decoder(), self.inner.framing())))
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        error::classify(&*self.inner, reply)
    }

    fn framing(&self) -> Framing {
        Framing::AwsEventStream
    }

    fn takes_url(&self, url: &str) -> bool {
        self.inner.takes_url(url)
    }
}

/// The container's own path means nothing: there is one for all.
fn addressed(mut encoded: Encoded, target: &Target) -> Encoded {
    let mut path = String::from("/endpoints/");
    for byte in target.model.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a string takes all");
        }
    }
    path.push_str(if target.stream { "/invocations-response-stream" } else { "/invocations" });
    let request = &mut encoded.request;
    request.path = path;
    let json = HeaderValue::from_static("application/json");
    request.headers.insert(CONTENT_TYPE, json.clone());
    request.headers.insert(ACCEPT, json);
    encoded
}
