//! WebSockets of clients: the handshake (RFC 6455, section 4.2), and the connection handed to the conversation.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::header::{CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use llm_core::operation::Asked;
use llm_core::{Error, ErrorKind, Ingress};
use llm_gateway::RealtimeRequest;

use crate::app::App;
use crate::outgoing::{Outgoing, response};

/// Answers a request for a conversation, which goes on after the answer.
pub(crate) async fn converse<B>(
    app: &App,
    (ingress, asked): (Arc<dyn Ingress>, Asked),
    mut request: Request<B>,
    peer: Option<IpAddr>,
) -> Response<Outgoing> {
    if !is_handshake(request.method(), request.headers()) {
        let message = "this path is for WebSockets: connect to it with a WebSocket client (`ws://…`)";
        let error = Error::new(ErrorKind::InvalidRequest, message).with_status(426);
        let mut refusal = response(app.gateway.refusal(&*ingress, &error));
        refusal.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return refusal;
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let model = asked.model.or_else(|| request.uri().query().and_then(model));
    let headers = std::mem::take(request.headers_mut());
    let (uri, address) = (request.uri().clone(), app.address(peer, &headers));
    let (ingress_asked, received) = (Arc::clone(&ingress), Instant::now());
    let opened = RealtimeRequest { ingress: ingress_asked, headers, model, received, uri, address };
    let conversation = match app.gateway.converse(opened).await {
        Ok(conversation) => conversation,
        Err(error) => return response(app.gateway.refusal(&*ingress, &error)),
    };
    let mut answer = Response::new(Outgoing::Whole(Default::default()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().extend(conversation.headers.clone());
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    // Ends with either end of the conversation, or with the program.
    tokio::spawn(async move {
        match upgrade.await {
            Ok(client) => conversation.run(TokioIo::new(client)).await,
            Err(error) => tracing::debug!(%error, "the client did not switch to a WebSocket"),
        }
    });
    answer
}

fn is_handshake(method: &Method, headers: &HeaderMap) -> bool {
    let asks = headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    method == Method::GET && asks && headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// The model in a query, `model=` or, as Azure's clients write it, `deployment=`.
fn model(query: &str) -> Option<String> {
    let named = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let written = named("model").or_else(|| named("deployment")).filter(|model| !model.is_empty())?;
    llm_core::operation::percent_decoded(&written.replace('+', " ")).map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_read_from_the_query() {
        assert_eq!(model("intent=x&model=gpt-realtime").as_deref(), Some("gpt-realtime"));
        assert_eq!(model("deployment=my%2Fown").as_deref(), Some("my/own"));
        assert_eq!(model("models=x&model="), None);
    }
}
