//! A hook at an HTTP address.

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use llm_core::{BoxFuture, Result, Secret};
use llm_transport::{ColdCall, ask};
use serde_json::Value;

use crate::external::{External, ExternalHook, Respondent};
use crate::http::header_map;

/// The most bytes of an answer.
const ANSWER: usize = 16 << 20;

/// A hook that is asked over HTTP: a POST for each call.
pub type Webhook = ExternalHook<Address>;

/// Whom it asks.
pub struct Address {
    url: String,
    headers: HeaderMap,
    timeout: std::time::Duration,
}

impl Webhook {
    /// A hook at this address. The values of its headers may be credentials.
    pub fn new(external: External, url: String, headers: &[(String, Secret)]) -> Self {
        let mut headers = header_map(headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let timeout = external.timeout;
        Self { external, respondent: Address { url, headers, timeout } }
    }
}

impl Respondent for Address {
    fn respond(&self, question: Value) -> BoxFuture<'_, Result<Bytes, String>> {
        Box::pin(async move {
            let call = ColdCall {
                method: Method::POST,
                url: self.url.clone(),
                headers: self.headers.clone(),
                body: Bytes::from(question.to_string()),
                size: ANSWER,
                deadline: self.timeout,
            };
            match ask(call).await {
                Ok(answer) if (200..300).contains(&answer.status) => Ok(answer.body),
                Ok(answer) => Err(format!("it answered with status {}", answer.status)),
                Err(error) => Err(error.message().to_owned()),
            }
        })
    }
}
