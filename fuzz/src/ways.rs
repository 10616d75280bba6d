//! The two ways through the gateway: a request that passes as it came, and the same through the canonical form.

use http::HeaderMap;
use llm_core::envelope::is_gateway_field;
use llm_core::message::Part;
use llm_core::request::ChatRequest;
use llm_core::{Dialect, DialectId, Envelope, Ingress, LossPolicy, RawJson, RawObject, Target, essence};

use crate::dialects;
use crate::sample::request_body;

/// What passes to a vendor of the client's own dialect asks the same as what came, and so does what is written anew
/// where nothing had to be left out.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    let body = request_body(data);
    let Ok(envelope) = Envelope::scan(&body) else { return };
    for client in dialects::clients() {
        let Ok(request) = client.decode(&body, &HeaderMap::new()) else { continue };
        let vendor = dialects::vendor_of(&**client);
        // Single prompts become conversations.
        if vendor.id() != client.id() {
            continue;
        }
        let model = request.model.clone();
        let target =
            Target { model, stream: request.stream, policy: LossPolicy::Reject, ..Target::default() };
        if let Ok(passed) = vendor.forward(&body, &envelope, &target) {
            asks_the_same(&**client, &*vendor, &request, &passed.request.body.joined());
        }
    }
}

fn asks_the_same(client: &dyn Ingress, vendor: &dyn Dialect, request: &ChatRequest, sent: &[u8]) {
    let id = vendor.id();
    let read = client.decode(&sent.to_vec().into(), &HeaderMap::new());
    let read = read.unwrap_or_else(|error| {
        panic!("{id} passes what it does not read: {error:?}: {}", sent.escape_ascii())
    });
    // Some formats name the model in the path.
    let read = ChatRequest { model: request.model.clone(), ..read };
    let (came, passed) = (essential(request.clone()), essential(read));
    assert_eq!(essence::of_chat(&came), essence::of_chat(&passed), "{id}: {}", sent.escape_ascii());
}

/// Fields for the gateway itself, for the stream that is asked for, and about thinking in the words of some vendor.
fn stays(name: &str) -> bool {
    const OTHERS: [&str; 5] =
        ["chat_template_kwargs", "enable_thinking", "reasoning", "stream_options", "thinking_budget"];
    is_gateway_field(name) || name == "thinking" || OTHERS.contains(&name)
}

/// Without what is meant to stay behind or to become other words: fields for the gateway itself, earlier thinking, which
/// vendors without quirks are not told, and the wish to think, which each vendor is told in its own way.
fn essential(mut request: ChatRequest) -> ChatRequest {
    let for_vendors = |(dialect, fields): (DialectId, RawObject)| {
        let fields: RawObject = fields.into_iter().filter(|(name, _)| !stays(name)).collect();
        let has_any = fields.iter().next().is_some();
        has_any.then_some((dialect, fields))
    };
    request.extras = request.extras.and_then(for_vendors);
    request.reasoning = None;
    for message in &mut request.messages {
        message.parts.retain(|part| !matches!(part, Part::Reasoning(_)) && !is_empty(part));
        for part in &mut message.parts {
            if let Part::Unknown(block) = part {
                unmarked(&mut block.raw);
            }
        }
    }
    request
}

/// A message that had nothing but thinking beside an empty text has that text alone when it is passed.
fn is_empty(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.text.is_empty())
}

/// Without the mark of where a vendor may keep the prompt: those that have no such marks are not told them, in parts of
/// kinds that nobody knows either.
fn unmarked(block: &mut RawJson) {
    if let Ok(mut members) = block.read::<serde_json::Map<String, serde_json::Value>>()
        && members.remove("cache_control").is_some()
    {
        *block = RawJson::of(&members).expect("an object");
    }
}
