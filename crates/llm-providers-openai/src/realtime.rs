//! The Realtime API: what its handshake carries, and the usage that its messages report
//! (<https://platform.openai.com/docs/api-reference/realtime-server-events/response/done>).

use llm_core::Usage;
use llm_core::realtime::Realtime;
use serde::Deserialize;

/// How the format opens conversations over a WebSocket.
pub const REALTIME: Realtime =
    Realtime { path: "/realtime?model={model}", forwarded_headers: &["openai-beta"], usage };

#[derive(Deserialize)]
struct Done {
    #[serde(rename = "type")]
    kind: String,
    response: Answer,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    usage: Option<Counts>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    input_token_details: Details,
    output_token_details: Details,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    image_tokens: Option<u64>,
    cached_tokens_details: Cached,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Cached {
    audio_tokens: Option<u64>,
    image_tokens: Option<u64>,
}

/// The tokens of one answer: `response.done` reports them, each answer its own.
fn usage(message: &str) -> Option<Usage> {
    // Messages are many, and nearly all of them are sound.
    memchr::memmem::find(message.as_bytes(), b"response.done")?;
    let done: Done = serde_json::from_str(message).ok()?;
    let counts = done.response.usage.filter(|_| done.kind == "response.done")?;
    let (input, output) = (counts.input_token_details, counts.output_token_details);
    let cached = input.cached_tokens_details;
    let uncached =
        |all: Option<u64>, cached: Option<u64>| all.map(|all| all.saturating_sub(cached.unwrap_or(0)));
    let audio_in = uncached(input.audio_tokens, cached.audio_tokens);
    let image_in = uncached(input.image_tokens, cached.image_tokens);
    let apart = [input.cached_tokens, audio_in, image_in].into_iter().flatten().sum();
    Some(Usage {
        input: uncached(counts.input_tokens, Some(apart)),
        cache_read: input.cached_tokens,
        audio_in,
        image_in,
        output: uncached(counts.output_tokens, output.audio_tokens),
        audio_out: output.audio_tokens,
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_an_answer_are_split_without_overlap() {
        // After the example of the page named above.
        let message = r#"{"event_id":"event_1","type":"response.done","response":{"id":"resp_1","usage":{
            "total_tokens":275,"input_tokens":127,"output_tokens":148,
            "input_token_details":{"cached_tokens":64,"text_tokens":97,"audio_tokens":30,
                "cached_tokens_details":{"text_tokens":54,"audio_tokens":10}},
            "output_token_details":{"text_tokens":48,"audio_tokens":100}}}}"#;
        let usage = usage(message).expect("it reports");
        let expected = Usage {
            input: Some(43),
            cache_read: Some(64),
            audio_in: Some(20),
            output: Some(48),
            audio_out: Some(100),
            ..Usage::default()
        };
        assert_eq!(usage, expected);
        assert_eq!(usage.total(), Some(275));
    }

    #[test]
    fn other_messages_report_nothing() {
        for message in [
            "",
            "{",
            r#"{"type":"response.done","response":{}}"#,
            r#"{"type":"session.created"}"#,
            r#"{"type":"response.text.delta","delta":"response.done"}"#,
        ] {
            assert_eq!(usage(message), None, "{message}");
        }
    }
}
