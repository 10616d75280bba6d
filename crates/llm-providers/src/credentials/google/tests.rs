//! Tokens are fetched once, kept, and renewed; credentials are never shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use llm_core::wire::WireBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use parking_lot::Mutex;

use super::*;

/// A token server that counts its calls and answers the same to each.
async fn server(status: &'static str, body: &'static str) -> (String, Arc<AtomicUsize>, Arc<Mutex<String>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/token", listener.local_addr().expect("bound"));
    let (calls, last) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
    let (counted, heard) = (Arc::clone(&calls), Arc::clone(&last));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 16 << 10];
            let mut length = 0;
            loop {
                let read = socket.read(&mut head[length..]).await.unwrap_or(0);
                length += read;
                let text = String::from_utf8_lossy(&head[..length]).into_owned();
                let done = text
                    .split_once("\r\n\r\n")
                    .is_some_and(|(_, body)| text.starts_with("GET") || !body.is_empty());
                if done || read == 0 {
                    *heard.lock() = text;
                    break;
                }
            }
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, calls, last)
}

fn login(address: &str) -> String {
    serde_json::json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "se/cret", "refresh_token": "1//re+fresh",
        "token_uri": address, "quota_project_id": "who-pays",
    })
    .to_string()
}

fn request() -> WireRequest {
    WireRequest {
        method: http::Method::POST,
        path: "/models/x:generateContent".into(),
        headers: http::HeaderMap::new(),
        body: WireBody::default(),
    }
}

async fn shown(google: &Google) -> Result<Option<String>> {
    let mut request = request();
    google.authenticate(&mut request, "https://acme.example").await?;
    let header = request.headers.get(AUTHORIZATION);
    Ok(header.and_then(|value| value.to_str().ok()).map(str::to_owned))
}

#[tokio::test]
async fn a_token_is_fetched_once_however_many_wait_and_again_after_a_refusal() {
    let (address, calls, last) = server("200 OK", r#"{"access_token":"ya29.t","expires_in":3599}"#).await;
    let google = Google::new(Some(&login(&address)), &Files::default()).expect("a login");
    let all = futures_util::future::join_all((0..8).map(|_| shown(&google))).await;
    assert!(all.iter().all(|one| one == &Ok(Some("Bearer ya29.t".to_owned()))), "{all:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(last.lock().ends_with(
        "grant_type=refresh_token&client_id=id&client_secret=se%2Fcret&refresh_token=1%2F%2Fre%2Bfresh"
    ));
    google.refused();
    shown(&google).await.expect("fetched again");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refusal_is_about_our_credentials_and_shows_none() {
    let (address, _, _) =
        server("400 Bad Request", r#"{"error":"invalid_grant","error_description":"1//re+fresh"}"#).await;
    let google = Google::new(Some(&login(&address)), &Files::default()).expect("a login");
    let error = shown(&google).await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::UpstreamAuth);
    assert_eq!(
        error.message(),
        "no token for the vendor: Google's token server answered with status 400 (invalid_grant)"
    );
}

#[tokio::test]
async fn a_service_account_signs_what_its_public_key_proves() {
    let (address, _, last) = server("200 OK", r#"{"access_token":"t","expires_in":3599}"#).await;
    let key = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).expect("writes");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let file = serde_json::json!({
        "type": "service_account", "client_email": "a@b.example", "private_key": pem, "private_key_id": "k1",
        "token_uri": address, "project_id": "my-project",
    });
    let google = Google::new(Some(&file.to_string()), &Files::default()).expect("an account");
    assert_eq!(shown(&google).await, Ok(Some("Bearer t".to_owned())));
    let heard = last.lock().clone();
    let token = heard.rsplit_once("assertion=").expect("an assertion").1;
    let mut parts = token.split('.');
    let (header, claims) = (parts.next().expect("a header"), parts.next().expect("claims"));
    let signature = URL_SAFE_NO_PAD.decode(parts.next().expect("a signature")).expect("base64");
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    public.verify(format!("{header}.{claims}").as_bytes(), &signature).expect("its own signature");
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
    assert_eq!(
        (claims["iss"].as_str(), claims["aud"].as_str()),
        (Some("a@b.example"), Some(address.as_str()))
    );
    let parameters = Parameters::from([(CREDENTIALS, file.to_string().as_str())]);
    assert_eq!(with_project(&parameters).get(PROJECT), Some("my-project"));
}

#[test]
fn what_is_no_credentials_is_refused_without_repeating_it() {
    for (text, word) in [
        ("my secret", "expected the JSON"),
        (r#"{"type":"service_account","client_email":"a","private_key":"my secret"}"#, "no RSA key"),
        (r#"{"type":"external_account"}"#, "`audience`"),
        (r#"{"type":"impersonated_service_account"}"#, "not supported"),
        (r#"{"type":"authorized_user"}"#, "refresh_token"),
    ] {
        let error = Google::new(Some(text), &Files::default()).err().expect("refused");
        assert!(error.message().contains(word) && !error.message().contains("my secret"), "{error}");
    }
}
