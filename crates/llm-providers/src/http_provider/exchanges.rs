//! Calls beside chat that have one whole answer. Within a format the bytes go through; between formats, and where a
//! vendor takes fewer inputs at a time than the client sent, requests and answers are written anew.

use futures_util::{StreamExt as _, TryStreamExt as _};
use http::HeaderMap;
use llm_core::exchange::{Batched, Exchange};
use llm_core::loss::Loss;
use llm_core::operation::Operation;
use llm_core::provider::{Call, Inbound, Reply, ReplyBody, not_served};
use llm_core::wire::{Framing, WireRequest, WireResponse};
use llm_core::{DialectId, Result};

use super::whole::{self, Shape};
use super::{HttpProvider, collected, headers};

/// How many parts of a request that is too large for the vendor are under way at once.
pub(super) const TOGETHER: usize = 4;

/// What came of a call.
pub(super) struct Exchanged<Answer> {
    pub(super) headers: HeaderMap,
    pub(super) losses: Vec<Loss>,
    pub(super) outcome: Outcome<Answer>,
}

pub(super) enum Outcome<Answer> {
    /// Bytes of the client's format.
    Native(ReplyBody),
    Canonical(Answer),
}

impl<Answer> Exchanged<Answer> {
    fn reply(self, body: impl FnOnce(Answer) -> ReplyBody) -> Reply {
        let native = matches!(self.outcome, Outcome::Native(_));
        let body = match self.outcome {
            Outcome::Native(body) => body,
            Outcome::Canonical(answer) => body(answer),
        };
        Reply { headers: headers::for_client(self.headers, native), losses: self.losses, body }
    }
}

impl HttpProvider {
    pub(super) fn has(&self, inbound: &Inbound) -> bool {
        match inbound.asked.operation {
            Operation::Embeddings => self.dialect.embeddings().is_some(),
            Operation::Rerank => self.dialect.rerank().is_some(),
            operation if operation.passes() => self.passage(inbound).is_some() || self.converts(inbound),
            operation => operation.is_chat(),
        }
    }

    /// Answers a call by what its request asks for.
    pub(super) async fn answer(&self, call: Call<'_>) -> Result<Reply> {
        let (inbound, model) = (call.inbound, call.public_model);
        let lacks = || not_served(model, inbound.asked.operation);
        match inbound.asked.operation {
            Operation::Embeddings => {
                let vendor = self.dialect.embeddings().ok_or_else(lacks)?;
                let client = inbound.ingress.embeddings().ok_or_else(lacks)?.id();
                let exchanged = self.exchanged(&call, vendor, client, Inbound::embedding_request).await?;
                Ok(exchanged.reply(|mut answer| {
                    model.clone_into(&mut answer.model);
                    ReplyBody::Embeddings(Box::new(answer))
                }))
            }
            Operation::Rerank => {
                let vendor = self.dialect.rerank().ok_or_else(lacks)?;
                let client = inbound.ingress.rerank().ok_or_else(lacks)?.id();
                let exchanged = self.exchanged(&call, vendor, client, Inbound::rerank_request).await?;
                Ok(exchanged.reply(|mut answer| {
                    model.clone_into(&mut answer.model);
                    ReplyBody::Rerank(Box::new(answer))
                }))
            }
            operation if operation.passes() && self.passage(inbound).is_some() => self.pass(&call).await,
            operation if operation.passes() => self.convert(&call).await,
            _ => Err(lacks()),
        }
    }

    async fn exchanged<Request>(
        &self,
        call: &Call<'_>,
        vendor: &dyn Exchange<Request, Request::Answer>,
        client: DialectId,
        decode: fn(&Inbound) -> Result<&Request>,
    ) -> Result<Exchanged<Request::Answer>>
    where
        Request: Batched + Sync + Send,
        Request::Answer: Send,
    {
        let inbound = call.inbound;
        let most = vendor.most_inputs_of(call.model);
        // Cheap to see: that no list of the body is so long. Lists of other things may be.
        let few = most.is_none_or(|most| inbound.envelope.longest_list() <= most);
        if !call.canonical && vendor.id() == client && (few || most >= Some(decode(inbound)?.inputs())) {
            let encoded = vendor.forward(&inbound.body, &inbound.envelope, &self.target(call))?;
            let reply = self.one(encoded.request, call, true).await?;
            let body = whole::passed(vendor.peek(&reply.body)?, &reply.body, call.public_model);
            let outcome = Outcome::Native(body);
            return Ok(Exchanged { headers: reply.headers, losses: encoded.losses, outcome });
        }
        let request = decode(inbound)?;
        match most.filter(|most| *most < request.inputs()) {
            None => self.converted(call, vendor, request).await,
            Some(most) => {
                let parts = request.split(most);
                let mut asked = Vec::with_capacity(parts.len());
                for part in &parts {
                    asked.push(self.converted(call, vendor, part));
                }
                let asked: Vec<_> =
                    futures_util::stream::iter(asked).buffered(TOGETHER).try_collect().await?;
                Ok(joined(asked, |answers| request.join(most, answers)))
            }
        }
    }

    /// One request of canonical form and its answer.
    async fn converted<Request: Batched>(
        &self,
        call: &Call<'_>,
        vendor: &dyn Exchange<Request, Request::Answer>,
        request: &Request,
    ) -> Result<Exchanged<Request::Answer>> {
        let encoded = vendor.encode(request, &self.target(call))?;
        let reply = self.one(encoded.request, call, false).await?;
        let answer = vendor.decode(&reply, request)?;
        request.check(&answer)?;
        let outcome = Outcome::Canonical(answer);
        Ok(Exchanged { headers: reply.headers, losses: encoded.losses, outcome })
    }

    /// Sends one request; the answer is whole, and JSON by its first letter.
    pub(super) async fn one(
        &self,
        request: WireRequest,
        call: &Call<'_>,
        native: bool,
    ) -> Result<WireResponse> {
        let request = self.addressed(request, call, native);
        let reply = collected(self.send(request, call).await?).await?;
        match Shape::of(&reply.body, Framing::Sse) {
            Shape::Json => Ok(reply),
            shape => Err(whole::no_answer(shape, &reply)),
        }
    }
}

/// The parts of one call as one: the headers are those of the first, all lost the same.
pub(super) fn joined<Answer>(
    parts: Vec<Exchanged<Answer>>,
    join: impl FnOnce(Vec<Answer>) -> Answer,
) -> Exchanged<Answer> {
    let mut first = None;
    let mut answers = Vec::with_capacity(parts.len());
    for Exchanged { headers, losses, outcome } in parts {
        first.get_or_insert((headers, losses));
        if let Outcome::Canonical(answer) = outcome {
            answers.push(answer);
        }
    }
    let (headers, losses) = first.unwrap_or_default();
    Exchanged { headers, losses, outcome: Outcome::Canonical(join(answers)) }
}
