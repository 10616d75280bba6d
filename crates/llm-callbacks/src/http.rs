//! An address that takes batches of calls.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use llm_core::wire::WireResponse;
use llm_core::{BoxFuture, Secret};
use llm_transport::{ColdCall, ask};
use serde_json::Value;

use crate::delivery::{Sink, Undelivered};
use crate::payload::{lines, payload};
use crate::queue::Waiting;
use crate::settings::Format;

/// How long an address may take to answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The most bytes of an answer.
const ANSWER: usize = 1 << 20;

pub(crate) struct Http {
    url: String,
    headers: HeaderMap,
    format: Format,
}

impl Http {
    pub(crate) fn new(url: String, headers: &[(String, Secret)], format: Format) -> Self {
        Self { url, headers: header_map(headers), format }
    }

    async fn tell(&self, batch: &[Waiting]) -> Result<usize, Undelivered> {
        let written = batch.iter().map(|call| payload(call));
        match self.format {
            Format::JsonArray => {
                let body = Value::Array(written.collect()).to_string();
                post(&self.url, self.headers.clone(), "application/json", body).await?;
            }
            Format::Lines => {
                post(&self.url, self.headers.clone(), "application/x-ndjson", lines(written)).await?;
            }
            Format::Single => {
                let mut failed = Vec::new();
                for (at, call) in written.enumerate() {
                    let sent = post(&self.url, self.headers.clone(), "application/json", call.to_string());
                    match sent.await {
                        Ok(_) => {}
                        // Those before it arrived: they do not come again.
                        Err(failure) if at == 0 => return Err(failure),
                        Err(failure) => failed.push(failure),
                    }
                }
                return Ok(failed.len());
            }
        }
        Ok(0)
    }
}

impl Sink for Http {
    fn send<'a>(&'a mut self, batch: &'a [Waiting]) -> BoxFuture<'a, Result<usize, Undelivered>> {
        Box::pin(self.tell(batch))
    }
}

/// Headers of a configuration. Those that are none were reported when it was read.
pub(crate) fn header_map(headers: &[(String, Secret)]) -> HeaderMap {
    let pair = |(name, value): &(String, Secret)| {
        let mut value = HeaderValue::from_str(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((name.parse::<HeaderName>().ok()?, value))
    };
    headers.iter().filter_map(pair).collect()
}

/// Posts a body. A bad status is a failure.
pub(crate) async fn post(
    url: &str,
    mut headers: HeaderMap,
    content_type: &'static str,
    body: String,
) -> Result<WireResponse, Undelivered> {
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
    let (url, body) = (url.to_owned(), Bytes::from(body));
    deliver(ColdCall { method: Method::POST, url, headers, body, size: ANSWER, deadline: DEADLINE }).await
}

/// The same for a whole request.
pub(crate) async fn put(url: String, headers: HeaderMap, body: Bytes) -> Result<WireResponse, Undelivered> {
    deliver(ColdCall { method: Method::PUT, url, headers, body, size: ANSWER, deadline: DEADLINE }).await
}

async fn deliver(call: ColdCall) -> Result<WireResponse, Undelivered> {
    match ask(call).await {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
        Ok(answer) => Err(Undelivered {
            why: format!("it was answered with status {}", answer.status),
            again: matches!(answer.status, 408 | 425 | 429 | 500..),
            after: after(&answer.headers),
        }),
        Err(error) => Err(Undelivered { why: error.message().to_owned(), again: true, after: None }),
    }
}

fn after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
