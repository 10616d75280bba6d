//! Pictures and speech of vendors whose format is not the client's: written anew, asked for again while the vendor works
//! on them, and fetched where the vendor answers with an address and the client wants bytes.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _};
use http::header::CONTENT_TYPE;
use llm_core::conversion::{Conversion, ConversionIngress, Convertible, Progress};
use llm_core::operation::Operation;
use llm_core::provider::{Call, Inbound, Reply, ReplyBody, not_served};
use llm_core::{Error, ErrorKind, Result, Seen};

use super::exchanges::{Exchanged, Outcome, TOGETHER, joined};
use super::{HttpProvider, headers, media};

/// When a vendor is asked for the first time how far it is, and the longest pause between two questions.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(4));
/// How long a vendor may work where the call has no limit of its own.
const LONGEST_WORK: Duration = Duration::from_secs(600);

impl HttpProvider {
    /// Whether what a request asks for can be had from a vendor of another format.
    pub(super) fn converts(&self, inbound: &Inbound) -> bool {
        let (operation, client) = (inbound.asked.operation, &inbound.ingress);
        if operation == Operation::Speech {
            return client.speech().is_some()
                && self.dialect.speech().is_some_and(|vendor| vendor.has(operation));
        }
        client.images().is_some() && self.dialect.images().is_some_and(|vendor| vendor.has(operation))
    }

    /// Answers such a request.
    pub(super) async fn convert(&self, call: &Call<'_>) -> Result<Reply> {
        let inbound = call.inbound;
        let lacks = || not_served(call.public_model, inbound.asked.operation);
        if !self.converts(inbound) {
            return Err(lacks());
        }
        if inbound.asked.operation == Operation::Speech {
            let vendor = self.dialect.speech().ok_or_else(lacks)?;
            return self.convert_with(call, vendor, inbound.ingress.speech().ok_or_else(lacks)?).await;
        }
        let vendor = self.dialect.images().ok_or_else(lacks)?;
        self.convert_with(call, vendor, inbound.ingress.images().ok_or_else(lacks)?).await
    }

    async fn convert_with<Request>(
        &self,
        call: &Call<'_>,
        vendor: &dyn Conversion<Request, Request::Answer>,
        client: &dyn ConversionIngress<Request, Request::Answer>,
    ) -> Result<Reply>
    where
        Request: Convertible + Send + Sync,
        Request::Answer: Send,
    {
        let mut request = client.decode(call.inbound)?;
        media::fill(request.sources_mut(), |url| self.dialect.takes_url(url), &self.media).await?;
        let made = match vendor.most_of(call.model).filter(|most| *most < request.inputs()) {
            None => self.made(call, vendor, &request).await?,
            Some(most) => {
                let parts = request.split(most);
                let mut asked = Vec::with_capacity(parts.len());
                for part in &parts {
                    asked.push(self.made(call, vendor, part));
                }
                let made: Vec<_> = futures_util::stream::iter(asked).buffered(TOGETHER).try_collect().await?;
                joined(made, |answers| request.join(most, answers))
            }
        };
        let Exchanged { headers, losses, outcome: Outcome::Canonical(mut answer) } = made else {
            return Err(Error::internal("an answer that was written anew is canonical"));
        };
        request.check(&answer)?;
        let usage = request.used(&answer);
        media::fetch_answer(request.wanted_as_bytes(&mut answer), &self.media).await?;
        let shown = client.encode(&answer, &request)?;
        let seen = Seen { content: true, usage, finish: None, error: None, ended: true };
        let mut headers = headers::for_client(headers, false);
        headers.insert(CONTENT_TYPE, shown.content_type);
        let body = ReplyBody::Native { body: shown.body.into(), seen: Box::new(seen) };
        Ok(Reply { headers, losses, body })
    }

    /// One request and its answer, however long the vendor works on it. Dropping it stops asking.
    async fn made<Request: Convertible>(
        &self,
        call: &Call<'_>,
        vendor: &dyn Conversion<Request, Request::Answer>,
        request: &Request,
    ) -> Result<Exchanged<Request::Answer>> {
        let encoded = vendor.encode(request, &self.target(call))?;
        let limit = call.deadlines.total.or_else(|| Instant::now().checked_add(LONGEST_WORK));
        let mut reply = self.one(encoded.request, call, false).await?;
        let (mut pause, longest) = PAUSES;
        loop {
            let again = match vendor.decode(&reply, request)? {
                Progress::Done(answer) => {
                    let outcome = Outcome::Canonical(answer);
                    return Ok(Exchanged { headers: reply.headers, losses: encoded.losses, outcome });
                }
                Progress::Pending(again) => again,
            };
            if limit.is_some_and(|limit| Instant::now() + pause >= limit) {
                let message = "the vendor was still working on it when the time was up: raise `timeout`";
                return Err(Error::new(ErrorKind::Timeout, message));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
            reply = self.one(*again, call, false).await?;
        }
    }
}
