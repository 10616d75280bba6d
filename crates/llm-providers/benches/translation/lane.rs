//! One thing that the gateway does for one pair of formats.

use std::hint::black_box;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use llm_core::dialect::{Seen, TapOptions};
use llm_core::event::Event;
use llm_core::framing::{self, Splitter};
use llm_core::wire::WireResponse;
use llm_core::{ChatRequest, Dialect, Envelope, Ingress, Target};

use crate::material;

/// A format on both sides of the gateway.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    dialect: Arc<dyn Dialect>,
    ingress: Arc<dyn Ingress>,
}

impl Format {
    /// All formats that clients and vendors speak.
    pub(crate) fn all() -> Vec<Self> {
        let names = [
            ("chat", "openai.chat"),
            ("responses", "openai.responses"),
            ("anthropic", "anthropic.messages"),
            ("gemini", "gemini.generate"),
            ("bedrock", "bedrock.converse"),
            ("cohere", "cohere.chat"),
            ("ollama", "ollama.chat"),
            ("completions", "openai.completions"),
        ];
        let dialects = llm_providers::dialects();
        let ingresses = llm_providers::ingresses();
        let find = |(name, id): (&'static str, &str)| Self {
            name,
            dialect: dialects.iter().find(|one| one.id().name() == id).expect("a vendor's side").clone(),
            ingress: ingresses.iter().find(|one| one.id().name() == id).expect("a client's side").clone(),
        };
        names.map(find).into()
    }

    /// A client's body of this format.
    fn body(&self, request: &ChatRequest) -> Bytes {
        let target = Target { model: request.model.clone(), stream: request.stream, ..Target::default() };
        self.dialect.encode(request, &target).expect("every format has words for it").request.body.joined()
    }

    /// A vendor's whole answer in this format.
    fn answer(&self, request: &ChatRequest) -> WireResponse {
        let body = self.ingress.encode(&material::response(1024), request);
        WireResponse { status: 200, headers: HeaderMap::new(), body }
    }

    /// A vendor's stream in this format, as if it came in one read.
    fn stream(&self, request: &ChatRequest, events: &[Event]) -> Bytes {
        let mut encoder = self.ingress.encoder(request);
        let mut out = BytesMut::new();
        events.iter().for_each(|event| encoder.push(event, &mut out));
        out.freeze()
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request1KiB,
    Request32KiB,
    Request200KiB,
    Answer1KiB,
    /// A stream of a hundred pieces that come at once.
    Burst100,
    /// The same, one read for each piece.
    Paced100,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Request1KiB,
        Self::Request32KiB,
        Self::Request200KiB,
        Self::Answer1KiB,
        Self::Burst100,
        Self::Paced100,
    ];

    fn prompt(self) -> usize {
        match self {
            Self::Request32KiB => 32 << 10,
            Self::Request200KiB => 200 << 10,
            _ => 1 << 10,
        }
    }
}

/// A kind for a pair.
pub(crate) struct Lane {
    dialect: Arc<dyn Dialect>,
    ingress: Arc<dyn Ingress>,
    kind: Kind,
    /// Whether both sides are of one format, so that bytes go through.
    native: bool,
    request: ChatRequest,
    target: Target,
    body: Bytes,
    answer: WireResponse,
    reads: Vec<Bytes>,
}

impl Lane {
    pub(crate) fn new(client: &Format, vendor: &Format, kind: Kind) -> Self {
        let stream = matches!(kind, Kind::Burst100 | Kind::Paced100);
        let request = material::request(kind.prompt(), stream);
        let whole = vendor.stream(&request, &material::events(100));
        Self {
            body: client.body(&request),
            answer: vendor.answer(&request),
            reads: if kind == Kind::Paced100 { frames(&*vendor.dialect, whole) } else { vec![whole] },
            target: Target { model: "upstream-model".to_owned(), stream, ..Target::default() },
            dialect: vendor.dialect.clone(),
            ingress: client.ingress.clone(),
            native: client.name == vendor.name,
            kind,
            request,
        }
    }

    /// Does it once.
    pub(crate) fn run(&self) {
        match (self.kind, self.native) {
            (Kind::Request1KiB | Kind::Request32KiB | Kind::Request200KiB, native) => self.ask(native),
            (Kind::Answer1KiB, true) => drop(black_box(self.dialect.peek(&self.answer.body))),
            (Kind::Answer1KiB, false) => {
                let response = self.dialect.decode(&self.answer).expect("an answer");
                black_box(self.ingress.encode(&response, &self.request));
            }
            (_, true) => self.tap(),
            (_, false) => self.stream(),
        }
    }

    fn ask(&self, native: bool) {
        let envelope = Envelope::scan(&self.body).expect("an object");
        let encoded = if native {
            self.dialect.forward(&self.body, &envelope, &self.target)
        } else {
            let mut request = self.ingress.decode(&self.body, &HeaderMap::new()).expect("a request");
            request.stream = self.target.stream;
            self.dialect.encode(&request, &self.target)
        };
        black_box(encoded.expect("every format has words for it"));
    }

    fn stream(&self) {
        let framing = self.dialect.framing();
        let mut splitter = Splitter::new(framing);
        let mut decoder = self.dialect.decoder();
        let mut encoder = self.ingress.encoder(&self.request);
        let mut out = BytesMut::new();
        for read in &self.reads {
            splitter.push(read.clone()).expect("small");
            let mut events = Vec::new();
            while let Some(raw) = splitter.next_frame() {
                let parsed = framing::parse(framing, &raw).expect("a frame");
                let Some(parsed) = parsed else { continue };
                decoder.push(parsed.frame(), &mut events).expect("a frame of the format");
            }
            out.reserve(events.len() * 200);
            events.iter().for_each(|event| encoder.push(event, &mut out));
            black_box(out.split().freeze());
        }
    }

    fn tap(&self) {
        let mut splitter = Splitter::new(self.dialect.framing());
        let mut tap = self.dialect.tap(TapOptions { public_model: None, include_usage: true });
        let mut seen = Seen::default();
        for read in &self.reads {
            splitter.push(read.clone()).expect("small");
            while let Some(raw) = splitter.next_frame() {
                black_box(tap.frame(&raw, &mut seen)).expect("a frame of the format");
            }
        }
        black_box(seen);
    }
}

fn frames(dialect: &dyn Dialect, whole: Bytes) -> Vec<Bytes> {
    let mut splitter = Splitter::new(dialect.framing());
    splitter.push(whole).expect("small");
    std::iter::from_fn(|| splitter.next_frame()).collect()
}
