//! WebSockets to a vendor: a connection of their own, taken out of HTTP once the vendor agrees.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, HeaderValue, PROXY_AUTHORIZATION, UPGRADE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use llm_core::provider::Deadlines;
use llm_core::realtime::Duplex;
use llm_core::wire::{WireRequest, WireResponse};
use llm_core::{Error, ErrorKind, Result};
use tokio::time::timeout;

use crate::failure;
use crate::tape::Asked;
use crate::target::Target;
use crate::upstream::Upstream;

/// How long the handshake may take where the call does not say.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// The most bytes of a refusal that are read.
const REFUSAL: usize = 1 << 20;

/// What became of a request for a WebSocket.
pub enum Upgraded {
    /// The vendor switched: the headers of its handshake, and the connection.
    Switched {
        /// The vendor's headers.
        headers: HeaderMap,
        /// What follows the handshake.
        socket: Box<dyn Duplex>,
    },
    /// The vendor answered something else.
    Refused(WireResponse),
}

impl Upstream {
    /// Asks for a WebSocket: a GET with these headers, those of the connection added. Dropping the future, or the
    /// socket, closes the connection.
    ///
    /// # Errors
    /// When the vendor cannot be reached, or does not answer in time. A refusal is an answer.
    pub async fn upgrade(&self, request: WireRequest, deadlines: &Deadlines) -> Result<Upgraded> {
        let limit = deadlines.headers.unwrap_or(HANDSHAKE);
        let late = || Error::new(ErrorKind::Timeout, "the vendor did not answer the handshake in time");
        timeout(limit, self.handshake(request, deadlines)).await.map_err(|_| late())?
    }

    async fn handshake(&self, request: WireRequest, deadlines: &Deadlines) -> Result<Upgraded> {
        if let Some(tape) = self.tape() {
            let asked = Asked::of(&self.target().path(&request.path)?, &request);
            if tape.play(&asked).await?.is_some() {
                return Err(Error::unsupported("conversations over WebSockets are not recorded"));
            }
        }
        let connector = self.connector();
        let (stream, http2) = connector.connect(connector.limit(deadlines.connect)).await?;
        if http2 {
            let message = "WebSockets need HTTP/1.1, and this vendor's connections speak HTTP/2";
            return Err(Error::new(ErrorKind::Connection, message));
        }
        let request = self.upgrade_request(request)?;
        let (mut sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|cause| failure::exchanging(&cause))?;
        // Ends with the handshake, or with the upgraded connection's last owner.
        tokio::spawn(async move { drop(connection.with_upgrades().await) });
        let answer = sender.send_request(request).await.map_err(|cause| failure::exchanging(&cause))?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, REFUSAL).collect().await.map(|whole| whole.to_bytes());
            let (status, headers) = (head.status.as_u16(), head.headers);
            return Ok(Upgraded::Refused(WireResponse { status, headers, body: body.unwrap_or_default() }));
        }
        let headers = answer.headers().clone();
        let switched = hyper::upgrade::on(answer).await.map_err(|cause| failure::exchanging(&cause))?;
        Ok(Upgraded::Switched { headers, socket: Box::new(TokioIo::new(switched)) })
    }

    fn upgrade_request(&self, request: WireRequest) -> Result<Request<Empty<Bytes>>> {
        let route = self.connector().route();
        let path = self.target().path(&request.path)?;
        let target = if route.wants_whole_url() {
            self.target().absolute_form(path)?
        } else {
            Target::origin_form(path)
        };
        let mut upgrade = Request::new(Empty::new());
        *upgrade.method_mut() = Method::GET;
        *upgrade.uri_mut() = target;
        *upgrade.headers_mut() = request.headers;
        let headers = upgrade.headers_mut();
        headers.insert(HOST, self.target().host_header.clone());
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        if let Some(authorization) = route.authorization() {
            headers.insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        Ok(upgrade)
    }
}
