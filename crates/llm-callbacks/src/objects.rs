//! A store of objects that is asked as S3 is: an object of lines of JSON for each batch.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{Authenticator, BoxFuture};
use llm_governance::Timestamp;

use crate::delivery::{Sink, Undelivered};
use crate::http::put;
use crate::payload::{lines, payload};
use crate::queue::Waiting;

pub(crate) struct Objects {
    url: String,
    prefix: String,
    signer: Arc<dyn Authenticator>,
}

impl Objects {
    pub(crate) fn new(url: String, prefix: String, signer: Arc<dyn Authenticator>) -> Self {
        Self { url, prefix, signer }
    }

    /// `2026-11-21/time-20-32-15-123_0193….jsonl`. The first call's id makes it one that no other batch has, and the same
    /// when it comes again.
    fn name(&self, batch: &[Waiting]) -> String {
        let first = batch.first().map(|call| &call.row);
        let time = first.map_or_else(Timestamp::now, |row| row.started).iso();
        let (date, time) = time.split_once('T').unwrap_or((&time, ""));
        let time = time.trim_end_matches('Z').replace([':', '.'], "-");
        let id = first.map(|row| row.id.as_str()).unwrap_or_default();
        format!("/{}{date}/time-{time}_{id}.jsonl", self.prefix)
    }

    async fn store(&self, batch: &[Waiting]) -> Result<usize, Undelivered> {
        let body = Bytes::from(lines(batch.iter().map(|call| payload(call))));
        let mut request = WireRequest {
            method: Method::PUT,
            path: self.name(batch),
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))]),
            body: WireBody::from(body.clone()),
        };
        let signed = self.signer.authenticate(&mut request, &self.url).await;
        let failed = |error: llm_core::Error| Undelivered {
            why: error.message().to_owned(),
            again: true,
            after: None,
        };
        signed.map_err(failed)?;
        let sent = put(format!("{}{}", self.url, request.path), request.headers, body).await;
        if let Err(failure) = &sent
            && failure.why.ends_with("403")
        {
            self.signer.refused();
        }
        sent.map(|_| 0)
    }
}

impl Sink for Objects {
    fn send<'a>(&'a mut self, batch: &'a [Waiting]) -> BoxFuture<'a, Result<usize, Undelivered>> {
        Box::pin(self.store(batch))
    }
}
