//! Cold calls: a file that is fetched now and then, beside the vendors' traffic.

use std::net::IpAddr;
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
/// environment, but for addresses that no proxy has: of this machine and of the services that tell it who it is. What
/// those say would be the proxy's own credentials, if it answered at all.
///
/// # Errors
/// When the address is none, nothing answers in time, or the answer is too large. A bad status is an answer.
pub async fn ask(call: ColdCall) -> Result<WireResponse> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::build(&Tls::default(), HttpVersion::Http1)?)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(call.deadline);
    let client = if is_beside_us(&call.url) { client.no_proxy() } else { client };
    let client = client.build().map_err(failed)?;
    let request = client.request(call.method, &call.url).headers(call.headers).body(call.body);
    let mut answer = request.send().await.map_err(failed)?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Ok(WireResponse { status, headers, body: read(&mut answer, call.size).await? })
}

/// Hosts of metadata services that have names. Their numbers are of networks that end at the machine.
const BESIDE_US: [&str; 3] = ["localhost", "metadata", "metadata.google.internal"];

/// Whether an address is this machine's, or that of a metadata service beside it: of the loopback networks, the
/// link-local ones (`169.254.169.254`, `169.254.170.2`) and `fd00:ec2::/32`, which one cloud has for it.
fn is_beside_us(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            let of_metadata = matches!(address.segments(), [0xfd00, 0x0ec2, ..]);
            address.is_loopback() || address.is_unicast_link_local() || of_metadata
        }
        Err(_) => BESIDE_US.iter().any(|known| host.eq_ignore_ascii_case(known)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_and_this_machine_are_beside_us() {
        for near in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2/v2/credentials/x",
            "http://metadata.google.internal/computeMetadata/v1/x",
            "http://Metadata.Google.Internal./x",
            "http://127.0.0.1:8080/token",
            "http://localhost:50342/oauth2/token",
            "http://[::1]:1/",
            "http://[fd00:ec2::254]/latest",
            "http://[fe80::a9fe:a9fe]/",
        ] {
            assert!(is_beside_us(near), "{near}");
        }
        for far in [
            "https://sts.amazonaws.com/",
            "https://metadata.google.internal.example/",
            "http://169.253.0.1/",
            "http://10.0.0.1/",
            "http://[fd00:ec3::1]/",
            "not an address",
        ] {
            assert!(!is_beside_us(far), "{far}");
        }
    }
}
