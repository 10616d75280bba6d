//! One exchange over a connection of its own: what calls beside the vendors' traffic are made of.

use std::pin::pin;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};
use llm_core::provider::Deadlines;
use llm_core::wire::WireRequest;
use llm_core::{Error, ErrorKind, Result};
use percent_encoding::percent_decode_str;
use tokio::time::timeout_at;
use url::Url;

use crate::connect::Connector;
use crate::deadline::Watch;
use crate::failure;
use crate::options::{Options, Proxy};
use crate::outgoing::Outgoing;
use crate::pool::Lease;
use crate::target::Target;
use crate::upstream::{Upstream, UpstreamReply, wait};

/// How the host of an address is reached.
#[derive(Clone, Copy)]
pub(crate) enum Way<'a> {
    /// Through the proxies of the environment, where there are any.
    Environment,
    /// Straight.
    Direct,
    /// Straight, and only to public addresses; hosts of these names may have any.
    Public(&'a [String]),
}

/// Asks once, without redirects: any status is an answer. The body is still on its way.
///
/// # Errors
/// When the address is none or nothing answers. Errors never repeat the address: it may hold a key.
pub(crate) async fn ask(
    method: Method,
    url: &Url,
    (headers, body): (HeaderMap, Bytes),
    way: Way<'_>,
) -> Result<UpstreamReply> {
    let mut url = url.clone();
    let headers = usual(headers, &mut url);
    let target = Target::parse(url.as_str()).map_err(|_| no_address())?;
    let uri: Uri = url.as_str().parse().map_err(|_| no_address())?;
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let proxy = if matches!(way, Way::Environment) { Proxy::Environment } else { Proxy::None };
    let options = Options { proxy, ..Options::default() };
    let connector = match way {
        Way::Public(trusted) => Connector::to_public(&target, &options, trusted.to_vec()),
        _ => Connector::new(&target, &options),
    };
    let upstream = Upstream::over(target, connector?, &options);
    let request = WireRequest { method, path: String::new(), headers, body: body.into() };
    exchange(&upstream, path, &Outgoing::new(request)).await
}

async fn exchange(upstream: &Upstream, path: PathAndQuery, outgoing: &Outgoing) -> Result<UpstreamReply> {
    // One deadline holds for the whole, and its owner watches it.
    let deadlines = Deadlines { connect: Some(Duration::MAX), ..Deadlines::default() };
    let mut watch = Watch::begin(&deadlines);
    let mut lease = upstream.open(&deadlines, &watch, true).await?;
    let Lease::Http1(http1) = &mut lease else {
        return Err(Error::internal("a cold call got a connection of HTTP/2"));
    };
    let (target, extra) = upstream.http1_head(&path)?;
    let sent = pin!(http1.connection()?.send(outgoing.request(target, extra, None)));
    let head = wait(sent, &mut watch).await?.map_err(|refused| failure::exchanging(refused.error()))?;
    upstream.answer(head, lease, watch)
}

/// The headers that every call has, and what the address says of a user.
fn usual(mut headers: HeaderMap, url: &mut Url) -> HeaderMap {
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("gzip"));
    if !url.username().is_empty() || url.password().is_some() {
        let mut login = percent_decode_str(url.username()).collect::<Vec<u8>>();
        login.push(b':');
        login.extend(percent_decode_str(url.password().unwrap_or_default()));
        if let Ok(mut value) = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(login))) {
            value.set_sensitive(true);
            headers.entry(header::AUTHORIZATION).or_insert(value);
        }
        // Both can only fail for addresses without a host, which are refused next.
        let _ = url.set_username("").and_then(|()| url.set_password(None));
    }
    headers
}

/// The address that an answer sends to; `None` when it is no redirect that a `GET` follows.
pub(crate) fn redirect(reply: &UpstreamReply, from: &Url) -> Option<Url> {
    let moved = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !moved.iter().any(|moved| moved.as_u16() == reply.status) {
        return None;
    }
    let location = reply.headers.get(header::LOCATION)?;
    from.join(std::str::from_utf8(location.as_bytes()).ok()?).ok()
}

/// The whole of an answer's body, at most `size` bytes.
pub(crate) async fn read(reply: &mut UpstreamReply, size: usize) -> Result<Bytes> {
    let mut body = BytesMut::new();
    while let Some(chunk) = reply.body.chunk().await.transpose()? {
        if body.len() + chunk.len() > size {
            return Err(Error::bad_answer(format!("it is larger than {size} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Lets something take as long as it may, and says what went wrong in words that fit a call beside the vendors'.
pub(crate) async fn within<T>(deadline: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    let expired = || Error::new(ErrorKind::Timeout, "the time for it was over");
    let Some(until) = Instant::now().checked_add(deadline) else { return call.await };
    timeout_at(until.into(), call).await.map_err(|_| expired())?
}

pub(crate) fn no_address() -> Error {
    Error::new(ErrorKind::InvalidRequest, "it is no http or https address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_in_an_address_is_told_in_a_header_alone() {
        let mut url = Url::parse("https://us%65r:p%40ss@a.example/x?y").expect("an address");
        let headers = usual(HeaderMap::new(), &mut url);
        assert_eq!(headers[header::AUTHORIZATION], "Basic dXNlcjpwQHNz");
        assert_eq!(url.as_str(), "https://a.example/x?y");
        let own = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer k"))]);
        let mut url = Url::parse("https://user@a.example/").expect("an address");
        assert_eq!(usual(own, &mut url)[header::AUTHORIZATION], "Bearer k");
    }
}
