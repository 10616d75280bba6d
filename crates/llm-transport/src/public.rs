//! Fetches what a client's request points to, from public addresses only: nobody outside may make the gateway read
//! from the machines around it (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method};
use llm_core::{Error, ErrorKind, Result};
use url::Url;

use crate::fetch::failed;
use crate::once::{self, Way, within};
use crate::upstream::UpstreamReply;

/// How many redirects are followed. Each hop is checked as the first one.
const REDIRECTS: usize = 3;

/// How much may be fetched, how long it may take, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicLimits {
    /// The most bytes of one thing.
    pub size: usize,
    /// How long fetching it may take.
    pub deadline: Duration,
    /// Hosts that may be fetched from whatever address they have.
    pub trusted_hosts: Vec<String>,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The bytes.
    pub bytes: Bytes,
    /// What the server says they are, without parameters; empty when it does not.
    pub media_type: String,
}

/// Fetches an address that a client wrote.
///
/// # Behavior
/// - Only `http` and `https`, without user name and password, from public addresses: names are resolved here, and only
///   the addresses that were checked are connected to, after redirects too.
/// - Proxies are not used: what they resolve could not be checked.
///
/// # Errors
/// The client's: the address is none or not public, nothing answers there in time, the answer is not 200 or too large.
pub async fn fetch_public(url: &str, limits: &PublicLimits) -> Result<Fetched> {
    let url = Url::parse(url).map_err(|_| refused("it is no address"))?;
    within(limits.deadline, async {
        let mut reply = follow(url, &limits.trusted_hosts).await?;
        if reply.status != 200 {
            return Err(refused(&format!("it is answered with status {}", reply.status)));
        }
        let header = |name| reply.headers.get(name).and_then(|value| value.to_str().ok());
        let length: Option<usize> = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
        if length.is_some_and(|length| length > limits.size) {
            return Err(refused(&format!("it is larger than {} bytes", limits.size)));
        }
        let media_type = header(CONTENT_TYPE).and_then(|value| value.split(';').next());
        let media_type = media_type.unwrap_or_default().trim().to_ascii_lowercase();
        let bytes = once::read(&mut reply, limits.size).await.map_err(|error| blamed(failed(error)))?;
        Ok(Fetched { bytes, media_type })
    })
    .await
    .map_err(|error| if error.kind() == ErrorKind::Timeout { blamed(error) } else { error })
}

/// What answers in the end. Each hop is checked before anybody is asked.
async fn follow(mut url: Url, trusted: &[String]) -> Result<UpstreamReply> {
    for _ in 0..=REDIRECTS {
        allowed(&url, trusted).map_err(refused)?;
        let nothing = (HeaderMap::new(), Bytes::new());
        let asked = once::ask(Method::GET, &url, nothing, Way::Public(trusted)).await;
        let reply = asked.map_err(|error| blamed(failed(error)))?;
        match once::redirect(&reply, &url) {
            Some(next) => url = next,
            None => return Ok(reply),
        }
    }
    Err(refused("it was redirected too often"))
}

/// Whether an address may be asked, as far as it can be told without its name resolved.
fn allowed(url: &Url, trusted: &[String]) -> std::result::Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it is no http or https address");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or a password");
    }
    let host = url.host_str().ok_or("it names no host")?;
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(address) if !is_public(address) && !is_trusted(host, trusted) => Err(NOT_PUBLIC),
        _ => Ok(()),
    }
}

pub(crate) const NOT_PUBLIC: &str = "it is not a public address";

/// Whether a host may have any address; those of version 6 with brackets or without.
pub(crate) fn is_trusted(host: &str, trusted: &[String]) -> bool {
    let bare = |host: &str| host.trim_matches(['[', ']']).to_ascii_lowercase();
    trusted.iter().any(|known| bare(known) == bare(host))
}

/// Whether anybody may reach an address: no private network, no machine of its own, no special use
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, and the same for version 6).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && matches!(b, 18 | 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = embedded(address) {
        return is_public_v4(inner);
    }
    let segments = address.segments();
    // Only 2000::/3 is given out to anybody; within it are protocols (2001::/23), documentation and 6bone.
    let protocols = segments[0] == 0x2001 && segments[1] < 0x200;
    let documentation = (segments[0] == 0x2001 && segments[1] == 0xdb8) || segments[0] == 0x3fff;
    segments[0] & 0xe000 == 0x2000 && !protocols && !documentation
}

/// The version 4 address that a version 6 address stands for: mapped, translated (NAT64) or tunnelled (6to4).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] if !address.is_loopback() => Some(of(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

fn refused(why: &str) -> Error {
    Error::invalid(format!("a file that the request points to cannot be fetched: {why}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it maps errors")]
fn blamed(error: Error) -> Error {
    let refusal = refused(error.message());
    match error.kind() {
        ErrorKind::Timeout => refusal.with_status(408),
        _ => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(trusted: &[&str]) -> PublicLimits {
        PublicLimits {
            size: 100,
            deadline: Duration::from_secs(5),
            trusted_hosts: trusted.iter().map(|host| (*host).to_owned()).collect(),
        }
    }

    #[test]
    fn only_public_addresses_are_public() {
        for public in ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
        for inner in [
            "10.0.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.170",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.9",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
            "100::1",
        ] {
            assert!(!is_public(inner.parse().expect("an address")), "{inner}");
        }
    }

    #[tokio::test]
    async fn nobody_is_asked_at_an_address_that_is_not_public() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("bound").port();
        for url in [
            format!("http://127.0.0.1:{port}/"),
            format!("http://localhost:{port}/"),
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            format!("http://2130706433:{port}/"),
            format!("http://0x7f.1:{port}/"),
            format!("http://me:secret@8.8.8.8:{port}/"),
            "file:///etc/passwd".to_owned(),
            "no address".to_owned(),
        ] {
            let error = fetch_public(&url, &limits(&[])).await.expect_err("it is refused");
            assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, 400), "{url}");
            assert!(!error.message().contains("secret"), "{error}");
        }
        assert!(listener.accept().is_err(), "somebody connected");
    }

    #[tokio::test]
    async fn a_trusted_host_is_fetched_within_the_limits() {
        let mut server = mockito::Server::new_async().await;
        let picture =
            server.mock("GET", "/a.png").with_header("content-type", "image/PNG; q=1").with_body("png");
        picture.create_async().await;
        server.mock("GET", "/large").with_body([0; 101]).create_async().await;
        server
            .mock("GET", "/away")
            .with_status(302)
            .with_header("location", "http://127.0.0.2:9/x")
            .create_async()
            .await;
        let limits = limits(&["127.0.0.1"]);
        let url = |path: &str| format!("{}{path}", server.url());
        let fetched = fetch_public(&url("/a.png"), &limits).await.expect("it is there");
        assert_eq!(fetched, Fetched { bytes: "png".into(), media_type: "image/png".to_owned() });
        for (path, why) in
            [("/large", "larger than 100 bytes"), ("/none", "status 501"), ("/away", "not a public address")]
        {
            let error = fetch_public(&url(path), &limits).await.expect_err("it is refused");
            assert!(error.message().contains(why), "{path}: {error}");
        }
    }
}
