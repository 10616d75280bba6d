//! One request of a model API: its body in, the gateway's answer out, and every way in which that fails.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body::Body;
use llm_core::operation::Asked;
use llm_core::{Error, ErrorKind, Ingress, Result};
use llm_gateway::{Incoming, new_call_id};

use crate::app::App;
use crate::caught::{Panicked, caught};
use crate::discard::discard;
use crate::intake::{Arriving, BoxError, Collected};
use crate::outgoing::{Outgoing, response};
use crate::query_key;

/// Headers in which clients and proxies name a call.
static ID_HEADERS: [HeaderName; 2] =
    [HeaderName::from_static("x-litellm-call-id"), HeaderName::from_static("x-request-id")];

/// Answers a request to a path of a model API.
///
/// Dropping the future cancels the vendor's work.
pub(crate) async fn answer<B>(
    app: &App,
    (ingress, asked): (Arc<dyn Ingress>, Asked),
    request: Request<B>,
    peer: Option<IpAddr>,
) -> Response<Outgoing>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let received = Instant::now();
    let (mut parts, mut body) = request.into_parts();
    let address = app.address(peer, &parts.headers);
    query_key::take(&*ingress, &parts.uri, &mut parts.headers);
    if parts.method != Method::POST {
        return wrong_method(app, &*ingress, &parts);
    }
    let done = {
        // Pinned here: handed over by value it would be copied, and stand in the task twice.
        let work = pin!(async {
            let call_id = call_id(&parts.headers);
            let collected = match collect(app, (&parts, address), &mut body).await {
                Ok(collected) => collected,
                Err(error) => {
                    let held_back = parts.headers.contains_key(header::EXPECT);
                    return Err(Refused { error, call_id, held_back });
                }
            };
            let dialect = Arc::clone(&ingress);
            let Parts { headers, uri, .. } = parts;
            let body = collected.bytes;
            let incoming =
                Incoming { ingress: dialect, asked, headers, body, received, call_id, uri, address };
            let answer = app.gateway.handle(incoming).await;
            drop(collected.held);
            Ok(response(answer))
        });
        caught(work).await
    };
    match done {
        Ok(Ok(answer)) => answer,
        Ok(Err(refused)) => refused.answer(app, &*ingress, body),
        Err(Panicked) => {
            tracing::error!(dialect = %ingress.id(), "a request ended in a panic");
            let error = Error::internal("the gateway failed at this request; its log says where");
            response(app.gateway.refusal(&*ingress, &error))
        }
    }
}

async fn collect<B>(app: &App, (head, address): (&Parts, Option<IpAddr>), body: &mut B) -> Result<Collected>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin,
{
    readable(&head.headers)?;
    let mut arriving = Arriving::new(body, &app.limits, &app.budget)?;
    if let Some(collected) = arriving.what_is_there().await? {
        return Ok(collected);
    }
    // Nobody without a key makes us hold what does not come at once.
    app.gateway.authorise(&head.headers, address, (head.uri.path(), false)).await?;
    Box::pin(arriving.the_rest()).await
}

/// Refuses a compressed body by name, where reading it as JSON would only confuse.
fn readable(headers: &HeaderMap) -> Result<()> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => {
            let message = "the request body is compressed: send it without `content-encoding`";
            Err(Error::unsupported(message).with_status(415))
        }
        _ => Ok(()),
    }
}

/// The id that the client gave the call, if it is harmless in headers, logs and file names.
pub(crate) fn call_id(headers: &HeaderMap) -> Option<String> {
    let given = ID_HEADERS.iter().find_map(|name| headers.get(name))?.to_str().ok()?;
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    let sane = (1..=128).contains(&given.len()) && given.bytes().all(harmless);
    sane.then(|| given.to_owned())
}

fn wrong_method(app: &App, ingress: &dyn Ingress, parts: &Parts) -> Response<Outgoing> {
    let message = format!("`{}` is not possible here: send a POST with a JSON body", parts.method);
    let error = Error::new(ErrorKind::MethodNotAllowed, message);
    let mut answer = response(app.gateway.refusal(ingress, &error));
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    answer
}

/// A request that is refused before its body was read to its end.
struct Refused {
    error: Error,
    call_id: Option<String>,
    /// The client waits for our word before it sends the body.
    held_back: bool,
}

impl Refused {
    /// `rest` is what the client is sending all the same.
    fn answer<B>(self, app: &App, ingress: &dyn Ingress, rest: B) -> Response<Outgoing>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let (error, call_id) = (self.error, self.call_id.unwrap_or_else(new_call_id));
        let (dialect, status) = (ingress.id(), ingress.error_status(&error));
        tracing::info!(call_id, %dialect, status, %error, "request refused");
        let mut answer = response(app.gateway.refusal_of(ingress, &error, &call_id));
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        if !self.held_back {
            discard(rest);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(id: &str) -> Option<String> {
        let value = HeaderValue::from_bytes(id.as_bytes()).expect("a header value");
        call_id(&HeaderMap::from_iter([(HeaderName::from_static("x-request-id"), value)]))
    }

    #[test]
    fn only_harmless_ids_are_taken_over() {
        assert_eq!(given("0192f5a4-7c1e:1").as_deref(), Some("0192f5a4-7c1e:1"));
        for bad in ["", "a b", "a/../b", "{{7*7}}", "é", &"a".repeat(129)] {
            assert_eq!(given(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_gateways_own_header_wins() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("proxy"));
        headers.insert("x-litellm-call-id", HeaderValue::from_static("client"));
        assert_eq!(call_id(&headers).as_deref(), Some("client"));
    }
}
