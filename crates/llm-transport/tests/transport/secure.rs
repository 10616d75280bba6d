//! TLS: whom we trust, what we show, and that what goes over it is the same.

use std::sync::Arc;

use llm_core::{ErrorKind, Secret};
use llm_transport::{ClientCertificate, HttpVersion, Options, Tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::server::{OK, Server, call, failing_call, upstream};

const AUTHORITY: &[u8] = include_bytes!("certificates/authority.pem");
const SERVER: &[u8] = include_bytes!("certificates/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("certificates/server.key");
const CLIENT: &[u8] = include_bytes!("certificates/client.pem");
const CLIENT_KEY: &[u8] = include_bytes!("certificates/client.key");

/// What a TLS server needs; `asking`: for a certificate of the test authority.
pub(crate) fn acceptor(protocols: &[&str], asking: bool) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_slice(SERVER).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).expect("a key");
    let builder = ServerConfig::builder();
    let builder = if asking {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY).expect("a certificate")).expect("an authority");
        builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder(roots.into()).build().expect("a verifier"),
        )
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key).expect("they belong together");
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn secure(asking: bool) -> Server {
    let acceptor = acceptor(&["http/1.1"], asking);
    Server::start(move |_, connection| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(connection.into_stream()).await else { return };
            let mut request = Vec::new();
            while stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
                if request.ends_with(b"{\"model\":\"m\"}") {
                    request.clear();
                    let _gone = stream.write_all(OK).await;
                }
            }
        }
    })
    .await
}

/// Settings that trust the test authority.
pub(crate) fn trusting() -> Options {
    let tls = Tls { extra_ca_pem: Some(AUTHORITY.to_vec()), ..Tls::default() };
    Options { tls, ..Options::default() }
}

fn url(server: &Server) -> String {
    format!("https://localhost:{}/v1", server.address.port())
}

#[tokio::test]
async fn a_trusted_authority_is_enough_and_connections_are_reused() {
    let server = secure(false).await;
    let upstream = upstream(&url(&server), trusting());
    for _ in 0..3 {
        assert_eq!(call(&upstream).await.expect("an answer"), "ok");
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn an_address_is_as_good_as_a_name() {
    let server = secure(false).await;
    let upstream = upstream(&format!("https://{}", server.address), trusting());
    assert_eq!(call(&upstream).await.expect("an answer"), "ok");
}

#[tokio::test]
async fn an_unknown_authority_is_refused_with_the_remedy() {
    let server = secure(false).await;
    let error = failing_call(&upstream(&url(&server), Options::default())).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("certificate is not trusted"), "{error}");
}

#[tokio::test]
async fn checks_can_be_switched_off() {
    let server = secure(false).await;
    let tls = Tls { verify: false, ..Tls::default() };
    let upstream = upstream(&url(&server), Options { tls, ..Options::default() });
    assert_eq!(call(&upstream).await.expect("an answer"), "ok");
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let server = secure(true).await;
    let mut options = trusting();
    let error = failing_call(&upstream(&url(&server), options.clone())).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    options.tls.client_certificate =
        Some(ClientCertificate { chain_pem: CLIENT.to_vec(), key_pem: Secret::new(CLIENT_KEY.to_vec()) });
    assert!(!format!("{options:?}").contains("PRIVATE"));
    assert_eq!(call(&upstream(&url(&server), options)).await.expect("an answer"), "ok");
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_an_error() {
    let server = Server::start(|_, mut connection| async move {
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        connection.closed().await;
    })
    .await;
    let error = failing_call(&upstream(&url(&server), trusting())).await;
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.message().contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn automatic_versions_fall_back_to_http1() {
    let server = secure(false).await;
    let upstream = upstream(&url(&server), Options { http_version: HttpVersion::Auto, ..trusting() });
    for _ in 0..3 {
        assert_eq!(call(&upstream).await.expect("an answer"), "ok");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn broken_settings_are_found_before_the_first_call() {
    let broken = |tls| {
        let options = Options { tls, ..Options::default() };
        llm_transport::Upstream::new("https://localhost", &options).err().expect("an error")
    };
    let error = broken(Tls { extra_ca_pem: Some(b"no certificate".to_vec()), ..Tls::default() });
    assert!(error.message().contains("extra certificate authorities"), "{error}");
    let key_pem = Secret::new(b"no key".to_vec());
    let client_certificate = Some(ClientCertificate { chain_pem: CLIENT.to_vec(), key_pem });
    let error = broken(Tls { client_certificate, ..Tls::default() });
    assert!(error.message().contains("no private key"), "{error}");
}
