//! Embeddings go where the service has them, whatever format they are written in.

use bytes::Bytes;
use http::{HeaderMap, Method};
use llm_core::dialect::{Encoded, Peek, TapOptions};
use llm_core::embedding::{EmbeddingRequest, EmbeddingResponse};
use llm_core::exchange::Exchange;
use llm_core::wire::{WireRequest, WireResponse};
use llm_core::{
    ChatRequest, ChatResponse, Dialect, DialectId, Envelope, Error, Result, StreamDecoder, StreamTap, Target,
};
use llm_providers_azure::Azure;
use llm_providers_openai::ChatCompletions;

/// A format that has embeddings, and nothing to say in them.
struct Format(ChatCompletions);

struct Embeddings;

fn encoded() -> Encoded {
    let path = "/embeddings".to_owned();
    let request =
        WireRequest { method: Method::POST, path, headers: HeaderMap::new(), body: Vec::new().into() };
    Encoded { request, losses: Vec::new() }
}

impl Exchange<EmbeddingRequest, EmbeddingResponse> for Embeddings {
    fn id(&self) -> DialectId {
        DialectId::new("acme.embeddings")
    }

    fn encode(&self, _: &EmbeddingRequest, _: &Target) -> Result<Encoded> {
        Ok(encoded())
    }

    fn forward(&self, _: &Bytes, _: &Envelope, _: &Target) -> Result<Encoded> {
        Ok(encoded())
    }

    fn decode(&self, _: &WireResponse, _: &EmbeddingRequest) -> Result<EmbeddingResponse> {
        Ok(EmbeddingResponse::default())
    }

    fn peek(&self, _: &[u8]) -> Result<Peek> {
        Ok(Peek::default())
    }

    fn most_inputs(&self) -> Option<usize> {
        Some(7)
    }
}

impl Dialect for Format {
    fn id(&self) -> DialectId {
        self.0.id()
    }

    fn encode(&self, request: &ChatRequest, target: &Target) -> Result<Encoded> {
        self.0.encode(request, target)
    }

    fn forward(&self, body: &Bytes, envelope: &Envelope, target: &Target) -> Result<Encoded> {
        self.0.forward(body, envelope, target)
    }

    fn decode(&self, reply: &WireResponse) -> Result<ChatResponse> {
        self.0.decode(reply)
    }

    fn peek(&self, body: &[u8]) -> Result<Peek> {
        self.0.peek(body)
    }

    fn decoder(&self) -> Box<dyn StreamDecoder> {
        self.0.decoder()
    }

    fn tap(&self, options: TapOptions) -> Box<dyn StreamTap> {
        self.0.tap(options)
    }

    fn classify(&self, reply: &WireResponse) -> Error {
        self.0.classify(reply)
    }

    fn embeddings(&self) -> Option<&dyn Exchange<EmbeddingRequest, EmbeddingResponse>> {
        Some(&Embeddings)
    }
}

#[test]
fn a_deployment_embeds_below_its_own_path() {
    let target = Target { model: "my-embedder".to_owned(), ..Target::default() };
    for (base, path) in [
        ("https://acme.openai.azure.com/openai", "/deployments/my-embedder/embeddings"),
        ("https://acme.openai.azure.com/openai/v1", "/embeddings"),
    ] {
        let dialect = Azure::new(Format(ChatCompletions::default()), base);
        let embeddings = dialect.embeddings().expect("the format has them");
        let body = Bytes::from_static(b"{}");
        let envelope = Envelope::scan(&body).expect("an object");
        let forwarded = embeddings.forward(&body, &envelope, &target).expect("forwarded");
        let written = embeddings.encode(&EmbeddingRequest::default(), &target).expect("written");
        assert_eq!((forwarded.request.path.as_str(), written.request.path.as_str()), (path, path));
        assert_eq!((embeddings.id().name(), embeddings.most_inputs()), ("acme.embeddings", Some(7)));
    }
}
