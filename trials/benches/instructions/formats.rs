//! The two formats of the lanes, each from both sides.

use std::hint::black_box;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use llm_core::dialect::{Seen, TapOptions};
use llm_core::framing::{self, Splitter};
use llm_core::{ChatRequest, Dialect, Ingress};
use llm_providers_anthropic::{Messages, MessagesIngress};
use llm_providers_openai::{ChatCompletions, ChatIngress};

use crate::material;

/// A format on both sides of the gateway.
#[derive(Clone)]
pub(crate) struct Format {
    pub(crate) dialect: Arc<dyn Dialect>,
    pub(crate) ingress: Arc<dyn Ingress>,
}

/// That of most clients.
pub(crate) fn chat() -> Format {
    Format { dialect: Arc::new(ChatCompletions::new(Default::default())), ingress: Arc::new(ChatIngress) }
}

/// The other one.
pub(crate) fn messages() -> Format {
    Format { dialect: Arc::new(Messages::new(Default::default())), ingress: Arc::new(MessagesIngress) }
}

/// A round of a hundred chunks of a vendor, each read by itself, on their way to a client of the same format or of
/// another one.
pub(crate) fn streamed(client: &Format, vendor: &Format, same: bool) -> Box<dyn FnMut()> {
    let request = material::request(1 << 10, true);
    let reads = frames(vendor, &request);
    let (client, vendor) = (client.clone(), vendor.clone());
    Box::new(move || if same { pass(&vendor, &reads) } else { translate(&client, &vendor, &request, &reads) })
}

/// The frames of a stream in a vendor's format.
fn frames(vendor: &Format, request: &ChatRequest) -> Vec<Bytes> {
    let mut encoder = vendor.ingress.encoder(request);
    let mut out = BytesMut::new();
    material::events(100).iter().for_each(|event| encoder.push(event, &mut out));
    let mut splitter = Splitter::new(vendor.dialect.framing());
    splitter.push(out.freeze()).expect("small");
    std::iter::from_fn(|| splitter.next_frame()).collect()
}

fn pass(vendor: &Format, reads: &[Bytes]) {
    let mut splitter = Splitter::new(vendor.dialect.framing());
    let public_model = Some("public".to_owned());
    let mut tap = vendor.dialect.tap(TapOptions { public_model, include_usage: true });
    let mut seen = Seen::default();
    for read in reads {
        splitter.push(read.clone()).expect("small");
        while let Some(raw) = splitter.next_frame() {
            black_box(tap.frame(&raw, &mut seen)).expect("a frame of the format");
        }
    }
    black_box(seen);
}

fn translate(client: &Format, vendor: &Format, request: &ChatRequest, reads: &[Bytes]) {
    let framing = vendor.dialect.framing();
    let mut splitter = Splitter::new(framing);
    let mut decoder = vendor.dialect.decoder();
    let mut encoder = client.ingress.encoder(request);
    let mut out = BytesMut::new();
    for read in reads {
        splitter.push(read.clone()).expect("small");
        let mut events = Vec::new();
        while let Some(raw) = splitter.next_frame() {
            let Some(parsed) = framing::parse(framing, &raw).expect("a frame") else { continue };
            decoder.push(parsed.frame(), &mut events).expect("a frame of the format");
        }
        out.reserve(events.len() * 200);
        events.iter().for_each(|event| encoder.push(event, &mut out));
        black_box(out.split().freeze());
    }
}
