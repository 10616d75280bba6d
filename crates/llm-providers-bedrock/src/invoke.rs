//! Requests to `InvokeModel`, whose bodies are each maker's own.

use http::{HeaderMap, HeaderValue, Method};
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{RawObject, Target};

use crate::model_id;
use crate::wire::ObjectWriter;

/// A body with what the deployment adds and without what it takes away.
pub(crate) fn body(members: RawObject, target: &Target) -> Vec<u8> {
    let mut kept = ObjectWriter::new();
    for (name, value) in members {
        let dropped = target.drop_fields.contains(&name) || target.extra_body.get(&name).is_some();
        if !dropped {
            kept.member(&name, &value);
        }
    }
    kept.members(&target.extra_body);
    kept.finish()
}

/// The request with a body.
pub(crate) fn request(body: WireBody, target: &Target) -> WireRequest {
    let json = HeaderValue::from_static("application/json");
    let headers =
        HeaderMap::from_iter([(http::header::CONTENT_TYPE, json.clone()), (http::header::ACCEPT, json)]);
    WireRequest { method: Method::POST, path: model_id::path(&target.model, "invoke"), headers, body }
}
