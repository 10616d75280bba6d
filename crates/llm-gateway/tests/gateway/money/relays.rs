//! Requests that pass as they are, of callers with keys: what they may name, what is held for them, and their rows.

use std::future::{pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Method};
use llm_core::dialect::{DialectId, Seen};
use llm_core::provider::{BoxFuture, Call, NativeStream, Provider, Reply};
use llm_core::relay::{RelayBase, RelayBody, RelayCall, RelayReply};
use llm_core::{Error, Result, Usage};
use llm_gateway::{RelayAnswer, RelayAnswerBody, RelayIncoming};
use llm_governance::{Ending, Terms};

use super::{INPUT, OUTPUT, Setup, capped, house_of};

/// A vendor that takes requests as they are.
struct Vendor {
    /// It never answers.
    is_silent: bool,
    is_document: bool,
}

impl Provider for Vendor {
    fn dialect(&self) -> DialectId {
        DialectId::new("test.vendor")
    }

    fn chat<'a>(&'a self, _call: Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(ready(Err(Error::internal("nobody asks"))))
    }

    fn relay(&self, _call: RelayCall) -> BoxFuture<'_, Result<RelayReply>> {
        if self.is_silent {
            return Box::pin(pending());
        }
        let word =
            "data: {\"id\":\"r-1\",\"choices\":[{\"delta\":{\"content\":\"some words of an answer\"}}]}\n\n";
        let body = Body { left: vec![Bytes::from(word); 3], seen: Seen::default() };
        let reply = RelayReply {
            status: 200,
            headers: HeaderMap::new(),
            body: Box::pin(body),
            is_document: self.is_document,
        };
        Box::pin(ready(Ok(reply)))
    }
}

struct Body {
    left: Vec<Bytes>,
    seen: Seen,
}

impl NativeStream for Body {
    fn poll_bytes(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let next = self.left.pop();
        self.seen.content = true;
        if next.is_none() {
            self.seen.usage = Usage { input: Some(1_000), output: Some(200), ..Usage::default() };
            self.seen.ended = true;
        }
        Poll::Ready(next.map(Ok))
    }

    fn seen(&self) -> &Seen {
        &self.seen
    }
}

fn incoming(model: &str) -> RelayIncoming {
    let body = format!(r#"{{"model":"{model}","input":"hello"}}"#);
    let pairs = [("authorization", "Bearer sk-one"), ("content-type", "application/json")];
    let pairs =
        pairs.map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
    RelayIncoming {
        method: Method::POST,
        path: "/one/v1/responses".to_owned(),
        headers: pairs.into_iter().collect(),
        body: RelayBody::Whole(body.into()),
        received: Instant::now(),
        call_id: None,
        address: None,
    }
}

async fn house(setup: Setup, vendor: Vendor) -> super::House {
    house_of(Setup { relay: Some(("/one", RelayBase::Root)), ..setup }, Arc::new(vendor)).await
}

const DOCUMENTS: Vendor = Vendor { is_silent: false, is_document: true };

#[tokio::test]
async fn a_document_that_passes_is_held_for_paid_and_written_down() {
    let house = house(Setup { terms: capped(1 << 40), ..Setup::default() }, DOCUMENTS).await;
    let answer = house.gateway.relay(incoming("gpt-4o")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains_key("x-litellm-key-spend"));
    let row = house.row();
    let cost = 1_000 * INPUT + 200 * OUTPUT;
    assert_eq!((row.call_type.as_str(), row.model.as_str()), ("pass_through_endpoint", "gpt-4o"));
    assert_eq!((row.cost.0, row.ending, row.vendor_id.as_deref()), (cost, Ending::Complete, Some("r-1")));
    assert_eq!(house.budget().await, (cost, 0));
}

#[tokio::test]
async fn what_passes_is_refused_to_who_may_not_name_it_or_cannot_pay_it() {
    let status = async |terms: Terms, model: &str| {
        let house = house(Setup { terms, ..Setup::default() }, DOCUMENTS).await;
        let answer = house.gateway.relay(incoming(model)).await;
        let row = house.row();
        assert!(answer.status == 200 || row.cost.0 == 0 && row.ending == Ending::Failed);
        assert_eq!(row.status, answer.status);
        answer.status
    };
    let only = |model: &str| Terms { models: vec![model.to_owned()], ..Terms::default() };
    assert_eq!(status(only("other"), "gpt-4o").await, 403);
    assert_eq!(status(only("m"), "gpt-4o").await, 200, "the public name of that very model");
    assert_eq!(status(only("openai/*"), "gpt-4o-mini").await, 200);
    assert_eq!(status(capped(1_000), "gpt-4o").await, 422);
    assert_eq!(status(capped(1 << 40), "no-such-model").await, 400);
    assert_eq!(status(Terms::default(), "no-such-model").await, 200);
}

#[tokio::test]
async fn whoever_hangs_up_on_what_passes_pays_for_what_was_delivered() {
    let streams = Vendor { is_document: false, ..DOCUMENTS };
    let house = house(Setup { terms: capped(1 << 40), ..Setup::default() }, streams).await;
    let RelayAnswer { body: RelayAnswerBody::Stream(mut stream), .. } =
        house.gateway.relay(incoming("gpt-4o")).await
    else {
        panic!("no document")
    };
    assert!(stream.next().await.is_some() && stream.next().await.is_some());
    drop(stream);
    let row = house.row();
    assert!(row.estimated && row.completion_tokens >= 12 && row.prompt_tokens > 0, "{row:?}");
    assert_eq!(row.ending, Ending::Cancelled);
    assert_eq!(house.budget().await, (row.cost.0, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_wait_for_what_passes_pays_for_the_prompt() {
    let silent = Vendor { is_silent: true, ..DOCUMENTS };
    let house = house(Setup { terms: capped(1 << 40), ..Setup::default() }, silent).await;
    let call = house.gateway.relay(incoming("gpt-4o"));
    assert!(tokio::time::timeout(Duration::from_secs(1), call).await.is_err());
    let row = house.row();
    assert!(row.estimated && row.cost.0 > 0 && row.attempts == 1, "{row:?}");
    assert_eq!(house.budget().await, (row.cost.0, 0));
}
