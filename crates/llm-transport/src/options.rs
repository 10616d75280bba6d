//! What an operator can set about connections to a vendor.

use std::fmt;
use std::time::Duration;

use llm_core::Secret;

/// Settings of connections; upstreams with the same settings may share one value.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name lookup, TCP and TLS together, when a call brings no connect deadline of its own.
    pub connect_timeout: Duration,
    /// Idle connections kept for each core.
    pub max_idle_per_core: usize,
    /// How long an idle connection is kept. Below the 60 s after which most load balancers close theirs.
    pub idle_timeout: Duration,
    /// HTTP version.
    pub http_version: HttpVersion,
    /// The proxy on the way.
    pub proxy: Proxy,
    /// TLS.
    pub tls: Tls,
    /// Most bytes of an answer that is read whole, after its content encoding is undone.
    pub max_body: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            max_idle_per_core: 128,
            idle_timeout: Duration::from_secs(50),
            http_version: HttpVersion::default(),
            proxy: Proxy::default(),
            tls: Tls::default(),
            max_body: 64 * 1024 * 1024,
        }
    }
}

/// HTTP version spoken to a vendor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1: one call a connection; the cheapest on this side.
    #[default]
    Http1,
    /// HTTP/2; without TLS by prior knowledge.
    Http2,
    /// What the vendor picks in the TLS handshake; HTTP/1.1 without TLS.
    Auto,
}

/// The proxy between the gateway and a vendor.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// As `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` (or in lower case) say, read when the upstream is made.
    #[default]
    Environment,
    /// None, whatever the environment says.
    None,
    /// This one: `http://`, `https://`, `socks5://` or `socks5h://`, with `user:password@` if it asks for it.
    Url(String),
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Environment => "Environment",
            Self::None => "None",
            Self::Url(_) => "Url(***)",
        })
    }
}

/// TLS settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Whether the vendor's certificate is checked. Off only for a vendor in one's own network.
    pub verify: bool,
    /// Further certificate authorities to trust, in PEM.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// The certificate to show to the vendor.
    pub client_certificate: Option<ClientCertificate>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { verify: true, extra_ca_pem: None, client_certificate: None }
    }
}

/// A certificate for mutual TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate and its intermediates, in PEM.
    pub chain_pem: Vec<u8>,
    /// Its private key, in PEM.
    pub key_pem: Secret<Vec<u8>>,
}
