//! The way to a vendor: direct, or through a proxy as the settings or the environment say.
//!
//! Tunnels are made here instead of by a second HTTP client, so that calls behind a proxy have the same pool,
//! deadlines, cancellation and errors as all others.

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use llm_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::connect::{dial, dial_public};
use crate::failure;
use crate::options::{HttpVersion, Options, Proxy, Tls};
use crate::socks;
use crate::stream::Stream;
use crate::target::Target;
use crate::tls::TlsClient;

/// Longest head of a proxy's answer to CONNECT.
const LONGEST_HEAD: usize = 8 * 1024;

/// How connections to a vendor are made.
pub(crate) enum Route {
    /// Straight to the vendor.
    Direct,
    /// Plain HTTP through an HTTP proxy, which reads the requests: they carry the whole URL and its credential.
    Forward(Server),
    /// A CONNECT tunnel through an HTTP proxy.
    Tunnel(Server),
    /// A SOCKS 5 proxy.
    Socks(Server),
    /// Straight to a host at a public address; hosts of these names may have any.
    Public(Vec<String>),
}

/// A proxy.
pub(crate) struct Server {
    host: String,
    port: u16,
    tls: Option<TlsClient>,
    authorization: Option<HeaderValue>,
    login: Option<socks::Login>,
    resolve_here: bool,
}

impl Route {
    /// Decides by the settings and the base URL.
    pub(crate) fn choose(target: &Target, options: &Options) -> Result<Self> {
        let found = match &options.proxy {
            Proxy::None => None,
            Proxy::Environment => Matcher::from_env().intercept(&target.origin),
            Proxy::Url(url) => Some(explicit(url, &target.origin)?),
        };
        let Some(found) = found else { return Ok(Self::Direct) };
        let server = Server::new(&found, options)?;
        match found.uri().scheme_str() {
            Some("socks5" | "socks5h") => Ok(Self::Socks(server)),
            Some("http" | "https") if target.secure || options.http_version == HttpVersion::Http2 => {
                Ok(Self::Tunnel(server))
            }
            Some("http" | "https") => Ok(Self::Forward(server)),
            _ => Err(Error::invalid(
                "the proxy url must begin with http://, https://, socks5:// or socks5h://",
            )),
        }
    }

    /// Whether requests must carry the whole URL.
    pub(crate) fn wants_whole_url(&self) -> bool {
        matches!(self, Self::Forward(_))
    }

    /// The proxy's credential, when each request must show it.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        match self {
            Self::Forward(server) => server.authorization.as_ref(),
            _ => None,
        }
    }

    /// A stream that ends at the vendor (or at the proxy that forwards to it).
    pub(crate) async fn open(&self, host: &str, port: u16) -> Result<Stream> {
        match self {
            Self::Direct => dial("the vendor", host, port).await,
            Self::Public(trusted) => dial_public(host, port, trusted).await,
            Self::Forward(server) => server.dial().await,
            Self::Tunnel(server) => {
                tunnel(server.dial().await?, host, port, server.authorization.as_ref()).await
            }
            Self::Socks(server) => {
                let stream = server.dial().await?;
                socks::connect(stream, host, port, server.login.as_ref(), server.resolve_here).await
            }
        }
    }
}

impl Server {
    fn new(found: &Intercept, options: &Options) -> Result<Self> {
        let scheme = found.uri().scheme_str().unwrap_or_default();
        let host = found.uri().host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let usual_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => 1080,
        };
        // The client certificate is for the vendor alone.
        let tls = (scheme == "https")
            .then(|| {
                let tls = Tls { client_certificate: None, ..options.tls.clone() };
                TlsClient::new(&host, &tls, HttpVersion::Http1)
            })
            .transpose()?;
        Ok(Self {
            port: found.uri().port_u16().unwrap_or(usual_port),
            tls,
            authorization: found.basic_auth().cloned(),
            login: found.raw_auth().map(|(user, password)| socks::Login::new(user, password)),
            resolve_here: scheme == "socks5",
            host,
        })
    }

    async fn dial(&self) -> Result<Stream> {
        let stream = dial("the proxy", &self.host, self.port).await?;
        match &self.tls {
            None => Ok(stream),
            Some(tls) => tls.handshake(stream).await.map_err(|cause| failure::securing("the proxy", &cause)),
        }
    }
}

fn explicit(url: &str, origin: &Uri) -> Result<Intercept> {
    Matcher::builder().all(url).build().intercept(origin).ok_or_else(|| {
        Error::invalid("the proxy url cannot be read; write it like http://proxy.example:3128")
    })
}

/// Asks an HTTP proxy for a tunnel. Its answer is read byte by byte: what follows belongs to the vendor.
async fn tunnel(
    mut stream: Stream,
    host: &str,
    port: u16,
    authorization: Option<&HeaderValue>,
) -> Result<Stream> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let broken = |cause| failure::connecting("the proxy did not open a tunnel to the vendor", &cause);
    stream.write_all(&request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return Err(refused("its answer is too long"));
        }
        head.push(stream.read_u8().await.map_err(broken)?);
    }
    match status(&head) {
        Some(200..=299) => Ok(stream),
        Some(407) => Err(refused("it asks for a user name and password, set them in the proxy url")),
        Some(status) => Err(refused(&format!("it answered with status {status}"))),
        None => Err(refused("its answer is not HTTP")),
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    std::str::from_utf8(line.get(2..5)?).ok()?.parse().ok()
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Connection, format!("the proxy did not open a tunnel to the vendor: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(base_url: &str, options: &Options) -> Result<Route> {
        Route::choose(&Target::parse(base_url).expect("a good base url"), options)
    }

    fn through(url: &str) -> Options {
        Options { proxy: Proxy::Url(url.into()), ..Options::default() }
    }

    #[test]
    fn the_scheme_decides_the_kind_of_proxying() {
        let plain = route("http://a.example", &through("http://p.example:3128")).expect("good");
        assert!(matches!(&plain, Route::Forward(server) if server.port == 3128));
        let secure = route("https://a.example", &through("http://user:word@p.example")).expect("good");
        assert!(
            matches!(&secure, Route::Tunnel(server) if server.port == 80 && server.authorization.is_some())
        );
        assert!(secure.authorization().is_none(), "the vendor must not see the proxy's credential");
        let socks = route("https://a.example", &through("socks5h://user:word@p.example")).expect("good");
        assert!(matches!(&socks, Route::Socks(server) if server.port == 1080 && !server.resolve_here));
    }

    #[test]
    fn odd_proxy_urls_are_refused() {
        for bad in ["", "ftp://p.example", "socks4://p.example", "http://"] {
            assert!(route("https://a.example", &through(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_status_is_read_only_from_http() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407 Asks\r\n\r\n"), Some(407));
        assert_eq!(status(b"SSH-2.0-OpenSSH\r\n\r\n"), None);
        assert_eq!(status(b"HTTP/1.\r\n\r\n"), None);
    }
}
