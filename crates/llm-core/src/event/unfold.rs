//! A response told as events: for vendors that answer whole to a client that wants a stream, and for tests.

use super::{Delta, Event, PartKind, Start};
use crate::message::{Media, Part, Reasoning, Source, Text, ToolCall};
use crate::response::{ChatResponse, Choice, FinishReason};

/// The events that [`super::Fold`] makes this response of. A choice that does not say why it ended ends all the
/// same: a stream without a finish would be a broken one.
pub fn unfold(response: ChatResponse) -> Vec<Event> {
    let mut events = vec![Event::Start(Start {
        id: response.id,
        model: response.model,
        created: response.created,
        usage: None,
        service_tier: response.service_tier,
        system_fingerprint: response.system_fingerprint,
        extras: response.extras,
    })];
    for choice in response.choices {
        unfold_choice(choice, &mut events);
    }
    events.push(Event::Usage(response.usage));
    events.push(Event::End);
    events
}

fn unfold_choice(choice: Choice, events: &mut Vec<Event>) {
    let index = choice.index;
    let reason = if choice.wants_tools() { FinishReason::ToolCalls } else { FinishReason::Stop };
    for (part, content) in (0u32..).zip(choice.message.parts) {
        let (kind, deltas) = unfold_part(content);
        events.push(Event::PartStart { choice: index, part, kind });
        events.extend(deltas.into_iter().map(|delta| Event::Delta { choice: index, part, delta }));
        events.push(Event::PartEnd { choice: index, part });
    }
    if let Some(raw) = choice.logprobs {
        events.push(Event::Logprobs { choice: index, raw });
    }
    events.push(Event::Finish { choice: index, reason: choice.finish.unwrap_or(reason) });
}

fn unfold_part(part: Part) -> (PartKind, Vec<Delta>) {
    match part {
        Part::Text(text) => (PartKind::Text, text_deltas(text)),
        Part::Reasoning(reasoning) => {
            let kind = PartKind::Reasoning { id: reasoning.id.clone() };
            (kind, reasoning_deltas(reasoning))
        }
        Part::ToolCall(call) => tool_call(call),
        Part::Refusal(words) => (PartKind::Refusal, vec![Delta::Refusal(words)]),
        Part::Audio(media) => audio(media),
        other => (PartKind::Whole(Box::new(other)), Vec::new()),
    }
}

fn text_deltas(text: Text) -> Vec<Delta> {
    let mut deltas = Vec::with_capacity(1 + text.citations.len());
    if !text.text.is_empty() {
        deltas.push(Delta::Text(text.text.into()));
    }
    deltas.extend(text.citations.into_iter().map(|citation| Delta::Citation(Box::new(citation))));
    deltas
}

fn reasoning_deltas(reasoning: Reasoning) -> Vec<Delta> {
    let mut deltas = Vec::new();
    if !reasoning.text.is_empty() {
        deltas.push(Delta::Reasoning(reasoning.text));
    }
    for (index, text) in (0u32..).zip(reasoning.summary) {
        deltas.push(Delta::ReasoningSummary { index, text });
    }
    deltas.extend(reasoning.opaque.map(Delta::Opaque));
    deltas
}

fn tool_call(call: ToolCall) -> (PartKind, Vec<Delta>) {
    // State first: a dialect that hides it in the call's id must know it before it tells the id.
    let mut deltas: Vec<Delta> = call.opaque.map(Delta::Opaque).into_iter().collect();
    if !call.arguments.is_empty() {
        deltas.push(Delta::Arguments(call.arguments));
    }
    (PartKind::ToolCall { id: call.id, item_id: call.item_id, name: call.name, custom: call.custom }, deltas)
}

fn audio(media: Media) -> (PartKind, Vec<Delta>) {
    let Source::Base64 { media_type, data } = media.source else {
        return (PartKind::Whole(Box::new(Part::Audio(media))), Vec::new());
    };
    if !media_type.is_empty() {
        let media = Media { source: Source::Base64 { media_type, data }, ..media };
        return (PartKind::Whole(Box::new(Part::Audio(media))), Vec::new());
    }
    let mut deltas = vec![Delta::AudioData(data)];
    deltas.extend(media.transcript.map(Delta::AudioTranscript));
    deltas.extend(media.id.map(Delta::AudioId));
    (PartKind::Audio, deltas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fold;
    use crate::message::{Message, Role};
    use crate::usage::Usage;

    #[test]
    fn unfolding_and_folding_give_the_same_response() {
        let parts = vec![
            Part::Reasoning(Reasoning { text: "hm".into(), ..Reasoning::default() }),
            Part::text("hello"),
            Part::ToolCall(ToolCall::new("call_1", "lookup", "{\"q\":1}")),
            Part::Refusal("no".into()),
        ];
        let response = ChatResponse {
            id: "id".into(),
            model: "model".into(),
            created: Some(7),
            choices: vec![Choice {
                index: 0,
                message: Message::new(Role::Assistant, parts),
                finish: Some(FinishReason::ToolCalls),
                logprobs: None,
            }],
            usage: Usage { input: Some(3), output: Some(4), ..Usage::default() },
            ..ChatResponse::default()
        };
        let mut fold = Fold::default();
        for event in unfold(response.clone()) {
            fold.push(event);
        }
        assert_eq!(fold.finish(), Ok(response));
    }

    #[test]
    fn every_choice_finishes_whether_or_not_the_vendor_said_why() {
        let choice = |parts| Choice {
            index: 0,
            message: Message::new(Role::Assistant, parts),
            finish: None,
            logprobs: None,
        };
        for (parts, expected) in [
            (vec![Part::text("hello")], FinishReason::Stop),
            (vec![Part::ToolCall(ToolCall::new("call_1", "lookup", "{}"))], FinishReason::ToolCalls),
        ] {
            let response = ChatResponse { choices: vec![choice(parts)], ..ChatResponse::default() };
            let events = unfold(response);
            assert!(events.contains(&Event::Finish { choice: 0, reason: expected }), "{events:?}");
        }
    }
}
