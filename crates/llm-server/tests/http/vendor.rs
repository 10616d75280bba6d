//! A vendor whose behaviour is named by the model, and a client dialect that writes almost nothing.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use http::HeaderMap;
use llm_core::ingress::ModelCard;
use llm_core::operation::{Endpoint, Operation};
use llm_core::provider::{BoxFuture, NativeStream, ReplyBody};
use llm_core::relay::{RelayBody, RelayCall, RelayReply};
use llm_core::{
    Call, ChatRequest, ChatResponse, DialectId, Envelope, Error, Event, EventEncoder, Ingress, Provider,
    Reply, Result, Seen,
};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::mpsc::{Receiver, Sender, channel};

const DIALECT: DialectId = DialectId::new("test.chat");

/// Chunks that wait for the client.
const QUEUE: usize = 128;

/// Models: `length` answers with the length of the body, `panic` panics, `hang` never answers, a stream's name
/// streams what its test sends, anything else is answered with `{"model": …}`.
#[derive(Default)]
pub(crate) struct Vendor {
    streams: Mutex<HashMap<String, Receiver<Bytes>>>,
    hung: Mutex<Vec<Sender<()>>>,
}

impl Vendor {
    /// What a test sends here, the client of this model gets.
    pub(crate) fn stream(&self, model: &str) -> Sender<Bytes> {
        let (sender, receiver) = channel(QUEUE);
        self.streams.lock().insert(model.to_owned(), receiver);
        sender
    }

    /// Says `None` when the next call to `hang` was dropped.
    pub(crate) fn hanging(&self) -> Receiver<()> {
        let (sender, receiver) = channel(QUEUE);
        self.hung.lock().push(sender);
        receiver
    }

    async fn answer(&self, model: &str, length: usize) -> Reply {
        let body = match model {
            "length" => whole(&json!({ "length": length })),
            "panic" => panic!("the vendor's code is wrong, on purpose"),
            "hang" => {
                let told = self.hung.lock().pop();
                if let Some(told) = &told {
                    told.try_send(()).expect("the test listens");
                }
                std::future::pending().await
            }
            _ => match self.streams.lock().remove(model) {
                Some(receiver) => {
                    ReplyBody::NativeStream(Box::pin(Chunks { receiver, seen: Seen::default() }))
                }
                None => whole(&json!({ "model": model })),
            },
        };
        Reply { headers: HeaderMap::new(), losses: Vec::new(), body }
    }
}

fn whole(body: &serde_json::Value) -> ReplyBody {
    ReplyBody::Native { body: body.to_string().into_bytes().into(), seen: Box::default() }
}

impl Provider for Vendor {
    fn dialect(&self) -> DialectId {
        DIALECT
    }

    fn chat<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        self.answer(call.model, call.inbound.body.len()).map(Ok).boxed()
    }

    /// Answers with the request's line and the length of its body; a stream's name streams what its test sends.
    fn relay(&self, call: RelayCall) -> BoxFuture<'_, Result<RelayReply>> {
        let receiver = self.streams.lock().remove(call.path.trim_start_matches('/'));
        async move {
            let receiver = match receiver {
                Some(receiver) => receiver,
                None => {
                    let (whole, mut length) = (matches!(call.body, RelayBody::Whole(_)), 0);
                    match call.body {
                        RelayBody::Whole(bytes) => length = bytes.len(),
                        RelayBody::Arriving { mut chunks, .. } => {
                            while let Some(chunk) = chunks.next().await.transpose()? {
                                length += chunk.len();
                            }
                        }
                    }
                    let (sender, receiver) = channel(QUEUE);
                    let said = format!("{} {} {length} {whole}", call.method, call.path);
                    sender.try_send(said.into()).expect("room for one");
                    receiver
                }
            };
            let body = Box::pin(Chunks { receiver, seen: Seen::default() });
            Ok(RelayReply { status: 200, headers: HeaderMap::new(), body, is_document: false })
        }
        .boxed()
    }
}

struct Chunks {
    receiver: Receiver<Bytes>,
    seen: Seen,
}

impl NativeStream for Chunks {
    fn poll_bytes(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.seen.content = true;
        self.receiver.poll_recv(context).map(|bytes| {
            self.seen.ended = bytes.is_none();
            if bytes.as_deref() == Some(b"panic") {
                panic!("the stream's code is wrong, on purpose");
            }
            bytes.map(Ok)
        })
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }
}

/// A dialect of one path.
pub(crate) struct TestChat;

impl Ingress for TestChat {
    fn id(&self) -> DialectId {
        DIALECT
    }

    fn endpoints(&self) -> &'static [Endpoint] {
        const { &[Endpoint::new("/v1/chat", Operation::Chat)] }
    }

    fn decode(&self, _: &Bytes, _: &HeaderMap) -> Result<ChatRequest> {
        Err(Error::unsupported("this dialect passes everything on"))
    }

    fn encode(&self, _: &ChatResponse, _: &ChatRequest) -> Bytes {
        Bytes::from_static(b"{}")
    }

    fn encoder(&self, _: &ChatRequest) -> Box<dyn EventEncoder> {
        Box::new(Silent)
    }

    fn wants_usage(&self, _: &Bytes, _: &Envelope) -> bool {
        false
    }

    fn max_output_tokens(&self, _: &Bytes, _: &Envelope) -> Option<u64> {
        None
    }

    fn error(&self, error: &Error) -> Bytes {
        json!({"test_error": {"kind": error.kind().name(), "message": error.message()}}).to_string().into()
    }

    fn stream_error(&self, error: &Error) -> Bytes {
        self.error(error)
    }

    fn encode_token_count(&self, tokens: u64) -> Bytes {
        tokens.to_string().into()
    }

    fn claims_model_list(&self, _: &HeaderMap) -> bool {
        false
    }

    fn encode_models(&self, models: &[ModelCard]) -> Bytes {
        json!({ "models": models.iter().map(|model| &model.id).collect::<Vec<_>>() }).to_string().into()
    }
}

struct Silent;

impl EventEncoder for Silent {
    fn push(&mut self, _: &Event, _: &mut BytesMut) {}
}

/// The dialect, shared.
pub(crate) fn dialect() -> Arc<dyn Ingress> {
    Arc::new(TestChat)
}
