//! What is written in this format is read back as it was, whatever it says.

use llm_core::event::unfold;
use llm_core::message::{
    Citation, Document, ForeignBlock, Media, Opaque, OpaqueKind, Reasoning, Source, Text, ToolCall,
    ToolResult,
};
use llm_core::request::{
    FunctionTool, JsonSchema, OutputFormat, ReasoningOptions, Sampling, Tool, ToolChoice,
};
use llm_core::{
    ChatRequest, ChatResponse, Choice, Dialect, DialectId, FinishReason, Ingress, Message, Part, RawJson,
    RawObject, Role, Usage,
};
use llm_testkit::replay;
use proptest::prelude::*;

use super::{reply, request, streamed, target};
use crate::responses::{RESPONSES, Responses, ResponsesIngress};

const OTHER: DialectId = DialectId::new("other.messages");

fn words() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zé漢\u{1F600}\"\\\\\n ]{1,12}"]
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_]{1,8}"
}

fn json_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{"z":18446744073709551615,"a":1.10}"#.to_owned()),
        Just("{}".to_owned()),
        words().prop_map(|words| format!("{{\"q\":{}}}", RawJson::string(&words).get())),
    ]
}

fn raw() -> impl Strategy<Value = RawJson> {
    json_text().prop_map(|text| RawJson::parse(text).expect("valid"))
}

/// State that this format's own vendor wrote, or another's.
fn opaque() -> impl Strategy<Value = Option<Opaque>> {
    let own = words().prop_filter("no state is empty", |data| !data.is_empty());
    let own = own.prop_map(|data| Opaque { origin: RESPONSES, kind: OpaqueKind::Encrypted, data });
    let other = (words(), any::<bool>()).prop_map(|(data, signs)| {
        let kind = if signs { OpaqueKind::Signature } else { OpaqueKind::Redacted };
        Opaque { origin: OTHER, kind, data }
    });
    proptest::option::of(prop_oneof![own, other])
}

fn state() -> impl Strategy<Value = Option<Opaque>> {
    proptest::option::of(words().prop_map(|data| Opaque { origin: OTHER, kind: OpaqueKind::Signature, data }))
}

fn reasoning() -> impl Strategy<Value = Part> {
    let paragraph = words().prop_filter("told", |words| !words.is_empty());
    let summary = proptest::collection::vec(paragraph, 0..3);
    (proptest::option::of("rs_[a-z]{1,5}"), words(), summary, opaque()).prop_map(
        |(id, text, summary, opaque)| {
            let foreign = opaque.as_ref().is_some_and(|opaque| opaque.origin == OTHER);
            Part::Reasoning(Reasoning { id: id.filter(|_| !foreign), text, summary, opaque })
        },
    )
}

fn citation() -> impl Strategy<Value = Citation> {
    (words(), words(), 0u64..9, 0u64..9).prop_map(|(url, title, start, end)| {
        let fields = serde_json::json!({
            "type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": end
        });
        let raw = Some((RESPONSES, RawJson::of(&fields).expect("valid")));
        Citation {
            url: Some(url),
            title: Some(title),
            cited_text: None,
            start: Some(start),
            end: Some(end),
            raw,
        }
    })
}

fn text() -> impl Strategy<Value = Part> {
    (words(), proptest::collection::vec(citation(), 0..2))
        .prop_map(|(text, citations)| Part::Text(Text { text: text.into(), citations, cache: None }))
}

fn call(number: usize) -> impl Strategy<Value = Part> {
    (name(), json_text(), any::<bool>(), state()).prop_map(move |(name, arguments, custom, opaque)| {
        let item_id = Some(format!("fc_{number}"));
        Part::ToolCall(ToolCall {
            item_id,
            custom,
            opaque,
            ..ToolCall::new(format!("call_{number}"), name, arguments)
        })
    })
}

fn block() -> impl Strategy<Value = Part> {
    (any::<bool>(), words()).prop_map(|(own, words)| {
        let origin = if own { RESPONSES } else { OTHER };
        let raw =
            RawJson::of(&serde_json::json!({"type": "web_search_call", "words": words})).expect("valid");
        Part::ServerTool(ForeignBlock { origin, raw })
    })
}

fn answer_part(number: usize) -> impl Strategy<Value = Part> {
    prop_oneof![text(), words().prop_map(Part::Refusal), reasoning(), call(number), block()]
}

/// Parts whose calls have ids of their own.
fn answer_parts() -> impl Strategy<Value = Vec<Part>> {
    (0usize..6).prop_flat_map(|count| (0..count).map(answer_part).collect::<Vec<_>>())
}

fn usage() -> impl Strategy<Value = Usage> {
    (0u64..99, 0u64..99, 0u64..99, 0u64..99, 0u64..99).prop_map(|(input, read, write, output, reasoning)| {
        Usage {
            input: Some(input),
            cache_read: Some(read),
            cache_write_5m: Some(write),
            output: Some(output),
            reasoning: Some(reasoning),
            ..Usage::default()
        }
    })
}

fn response() -> impl Strategy<Value = ChatResponse> {
    (answer_parts(), usage(), 0u64..1_000_000, 0usize..3).prop_map(|(parts, usage, created, ending)| {
        let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        let searches =
            parts.iter().filter(|part| matches!(part, Part::ServerTool(block) if block.origin == RESPONSES));
        let web_searches = Some(searches.count() as u64).filter(|count| *count > 0);
        let finish = match ending {
            0 => FinishReason::Length,
            1 => FinishReason::ContentFilter,
            _ if calls => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        let message = Message::new(Role::Assistant, parts);
        ChatResponse {
            id: "resp_x".into(),
            model: "m".into(),
            created: Some(created),
            choices: vec![Choice { index: 0, message, finish: Some(finish), logprobs: None }],
            usage: Usage { web_searches, ..usage },
            ..ChatResponse::default()
        }
    })
}

/// What a client's own request says, from what it got: calls take back the state that travelled beside them.
fn with_states(output: &str) -> Vec<Part> {
    let value: serde_json::Value = serde_json::from_str(output).expect("valid");
    let mut input = vec![serde_json::json!({"role": "user", "content": "hi"})];
    input.extend(value["output"].as_array().cloned().unwrap_or_default());
    let next = serde_json::json!({"model": "m", "input": input});
    request(&next.to_string()).messages.into_iter().skip(1).flat_map(|message| message.parts).collect()
}

/// Whether a part needs no reasoning item of ours.
fn stays_visible(part: &Part) -> bool {
    match part {
        Part::Reasoning(thought) => {
            thought.id.is_some() && thought.opaque.as_ref().is_none_or(|state| state.origin == RESPONSES)
        }
        Part::ToolCall(call) => call.opaque.is_none(),
        Part::ServerTool(block) => block.origin == RESPONSES,
        _ => true,
    }
}

fn media() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Source::Url("https://example.com/a.png".into())),
        Just(Source::Base64 { media_type: "image/png".into(), data: "iVBORw0=".into() }),
        Just(Source::FileId { origin: RESPONSES, id: "file-1".into() }),
    ]
    .prop_flat_map(|source| {
        let image = Media { detail: Some("low".into()), ..Media::new(source.clone()) };
        let title = Some("a.pdf".to_owned());
        let document = Document { source, title, context: None, citations: None, cache: None };
        prop_oneof![Just(Part::Image(image)), Just(Part::Document(document))]
    })
}

fn asked() -> impl Strategy<Value = Vec<Part>> {
    let text = words().prop_map(Part::text);
    proptest::collection::vec(prop_oneof![text, media()], 1..3)
}

/// A turn of the model, as this format's client would send it back.
fn turn() -> impl Strategy<Value = Message> {
    let own = answer_parts().prop_map(|parts| {
        let mine = |part: &Part| match part {
            Part::Reasoning(reasoning) => {
                reasoning.opaque.as_ref().is_none_or(|state| state.origin == RESPONSES)
            }
            Part::ToolCall(call) => call.opaque.is_none(),
            Part::ServerTool(block) => block.origin == RESPONSES,
            _ => true,
        };
        let mut parts: Vec<Part> = parts.into_iter().filter(mine).collect();
        // One message in a turn, its content together.
        parts.sort_by_key(|part| matches!(part, Part::Text(_) | Part::Refusal(_)));
        parts
    });
    own.prop_filter("a turn says something", |parts| !parts.is_empty())
        .prop_map(|parts| Message::new(Role::Assistant, parts))
}

fn results() -> impl Strategy<Value = Message> {
    let content = prop_oneof![words().prop_map(|words| vec![Part::text(words)]), asked()];
    (content, any::<bool>()).prop_map(|(content, custom)| {
        let result =
            ToolResult { call_id: "call_0".into(), name: None, content, is_error: None, custom, cache: None };
        Message::new(Role::Tool, vec![Part::ToolResult(result)])
    })
}

fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let user = asked().prop_map(|parts| Message::new(Role::User, parts)).boxed();
    let marked = words().prop_map(|words| Message {
        extras: Some((RESPONSES, RawObject::default())),
        ..Message::text(Role::Developer, words)
    });
    let start = proptest::option::of("[a-z]{1,5}".prop_map(|words| Message::text(Role::System, words)));
    let first = user.clone();
    let rest = proptest::collection::vec((turn(), results(), user), 0..3);
    (start, marked, first, rest).prop_map(|(start, marked, first, rest)| {
        let turns = rest.into_iter().flat_map(|(turn, results, user)| [turn, results, user]);
        start.into_iter().chain([marked, first]).chain(turns).collect()
    })
}

fn tool() -> impl Strategy<Value = Tool> {
    let function = (name(), proptest::option::of(words()), raw(), proptest::option::of(any::<bool>()));
    prop_oneof![
        function.prop_map(|(name, description, schema, strict)| Tool::Function(FunctionTool {
            name,
            description,
            parameters: Some(schema),
            strict,
            ..FunctionTool::default()
        })),
        (name(), proptest::option::of(raw())).prop_map(|(name, format)| Tool::Custom {
            name,
            description: None,
            format
        }),
        Just(Tool::Hosted {
            origin: RESPONSES,
            raw: RawJson::parse(r#"{"type":"web_search"}"#).expect("valid")
        }),
    ]
}

fn choice() -> impl Strategy<Value = Option<ToolChoice>> {
    proptest::option::of(prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        name().prop_map(ToolChoice::Function),
        name().prop_map(ToolChoice::Custom),
    ])
}

fn output() -> impl Strategy<Value = OutputFormat> {
    prop_oneof![
        Just(OutputFormat::Text),
        Just(OutputFormat::JsonObject),
        (name(), raw(), proptest::option::of(any::<bool>())).prop_map(|(name, schema, strict)| {
            OutputFormat::JsonSchema(JsonSchema {
                name: Some(name),
                description: None,
                schema: Some(schema),
                strict,
            })
        }),
    ]
}

fn client_request() -> impl Strategy<Value = ChatRequest> {
    let settings = (
        proptest::option::of((0u8..32).prop_map(|step| f64::from(step) / 16.0)),
        proptest::option::of(1u64..999),
        any::<Option<bool>>(),
    );
    (
        conversation(),
        proptest::collection::vec(tool(), 0..3),
        choice(),
        output(),
        settings,
        proptest::option::of(name()),
    )
        .prop_map(
            |(messages, tools, tool_choice, output, (temperature, max_output_tokens, parallel), effort)| {
                ChatRequest {
                    model: "vendor-model".into(),
                    messages,
                    tools,
                    tool_choice,
                    output,
                    parallel_tool_calls: parallel,
                    max_output_tokens,
                    sampling: Sampling { temperature, ..Sampling::default() },
                    reasoning: effort.map(|effort| ReasoningOptions {
                        enabled: Some(effort != "none"),
                        effort: Some(effort),
                        ..ReasoningOptions::default()
                    }),
                    extras: Some((RESPONSES, RawObject::default())),
                    ..ChatRequest::default()
                }
            },
        )
}

proptest! {
    #[test]
    fn requests_come_back(before in client_request()) {
        let encoded = Responses::default().encode(&before, &target(false)).expect("can be expressed");
        prop_assert_eq!(&encoded.losses, &[]);
        let body = String::from_utf8(encoded.request.body.joined().to_vec()).expect("UTF-8");
        prop_assert_eq!(request(&body), before, "{}", body);
    }

    #[test]
    fn answers_come_back_whole_and_streamed(before in response()) {
        let asked = ChatRequest::default();
        let whole = String::from_utf8(ResponsesIngress.encode(&before, &asked).to_vec()).expect("UTF-8");
        let stream = streamed(&unfold(before.clone()), &asked);
        let folded = replay::folded(&Responses::default(), stream.as_bytes()).expect("our own stream");
        let decoded = Responses::default().decode(&reply(&whole)).expect("our own answer");
        let last = super::frames(&stream).pop().expect("a last event");
        let output: serde_json::Value = serde_json::from_str(&whole).expect("valid");
        prop_assert_eq!(&last["response"], &output);

        let back = with_states(&whole);
        prop_assert_eq!(&back, &before.choices[0].message.parts);
        // What travels in reasoning items is for the client's next request; a vendor's decoder leaves it there.
        prop_assert_eq!(&folded, &decoded);
        if before.choices[0].message.parts.iter().all(stays_visible) {
            prop_assert_eq!(decoded, before);
        }
    }

    #[test]
    fn no_body_makes_it_panic(body in any_json()) {
        let text = body.to_string();
        let bytes = bytes::Bytes::from(text.clone());
        let _ = ResponsesIngress.decode(&bytes, &http::HeaderMap::new());
        let _ = Responses::default().decode(&reply(&text));
        let _ = Responses::default().peek(text.as_bytes());
        let frame = format!("data: {text}\n\ndata: {text}\n\n");
        let _ = replay::folded(&Responses::default(), frame.as_bytes());
        let _ = replay::tapped(&Responses::default(), llm_core::dialect::TapOptions::default(), frame.as_bytes());
    }
}

/// JSON that uses the words of this format in the wrong places.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    const KINDS: &[&str] = &[
        "message",
        "function_call",
        "reasoning",
        "input_text",
        "input_image",
        "input_file",
        "refusal",
        "output_text",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.completed",
        "response.failed",
        "response.reasoning_summary_text.delta",
        "error",
    ];
    const KEYS: &[&str] = &[
        "type",
        "role",
        "content",
        "input",
        "output",
        "item",
        "part",
        "delta",
        "response",
        "status",
        "error",
        "id",
        "call_id",
        "name",
        "arguments",
        "summary",
        "text",
        "usage",
        "output_index",
        "tools",
        "reasoning",
        "annotations",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        proptest::sample::select(KINDS).prop_map(Into::into),
        words().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        let pairs = proptest::collection::vec((proptest::sample::select(KEYS), inner.clone()), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Into::into),
            pairs.prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}
