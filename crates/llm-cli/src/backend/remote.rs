//! A gateway that runs somewhere.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use llm_core::Secret;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::{Body, Reply, broken};
use crate::failure::{Exit, Failure};

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);

/// A gateway at an address.
pub(crate) struct Remote {
    client: Client,
    url: String,
}

impl Remote {
    /// The gateway at an address; a base URL as SDKs want it is one, too. No connection is made.
    ///
    /// # Errors
    /// When it is no address.
    pub(crate) fn new(url: &str) -> Result<Self, Failure> {
        let url = url.trim_end_matches('/');
        let url = url.strip_suffix("/v1").unwrap_or(url);
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        if !Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(Failure::usage(format!("`{url}` is no address of the web"))
                .help("give the address of a gateway, such as http://127.0.0.1:4000"));
        }
        let tls = llm_transport::usual_tls().map_err(|error| Failure::usage(error.message()))?;
        // A gateway does not send elsewhere, and a key must not go where it was not meant for.
        let client = Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none());
        // What a proxy would find at an address of this machine is not this machine.
        let client = if is_here(&url) { client.no_proxy() } else { client };
        let client = client.connect_timeout(CONNECT).build();
        let client =
            client.map_err(|error| Failure::usage(format!("no connections can be made: {error}")))?;
        Ok(Self { client, url })
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request and waits for the head of its answer.
    ///
    /// # Errors
    /// When nobody answers.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        key: Option<&Secret>,
    ) -> Result<Reply, Failure> {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let reply = request.headers(headers(key)?).body(body).send().await;
        let mut reply = reply.map_err(|error| match error.is_connect() || error.is_timeout() {
            true => self.unreachable(&reason(&error)),
            false => broken(&reason(&error)),
        })?;
        let (status, headers) = (reply.status().as_u16(), std::mem::take(reply.headers_mut()));
        Ok(Reply { status, headers, body: Body::Remote(Box::new(reply)) })
    }

    /// Whether anybody listens there.
    pub(super) async fn listens(&self) -> bool {
        self.send(Method::GET, "/health/liveliness", Bytes::new(), None).await.is_ok()
    }

    /// Nobody answers.
    pub(super) fn unreachable(&self, why: &str) -> Failure {
        Failure::new(Exit::Unreachable, format!("no gateway answers at {}: {why}", self.url)).help(
            "start one with `llm-server`, name its address with --url or LLM_URL, or answer from a \
             configuration with --config config.yaml (`llm init` writes one)",
        )
    }
}

/// What lies at the bottom of an error: the rest repeats the address.
pub(super) fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// The headers of every request.
///
/// # Errors
/// When the key cannot stand in one.
pub(super) fn headers(key: Option<&Secret>) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = key {
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()))
            .map_err(|_| Failure::usage("the key has letters that no key has: check --key, or LLM_KEY"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn is_here(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or_default();
    ["localhost", "127.", "[::1]"].iter().any(|here| host.starts_with(here))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_people_write_them() {
        for given in ["http://127.0.0.1:4000", "http://127.0.0.1:4000/v1/", "127.0.0.1:4000"] {
            assert_eq!(Remote::new(given).expect(given).url(), "http://127.0.0.1:4000", "{given}");
        }
        assert_eq!(Remote::new("ftp://x").err().expect("no address of the web").exit, Exit::Usage);
    }
}
