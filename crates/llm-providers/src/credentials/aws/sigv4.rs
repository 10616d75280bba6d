//! Signature version 4, after "Create a signed AWS API request" of the AWS documentation (read November 2026).
//!
//! The path is encoded once more for the signature than it is sent, as all services but S3 demand.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::SystemTime;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::hmac;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use llm_core::wire::WireRequest;
use llm_core::{Error, ErrorKind, Result, Secret};

use crate::credentials::time;

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
/// What a body hashes to, which S3 wants to be told.
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The service whose paths are signed as they are sent. Those that are asked for here have no letter to encode.
const S3: &str = "s3";

/// Keys to sign with.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    /// Shown beside temporary keys.
    pub(super) token: Option<Secret>,
}

/// What a signature is good for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// Signs a request to a path below `base_url`.
///
/// # Errors
/// When the address has no host, or a key has letters that no header can carry.
pub(super) fn sign(
    request: &mut WireRequest,
    base_url: &str,
    keys: &Keys,
    scope: Scope<'_>,
    now: SystemTime,
) -> Result<()> {
    let stamp = time::stamp(now);
    let date = stamp.get(..8).unwrap_or_default();
    request.headers.insert(DATE, value(&stamp)?);
    if let Some(token) = &keys.token {
        let mut token = value(token.expose())?;
        token.set_sensitive(true);
        request.headers.insert(TOKEN, token);
    }
    if scope.service == S3 {
        let content = hash(request.body.pieces().iter().map(AsRef::as_ref));
        request.headers.insert(CONTENT, value(&content)?);
    }
    let (host, base_path) = address(base_url)?;
    let headers = signed_headers(&request.headers, &host);
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let canonical = canonical(request, base_path, &headers, &names);
    let credential = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{credential}\n{}", hash([canonical.as_bytes()]));
    let mut key = hmac_of(format!("AWS4{}", keys.secret.expose()).as_bytes(), date);
    for part in [scope.region, scope.service, "aws4_request"] {
        key = hmac_of(key.as_ref(), part);
    }
    let signature = hex(hmac_of(key.as_ref(), &to_sign).as_ref());
    let shown = format!(
        "{ALGORITHM} Credential={}/{credential}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    let mut shown = value(&shown)?;
    shown.set_sensitive(true);
    request.headers.insert(AUTHORIZATION, shown);
    Ok(())
}

/// The message must not repeat the key.
fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| {
        let message = "the AWS credentials have letters that no header can carry: check `aws_access_key_id`";
        Error::new(ErrorKind::UpstreamAuth, message)
    })
}

/// The `host` header as the transport writes it, and the path.
fn address(base_url: &str) -> Result<(Cow<'_, str>, &str)> {
    let no_host =
        || Error::new(ErrorKind::UpstreamAuth, "the address to sign for names no host: check `api_base`");
    let (scheme, rest) = base_url.split_once("://").ok_or_else(no_host)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let port = if scheme == "https" { ":443" } else { ":80" };
    let host = authority.strip_suffix(port).unwrap_or(authority);
    if host.is_empty() {
        return Err(no_host());
    }
    Ok((Cow::Borrowed(host), path))
}

/// What is signed, by name.
fn signed_headers<'a>(headers: &'a HeaderMap, host: &'a str) -> Vec<(&'static str, &'a str)> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let all = [
        ("content-type", text(&CONTENT_TYPE)),
        ("host", Some(host)),
        ("x-amz-content-sha256", text(&CONTENT)),
        ("x-amz-date", text(&DATE)),
        ("x-amz-security-token", text(&TOKEN)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn canonical(request: &WireRequest, base_path: &str, headers: &[(&str, &str)], names: &str) -> String {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let mut out = format!("{}\n{}", request.method, encoded(base_path));
    out.push_str(&encoded(path));
    if base_path.is_empty() && path.is_empty() {
        out.push('/');
    }
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable_by_key(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let pairs: Vec<Cow<'_, str>> = pairs
        .into_iter()
        .map(|pair| if pair.contains('=') { Cow::Borrowed(pair) } else { Cow::Owned(format!("{pair}=")) })
        .collect();
    write!(out, "\n{}\n", pairs.join("&")).expect("a string takes all");
    for (name, value) in headers {
        writeln!(out, "{name}:{value}").expect("a string takes all");
    }
    let body = request.body.pieces().iter().map(AsRef::as_ref);
    write!(out, "\n{names}\n{}", hash(body)).expect("a string takes all");
    out
}

/// A path with everything but unreserved letters and slashes percent-encoded.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes all");
        }
    }
    out
}

fn hash<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut context = Context::new(&SHA256);
    pieces.into_iter().for_each(|piece| context.update(piece));
    hex(context.finish().as_ref())
}

fn hmac_of(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes all");
        out
    })
}

#[cfg(test)]
mod tests {
    use http::Method;
    use llm_core::wire::WireBody;

    use super::*;

    /// The published test suite: its keys, its time, its service.
    fn signature(method: Method, path: &str, content_type: Option<&'static str>, body: WireBody) -> String {
        let keys = Keys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            token: None,
        };
        let content_type = content_type.map(|value| (CONTENT_TYPE, HeaderValue::from_static(value)));
        let headers = content_type.into_iter().collect();
        let mut request = WireRequest { method, path: path.to_owned(), headers, body };
        let scope = Scope { region: "us-east-1", service: "service" };
        let now = time::read("2015-08-30T12:36:00Z").expect("a time");
        sign(&mut request, "https://example.amazonaws.com:443", &keys, scope, now).expect("signs");
        let shown = request.headers.get(AUTHORIZATION).expect("signed").to_str().expect("ASCII").to_owned();
        assert!(shown.starts_with(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        ));
        shown.rsplit_once("Signature=").expect("a signature").1.to_owned()
    }

    #[test]
    fn published_signatures_are_met() {
        let none = WireBody::default;
        for (method, path, expected) in [
            (Method::GET, "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            (Method::POST, "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                Method::GET,
                "/?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ] {
            assert_eq!(signature(method, path, None, none()), expected, "{path}");
        }
    }

    /// A body in pieces is the body.
    #[test]
    fn a_published_signature_with_a_body_is_met() {
        let mut body = WireBody::from(b"Param1=".to_vec());
        body.push(b"value1".to_vec().into());
        assert_eq!(
            signature(Method::POST, "/", Some("application/x-www-form-urlencoded"), body),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        );
    }

    /// The examples of "Authenticating Requests: Using the Authorization Header" of S3's documentation.
    #[test]
    fn published_signatures_of_the_store_of_objects_are_met() {
        let keys = Keys {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            token: None,
        };
        for (path, expected) in [
            ("/?lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            ("/?max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
        ] {
            let (method, headers, body) = (Method::GET, HeaderMap::new(), WireBody::default());
            let mut request = WireRequest { method, path: path.to_owned(), headers, body };
            let scope = Scope { region: "us-east-1", service: S3 };
            let now = time::read("2013-05-24T00:00:00Z").expect("a time");
            sign(&mut request, "https://examplebucket.s3.amazonaws.com", &keys, scope, now).expect("signs");
            let shown = request.headers.get(AUTHORIZATION).expect("signed").to_str().expect("ASCII");
            assert!(shown.ends_with(expected), "{path}: {shown}");
        }
    }

    #[test]
    fn an_encoded_path_is_encoded_again() {
        assert_eq!(encoded("/model/a%3A0/converse"), "/model/a%253A0/converse");
    }
}
