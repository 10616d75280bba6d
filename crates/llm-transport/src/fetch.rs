//! Cold calls: a file that is fetched now and then, beside the vendors' traffic.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use llm_core::wire::WireResponse;
use llm_core::{Error, ErrorKind, Result};
use url::Url;

use crate::once::{self, Way, within};

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
    let mut url = Url::parse(url).map_err(|_| once::no_address())?;
    within(deadline, async {
        for _ in 0..=REDIRECTS {
            let nothing = (HeaderMap::new(), Bytes::new());
            let asked = once::ask(Method::GET, &url, nothing, Way::Environment).await;
            let mut reply = asked.map_err(failed)?;
            if let Some(next) = once::redirect(&reply, &url) {
                url = next;
                continue;
            }
            if reply.status != 200 {
                return Err(Error::bad_answer(format!("it was answered with status {}", reply.status)));
            }
            return once::read(&mut reply, size).await.map_err(failed);
        }
        Err(Error::bad_answer("it was redirected too often"))
    })
    .await
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
    let url = Url::parse(&call.url).map_err(|_| once::no_address())?;
    let way = if is_beside_us(&url) { Way::Direct } else { Way::Environment };
    within(call.deadline, async {
        let asked = once::ask(call.method, &url, (call.headers, call.body), way).await;
        let mut reply = asked.map_err(failed)?;
        let body = once::read(&mut reply, call.size).await.map_err(failed)?;
        Ok(WireResponse { status: reply.status, headers: reply.headers, body })
    })
    .await
}

/// Hosts of metadata services that have names. Their numbers are of networks that end at the machine.
const BESIDE_US: [&str; 3] = ["localhost", "metadata", "metadata.google.internal"];

/// Whether an address is this machine's, or that of a metadata service beside it: of the loopback networks, the
/// link-local ones (`169.254.169.254`, `169.254.170.2`) and `fd00:ec2::/32`, which one cloud has for it.
fn is_beside_us(url: &Url) -> bool {
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

/// What went wrong, in words for what is fetched and not for a vendor; they name no address.
pub(crate) fn failed(error: Error) -> Error {
    let why = match error.kind() {
        ErrorKind::Connection => "nobody could be reached there, or the connection broke",
        ErrorKind::BadUpstreamAnswer if !error.message().starts_with("it ") => "its answer is malformed",
        _ => return error,
    };
    let detail = error
        .detail()
        .map_or_else(|| error.message().to_owned(), |detail| format!("{}: {detail}", error.message()));
    Error::new(error.kind(), why).with_detail(detail)
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
            assert!(is_beside_us(&near.parse().expect("an address")), "{near}");
        }
        for far in [
            "https://sts.amazonaws.com/",
            "https://metadata.google.internal.example/",
            "http://169.253.0.1/",
            "http://10.0.0.1/",
            "http://[fd00:ec3::1]/",
        ] {
            assert!(!is_beside_us(&far.parse().expect("an address")), "{far}");
        }
    }
}
