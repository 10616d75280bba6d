//! Requests that pass to a vendor as they are: bodies go on as they come, both ways, and are never held as a whole.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::{Duration, Instant};

use axum::body::Body as ColdBody;
use axum::response::Response;
use bytes::Bytes;
use futures_core::Stream;
use http::request::Parts;
use http::{HeaderMap, Request, StatusCode, header};
use http_body::Body as _;
use llm_core::relay::RelayBody;
use llm_core::{Error, ErrorKind, Fault, Result, Retry};
use llm_gateway::{RelayAnswer, RelayAnswerBody, RelayIncoming};
use tokio::time::timeout;

use crate::answer::call_id;
use crate::app::App;
use crate::client_address::peer;
use crate::intake::{Arriving, Held};

/// Bodies of JSON up to this size are taken whole, as those of model APIs are: the model is in them, and most came with
/// their head.
const JSON: u64 = 8 << 20;

/// The same for all other bodies.
const SMALL: u64 = 64 << 10;

/// Whether a path is one of OpenAI's that has no place of its own here: their objects live at one vendor.
pub(crate) fn is_elsewhere(path: &str) -> bool {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(first, "assistants" | "fine_tuning" | "threads" | "vector_stores")
}

/// What such a path is told.
pub(crate) fn elsewhere(path: &str) -> Error {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let message = format!(
        "this path is not served here: with a vendor's name before it (`/<vendor>/v1{path}`) the request passes to that \
         vendor as it is, with the gateway's key"
    );
    Error::new(ErrorKind::NotFound, message)
}

/// Passes a request on.
pub(crate) async fn relay(app: &App, request: Request<ColdBody>) -> Response {
    let received = Instant::now();
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let (body, held) = match taken(app, &parts, body).await {
        Ok(taken) => taken,
        Err(error) => return response(app.gateway.relay_refusal(&path, &error)),
    };
    let call_id = call_id(&parts.headers);
    let address = app.address(peer(&parts.extensions), &parts.headers);
    let Parts { method, headers, .. } = parts;
    let incoming = RelayIncoming { method, path, headers, body, received, call_id, address };
    let answer = app.gateway.relay(incoming).await;
    drop(held);
    response(answer)
}

async fn taken(app: &App, parts: &Parts, mut body: ColdBody) -> Result<(RelayBody, Held)> {
    // Nobody without a key makes us read a body.
    app.authorise(parts).await?;
    let length = body.size_hint().exact();
    let most = if is_json(&parts.headers) { JSON } else { SMALL };
    if length.is_some_and(|length| length <= most) {
        let arriving = Arriving::new(&mut body, &app.limits, &app.budget)?;
        let collected = Box::pin(arriving.the_rest()).await?;
        return Ok((RelayBody::Whole(collected.bytes), collected.held));
    }
    let chunks = Box::pin(chunks(body, app.limits.body_grace));
    Ok((RelayBody::Arriving { length, chunks }, Held::default()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// A client's body as it comes; one that stands still is given up.
fn chunks(body: ColdBody, patience: Duration) -> impl Stream<Item = Result<Bytes>> + Send {
    futures_util::stream::try_unfold(body, move |mut body| async move {
        loop {
            let next = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
            match timeout(patience, next).await.map_err(|_| still(patience))? {
                None => return Ok(None),
                Some(Err(cause)) => return Err(broken(&cause)),
                // Trailers mean nothing here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Ok(Some((data, body))),
                    _ => {}
                },
            }
        }
    })
}

fn still(patience: Duration) -> Error {
    let message = format!("the request body stood still for {} s: send it again", patience.as_secs());
    Error::new(ErrorKind::Timeout, message).with_fault(Fault::Client).with_retry(Retry::Never)
}

fn broken(cause: &axum::Error) -> Error {
    Error::invalid(format!("the request body could not be read: {cause}")).with_param("request_body")
}

fn response(answer: RelayAnswer) -> Response {
    let body = match answer.body {
        RelayAnswerBody::Whole(bytes) => ColdBody::from(bytes),
        // An error breaks the connection off: the client must not take half an answer for a whole one.
        RelayAnswerBody::Stream(stream) => ColdBody::from_stream(*stream),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = answer.headers;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_that_live_at_one_vendor_are_elsewhere() {
        for path in
            ["/v1/assistants", "/v1/vector_stores/vs_1/files", "/fine_tuning/jobs", "/v1/threads/t/runs"]
        {
            assert!(is_elsewhere(path), "{path}");
            let message = elsewhere(path).message().to_owned();
            let place = format!("/<vendor>/v1{}", path.trim_start_matches("/v1"));
            assert!(message.contains(&place), "{message}");
        }
        for path in ["/v1/files", "/vendor/v1/assistants", "/v1", "/assistants.html"] {
            assert!(!is_elsewhere(path), "{path}");
        }
    }
}
