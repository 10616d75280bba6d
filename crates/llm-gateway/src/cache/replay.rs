//! A kept answer, given again: in the client's format, whole or as a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use llm_core::embedding::EmbeddingResponse;
use llm_core::event::{Event, unfold};
use llm_core::money::NanoDollars;
use llm_core::provider::Inbound;
use llm_core::rerank::RerankResponse;
use llm_core::wire::WireBody;
use llm_core::{ChatResponse, Error, Result};
use llm_router::Started;

use super::AnswerCache;
use super::entry::{Content, Entry};
use super::recent::{Place, Written};
use super::remember::Found;
use crate::answer::{Answer, AnswerBody};
use crate::begun::{Begun, BegunStream, whole};
use crate::gateway::{State, unasked};
use crate::guards::Guarded;
use crate::headers::{self, Done, Kept};
use crate::options::CallOptions;
use crate::running::may_have;
use crate::settlement::{Hit, Outcome, Settlement};
use crate::stream::InStream;

impl State {
    /// The answer, booked as one that cost nothing. It counts as a request of its caller's, and as none of its tokens.
    ///
    /// # Errors
    /// When the caller may make no more calls.
    pub(super) async fn replayed(
        &self,
        cache: &AnswerCache,
        inbound: Box<Inbound>,
        options: &CallOptions,
        found: Found,
        guarded: &mut Option<Box<Guarded>>,
        settlement: &mut Settlement,
    ) -> Result<Begun> {
        let Found { key, entry, bytes, told, place, similarity } = found;
        if let Some(guarded) = guarded {
            looked_at(guarded, &inbound, settlement).await?;
        }
        let (group, name) = self.router.resolve(&options.model)?;
        if let Some(bill) = settlement.bill() {
            bill.admit_unmeasured(name).await?;
        }
        let deployment = group.deployments().iter().find(|one| one.id == entry.deployment).map(Arc::clone);
        let account = self.books.accounts.get(&entry.deployment).map(Arc::clone);
        settlement.hit(Hit { group: name.to_owned(), deployment, account });
        let kept = Kept { key: &key, age: entry.age(), dropped: &entry.dropped, similarity };
        let body = match &entry.content {
            Content::Chat(answer) => {
                settlement.names_answer(&answer.id);
                settlement.finished(answer.choices.first().and_then(|choice| choice.finish.clone()));
                if options.stream {
                    let content_type = inbound.ingress.stream_content_type();
                    let headers = headers::of_kept(settlement, options, &kept, None, content_type);
                    let guarded = guarded.take().filter(|guarded| guarded.looks_at_answers());
                    let answer = ChatResponse { model: options.model.clone(), ..answer.clone() };
                    return Ok(Begun::Stream(Box::new(stream(headers, inbound, answer, guarded))));
                }
                let anew = || {
                    let answer = ChatResponse { model: options.model.clone(), ..answer.clone() };
                    let told = written(&inbound, &answer, settlement)?;
                    cache.may_tell_again(&inbound, place, (&bytes, &entry), &told);
                    Ok::<Bytes, Error>(told)
                };
                told.map_or_else(anew, Ok)?
            }
            Content::Embeddings(answer) => {
                let client = inbound.ingress.embeddings().ok_or_else(unasked)?;
                let answer = EmbeddingResponse { model: options.model.clone(), ..answer.clone() };
                client.encode(&answer, inbound.embedding_request()?)
            }
            Content::Rerank(answer) => {
                let client = inbound.ingress.rerank().ok_or_else(unasked)?;
                let answer = RerankResponse { model: options.model.clone(), ..answer.clone() };
                client.encode(&answer, inbound.rerank_request()?)
            }
        };
        settlement.used(entry.content.usage());
        let body = match guarded {
            Some(guarded) => may_have(body.into(), guarded, &inbound, settlement).await?,
            None => body.into(),
        };
        Ok(whole(given(body, options, &kept, settlement)))
    }
}

impl AnswerCache {
    /// Keeps an answer as the client read it, for when the same body comes again.
    fn may_tell_again(
        &self,
        inbound: &Inbound,
        place: Place,
        (of, entry): (&Bytes, &Arc<Entry>),
        told: &Bytes,
    ) {
        if !inbound.ingress.tells_time() {
            let written = Written { of: of.clone(), entry: Arc::clone(entry), told: told.clone() };
            self.recent.write(place, written);
        }
    }
}

/// What was kept was asked for by a call that perhaps nobody looked at.
async fn looked_at(guarded: &mut Guarded, inbound: &Inbound, settlement: &mut Settlement) -> Result<()> {
    if guarded.looks_beside(settlement.call_mut()) {
        Box::pin(guarded.beside_call(inbound)).await?;
    }
    guarded.will_look(settlement.call_mut());
    Ok(())
}

/// A chat answer as the client reads it.
fn written(inbound: &Inbound, answer: &ChatResponse, settlement: &Settlement) -> Result<Bytes> {
    let took = settlement.took_until(Instant::now());
    Ok(inbound.ingress.encode_timed(answer, inbound.decoded()?, took))
}

fn given(body: WireBody, options: &CallOptions, kept: &Kept<'_>, settlement: &mut Settlement) -> Answer {
    let now = Instant::now();
    settlement.settle_at(now, Outcome::Complete);
    let total = now.saturating_duration_since(settlement.call().received);
    let done = Done { cost: Some(NanoDollars(0)), total, upstream: Duration::ZERO };
    let headers = headers::of_kept(settlement, options, kept, Some(done), "application/json");
    Answer { status: 200, headers, body: AnswerBody::Whole(body) }
}

fn stream(
    headers: http::HeaderMap,
    inbound: Box<Inbound>,
    answer: ChatResponse,
    guarded: Option<Box<Guarded>>,
) -> BegunStream {
    let answer = Started::Events { held: unfold(answer), rest: Box::pin(Nothing) };
    BegunStream { headers, inbound, told: InStream::Tokens, answer, going_on: None, guarded }
}

/// What follows a stream that was all there.
struct Nothing;

impl Stream for Nothing {
    type Item = Result<Vec<Event>>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(None)
    }
}
