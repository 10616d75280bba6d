//! What a request that passes as it is means: whose it is, which model it uses, and how it is spelled at the vendor.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use llm_core::relay::{RelayBase, RelayBody};
use llm_core::{Envelope, Result};

use super::{RelayIncoming, RelayRoute};

/// Headers and query parameters in which clients say which of several deployments they mean.
const VENDOR_HEADER: &str = "custom-llm-provider";
const MODEL_HEADER: &str = "x-litellm-model";
pub(super) const VENDOR_PARAMETERS: [&str; 2] = ["custom_llm_provider", "provider"];
pub(super) const MODEL_PARAMETER: &str = "model";

/// A request, understood as far as the gateway needs it.
pub(super) struct Asked {
    /// The path without the route's prefix: what a client of the vendor would ask for.
    pub path: String,
    /// Path and query at the vendor.
    pub at_vendor: String,
    pub vendor: Option<String>,
    pub model: Option<String>,
    /// Whether the model says which deployment is meant, not only what is used there.
    pub model_chooses: bool,
    /// The body, where it is another one than the client's.
    pub body: Option<Bytes>,
}

impl Asked {
    pub(super) fn of(route: &RelayRoute, incoming: &RelayIncoming) -> Result<Self> {
        let rest = route.rest(&incoming.path).unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = format!("{}{path}", route.becomes);
        let path = if path.is_empty() { "/".to_owned() } else { path };
        let json = json_body(incoming);
        if let Some(endpoint) = &route.endpoint {
            let at_vendor = joined(rest.split('?').next().unwrap_or_default(), &endpoint.query(query));
            return Ok(Self { path, at_vendor, vendor: None, model: None, model_chooses: false, body: None });
        }
        let scanned = json.and_then(|bytes| Some((bytes, Envelope::scan(bytes).ok()?)));
        let field = |key: &str| {
            let (bytes, envelope) = scanned.as_ref()?;
            envelope.string(bytes, key).ok().flatten().map(|text| text.into_owned())
        };
        if route.base == RelayBase::Root {
            let at_vendor = joined(&path, query);
            let model = field("model");
            return Ok(Self { path, at_vendor, vendor: None, model, model_chooses: false, body: None });
        }
        let pairs = || query.split('&').filter(|pair| !pair.is_empty());
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
        let hint = |known: &str| {
            pairs().find(|pair| name(pair) == known)?.split_once('=').map(|(_, value)| value.to_owned())
        };
        let header = |name: &str| incoming.headers.get(name)?.to_str().ok().map(str::to_owned);
        let vendor = header(VENDOR_HEADER)
            .or_else(|| VENDOR_PARAMETERS.iter().find_map(|name| hint(name)))
            .or_else(|| field(VENDOR_PARAMETERS[0]));
        let model = header(MODEL_HEADER).or_else(|| hint(MODEL_PARAMETER)).or_else(|| field("model"));
        let is_hint = |pair: &&str| {
            let name = name(pair);
            name == MODEL_PARAMETER || VENDOR_PARAMETERS.contains(&name.as_str())
        };
        let kept: Vec<&str> = pairs().filter(|pair| !is_hint(pair)).collect();
        // Fields that speak to the gateway are no business of the vendor's.
        let body = scanned.as_ref().map(|(bytes, envelope)| envelope.edit(bytes).finish().joined());
        let at_vendor = joined(&path, &kept.join("&"));
        Ok(Self { path, at_vendor, vendor, model, model_chooses: true, body })
    }
}

fn joined(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// A body of JSON that is there.
pub(super) fn json_body(incoming: &RelayIncoming) -> Option<&Bytes> {
    let kind = incoming.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = kind.split(';').next()?.trim();
    let is_json =
        kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json");
    match &incoming.body {
        RelayBody::Whole(bytes) if is_json && !bytes.is_empty() => Some(bytes),
        _ => None,
    }
}
