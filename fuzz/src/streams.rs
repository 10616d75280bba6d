//! Vendors' streams, read into events and told to every client.

use bytes::BytesMut;
use llm_core::event::{Event, Fold};
use llm_core::{ChatRequest, ChatResponse, Dialect, DialectId, FinishReason, Ingress, Part, Result, framing};
use llm_providers_cohere::CHAT;

use crate::dialects;
use crate::framing::frames;
use crate::rules::Rules;
use crate::sample::Draws;

/// The events of any stream keep the rules; a stream that ends well is an answer; and every client can be told it.
///
/// # Panics
/// When one of these does not hold.
pub fn check(data: &[u8]) {
    for vendor in dialects::vendors(&mut Draws::of(data)) {
        let (events, result) = events(&*vendor, data);
        let mut rules = Rules::default();
        events.iter().for_each(|event| rules.see(event));
        if result.is_ok() {
            assert!(rules.is_over(), "{} ends well without an end", vendor.id());
            let failed = matches!(events.last(), Some(Event::Error(_)));
            assert_eq!(folded(&events).is_err(), failed, "{} ends well without an answer", vendor.id());
        }
        for client in dialects::clients() {
            encoded(&**client, &events);
        }
    }
}

/// The events of a stream, and how it ended. Nothing is read after an error, as in the gateway.
pub fn events(vendor: &dyn Dialect, data: &[u8]) -> (Vec<Event>, Result<()>) {
    let mut decoder = vendor.decoder();
    let mut out = Vec::new();
    for raw in frames(vendor.framing(), &[data]) {
        let pushed = match framing::parse(vendor.framing(), &raw) {
            Ok(Some(parsed)) => decoder.push(parsed.frame(), &mut out),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if pushed.is_err() {
            return (out, pushed);
        }
    }
    let finished = decoder.finish(&mut out);
    (out, finished)
}

/// The answer that events tell.
///
/// # Errors
/// The error among them, or that they stop before the end.
pub fn folded(events: &[Event]) -> Result<ChatResponse> {
    let mut fold = Fold::default();
    events.iter().cloned().for_each(|event| fold.push(event));
    fold.finish()
}

/// Tells events to a client: what it gets is a stream of its dialect, complete when they are.
///
/// # Panics
/// When it is not.
pub fn encoded(client: &dyn Ingress, events: &[Event]) {
    let mut encoder = client.encoder(&ChatRequest::default());
    let mut out = BytesMut::new();
    events.iter().for_each(|event| encoder.push(event, &mut out));
    frames_of(client, &out);
    if matches!(events.last(), Some(Event::End))
        && !events.iter().any(|event| matches!(event, Event::Error(_)))
    {
        let vendor = dialects::vendor_of(client);
        let (read, result) = self::events(&*vendor, &out);
        let answer = result.and_then(|()| folded(&read));
        let shown = out.escape_ascii();
        let id = client.id();
        match answer {
            Ok(answer) => {
                let before = folded(events).expect("it ended");
                // Only one dialect has several choices; the others tell choice 0. Where parts overlap, those without
                // parts have their words in the order in which they came.
                let only = matches!(before.choices.as_slice(), [only] if only.index == 0);
                let told = !only || prose(&answer).len() == prose(&before).len();
                assert!(told, "{id} tells not {:?} but {:?}: {shown}", prose(&before), prose(&answer));
            }
            Err(_) if folded(events).is_ok_and(|before| is_told_as_failure(id, &before)) => {}
            Err(error) => panic!("{id} does not read its own stream: {error:?}: {shown}"),
        }
    }
}

/// Whether a dialect has but the word of a failed answer for how this one ended: Cohere's, for what was filtered.
pub fn is_told_as_failure(client: DialectId, answer: &ChatResponse) -> bool {
    let is_failure =
        |finish: &FinishReason| matches!(finish, FinishReason::ContentFilter | FinishReason::Error);
    client == CHAT && answer.choices.iter().any(|choice| choice.finish.as_ref().is_some_and(is_failure))
}

/// The words of an answer, however a dialect marks them: some have no refusals, some no sound.
fn prose(answer: &ChatResponse) -> String {
    let parts = answer.choices.iter().flat_map(|choice| &choice.message.parts);
    let words = parts.filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        Part::Refusal(words) => Some(words.as_str()),
        Part::Audio(media) => media.transcript.as_deref(),
        _ => None,
    });
    words.collect()
}

/// Reads what is written to a client as frames of JSON.
///
/// # Panics
/// When a frame is none.
pub fn frames_of(client: &dyn Ingress, out: &[u8]) {
    let framing = dialects::vendor_of(client).framing();
    for raw in frames(framing, &[out]) {
        let Some(parsed) = framing::parse(framing, &raw).expect("what we write is UTF-8") else { continue };
        let data = parsed.frame().data;
        let shown = || format!("{} writes no JSON: {data}", client.id());
        let json = serde_json::from_str::<serde_json::Value>(data).is_ok();
        assert!(json || data == "[DONE]", "{}", shown());
    }
}
