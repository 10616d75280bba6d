//! Random conversations and answers there and back, and random bytes.

use bytes::Bytes;
use http::HeaderMap;
use llm_core::dialect::{Seen, TapOptions};
use llm_core::event::{Start, unfold};
use llm_core::message::{
    CacheMark, Citation, Document, Media, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall, ToolResult,
};
use llm_core::request::{FunctionTool, Sampling, Tool, ToolChoice};
use llm_core::wire::Frame;
use llm_core::{
    ChatRequest, ChatResponse, Choice, Delta, Dialect, DialectId, Event, FinishReason, Ingress, Message,
    Part, PartKind, RawJson, RawObject, Role, Usage,
};
use llm_providers_anthropic::{MESSAGES, MessagesIngress};
use llm_testkit::replay;
use proptest::prelude::*;

use crate::{ask, body_for, dialect, reply, stream_for, text_for};

const FOREIGN: DialectId = DialectId::new("acme.chat");

fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n ]{0,12}[a-z漢\u{1F600}]"
}

fn mark() -> impl Strategy<Value = Option<CacheMark>> {
    prop::option::of(prop::sample::select(vec![CacheMark::Short, CacheMark::Hour]))
}

fn text() -> impl Strategy<Value = Part> {
    (words(), mark())
        .prop_map(|(text, cache)| Part::Text(Text { text: text.into(), citations: Vec::new(), cache }))
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        words().prop_map(|path| Source::Url(format!("https://example.com/{path}"))),
        words().prop_map(|data| Source::Base64 { media_type: "application/pdf".into(), data }),
        words().prop_map(|id| Source::FileId { origin: MESSAGES, id }),
    ]
}

fn image() -> impl Strategy<Value = Part> {
    (source(), mark()).prop_map(|(source, cache)| Part::Image(Media { cache, ..Media::new(source) }))
}

fn document() -> impl Strategy<Value = Part> {
    let source = prop_oneof![source(), words().prop_map(Source::Text)];
    (source, prop::option::of(words()), prop::option::of(words()), prop::option::of(any::<bool>()), mark())
        .prop_map(|(source, title, context, citations, cache)| {
            Part::Document(Document { source, title, context, citations, cache })
        })
}

fn call() -> impl Strategy<Value = Part> {
    let arguments = prop_oneof![
        Just("{}".to_owned()),
        Just(r#"{"z":18446744073709551615,"a":[1.10,null]}"#.to_owned()),
        Just(r#"{"cut": "sho"#.to_owned()),
    ];
    ("[a-zA-Z0-9_:.é-]{1,8}", "[a-z_]{1,8}", arguments)
        .prop_map(|(id, name, arguments)| Part::ToolCall(ToolCall::new(id, name, arguments)))
}

fn result() -> impl Strategy<Value = Part> {
    let content = prop::collection::vec(prop_oneof![text(), image()], 0..3);
    ("[a-zA-Z0-9_:.é-]{1,8}", content, prop::option::of(any::<bool>()), mark()).prop_map(
        |(call_id, content, is_error, cache)| {
            Part::ToolResult(ToolResult { call_id, name: None, content, is_error, custom: false, cache })
        },
    )
}

fn state(kind: OpaqueKind) -> impl Strategy<Value = Opaque> {
    "[a-zA-Z0-9+/=]{1,12}".prop_map(move |data| Opaque { origin: MESSAGES, kind, data })
}

fn thinking() -> impl Strategy<Value = Part> {
    let signed = (prop_oneof![Just(String::new()), words()], state(OpaqueKind::Signature))
        .prop_map(|(text, state)| Reasoning { text, opaque: Some(state), ..Reasoning::default() });
    let redacted = state(OpaqueKind::Redacted)
        .prop_map(|state| Reasoning { opaque: Some(state), ..Reasoning::default() });
    prop_oneof![signed, redacted].prop_map(Part::Reasoning)
}

fn several(part: impl Strategy<Value = Part>) -> impl Strategy<Value = Vec<Part>> {
    prop::collection::vec(part, 1..4)
}

/// A conversation in the order in which this format tells it.
fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let user = several(prop_oneof![text(), image(), document()]);
    let assistant = several(prop_oneof![thinking(), text(), call()]);
    let round = (assistant, several(result()), prop::option::of(user)).prop_map(|(said, results, asked)| {
        let turns = [(Role::Assistant, Some(said)), (Role::Tool, Some(results)), (Role::User, asked)];
        turns.into_iter().filter_map(|(role, parts)| Some(Message::new(role, parts?))).collect::<Vec<_>>()
    });
    (several(text()), several(prop_oneof![text(), image(), document()]), prop::collection::vec(round, 0..3))
        .prop_map(|(system, first, rounds)| {
            let head = [Message::new(Role::System, system), Message::new(Role::User, first)];
            head.into_iter().chain(rounds.into_iter().flatten()).collect()
        })
}

fn tool() -> impl Strategy<Value = Tool> {
    ("[a-z]{1,6}", prop::option::of(words()), prop::option::of(any::<bool>()), mark()).prop_map(
        |(name, description, strict, cache)| {
            let schema = r#"{"type":"object","properties":{"z":{},"a":{}}}"#;
            Tool::Function(FunctionTool {
                name,
                description,
                parameters: RawJson::parse(schema).ok(),
                strict,
                cache,
                extras: None,
            })
        },
    )
}

fn request() -> impl Strategy<Value = ChatRequest> {
    let choice = prop::option::of(prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        Just(ToolChoice::Function("f".to_owned())),
    ]);
    let sampling = (
        prop::option::of((0u8..=64).prop_map(|part| f64::from(part) / 64.0)),
        prop::option::of(0u64..99),
        prop::collection::vec(words(), 0..3),
    );
    (conversation(), prop::collection::vec(tool(), 1..3), choice, sampling, mark(), 1u64..9999, any::<bool>())
        .prop_map(|(messages, tools, tool_choice, sampling, cache, limit, stream)| ChatRequest {
            model: "claude-sonnet-4-5".to_owned(),
            messages,
            tools,
            tool_choice,
            sampling: Sampling {
                temperature: sampling.0,
                top_k: sampling.1,
                stop: sampling.2,
                ..Sampling::default()
            },
            cache,
            max_output_tokens: Some(limit),
            stream,
            user: Some("someone".to_owned()),
            extras: Some((MESSAGES, RawObject::default())),
            ..ChatRequest::default()
        })
}

fn cited_text() -> impl Strategy<Value = Part> {
    let raw = r#"{"type":"char_location","cited_text":"c","document_title":"t","start_char_index":0}"#;
    let citation = Citation {
        title: Some("t".to_owned()),
        cited_text: Some("c".to_owned()),
        raw: RawJson::parse(raw).ok().map(|raw| (MESSAGES, raw)),
        ..Citation::default()
    };
    (words(), 0usize..3).prop_map(move |(text, count)| {
        Part::Text(Text { text: text.into(), citations: vec![citation.clone(); count], cache: None })
    })
}

fn answer() -> impl Strategy<Value = ChatResponse> {
    let parts = prop::collection::vec(prop_oneof![cited_text(), thinking(), call()], 0..5);
    let finish = prop::sample::select(vec![
        FinishReason::Stop,
        FinishReason::StopSequence(Some("END".to_owned())),
        FinishReason::Length,
        FinishReason::Refusal,
        FinishReason::Paused,
        FinishReason::ContextExceeded,
    ]);
    let count = 0u64..1000;
    (parts, finish, count.clone(), count.clone(), prop::option::of(count)).prop_map(
        |(parts, finish, input, output, thinking)| {
            let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
            let complete = matches!(finish, FinishReason::Stop | FinishReason::StopSequence(_));
            ChatResponse {
                id: "msg_1".to_owned(),
                model: "claude".to_owned(),
                choices: vec![Choice {
                    index: 0,
                    message: Message::new(Role::Assistant, parts),
                    finish: Some(if calls && complete { FinishReason::ToolCalls } else { finish }),
                    logprobs: None,
                }],
                usage: Usage {
                    input: Some(input),
                    output: Some(output),
                    reasoning: thinking,
                    cache_write_5m: Some(1),
                    cache_write_1h: Some(2),
                    web_searches: Some(3),
                    ..Usage::default()
                },
                ..ChatResponse::default()
            }
        },
    )
}

/// Answers come back as vendors write them: ids spelled out, broken arguments wrapped, the searches whole.
fn as_a_vendor_would(mut response: ChatResponse, streamed: bool) -> ChatResponse {
    for part in response.choices.iter_mut().flat_map(|choice| &mut choice.message.parts) {
        if let Part::ToolCall(call) = part {
            if call.id.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !b"_-".contains(&byte)) {
                let escape = |byte: u8| match byte.is_ascii_alphanumeric() || byte == b'-' {
                    true => char::from(byte).to_string(),
                    false => format!("_{byte:02x}"),
                };
                call.id = format!("gwid-{}", call.id.bytes().map(escape).collect::<String>());
            }
            if call.arguments_object().is_none() && !streamed {
                call.arguments = serde_json::json!({ "INVALID_JSON": call.arguments }).to_string();
            }
        }
    }
    let extras = r#"{"usage":{"server_tool_use":{"web_search_requests":3}}}"#;
    response.extras = serde_json::from_str(extras).ok().map(|extras| (MESSAGES, extras));
    response
}

proptest! {
    #[test]
    fn requests_come_back(request in request()) {
        let body = text_for(&request, &request.model);
        prop_assert_eq!(ask(&body).expect("a request"), request);
    }

    #[test]
    fn a_second_translation_changes_nothing(mut request in request(), foreign in any::<bool>()) {
        if foreign {
            request.extras = None;
            request.messages.reverse();
        }
        let body = text_for(&request, "claude-opus-4-8");
        let again = ask(&body).expect("what we write can be read");
        prop_assert_eq!(text_for(&again, "claude-opus-4-8"), body);
    }

    #[test]
    fn whole_answers_come_back(response in answer()) {
        let body = MessagesIngress.encode(&response, &ChatRequest::default());
        let again = dialect().decode(&reply(200, std::str::from_utf8(&body).expect("UTF-8")));
        prop_assert_eq!(again.expect("an answer"), as_a_vendor_would(response, false));
    }

    #[test]
    fn streamed_answers_come_back(response in answer()) {
        let stream = stream_for(&ChatRequest::default(), &unfold(response.clone()));
        let again = replay::folded(&dialect(), stream.as_bytes());
        prop_assert_eq!(again.expect("an answer"), as_a_vendor_would(response, true));
    }

    #[test]
    fn answers_of_others_survive_a_client(response in answer(), data in "[a-z]{1,9}") {
        // What a client of this format sends back holds the state that it was given, in its place.
        let mut response = response;
        for part in response.choices.iter_mut().flat_map(|choice| &mut choice.message.parts) {
            match part {
                Part::Reasoning(Reasoning { opaque: Some(state), .. }) => state.origin = FOREIGN,
                Part::ToolCall(call) => {
                    let kind = OpaqueKind::Signature;
                    call.opaque = Some(Opaque { origin: FOREIGN, kind, data: data.clone() });
                }
                Part::Text(text) => text.citations.clear(),
                _ => {}
            }
        }
        let parts = response.choices[0].message.parts.clone();
        let body = MessagesIngress.encode(&response, &ChatRequest::default());
        let body: RawObject = serde_json::from_slice(&body).expect("an object");
        let content = body.get("content").expect("answers have content").get();
        let sent = format!(
            r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"assistant","content":{content}}}]}}"#
        );
        let read = ask(&sent).expect("a request");
        prop_assert_eq!(&read.messages[0].parts, &parts);

        let stream = stream_for(&ChatRequest::default(), &unfold(response));
        prop_assert!(parts.is_empty() || stream.contains("content_block_start"));
        // Nothing of it reaches a vendor of this format, by either way.
        let body = Bytes::from(sent);
        let envelope = llm_core::Envelope::scan(&body).expect("an object");
        let target = llm_core::Target { policy: llm_core::LossPolicy::Drop, ..Default::default() };
        for encoded in [dialect().encode(&read, &target), dialect().forward(&body, &envelope, &target)] {
            let sent = encoded.expect("all losses are allowed").request.body.joined();
            prop_assert!(!String::from_utf8_lossy(&sent).contains(llm_core::message::SEAL));
        }
    }

    #[test]
    fn blocks_are_written_one_after_the_other_and_nothing_is_lost(events in interleaved()) {
        let stream = stream_for(&ChatRequest::default(), &events);
        let (mut open, mut next) = (None, 0);
        for line in stream.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let frame: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let index = frame["index"].as_u64();
            match frame["type"].as_str().expect("a type") {
                "content_block_start" => {
                    prop_assert_eq!((open, index), (None, Some(next)));
                    open = index;
                    next += 1;
                }
                "content_block_delta" => prop_assert!(index.is_some() && index == open),
                "content_block_stop" => prop_assert_eq!(open.take(), index),
                _ => prop_assert_eq!((open, index), (None, None)),
            }
        }
        let expected = replay::fold(events).expect("complete");
        let again = replay::folded(&dialect(), stream.as_bytes()).expect("complete");
        let parts = |response: &ChatResponse| told(&response.choices[0].message.parts);
        prop_assert_eq!(parts(&again), parts(&expected));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "\\PC{0,64}") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let body = Bytes::copy_from_slice(bytes);
            let _ = MessagesIngress.decode(&body, &HeaderMap::new());
            let _ = dialect().peek(bytes);
            let _ = dialect().tap(TapOptions::default()).frame(bytes, &mut Seen::default());
        }
        let _ = dialect().decode(&reply(200, &text));
        let _ = dialect().classify(&reply(400, &text));
        let _ = dialect().decoder().push(Frame { event: None, data: &text }, &mut Vec::new());
    }

    #[test]
    fn no_json_makes_it_panic(value in odd_json()) {
        let text = value.to_string();
        let _ = ask(&text).map(|request| body_for(&request, "claude-opus-4-8"));
        let _ = dialect().decode(&reply(200, &text));
        let mut events: Vec<Event> = Vec::new();
        let mut decoder = dialect().decoder();
        for _ in 0..2 {
            let _ = decoder.push(Frame { event: None, data: &text }, &mut events);
        }
        let _ = decoder.finish(&mut events);
    }
}

/// Parts that open, grow and end in any order: texts, thinking and calls, as other vendors' decoders tell them.
fn interleaved() -> impl Strategy<Value = Vec<Event>> {
    let kind = prop::sample::select(vec![0u8, 1, 2]);
    let steps = prop::collection::vec((0u32..4, any::<bool>()), 0..24);
    (prop::collection::vec(kind, 4), steps).prop_map(|(kinds, steps)| {
        let mut events = vec![Event::Start(Start::default())];
        let mut open: Vec<u32> = Vec::new();
        let mut closed: Vec<u32> = Vec::new();
        for (part, ends) in steps {
            let kind = kinds.get(part as usize).copied().unwrap_or_default();
            if closed.contains(&part) {
                continue;
            }
            if !open.contains(&part) {
                open.push(part);
                events.push(Event::PartStart { choice: 0, part, kind: opened(kind, part) });
            } else if ends {
                closed.push(part);
                events.push(Event::PartEnd { choice: 0, part });
            } else {
                events.push(Event::Delta { choice: 0, part, delta: grown(kind) });
            }
        }
        events.push(Event::Finish { choice: 0, reason: FinishReason::Stop });
        events.push(Event::End);
        events
    })
}

fn opened(kind: u8, part: u32) -> PartKind {
    match kind {
        0 => PartKind::Text,
        1 => PartKind::Reasoning { id: None },
        _ => PartKind::ToolCall {
            id: format!("call_{part}"),
            item_id: None,
            name: "f".to_owned(),
            custom: false,
        },
    }
}

fn grown(kind: u8) -> Delta {
    match kind {
        0 => Delta::Text("t".to_owned()),
        1 => Delta::Reasoning("r".to_owned()),
        _ => Delta::Arguments("1".to_owned()),
    }
}

/// All text, all thinking, and the arguments of each call by its id.
fn told(parts: &[Part]) -> (String, String, std::collections::BTreeMap<String, String>) {
    let (mut text, mut thinking, mut calls) =
        (String::new(), String::new(), std::collections::BTreeMap::new());
    for part in parts {
        match part {
            Part::Text(more) => text.push_str(&more.text),
            Part::Reasoning(more) => thinking.push_str(&more.text),
            Part::ToolCall(call) => {
                let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
                calls.insert(call.id.clone(), arguments.to_owned());
            }
            _ => {}
        }
    }
    (text, thinking, calls)
}

/// Objects with the format's own names at wrong places.
fn odd_json() -> impl Strategy<Value = serde_json::Value> {
    const NAMES: &[&str] = &[
        "type",
        "model",
        "messages",
        "role",
        "content",
        "text",
        "source",
        "input",
        "delta",
        "index",
        "message",
        "usage",
        "content_block",
        "thinking",
        "signature",
        "citations",
        "tools",
        "tool_choice",
        "system",
        "error",
    ];
    const VALUES: &[&str] = &[
        "user",
        "assistant",
        "text",
        "tool_use",
        "tool_result",
        "thinking",
        "content_block_start",
        "content_block_delta",
        "message_start",
        "message_delta",
        "text_delta",
        "image",
        "base64",
        "error",
        "auto",
    ];
    let leaf = prop_oneof![
        prop::sample::select(VALUES).prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((prop::sample::select(NAMES), inner), 0..6).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}
