//! Requests: the canonical form to a body, and the edits of bodies that pass as they are.

mod messages;
mod parameters;
mod tools;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use llm_core::dialect::Encoded;
use llm_core::object::ObjectWriter;
use llm_core::wire::{WireBody, WireRequest};
use llm_core::{ChatRequest, Envelope, Losses, RawJson, RawObject, Result, Target};
use serde::ser::{Serialize, SerializeMap, Serializer};

use self::messages::WireMessage;
use crate::endpoint::Endpoint;
use crate::quirks::GenerationQuirks;
use crate::wire::raw;

/// Writes a canonical request.
pub(crate) fn encode(request: &ChatRequest, target: &Target, quirks: &GenerationQuirks) -> Result<Encoded> {
    let endpoint = Endpoint::of(request, &target.model, quirks);
    let mut losses = Losses::new(target.policy);
    let messages = messages::write(request, endpoint, &mut losses)?;
    let parameters = parameters::write(request, target, quirks, &mut losses)?;
    // In their place until the body is written around them.
    let input: RawObject = [("messages".to_owned(), RawJson::null())].into_iter().collect();
    let body = Body::of(target, input, parameters);
    let body = body.write(ObjectWriter::of(request), &messages).finish_body();
    let stored = messages::names_stored_files(request);
    Ok(Encoded { request: wire_request(endpoint, target, body, stored), losses: losses.into_list() })
}

/// A body, with what the deployment sets and without what it takes out. What it sets in `input` and `parameters`
/// joins what is there.
pub(crate) fn body(target: &Target, input: RawObject, parameters: RawObject) -> Vec<u8> {
    Body::of(target, input, parameters).write(ObjectWriter::new(), &[]).finish()
}

struct Body {
    /// The members in order; `input` is null where the body's own stands.
    members: RawObject,
    input: RawObject,
}

impl Body {
    fn of(target: &Target, mut input: RawObject, mut parameters: RawObject) -> Self {
        for name in &target.drop_fields {
            parameters.remove(name);
        }
        let mut others = Vec::new();
        for (name, value) in target.extra_body.iter() {
            match (name, value.read::<RawObject>()) {
                ("input", Ok(set)) => set.into_iter().for_each(|(name, value)| input.insert(name, value)),
                ("parameters", Ok(set)) => {
                    set.into_iter().for_each(|(name, value)| parameters.insert(name, value));
                }
                _ => others.push((name, value)),
            }
        }
        let mut members = RawObject::default();
        members.insert("model", RawJson::string(&target.model));
        members.insert("input", RawJson::null());
        members.insert("parameters", raw(&parameters));
        others.into_iter().for_each(|(name, value)| members.insert(name, value.clone()));
        Self { members, input }
    }

    fn write(&self, mut object: ObjectWriter, messages: &[WireMessage<'_>]) -> ObjectWriter {
        for (name, value) in self.members.iter() {
            if name == "input" && value.is_null() {
                object.member(name, &Input { members: &self.input, messages });
            } else {
                object.member(name, value);
            }
        }
        object
    }
}

/// The input with its messages in the place that is null.
struct Input<'a> {
    members: &'a RawObject,
    messages: &'a [WireMessage<'a>],
}

impl Serialize for Input<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in self.members.iter() {
            if name == "messages" && value.is_null() {
                map.serialize_entry(name, self.messages)?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// A request with this body to one of the generation services.
fn wire_request(endpoint: Endpoint, target: &Target, body: WireBody, stored: bool) -> WireRequest {
    let mut request = post(endpoint.path(), body);
    if target.stream {
        request.headers.insert("x-dashscope-sse", HeaderValue::from_static("enable"));
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
    }
    if stored {
        // Temporary addresses of files that were uploaded to the vendor's own store
        // (https://www.alibabacloud.com/help/en/model-studio/get-temporary-file-url, read 2026-11-21).
        request.headers.insert("x-dashscope-ossresourceresolve", HeaderValue::from_static("enable"));
    }
    request
}

/// A JSON request to a path of the format.
pub(crate) fn post(path: &str, body: WireBody) -> WireRequest {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    WireRequest { method: Method::POST, path: path.to_owned(), headers, body }
}

/// A client's body of this same format with the deployment's model and members. Whether the answer streams is a
/// header's business.
pub(crate) fn forward(
    body: &Bytes,
    envelope: &Envelope,
    target: &Target,
    quirks: &GenerationQuirks,
) -> Result<Encoded> {
    let mut endpoint = Endpoint::of_model(&target.model, quirks);
    let input: RawObject = envelope.read(body, "input")?.unwrap_or_default();
    let messages: Vec<RawObject> = crate::wire::read(&input, "messages").unwrap_or_default();
    let is_list =
        |message: &RawObject| message.get("content").is_some_and(|content| lists_media(content.get()));
    if messages.iter().any(is_list) {
        endpoint = Endpoint::Multimodal;
    }
    let edited = edited(body, envelope, target);
    Ok(Encoded { request: wire_request(endpoint, target, edited, false), losses: Vec::new() })
}

/// A client's body of one of the formats here with the deployment's model and members.
pub(crate) fn edited(body: &Bytes, envelope: &Envelope, target: &Target) -> WireBody {
    let mut edit = envelope.edit(body);
    edit.set("model", RawJson::string(&target.model).get().to_owned());
    for field in &target.drop_fields {
        edit.remove(field);
    }
    for (name, value) in target.extra_body.iter() {
        edit.set(name, value.get().to_owned());
    }
    edit.finish()
}

/// Whether a message's content is a list with something else than typed texts.
fn lists_media(content: &str) -> bool {
    let items: Vec<RawObject> = serde_json::from_str(content).unwrap_or_default();
    items.iter().any(|item| ["image", "video", "audio"].iter().any(|key| item.get(key).is_some()))
}
