//! Requests that go to the vendor as their client wrote them: the gateway's credentials in place of the client's, and
//! everything else as it came, both ways.

mod watch;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use llm_core::relay::{RelayBase, RelayBody, RelayCall, RelayReply, check_path};
use llm_core::scrub::scrub;
use llm_core::wire::{WireBody, WireRequest, WireResponse};
use llm_core::{Dialect, DialectId, Error, ErrorKind, Result};
use llm_transport::UpstreamReply;

use super::{HttpProvider, REFUSAL, is_success, whose_key};
use crate::base_url;
use crate::dialects;
use crate::headers::{self, CONNECTION};
use crate::vendor::Vendor;
use watch::{Watch, Watched};

/// Headers that show a key, name who pays, or tell of the way to the gateway. None of them reaches a vendor.
const OF_THE_CLIENT: [&str; 24] = [
    "anthropic-dangerous-direct-browser-access",
    "api-key",
    "authorization",
    "cookie",
    "forwarded",
    "openai-organization",
    "openai-project",
    "origin",
    "proxy-connection",
    "referer",
    "via",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-goog-api-key",
    "x-goog-user-project",
    "x-litellm-api-key",
    "x-real-ip",
    "x-request-id",
];

/// Parameters of a query in which vendors' clients show keys.
const KEYS: [&str; 5] = ["access_token", "api-key", "api_key", "key", "subscription-key"];

/// The parameters of a query in which keys are shown.
pub(crate) fn shown_keys(query: &str) -> String {
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    let keys = query.split('&').filter(|pair| KEYS.contains(&name(pair).as_str()));
    keys.collect::<Vec<_>>().join("&")
}

/// The most bytes of a body that is held because its request must be signed.
const SIGNED: usize = 64 << 20;

/// The longest refusal that is passed on in the vendor's own words; they are looked through for keys.
const REFUSED: usize = 4000;

/// Where a vendor's paths begin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Scheme and host.
    origin: String,
    /// The path of [`RelayBase::Root`].
    root: String,
    /// The path of [`RelayBase::Api`].
    api: String,
}

impl Places {
    /// On the vendor's own host its paths begin at the root. Behind another one they begin where the part of the
    /// address ends that the vendor's clients add themselves.
    pub(crate) fn of(base_url: &str, vendor: &Vendor) -> Self {
        let (origin, api) = base_url::split(base_url);
        let own_host = base_url::host(base_url).is_some_and(|host| vendor.has_host(host));
        let root = if own_host { "" } else { base_url::without_version(api, vendor) };
        Self { origin: origin.to_owned(), root: root.to_owned(), api: api.to_owned() }
    }
}

impl Places {
    /// Paths begin at the address itself.
    pub(crate) fn at(url: &str) -> Self {
        let (origin, path) = base_url::split(url);
        Self { origin: origin.to_owned(), root: path.to_owned(), api: path.to_owned() }
    }
}

impl HttpProvider {
    /// Sends a request on.
    pub(super) async fn relayed(&self, call: RelayCall) -> Result<RelayReply> {
        // A single address may be meant, and nothing below it.
        if !call.path.is_empty() && !call.path.starts_with('?') {
            check_path(&call.path)?;
        }
        let RelayCall { method, base, path, headers, body, own_credentials, reading, deadlines } = call;
        let metered = method == http::Method::POST;
        let mut request = WireRequest {
            method,
            path: self.placed(base, &path),
            headers: sent_on(&headers, own_credentials),
            body: WireBody::default(),
        };
        self.fixed.put_on(&mut request.headers);
        let body = self.authenticated(&mut request, body).await?;
        let reply = self.upstream.relay(request, body, &deadlines).await?;
        if matches!(reply.status, 401 | 403) {
            return self.refused(reply).await;
        }
        let UpstreamReply { status, headers, body } = reply;
        let dialect = self.read_as(reading).filter(|_| metered && is_success(status));
        let watch = dialect.map_or(Watch::Nothing, |dialect| Watch::of(dialect, &headers));
        let is_document = watch.is_of_document();
        let body = Box::pin(Watched::new(body, watch));
        Ok(RelayReply { status, headers: headers::for_client(headers, true), body, is_document })
    }

    /// The whole path at the vendor, without the client's keys, with the query that every request carries.
    fn placed(&self, base: RelayBase, path: &str) -> String {
        let place = match base {
            RelayBase::Root => &self.places.root,
            RelayBase::Api => &self.places.api,
        };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        let of_client =
            query.split('&').filter(|pair| !pair.is_empty() && !KEYS.contains(&name(pair).as_str()));
        let mut pairs: Vec<&str> = of_client.collect();
        for own in self.query.as_deref().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            if !pairs.iter().any(|pair| name(pair) == name(own)) {
                pairs.push(own);
            }
        }
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!("{place}{path}{mark}{}", pairs.join("&"))
    }

    /// Credentials that are made for each request. A signature covers the body, so it must be there.
    async fn authenticated(&self, request: &mut WireRequest, body: RelayBody) -> Result<RelayBody> {
        let Some(authenticated) = &self.authenticator else { return Ok(body) };
        request.body = whole(body).await?.into();
        authenticated.authenticator.authenticate(request, &self.places.origin).await?;
        Ok(RelayBody::Whole(std::mem::take(&mut request.body).joined()))
    }

    /// The vendor does not take the gateway's credentials, in its own words: without the key that it may repeat.
    async fn refused(&self, reply: UpstreamReply) -> Result<RelayReply> {
        if let Some(authenticated) = &self.authenticator {
            authenticated.authenticator.refused();
        }
        let UpstreamReply { status, headers, body } = reply;
        let body = tokio::time::timeout(REFUSAL, body.collect()).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        match std::str::from_utf8(&body) {
            Ok(text) if text.len() <= REFUSED => {
                let body = Box::pin(Watched::whole(Bytes::from(scrub(text))));
                let headers = headers::for_client(headers, true);
                Ok(RelayReply { status, headers, body, is_document: false })
            }
            _ => Err(whose_key(self.dialect.classify(&WireResponse { status, headers, body }))),
        }
    }

    /// The dialect that an answer is read in: the one that the path tells, else the vendor's.
    fn read_as(&self, reading: Option<DialectId>) -> Option<Arc<dyn Dialect>> {
        match reading {
            Some(id) if id != self.dialect.id() => dialects::plain(id),
            _ => Some(Arc::clone(&self.dialect)),
        }
    }
}

/// Of [`OF_THE_CLIENT`], what shows a key that a vendor may be meant to see.
const CREDENTIALS: [&str; 4] = ["api-key", "authorization", "x-api-key", "x-goog-api-key"];

/// The client's headers without those of its connection, and without its keys, unless they are the vendor's own.
fn sent_on(headers: &HeaderMap, own_credentials: bool) -> HeaderMap {
    let stays = |name: &HeaderName| {
        let text = name.as_str();
        let of_connection = CONNECTION.contains(&text) && *name != CONTENT_ENCODING;
        let of_client = OF_THE_CLIENT.contains(&text) && !(own_credentials && CREDENTIALS.contains(&text));
        !of_connection && !of_client && !text.starts_with("x-litellm-")
    };
    let kept = headers.iter().filter(|(name, _)| stays(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

async fn whole(body: RelayBody) -> Result<Bytes> {
    let mut chunks = match body {
        RelayBody::Whole(bytes) => return Ok(bytes),
        RelayBody::Arriving { chunks, .. } => chunks,
    };
    let mut held = BytesMut::new();
    while let Some(chunk) = chunks.next().await.transpose()? {
        if held.len() + chunk.len() > SIGNED {
            let message = format!("requests to this vendor are signed and may have at most {SIGNED} bytes");
            return Err(Error::new(ErrorKind::PayloadTooLarge, message));
        }
        held.extend_from_slice(&chunk);
    }
    Ok(held.freeze())
}

/// Whether a header says a content type of this kind.
fn is_content(headers: &HeaderMap, words: &[&str]) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = String::from_utf8_lossy(kind).to_ascii_lowercase();
    words.iter().any(|word| kind.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(base_url: &str) -> (String, String) {
        let row = serde_json::json!({
            "name": "acme", "base_url": "https://api.acme.ai/v1", "hosts": ["api.acme.ai"],
        });
        let vendor: Vendor = serde_json::from_value(row).expect("a valid row");
        let places = Places::of(base_url, &vendor);
        (format!("{}{}", places.origin, places.root), format!("{}{}", places.origin, places.api))
    }

    #[test]
    fn paths_begin_where_the_vendors_clients_expect_it() {
        for (base_url, root) in [
            ("https://api.acme.ai/v1", "https://api.acme.ai"),
            ("https://api.acme.ai/api/odd", "https://api.acme.ai"),
            ("http://127.0.0.1:9/v1", "http://127.0.0.1:9"),
            ("https://proxy.example/llm/acme/v1", "https://proxy.example/llm/acme"),
            ("https://proxy.example/llm/acme/v1beta", "https://proxy.example/llm/acme"),
            ("https://proxy.example/llm/acme", "https://proxy.example/llm/acme"),
            ("https://proxy.example", "https://proxy.example"),
        ] {
            assert_eq!(places(base_url), (root.to_owned(), base_url.to_owned()));
        }
    }

    #[test]
    fn no_key_of_the_client_is_sent_on() {
        let names = OF_THE_CLIENT.iter().chain(&CONNECTION).chain(&["x-litellm-model"]);
        let mut headers = HeaderMap::new();
        for name in names.chain(&["anthropic-beta", "content-type", "x-custom"]) {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        let sent = sent_on(&headers, false);
        let mut sent: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
        sent.sort_unstable();
        assert_eq!(sent, ["anthropic-beta", "content-encoding", "content-type", "x-custom"]);
        let sent = sent_on(&headers, true);
        assert!(CREDENTIALS.iter().all(|name| sent.contains_key(*name)) && sent.len() == 8, "{sent:?}");
    }

    #[tokio::test]
    async fn a_body_that_must_be_signed_is_bounded() {
        let chunk = Bytes::from(vec![0; 16 << 20]);
        let chunks = futures_util::stream::iter(std::iter::repeat_n(Ok(chunk), 5)).boxed();
        let error = whole(RelayBody::Arriving { length: None, chunks }).await.expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    }
}
