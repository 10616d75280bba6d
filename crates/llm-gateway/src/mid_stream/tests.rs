//! The rest of an answer fits where the answer broke off.

use llm_core::event::Fold;
use llm_core::response::FinishReason;

use super::*;

fn text(part: u32, text: &str) -> Event {
    Event::Delta { choice: 0, part, delta: Delta::Text(text.to_owned()) }
}

fn opens(part: u32, kind: PartKind) -> Event {
    Event::PartStart { choice: 0, part, kind }
}

fn thinking() -> PartKind {
    PartKind::Reasoning { id: None }
}

fn delivered(events: &[Event]) -> Delivered {
    let mut delivered = Delivered::default();
    events.iter().for_each(|event| delivered.note(event));
    delivered
}

/// A whole answer of what the client had and what it got then.
fn folded(had: Vec<Event>, rest: Vec<Event>) -> String {
    let state = delivered(&had);
    let mut splice = Splice::new(&state, Usage { output: Some(3), ..Usage::default() });
    let rest: Vec<Event> = rest.into_iter().filter_map(|event| splice.put(event)).collect();
    let mut fold = Fold::default();
    for event in had.into_iter().chain(rest) {
        fold.push(event);
    }
    let response = fold.finish().expect("a whole answer");
    assert_eq!(response.usage.output, Some(8));
    response.choices[0].message.joined_text()
}

#[test]
fn the_rest_goes_on_in_the_open_part() {
    let had = vec![
        Event::Start(llm_core::event::Start::default()),
        opens(0, thinking()),
        Event::Delta { choice: 0, part: 0, delta: Delta::Reasoning("hm".to_owned()) },
        Event::PartEnd { choice: 0, part: 0 },
        opens(1, PartKind::Text),
        text(1, "one two "),
    ];
    let rest = vec![
        Event::Start(llm_core::event::Start::default()),
        opens(0, thinking()),
        Event::Delta { choice: 0, part: 0, delta: Delta::Reasoning("again".to_owned()) },
        Event::PartEnd { choice: 0, part: 0 },
        opens(1, PartKind::Text),
        text(1, " "),
        text(1, "three"),
        Event::PartEnd { choice: 0, part: 1 },
        Event::Finish { choice: 0, reason: FinishReason::Stop },
        Event::Usage(Usage { output: Some(5), ..Usage::default() }),
        Event::End,
    ];
    assert_eq!(folded(had, rest), "one two three");
}

#[test]
fn white_space_is_only_left_out_where_it_would_stand_twice() {
    let state = delivered(&[opens(0, PartKind::Text), text(0, "a\n ")]);
    let mut splice = Splice::new(&state, Usage::default());
    assert_eq!(splice.put(opens(0, PartKind::Text)), None);
    assert_eq!(splice.put(text(0, "\n")), None);
    assert_eq!(splice.put(text(0, "  b")), Some(text(0, " b")));
    assert_eq!(splice.put(text(0, "\n c")), Some(text(0, "\n c")));
}

#[test]
fn a_tool_call_of_the_rest_is_a_part_of_its_own() {
    let state = delivered(&[opens(0, PartKind::Text), text(0, "I look it up")]);
    let mut splice = Splice::new(&state, Usage::default());
    let call = PartKind::ToolCall { id: "c".into(), item_id: None, name: "f".into(), custom: false };
    assert_eq!(splice.put(opens(0, PartKind::Text)), None);
    assert_eq!(
        splice.put(Event::PartEnd { choice: 0, part: 0 }),
        Some(Event::PartEnd { choice: 0, part: 0 })
    );
    assert_eq!(splice.put(opens(1, call.clone())), Some(opens(1, call)));
}

#[test]
fn the_request_for_the_rest_begins_the_assistants_turn() {
    let request = ChatRequest {
        messages: vec![Message::text(Role::User, "count")],
        max_output_tokens: Some(100),
        ..ChatRequest::default()
    };
    let rest = delivered(&[opens(0, PartKind::Text), text(0, "one two ")]).rest(&request).expect("it can");
    assert_eq!(rest.messages.last(), Some(&Message::new(Role::Assistant, vec![Part::text("one two")])));
    assert_eq!(rest.max_output_tokens, Some(98));
}

#[test]
fn nobody_goes_on_with_what_is_not_text() {
    let request = ChatRequest::default();
    let call = PartKind::ToolCall { id: "c".into(), item_id: None, name: "f".into(), custom: false };
    for events in [
        vec![],
        vec![opens(0, PartKind::Text), text(0, "  ")],
        vec![opens(0, PartKind::Text), text(0, "x"), opens(1, call)],
        vec![
            opens(0, PartKind::Text),
            text(0, "x"),
            Event::PartStart { choice: 1, part: 0, kind: PartKind::Text },
        ],
        vec![opens(0, PartKind::Text), text(0, "x"), Event::Finish { choice: 0, reason: FinishReason::Stop }],
    ] {
        assert!(delivered(&events).rest(&request).is_none(), "{events:?}");
    }
}
