//! What is translated: a conversation with a prompt of some length, an answer, and an answer in a hundred pieces.

use llm_core::event::{Delta, Event, PartKind, Start};
use llm_core::request::Sampling;
use llm_core::{ChatRequest, ChatResponse, Choice, FinishReason, Message, Part, Role, Usage};

/// Prose with what prose has: line breaks, quotes and other letters than ASCII, here and there.
pub(crate) fn prose(length: usize) -> String {
    const SENTENCE: &str =
        "The quick brown fox jumps over the lazy dog, and then it \"rests\" for a while.\n";
    const OTHER: &str = "Ein Text in einer anderen Sprache: über Öl, Äpfel und Maße — und so weiter.\n";
    let mut text = String::with_capacity(length + 80);
    while text.len() < length {
        text.push_str(if text.len().is_multiple_of(7) { OTHER } else { SENTENCE });
    }
    text.truncate(text.floor_char_boundary(length));
    text
}

pub(crate) fn request(prompt: usize, stream: bool) -> ChatRequest {
    ChatRequest {
        model: "some-model-large".to_owned(),
        messages: vec![
            Message::text(Role::System, "You are a helpful assistant. Answer briefly."),
            Message::text(Role::User, "What is in the text that follows?"),
            Message::text(Role::Assistant, "Show it to me."),
            Message::text(Role::User, prose(prompt)),
        ],
        sampling: Sampling { temperature: Some(0.7), ..Sampling::default() },
        max_output_tokens: Some(512),
        stream,
        include_usage: stream.then_some(true),
        ..ChatRequest::default()
    }
}

fn usage() -> Usage {
    Usage { input: Some(220), output: Some(110), ..Usage::default() }
}

pub(crate) fn response(length: usize) -> ChatResponse {
    let message = Message::new(Role::Assistant, vec![Part::text(prose(length))]);
    let finish = Some(FinishReason::Stop);
    ChatResponse {
        id: "answer-0123456789".to_owned(),
        model: "some-model-large".to_owned(),
        created: Some(1_763_700_000),
        choices: vec![Choice { index: 0, message, finish, logprobs: None }],
        usage: usage(),
        ..ChatResponse::default()
    }
}

pub(crate) fn events(pieces: usize) -> Vec<Event> {
    let start = Start {
        id: "answer-0123456789".to_owned(),
        model: "some-model-large".to_owned(),
        created: Some(1_763_700_000),
        usage: Some(Usage { input: Some(220), ..Usage::default() }),
        ..Start::default()
    };
    let mut events = vec![Event::Start(start), Event::PartStart { choice: 0, part: 0, kind: PartKind::Text }];
    let words = |piece| format!(" some more {piece:03}");
    let delta = |piece| Event::Delta { choice: 0, part: 0, delta: Delta::Text(words(piece)) };
    events.extend((0..pieces).map(delta));
    events.extend([
        Event::PartEnd { choice: 0, part: 0 },
        Event::Finish { choice: 0, reason: FinishReason::Stop },
        Event::Usage(usage()),
        Event::End,
    ]);
    events
}
