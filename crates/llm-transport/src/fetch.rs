//! Cold calls: a file that is fetched now and then, beside the vendors' traffic.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, Result};

use crate::failure;
use crate::options::{HttpVersion, Tls};
use crate::tls;

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// Fetches what an address holds: at most `size` bytes, within `deadline`. Proxies are those of the environment.
///
/// # Behavior
/// - Only 200 is an answer. Redirects are followed, a few.
/// - Errors never repeat the address: it may hold a key.
///
/// # Errors
/// When the address is none, nothing answers in time, or the answer is not what it should be or too large.
pub async fn fetch(url: &str, size: usize, deadline: Duration) -> Result<Bytes> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::build(&Tls::default(), HttpVersion::Http1)?)
        .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
        .timeout(deadline)
        .build()
        .map_err(failed)?;
    let mut answer = client.get(url).send().await.map_err(failed)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err(Error::bad_answer(format!("it was answered with status {}", answer.status().as_u16())));
    }
    read(&mut answer, size).await
}

/// A cold call: a token endpoint, a metadata server, a webhook.
#[derive(Clone, Debug)]
pub struct ColdCall {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Headers.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// The most bytes of an answer.
    pub size: usize,
    /// How long it may take, connection included.
    pub deadline: Duration,
}

/// Makes a cold call. Redirects are not followed: the request may hold credentials. Proxies are those of the
/// environment.
///
/// # Errors
/// When the address is none, nothing answers in time, or the answer is too large. A bad status is an answer.
pub async fn ask(call: ColdCall) -> Result<WireResponse> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::build(&Tls::default(), HttpVersion::Http1)?)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(call.deadline)
        .build()
        .map_err(failed)?;
    let request = client.request(call.method, &call.url).headers(call.headers).body(call.body);
    let mut answer = request.send().await.map_err(failed)?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok(WireResponse { status, headers, body: read(&mut answer, call.size).await? })
}

pub(crate) async fn read(answer: &mut reqwest::Response, size: usize) -> Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > size {
            return Err(Error::bad_answer(format!("it is larger than {size} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

pub(crate) fn failed(error: reqwest::Error) -> Error {
    let (kind, why) = if error.is_builder() {
        (ErrorKind::InvalidRequest, "it is no http or https address")
    } else if error.is_timeout() {
        (ErrorKind::Timeout, "the time for it was over")
    } else if error.is_redirect() {
        (ErrorKind::BadUpstreamAnswer, "it was redirected too often")
    } else if error.is_connect() {
        (ErrorKind::Connection, "nobody could be reached there")
    } else {
        (ErrorKind::Connection, "the connection broke")
    };
    Error::new(kind, why).with_detail(failure::chain(&error.without_url()))
}
