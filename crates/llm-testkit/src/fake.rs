//! A client dialect and a provider without a wire, for tests of the router and the gateway.

use std::collections::VecDeque;
use std::future::{pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::HeaderMap;
use llm_core::dialect::DialectId;
use llm_core::event::{Delta, Event, PartKind, Start, unfold};
use llm_core::ingress::{EventEncoder, Ingress, ModelCard};
use llm_core::operation::{Endpoint, Operation};
use llm_core::provider::{BoxFuture, Call, Inbound, Provider, Reply, ReplyBody};
use llm_core::request::{FunctionTool, Tool};
use llm_core::response::FinishReason;
use llm_core::{ChatRequest, ChatResponse, Choice, Envelope, Error, Message, Part, Result, Role, Usage};
use parking_lot::Mutex;

/// The fake client dialect's name.
pub const PLAIN: DialectId = DialectId::new("test.plain");

/// A client dialect whose requests are `{"model", "text", "stream", "tool", "limit"}` and whose answers are plain text.
pub struct PlainIngress;

impl Ingress for PlainIngress {
    fn id(&self) -> DialectId {
        PLAIN
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        const { &[Endpoint::new("/plain", Operation::Chat), Endpoint::new("/plain/count", Operation::CountTokens)] }
    }

    fn decode(&self, body: &Bytes, _headers: &HeaderMap) -> Result<ChatRequest> {
        let envelope = Envelope::scan(body)?;
        let text = envelope.string(body, "text")?.unwrap_or_default();
        let model = envelope.string(body, "model")?.unwrap_or_default();
        let tool = envelope
            .string(body, "tool")?
            .map(|name| Tool::Function(FunctionTool { name: name.into_owned(), ..FunctionTool::default() }));
        Ok(ChatRequest {
            model: model.into_owned(),
            tools: tool.into_iter().collect(),
            messages: vec![Message::text(Role::User, text)],
            max_output_tokens: envelope.read(body, "limit")?,
            ..ChatRequest::default()
        })
    }

    fn write_request(&self, request: &ChatRequest) -> Result<Bytes> {
        let text: Vec<String> = request.messages.iter().map(Message::joined_text).collect();
        let stream = request.stream;
        Ok(serde_json::json!({"model": request.model, "text": text.join("|"), "stream": stream})
            .to_string()
            .into())
    }

    fn encode(&self, response: &ChatResponse, _request: &ChatRequest) -> Bytes {
        response.choices.iter().map(|choice| choice.message.joined_text()).collect::<String>().into()
    }

    fn encoder(&self, _request: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(PlainEncoder)
    }

    fn wants_usage(&self, _body: &Bytes, _envelope: &Envelope) -> bool {
        false
    }

    fn max_output_tokens(&self, body: &Bytes, envelope: &Envelope) -> Option<u64> {
        envelope.read(body, "limit").ok().flatten()
    }

    fn output_limit(&self) -> &'static [&'static str] {
        &["limit"]
    }

    fn error(&self, error: &Error) -> Bytes {
        format!("error: {error}").into()
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        format!("error: {error}\n").into()
    }

    fn encode_token_count(&self, tokens: u64) -> Bytes {
        tokens.to_string().into()
    }

    fn claims_model_list(&self, _headers: &HeaderMap) -> bool {
        true
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(",").into()
    }
}

struct PlainEncoder;

impl EventEncoder for PlainEncoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        let line = match event {
            Event::Delta { delta: Delta::Text(text), .. } => text.clone(),
            Event::Error(error) => format!("error: {error}"),
            Event::End => "end".to_owned(),
            _ => return,
        };
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\n");
    }
}

/// A request of the fake dialect.
///
/// # Panics
/// When the body is no JSON object.
pub fn inbound(body: &str) -> Inbound {
    let body = Bytes::copy_from_slice(body.as_bytes());
    Inbound::new(Arc::new(PlainIngress), Operation::Chat, HeaderMap::new(), body).expect("a valid body")
}

/// What a fake vendor does with one call.
pub enum Script {
    /// Answers this text; a stream when one is asked for.
    Answer(&'static str),
    /// Fails at once.
    Fail(Error),
    /// Streams these items, then ends.
    Stream(Vec<Result<Vec<Event>>>),
    /// Streams these items, then says nothing more.
    StreamThenSilence(Vec<Result<Vec<Event>>>),
    /// Never answers.
    Silence,
}

/// A vendor that does what its script says, call by call; after the last line it answers `ok`.
#[derive(Default)]
pub struct FakeProvider {
    script: Mutex<VecDeque<Script>>,
    calls: Mutex<Vec<String>>,
    requests: Mutex<Vec<ChatRequest>>,
}

impl FakeProvider {
    /// A vendor with a script.
    pub fn new(script: impl IntoIterator<Item = Script>) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(script.into_iter().collect()), ..Self::default() })
    }

    /// The chat requests that came, in order.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.requests.lock().clone()
    }

    /// The models of the calls that came, in order.
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().clone()
    }
}

impl Provider for FakeProvider {
    fn dialect(&self) -> DialectId {
        DialectId::new("test.vendor")
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        self.calls.lock().push(call.model.to_owned());
        self.requests.lock().extend(call.inbound.decoded().ok().cloned());
        let line = self.script.lock().pop_front();
        let body = match line.unwrap_or(Script::Answer("ok")) {
            Script::Fail(error) => return Box::pin(ready(Err(error))),
            Script::Silence => return Box::pin(pending()),
            Script::Answer(text) if call.stream => events(vec![Ok(unfold(answer(text)))], false),
            Script::Answer(text) => ReplyBody::Decoded(Box::new(answer(text))),
            Script::Stream(items) => events(items, false),
            Script::StreamThenSilence(items) => events(items, true),
        };
        Box::pin(ready(Ok(Reply { headers: HeaderMap::new(), losses: Vec::new(), body })))
    }
}

fn events(items: Vec<Result<Vec<Event>>>, silent_end: bool) -> ReplyBody {
    ReplyBody::Events(Box::pin(Items { items: items.into(), silent_end }))
}

struct Items {
    items: VecDeque<Result<Vec<Event>>>,
    silent_end: bool,
}

impl Stream for Items {
    type Item = Result<Vec<Event>>;

    fn poll_next(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match this.items.pop_front() {
            None if this.silent_end => Poll::Pending,
            item => Poll::Ready(item),
        }
    }
}

/// A whole answer of one text, with three tokens in and two out.
pub fn answer(text: &str) -> ChatResponse {
    ChatResponse {
        id: "fake-1".into(),
        model: "fake".into(),
        choices: vec![Choice {
            index: 0,
            message: Message::new(Role::Assistant, vec![Part::text(text)]),
            finish: Some(FinishReason::Stop),
            logprobs: None,
        }],
        usage: Usage { input: Some(3), output: Some(2), ..Usage::default() },
        ..ChatResponse::default()
    }
}

/// How a stream begins before any content: what vendors send before they fail.
pub fn preamble() -> Vec<Event> {
    vec![Event::Start(Start::default()), Event::PartStart { choice: 0, part: 0, kind: PartKind::Text }]
}

/// A piece of text in a stream.
pub fn piece(text: &str) -> Vec<Event> {
    vec![Event::Delta { choice: 0, part: 0, delta: Delta::Text(text.to_owned()) }]
}
