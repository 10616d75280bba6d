//! Decoders that know frames by their likeness to the last one read the same as if no frame were like another.

use bytes::Bytes;
use llm_core::framing::{self, Splitter};
use llm_core::wire::Frame;
use llm_core::{Dialect, Event};
use llm_testkit::recordings;
use proptest::prelude::*;

/// A frame: its event name and its text.
type Shown = (Option<String>, String);

/// What each frame means, and the end. After a fault the decoder is asked on.
fn read(dialect: &dyn Dialect, frames: impl Iterator<Item = Shown>) -> Vec<(Vec<Event>, Option<String>)> {
    let mut decoder = dialect.decoder();
    let mut all: Vec<_> = frames
        .map(|(event, data)| {
            let mut events = Vec::new();
            let step = decoder.push(Frame { event: event.as_deref(), data: &data }, &mut events);
            (events, fault(step))
        })
        .collect();
    let mut events = Vec::new();
    let step = decoder.finish(&mut events);
    all.push((events, fault(step)));
    all
}

/// What is wrong; where depends on the blanks.
fn fault(step: llm_core::Result<()>) -> Option<String> {
    let fault = step.err()?.to_string();
    fault.split(" at line ").next().map(str::to_owned)
}

/// Blanks behind a frame mean nothing, but make it unlike the one before.
fn assert_likeness_does_not_matter(dialect: &dyn Dialect, frames: &[Shown], name: &str) {
    let unlike =
        (1..).zip(frames).map(|(blanks, (event, data))| (event.clone(), data.clone() + &" ".repeat(blanks)));
    assert_eq!(read(dialect, frames.iter().cloned()), read(dialect, unlike), "{name}: {frames:#?}");
}

fn dialect(name: &str) -> std::sync::Arc<dyn Dialect> {
    let found = llm_providers::dialects().into_iter().find(|dialect| dialect.id().name() == name);
    found.unwrap_or_else(|| panic!("no format `{name}`"))
}

/// Frames of a format that say something, `◆` for words and `◇` for padding; before a `|` the event's name.
struct Format {
    name: &'static str,
    /// How streams begin.
    head: &'static [&'static str],
    frames: &'static [&'static str],
}

const FORMATS: [Format; 5] = [
    Format {
        name: "openai.chat",
        head: &[
            r#"{"id":"c","created":1,"model":"text","choices":[{"index":0,"delta":{"role":"assistant"}}]}"#,
        ],
        frames: &[
            r#"{"id":"c","model":"text","choices":[{"index":0,"delta":{"content":◆},"finish_reason":null}],"obfuscation":◇}"#,
            r#"{"id":"c","choices":[{"index":1,"delta":{"content":◆}}],"p":◇}"#,
            r#"{"p": ◇ , "choices":[{"delta":{"content": ◆ },"text":"◆◇"}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":[{"type":"text","text":◆},{"type":"text","text":"b"}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":◆}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":◆,"refusal":◇}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":◆,"content":◇}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.text","text":◆,"signature":◇}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call","function":{"name":"n","arguments":◆}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"x","tool_calls":[{"index":0,"function":{"arguments":◆}}]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":◆},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}"#,
            r#"{"error":{"message":◆}}"#,
            r#"error|{"choices":[{"index":0,"delta":{"content":◆}}]}"#,
            "[DONE]",
        ],
    },
    Format {
        name: "anthropic.messages",
        head: &[
            r#"message_start|{"type":"message_start","message":{"id":"m","model":"text","usage":{"input_tokens":1}}}"#,
        ],
        frames: &[
            r#"content_block_start|{"type":"content_block_start","index":0,"content_block":{"type":"text","text":◆}}"#,
            r#"content_block_start|{"type":"content_block_start","index":1,"content_block":{"type":"thinking","thinking":◆,"signature":""}}"#,
            r#"content_block_start|{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"i","name":"text","input":{}}}"#,
            r#"content_block_start|{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"i","name":"text","input":{}}}"#,
            r#"content_block_delta|{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":◆}}"#,
            r#"content_block_delta|{"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":◆}}"#,
            r#"content_block_delta|{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":◆}}"#,
            r#"content_block_delta|{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":◆}}"#,
            r#"content_block_delta|{"type":"content_block_delta","index":0,"delta":{"type":◆,"text":◆,"thinking":◇}}"#,
            r#"content_block_stop|{"type":"content_block_stop","index":0}"#,
            r#"{"type":"ping"}"#,
            r#"message_delta|{"type":"message_delta","delta":{"stop_reason":◆},"usage":{"output_tokens":1}}"#,
            r#"message_stop|{"type":"message_stop"}"#,
            r#"error|{"type":"error","error":{"type":"api_error","message":◆}}"#,
        ],
    },
    Format {
        name: "bedrock.converse",
        head: &[r#"messageStart|{"role":"assistant","p":"ab"}"#],
        frames: &[
            r#"contentBlockDelta|{"contentBlockIndex":0,"delta":{"text":◆},"p":◇}"#,
            r#"contentBlockDelta|{"p":◇,"contentBlockIndex":1,"delta":{"p":"a","reasoningContent":{"text":◆}}}"#,
            r#"contentBlockDelta|{"contentBlockIndex":1,"delta":{"reasoningContent":{"text":◆,"signature":"s"}},"p":◇}"#,
            r#"contentBlockDelta|{"contentBlockIndex":1,"delta":{"reasoningContent":{"signature":◆}}}"#,
            r#"contentBlockDelta|{"contentBlockIndex":1,"delta":{"reasoningContent":{"text":◆,"redactedContent":"YQ=="}}}"#,
            r#"contentBlockStart|{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"i","name":"n"}},"p":◇}"#,
            r#"contentBlockDelta|{"contentBlockIndex":2,"delta":{"toolUse":{"input":◆}},"p":◇}"#,
            r#"contentBlockStop|{"contentBlockIndex":0,"p":◇}"#,
            r#"messageStop|{"stopReason":◆,"p":◇}"#,
            r#"metadata|{"usage":{"inputTokens":1,"outputTokens":2},"p":◇}"#,
            r#"throttlingException|{"message":◆}"#,
        ],
    },
    Format {
        name: "cohere.chat",
        head: &[r#"{"type":"message-start","id":"m"}"#],
        frames: &[
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":◆}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":◆}}}}"#,
            r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":◆}}},"logprobs":{"token_ids":[1],"text":◇}}"#,
            r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"type":"thinking","thinking":◆,"text":◇}}}}"#,
            r#"{"type":"content-delta","index":1,"delta":{"message":{"content":{"thinking":◆,"signature":◇}}}}"#,
            r#"{"type":"content-end","index":0}"#,
            r#"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":◆}}}"#,
            r#"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"i","function":{"name":"n","arguments":◆}}}}}"#,
            r#"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":◆}}}}}"#,
            r#"{"type":"tool-call-end","index":0}"#,
            r#"{"type":"message-end","delta":{"finish_reason":◆}}"#,
            r#"{"message":◆}"#,
            "[DONE]",
        ],
    },
    Format {
        name: "ollama.chat",
        head: &[],
        frames: &[
            r#"{"model":"m","created_at":◇,"message":{"role":"assistant","content":◆},"done":false}"#,
            r#"{"model":"m","created_at":◇,"message":{"role":"assistant","content":"","thinking":◆},"done":false}"#,
            r#"{"model":"m","created_at":◇,"message":{"role":"assistant","content":◆,"thinking":◇},"done":false}"#,
            r#"{"model":"m","message":{"content":"","tool_calls":[{"function":{"name":"n","arguments":{"a":◆}}}]},"done":false}"#,
            r#"{"model":"m","created_at":◇,"response":◆,"done":false}"#,
            r#"{"model":"m","message":{"content":◆},"done":true,"done_reason":"stop","eval_count":2}"#,
            r#"{"error":◆}"#,
        ],
    },
];

/// What few vendors write where words are expected.
const ODD: &[&str] = &[
    "\"\"",
    "null",
    "1",
    "[]",
    "\"text\"",
    "\"text_delta\"",
    "\"c\"",
    "\"m\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u0061\"",
    "\"a\\\"b\\\\\"",
    "\"\\/\"",
    "\"\n\"",
    "\":\"",
    "\",\"",
    "\"}\"",
    "\"",
    "\"{\\\"a\\\":1}\"",
    "\"text\",\"text\":\"b\"",
    "\"stop\"",
    "\"end_turn\"",
    "\"COMPLETE\"",
    "\"[DONE]\"",
];

/// A value where words are expected: mostly words, spelled in more than one way.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-e ]{1,3}".prop_map(|words| format!("\"{words}\"")),
        2 => "\\PC{0,6}".prop_map(|words| serde_json::Value::String(words).to_string()),
        2 => proptest::sample::select(ODD).prop_map(str::to_owned),
    ]
}

fn shown(template: &str, words: &str, padding: &str) -> Shown {
    let (event, data) = match template.split_once('|') {
        Some((event, data)) => (Some(event.to_owned()), data),
        None => (None, template),
    };
    (event, data.replace("\"◆◇\"", padding).replace('◆', words).replace('◇', padding))
}

proptest! {
    #[test]
    fn likeness_does_not_matter(
        runs in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec((words(), words()), 1..6)), 1..12),
    ) {
        for format in &FORMATS {
            let head = format.head.iter().map(|template| shown(template, "", ""));
            let rest = runs.iter().flat_map(|(at, pieces)| {
                let template = format.frames[at.index(format.frames.len())];
                pieces.iter().map(move |(words, padding)| shown(template, words, padding))
            });
            let frames: Vec<Shown> = head.chain(rest).collect();
            assert_likeness_does_not_matter(&*dialect(format.name), &frames, format.name);
        }
    }
}

fn frames_of(dialect: &dyn Dialect, body: &Bytes) -> Vec<Shown> {
    let mut splitter = Splitter::new(dialect.framing());
    splitter.push(body.clone()).expect("frames of a usual size");
    let mut frames = Vec::new();
    while let Some(raw) = splitter.next_frame().or_else(|| splitter.take_rest()) {
        if let Ok(Some(parsed)) = framing::parse(dialect.framing(), &raw) {
            let Frame { event, data } = parsed.frame();
            frames.push((event.map(str::to_owned), data.to_owned()));
        }
    }
    frames
}

#[test]
fn likeness_does_not_matter_in_what_was_recorded() {
    for (kind, name) in [
        ("openai-chat", "openai.chat"),
        ("anthropic-messages", "anthropic.messages"),
        ("bedrock-converse", "bedrock.converse"),
        ("cohere-v2-chat", "cohere.chat"),
        ("ollama-chat", "ollama.chat"),
        ("ollama-generate", "ollama.chat"),
    ] {
        for recording in
            recordings(kind).iter().filter(|recording| recording.is_success() && recording.framing != "json")
        {
            let dialect = dialect(name);
            let frames = frames_of(&*dialect, &recording.reply.body);
            assert_likeness_does_not_matter(&*dialect, &frames, &recording.case);
        }
    }
}
