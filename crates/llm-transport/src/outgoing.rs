//! A request on its way out: its head made safe, its body in pieces.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Uri};
use http_body::{Body, Frame, SizeHint};
use llm_core::Result;
use llm_core::provider::BoxStream;
use llm_core::wire::{WireBody, WireRequest};

use crate::deadline::Progress;

/// Largest slice handed to the connection at once, so that a large body's progress can be seen.
const SLICE: usize = 128 * 1024;

/// Pieces below this do not count as progress by themselves.
const SMALL: usize = 16 * 1024;

/// Headers that belong to the connection, not to the request: this crate decides them.
static OF_THE_CONNECTION: [HeaderName; 11] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A request that can be sent more than once: pieces and values are shared, not copied.
pub(crate) struct Outgoing {
    method: Method,
    headers: HeaderMap,
    body: WireBody,
}

impl Outgoing {
    /// Takes a request over; the length is set, what belongs to the connection is taken out.
    pub(crate) fn new(request: WireRequest) -> Self {
        let WireRequest { method, mut headers, body, .. } = request;
        if headers.keys().any(|name| OF_THE_CONNECTION.contains(name)) {
            for name in &OF_THE_CONNECTION {
                headers.remove(name);
            }
        }
        narrow_accept_encoding(&mut headers);
        if !body.is_empty() || !matches!(method, Method::GET | Method::HEAD | Method::DELETE) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        Self { method, headers, body }
    }

    /// Says that the body comes as another one than [`Outgoing::new`] was given.
    pub(crate) fn announce(&mut self, length: Option<u64>) {
        match length {
            Some(length) => self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length)),
            None => self.headers.remove(header::CONTENT_LENGTH),
        };
    }

    /// The request for one connection, with the headers that this kind of connection wants.
    pub(crate) fn request(
        &self,
        target: Uri,
        extra: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        progress: Option<Arc<Progress>>,
    ) -> Request<RequestBody> {
        self.request_with(RequestBody::of(self.body.clone(), progress), target, extra)
    }

    /// The same with another body.
    pub(crate) fn request_with(
        &self,
        body: RequestBody,
        target: Uri,
        extra: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
    ) -> Request<RequestBody> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = target;
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().extend(extra);
        request
    }
}

/// A client's wish for encodings that could not be undone here must not reach the vendor.
fn narrow_accept_encoding(headers: &mut HeaderMap) {
    let Some(wish) = headers.get(header::ACCEPT_ENCODING) else { return };
    let gzip = wish.to_str().is_ok_and(|wish| {
        wish.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim().parse() == Ok(0.0_f32));
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        })
    });
    if gzip {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    } else {
        headers.remove(header::ACCEPT_ENCODING);
    }
}

/// A request's body on its way out: pieces that are there, given to the connection one after the other, or one that
/// is still arriving. Small, since a connection has room for 32 requests with their bodies.
pub(crate) struct RequestBody {
    /// Bytes still to come, where that is known.
    length: Option<u64>,
    current: Bytes,
    rest: Option<Box<Rest>>,
    progress: Option<Arc<Progress>>,
}

/// What follows the first piece.
enum Rest {
    Pieces(WireBody),
    Arriving(BoxStream<Result<Bytes>>),
}

impl RequestBody {
    fn of(mut pieces: WireBody, progress: Option<Arc<Progress>>) -> Self {
        let length = Some(pieces.len() as u64);
        let current = pieces.pop_front().unwrap_or_default();
        let rest = (!pieces.is_empty()).then(|| Box::new(Rest::Pieces(pieces)));
        Self { length, current, rest, progress }
    }

    /// A body that is still arriving.
    pub(crate) fn arriving(
        length: Option<u64>,
        chunks: BoxStream<Result<Bytes>>,
        progress: Option<Arc<Progress>>,
    ) -> Self {
        Self { length, current: Bytes::new(), rest: Some(Box::new(Rest::Arriving(chunks))), progress }
    }
}

impl Rest {
    /// The next piece; `None`: that was all.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        match self {
            Self::Pieces(pieces) => Poll::Ready(pieces.pop_front().map(Ok)),
            Self::Arriving(chunks) => chunks.as_mut().poll_next(context),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = llm_core::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        while self.current.is_empty() {
            let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
            match ready!(rest.poll_next(context)).transpose()? {
                Some(piece) => self.current = piece,
                None => return Poll::Ready(None),
            }
        }
        let length = self.current.len().min(SLICE);
        let slice = self.current.split_to(length);
        self.length = self.length.map(|left| left.saturating_sub(length as u64));
        // Small pieces leave together with the last: one look at the clock is enough for all of them.
        let last = self.length.is_none_or(|left| left == 0);
        if let Some(progress) = self.progress.as_ref().filter(|_| length >= SMALL || last) {
            progress.note();
        }
        Poll::Ready(Some(Ok(Frame::data(slice))))
    }

    fn is_end_stream(&self) -> bool {
        self.length == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(headers: &[(&'static str, &'static str)], body: &'static str) -> HeaderMap {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let body = Bytes::from_static(body.as_bytes()).into();
        Outgoing::new(WireRequest { method: Method::POST, path: "/".into(), headers, body }).headers
    }

    #[test]
    fn headers_of_the_connection_are_ours_alone() {
        let headers = outgoing(
            &[
                ("host", "evil.example"),
                ("content-length", "999"),
                ("transfer-encoding", "chunked"),
                ("connection", "close"),
                ("x-kept", "yes"),
            ],
            "{}",
        );
        assert_eq!(headers.len(), 2, "{headers:?}");
        assert_eq!(headers["content-length"], "2");
        assert_eq!(headers["x-kept"], "yes");
    }

    #[test]
    fn only_encodings_that_can_be_undone_are_asked_for() {
        let sent = |wish| outgoing(&[("accept-encoding", wish)], "").get("accept-encoding").cloned();
        assert_eq!(sent("gzip, deflate, br, zstd"), Some(HeaderValue::from_static("gzip")));
        assert_eq!(sent("br;q=1.0, GZIP;q=0.5"), Some(HeaderValue::from_static("gzip")));
        assert_eq!(sent("br, gzip;q=0"), None);
        assert_eq!(sent("identity"), None);
    }

    #[test]
    fn a_post_without_a_body_says_so() {
        assert_eq!(outgoing(&[], "")["content-length"], "0");
    }
}
