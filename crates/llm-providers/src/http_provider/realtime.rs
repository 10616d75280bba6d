//! WebSockets to a vendor, with the deployment's credentials in place of the client's.

use http::Method;
use http::header::{HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL};
use llm_core::realtime::{Dial, Link};
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{Error, Result};
use llm_transport::Upgraded;

use super::HttpProvider;

/// What of the vendor's handshake the client needs to finish its own.
static HANDSHAKE: [HeaderName; 2] = [SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL];

impl HttpProvider {
    pub(super) async fn dial(&self, dial: Dial<'_>) -> Result<Link> {
        let Some(realtime) = self.dialect.realtime() else {
            return Err(Error::unsupported(
                "this model's vendor has no realtime API: ask for its answers by chat",
            ));
        };
        let mut request = WireRequest {
            method: Method::GET,
            path: realtime.path.replace("{model}", &encoded(dial.model)),
            headers: dial.handshake.clone(),
            body: WireBody::default(),
        };
        self.address(&mut request);
        self.authenticate(&mut request).await?;
        match self.upstream.upgrade(request, &dial.deadlines).await? {
            Upgraded::Switched { headers, socket } => {
                Ok(Link { handshake: handshake(&headers), socket, usage: realtime.usage })
            }
            Upgraded::Refused(reply) if super::is_success(reply.status) => {
                Err(Error::bad_answer("the vendor did not switch to a WebSocket: check `api_base`"))
            }
            Upgraded::Refused(reply) => Err(super::whose_key(self.dialect.classify(&reply))),
        }
    }
}

fn handshake(headers: &HeaderMap) -> HeaderMap {
    let needed = HANDSHAKE.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
    needed.collect()
}

/// A model's name in a query: what is no plain letter is escaped.
fn encoded(model: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    model
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
