//! The gateway of a configuration, inside this process.

use bytes::Bytes;
use http::{Method, Request};
use llm_config::Loaded;
use llm_core::Secret;
use llm_server::InProcess;

use super::remote::headers;
use super::{Backend, Body, Reply, Way};
use crate::failure::{Exit, Failure};

/// Builds the gateway of a configuration. Who reads it is its administrator, unless they show another key.
///
/// # Errors
/// What cannot be used, and what to do.
pub(crate) async fn of_loaded(
    loaded: Loaded,
    key: Option<Secret>,
    place: String,
) -> Result<(Backend, Vec<String>), Failure> {
    let gateway = InProcess::open(loaded).await.map_err(|told| {
        let failure = Failure::report(&told);
        if told.contains("in use by another gateway") {
            return failure
                .help("a gateway of this configuration runs: leave --config out, or name its --url");
        }
        failure
    })?;
    let warnings = gateway.warnings().to_vec();
    let key = key.or_else(|| gateway.master_key().cloned());
    Ok((Backend { way: Way::Embedded(Box::new(gateway)), key, place }, warnings))
}

/// Sends a request and waits for the head of its answer.
///
/// # Errors
/// When it is none.
pub(super) async fn send(
    gateway: &InProcess,
    method: Method,
    path: &str,
    body: Bytes,
    key: Option<&Secret>,
) -> Result<Reply, Failure> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() =
        path.parse().map_err(|error| Failure::new(Exit::Usage, format!("`{path}` is no path: {error}")))?;
    *request.headers_mut() = headers(key)?;
    let (head, body) = gateway.answer(request).await.into_parts();
    Ok(Reply { status: head.status.as_u16(), headers: head.headers, body: Body::Embedded(body) })
}
