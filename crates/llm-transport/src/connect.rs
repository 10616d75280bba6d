//! New connections: every address of a host is tried, through a proxy when one applies, then TLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use llm_core::{Error, ErrorKind, Result};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use crate::deadline::connect_expired;
use crate::failure;
use crate::options::{HttpVersion, Options};
use crate::proxy::Route;
use crate::public::{NOT_PUBLIC, is_public, is_trusted};
use crate::stream::Stream;
use crate::target::Target;
use crate::tls::TlsClient;

/// How long an address may hold up the next one (RFC 8305 calls it the connection attempt delay).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// How long a connection may be silent before the kernel asks whether the peer still lives.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Makes connections to one vendor.
pub(crate) struct Connector {
    host: String,
    port: u16,
    route: Route,
    tls: Option<TlsClient>,
    version: HttpVersion,
    usual_limit: Duration,
}

impl Connector {
    /// Prepares everything that does not need the network.
    pub(crate) fn new(target: &Target, options: &Options) -> Result<Self> {
        Self::by(Route::choose(target, options)?, target, options)
    }

    /// The same, but only to public addresses, straight. Hosts of these names may have any.
    pub(crate) fn to_public(target: &Target, options: &Options, trusted: Vec<String>) -> Result<Self> {
        Self::by(Route::Public(trusted), target, options)
    }

    fn by(route: Route, target: &Target, options: &Options) -> Result<Self> {
        let tls = target
            .secure
            .then(|| TlsClient::new(&target.host, &options.tls, options.http_version))
            .transpose()?;
        Ok(Self {
            host: target.host.clone(),
            port: target.port,
            route,
            tls,
            version: options.http_version,
            usual_limit: options.connect_timeout,
        })
    }

    /// The way that connections take.
    pub(crate) fn route(&self) -> &Route {
        &self.route
    }

    /// Whether a new connection may turn out to be HTTP/2.
    pub(crate) fn may_be_http2(&self) -> bool {
        self.version == HttpVersion::Http2 || (self.version == HttpVersion::Auto && self.tls.is_some())
    }

    /// How long a call may take to connect.
    pub(crate) fn limit(&self, wished: Option<Duration>) -> Duration {
        wished.unwrap_or(self.usual_limit)
    }

    /// A new connection within the limit, and whether it speaks HTTP/2.
    pub(crate) async fn connect(&self, limit: Duration) -> Result<(Stream, bool)> {
        let stream = timeout(limit, self.reach()).await.map_err(|_| connect_expired(limit))??;
        let http2 = match self.version {
            HttpVersion::Http1 => false,
            HttpVersion::Http2 if self.tls.is_some() && !stream.chose_http2() => {
                return Err(Error::new(ErrorKind::Connection, "the vendor does not speak HTTP/2; set auto"));
            }
            HttpVersion::Http2 => true,
            HttpVersion::Auto => stream.chose_http2(),
        };
        Ok((stream, http2))
    }

    async fn reach(&self) -> Result<Stream> {
        let stream = self.route.open(&self.host, self.port).await?;
        match &self.tls {
            None => Ok(stream),
            Some(tls) => tls.handshake(stream).await.map_err(|cause| failure::securing("the vendor", &cause)),
        }
    }
}

/// Connects to the first address of a host that answers; `who` names it in errors.
pub(crate) async fn dial(who: &str, host: &str, port: u16) -> Result<Stream> {
    let addresses = lookup(who, host, port).await?;
    dial_one(who, addresses).await
}

/// The same for a host that must have public addresses: others are not connected to.
pub(crate) async fn dial_public(host: &str, port: u16, trusted: &[String]) -> Result<Stream> {
    let mut addresses = lookup("the host", host, port).await?;
    if !is_trusted(host, trusted) {
        addresses.retain(|address| is_public(address.ip()));
    }
    if addresses.is_empty() {
        return Err(Error::invalid(NOT_PUBLIC));
    }
    dial_one("the host", addresses).await
}

async fn lookup(who: &str, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let found = lookup_host((host, port)).await;
    Ok(found.map_err(|cause| failure::resolving(who, &cause.to_string()))?.collect())
}

async fn dial_one(who: &str, addresses: Vec<SocketAddr>) -> Result<Stream> {
    let stream = race(alternating(addresses)).await.map_err(|cause| match cause {
        Some(cause) => failure::connecting(&format!("{who} could not be reached"), &cause),
        None => failure::resolving(who, "the name has no address"),
    })?;
    tune(&stream).map_err(|cause| failure::connecting(&format!("{who} could not be reached"), &cause))?;
    Ok(Stream::Plain(stream))
}

/// Starts with one address and adds the next when one fails or hesitates; the first that connects wins.
async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, Option<io::Error>> {
    let mut waiting = addresses.into_iter();
    let mut trying = FuturesUnordered::new();
    let mut last = None;
    loop {
        if let Some(address) = waiting.next() {
            trying.push(TcpStream::connect(address));
        }
        let more = waiting.len() > 0;
        tokio::select! {
            tried = trying.next() => match tried {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(cause)) => last = Some(cause),
                None => return Err(last),
            },
            () = sleep(NEXT_ADDRESS), if more => {}
        }
    }
}

/// IPv6 and IPv4 in turn, so that one broken family costs one delay and not all of them.
fn alternating(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_six = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (ours, others): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_six);
    let length = ours.len().max(others.len());
    let (mut ours, mut others) = (ours.into_iter(), others.into_iter());
    (0..length).flat_map(|_| [ours.next(), others.next()]).flatten().collect()
}

/// Without `TCP_NODELAY` a request in two writes waits 40 ms for the peer's delayed acknowledgement.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::net::TcpListener;

    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|address| address.parse().expect("an address")).collect()
    }

    #[test]
    fn address_families_take_turns() {
        let mixed = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        assert_eq!(alternating(mixed), addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]));
        assert_eq!(alternating(Vec::new()), Vec::new());
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_living_one() {
        let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let dead_address = dead.local_addr().expect("bound");
        drop(dead);
        let living = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let living_address = living.local_addr().expect("bound");
        let stream = race(vec![dead_address, living_address]).await.expect("the second answers");
        assert_eq!(stream.peer_addr().expect("connected"), living_address);
    }

    #[tokio::test]
    async fn connections_are_tuned() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let Stream::Plain(stream) = dial("the vendor", "127.0.0.1", port).await.expect("it listens") else {
            panic!("nobody asked for TLS");
        };
        assert!(stream.nodelay().expect("readable"));
        assert!(SockRef::from(&stream).keepalive().expect("readable"));
    }
}
