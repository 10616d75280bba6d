//! TLS to a vendor or a proxy: rustls on aws-lc-rs, roots loaded once and only when somebody needs them.

use std::io;
use std::sync::{Arc, OnceLock};

use llm_core::{Error, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::options::{ClientCertificate, HttpVersion, Tls};
use crate::stream::Stream;

/// TLS to one host.
pub(crate) struct TlsClient {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsClient {
    /// Prepares handshakes with a host.
    pub(crate) fn new(host: &str, tls: &Tls, version: HttpVersion) -> Result<Self> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::invalid(format!("`{host}` is no host name that a certificate can hold")))?;
        Ok(Self { connector: TlsConnector::from(client_config(tls, version)?), name })
    }

    /// Encrypts a stream.
    pub(crate) async fn handshake(&self, stream: Stream) -> io::Result<Stream> {
        let stream = self.connector.connect(self.name.clone(), stream).await?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

/// The configuration for these settings; the usual ones are shared by all upstreams, and so are their sessions.
fn client_config(tls: &Tls, version: HttpVersion) -> Result<Arc<ClientConfig>> {
    static USUAL: [OnceLock<Arc<ClientConfig>>; 3] = [const { OnceLock::new() }; 3];
    if *tls != Tls::default() {
        return build(tls, version).map(Arc::new);
    }
    let usual = match version {
        HttpVersion::Http1 => &USUAL[0],
        HttpVersion::Http2 => &USUAL[1],
        HttpVersion::Auto => &USUAL[2],
    };
    if let Some(config) = usual.get() {
        return Ok(Arc::clone(config));
    }
    let config = Arc::new(build(tls, version)?);
    Ok(Arc::clone(usual.get_or_init(|| config)))
}

/// TLS as everybody here speaks it, for a client of another make: HTTP/1.1, with Mozilla's roots and the machine's own.
///
/// # Errors
/// When it cannot be set up.
pub fn usual() -> Result<ClientConfig> {
    build(&Tls::default(), HttpVersion::Http1)
}

/// A configuration of one's own.
fn build(tls: &Tls, version: HttpVersion) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS could not be set up").with_detail(error.to_string()))?;
    let builder = if tls.verify {
        builder.with_root_certificates(roots(tls.extra_ca_pem.as_deref())?)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Unverified::new(provider)))
    };
    let mut config = match &tls.client_certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let (chain, key) = client_certificate(certificate)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                Error::invalid("the client certificate and its key cannot be used together")
                    .with_detail(error.to_string())
            })?
        }
    };
    config.alpn_protocols = match version {
        HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
        HttpVersion::Http2 => vec![b"h2".to_vec()],
        HttpVersion::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    Ok(config)
}

/// Mozilla's roots (for images without any) and the machine's own (for companies with their own authority).
fn roots(extra_pem: Option<&[u8]>) -> Result<Arc<RootCertStore>> {
    static USUAL: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let usual = USUAL.get_or_init(|| {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        // What cannot be read there must not stop vendors whose roots are built in.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(store)
    });
    let Some(pem) = extra_pem else { return Ok(Arc::clone(usual)) };
    let mut store = RootCertStore::clone(usual);
    for certificate in certificates(pem, "the extra certificate authorities")? {
        store.add(certificate).map_err(|error| {
            Error::invalid("an extra certificate authority cannot be used").with_detail(error.to_string())
        })?;
    }
    Ok(Arc::new(store))
}

fn client_certificate(
    certificate: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = certificates(&certificate.chain_pem, "the client certificate")?;
    let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.expose())
        .map_err(|_| Error::invalid("the client certificate's key is no private key in PEM"))?;
    Ok((chain, key))
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| Error::invalid(format!("{what} cannot be read: the PEM is broken")))?;
    if found.is_empty() {
        return Err(Error::invalid(format!("{what} cannot be read: the PEM holds no certificate")));
    }
    Ok(found)
}

/// Believes any certificate, but still demands that the peer holds its key.
#[derive(Debug)]
pub struct Unverified(Arc<CryptoProvider>);

impl Unverified {
    /// With the signatures that this cryptography knows.
    pub fn new(provider: Arc<CryptoProvider>) -> Self {
        Self(provider)
    }
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
