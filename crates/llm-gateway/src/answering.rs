//! Whole answers and the heads of streams: what the client reads of its call beside the answer itself.

use std::time::Instant;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use llm_core::provider::Inbound;
use llm_core::wire::WireBody;
use llm_core::{ChatResponse, Result, Seen};
use llm_router::{Deployment, Started};

use crate::answer::{Answer, AnswerBody};
use crate::books::Account;
use crate::cache::Content;
use crate::delivered;
use crate::gateway::unasked;
use crate::headers::{self, Done, Told};
use crate::options::CallOptions;
use crate::routed::RoutedParts;
use crate::settlement::{Outcome, Settlement};

/// The facts that the headers of an answer are made of.
pub(crate) struct Facts<'a> {
    pub parts: &'a RoutedParts,
    pub options: &'a CallOptions,
    pub account: &'a Account,
    pub deployment: Option<&'a Deployment>,
    /// The vendor's, for an answer that goes through as it is.
    pub content_type: Option<HeaderValue>,
}

impl Facts<'_> {
    /// A whole answer in the format of the client; what the account must know of it is told.
    ///
    /// # Errors
    /// When it is of another kind than was asked for.
    pub(crate) fn body(
        &self,
        inbound: &Inbound,
        answer: Started,
        settlement: &mut Settlement,
    ) -> Result<WireBody> {
        match answer {
            Started::Native { body, seen } => {
                self.note_native(inbound, &body, &seen, settlement);
                Ok(body)
            }
            Started::Decoded(response) => {
                settlement.keep_chat(&response);
                self.encoded(inbound, &response, settlement)
            }
            Started::Embeddings(response) => {
                settlement.keep(|| Content::Embeddings((*response).clone()));
                let client = inbound.ingress.embeddings().ok_or_else(unasked)?;
                settlement.used(response.usage);
                Ok(client.encode(&response, inbound.embedding_request()?).into())
            }
            Started::Rerank(response) => {
                settlement.keep(|| Content::Rerank((*response).clone()));
                let client = inbound.ingress.rerank().ok_or_else(unasked)?;
                settlement.used(response.usage);
                Ok(client.encode(&response, inbound.rerank_request()?).into())
            }
            Started::NativeStream { .. } | Started::Events { .. } => Err(unasked()),
        }
    }

    /// What the account must know of an answer that passes as it is.
    fn note_native(&self, inbound: &Inbound, body: &WireBody, seen: &Seen, settlement: &mut Settlement) {
        settlement.used(seen.usage);
        if seen.usage.total().is_none() && inbound.asked.operation.is_chat() {
            settlement.streamed(seen.usage, delivered::of_answer(body), false);
        }
        settlement.finished(seen.finish.clone());
        let id_in = body.pieces().first().cloned();
        settlement.names_answer(delivered::id(id_in.as_ref()));
    }

    /// A canonical answer in the format of the client; what the account must know of it is told.
    fn encoded(
        &self,
        inbound: &Inbound,
        response: &ChatResponse,
        settlement: &mut Settlement,
    ) -> Result<WireBody> {
        settlement.used(response.usage);
        if response.usage.total().is_none() {
            settlement.streamed(response.usage, delivered::of_choices(response), false);
        }
        settlement.names_answer(&response.id);
        settlement.finished(response.choices.first().and_then(|choice| choice.finish.clone()));
        let took = settlement.took_until(Instant::now());
        let body: Bytes = inbound.ingress.encode_timed(response, inbound.decoded()?, took);
        Ok(body.into())
    }

    pub(crate) fn whole(&self, body: WireBody, settlement: &mut Settlement) -> Answer {
        settlement.says(body.pieces());
        let now = Instant::now();
        let upstream = settlement.upstream_time(now);
        let total = now.saturating_duration_since(settlement.call().received);
        let cost = settlement.settle_at(now, Outcome::Complete);
        let done = Done { cost: cost.map(|cost| cost.total), total, upstream };
        let headers = self.headers(settlement, Some(done), "application/json");
        Answer { status: 200, headers, body: AnswerBody::Whole(body) }
    }

    pub(crate) fn headers(
        &self,
        settlement: &Settlement,
        done: Option<Done>,
        content_type: &'static str,
    ) -> HeaderMap {
        let told = Told {
            call_id: &settlement.call().call_id,
            bill: settlement.bill().map(|bill| &**bill),
            group: &self.parts.group,
            retries: self.parts.retries,
            fallbacks: self.parts.fallbacks,
            losses: &self.parts.losses,
            ignored: &self.options.ignored,
            guardrails: &settlement.call().guardrails,
            trail: self.options.route.explain.then_some(&self.parts.trail),
            kept: None,
            quota: self.deployment.map(Deployment::quota).filter(|quota| quota.is_windowed()),
            done,
        };
        let content_type = self.content_type.clone().unwrap_or(HeaderValue::from_static(content_type));
        headers::of_answer(&self.account.headers, &self.parts.headers, &told, content_type)
    }
}
