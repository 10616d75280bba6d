//! What the usual chunk of a stream says, by scans of its members instead of a parse.

use llm_core::usage::ServiceTier;
use llm_core::{Envelope, FinishReason, Usage};

use crate::chat::answer::HIDES_USAGE;
use crate::chat::finish;
use crate::chat::usage::WireUsage;

/// What a chunk of one choice, or of usage alone, says.
pub(super) struct Glimpse {
    pub(super) choice: Option<Choice>,
    pub(super) usage: Option<Usage>,
}

/// What its choice says.
pub(super) struct Choice {
    /// Something of the answer itself; only told when it was asked for.
    pub(super) content: bool,
    pub(super) finish: Option<FinishReason>,
}

/// Members of a choice that make it unusual.
const OF_A_CHOICE: [&str; 2] = ["message", "stop_reason"];

/// Looks at a chunk. `content`: it matters whether there is some. `None`: something is unusual about the chunk, and
/// wants a parser.
pub(super) fn glimpse(payload: &[u8], content: bool, completion_excludes_reasoning: bool) -> Option<Glimpse> {
    let envelope = Envelope::scan(payload).ok()?;
    let said = |key: &str| envelope.value(payload, key).filter(|text| *text != "null");
    if said("error").is_some() || said(HIDES_USAGE).is_some() {
        return None;
    }
    let usage = match said("usage") {
        Some(text) => {
            let tier = envelope.string(payload, "service_tier").ok()?;
            let tier = tier.and_then(|tier| ServiceTier::named(&tier));
            Some(Usage { tier, ..WireUsage::plain(text)?.usage(completion_excludes_reasoning) })
        }
        None => None,
    };
    let choices = envelope.bytes(payload, "choices")?;
    let choice = match envelope.count(payload, "choices") {
        0 if choices == b"[]" => None,
        1 => Some(choice(choices.strip_prefix(b"[")?.strip_suffix(b"]")?, content)?),
        _ => return None,
    };
    Some(Glimpse { choice, usage })
}

fn choice(text: &[u8], content: bool) -> Option<Choice> {
    let envelope = Envelope::scan(text).ok()?;
    let first = envelope.value(text, "index").is_none_or(|index| index == "0");
    if !first || OF_A_CHOICE.iter().any(|key| envelope.range(text, key).is_some()) {
        return None;
    }
    let finish = envelope.string(text, "finish_reason").ok()?;
    let content = content
        && match envelope.bytes(text, "delta").filter(|delta| *delta != b"null") {
            Some(delta) => has_content(delta)?,
            None => false,
        };
    Some(Choice { content, finish: finish.and_then(|word| finish::read(&word)) })
}

/// Whether a delta of a role and a text has a text; `None`: it has something else too.
fn has_content(delta: &[u8]) -> Option<bool> {
    let envelope = Envelope::scan(delta).ok()?;
    let mut content = false;
    for key in envelope.keys(delta) {
        let value = envelope.value(delta, key)?;
        match (key, value.as_bytes()) {
            ("role" | "content" | "refusal", b"null") | ("role", [b'"', ..]) => {}
            // An escape may be one that is none.
            ("content", [b'"', .., b'"']) if !value.contains('\\') => content = value.len() > 2,
            _ => return None,
        }
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(payload: &str) -> Option<(Option<bool>, Option<FinishReason>, Option<u64>)> {
        let Glimpse { choice, usage } = glimpse(payload.as_bytes(), true, false)?;
        let (content, finish) = choice.map_or((None, None), |choice| (Some(choice.content), choice.finish));
        Some((content, finish, usage.and_then(|usage| usage.output)))
    }

    #[test]
    fn the_usual_chunks_are_read() {
        for (payload, expected) in [
            (
                r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null}}]}"#,
                Some(false),
            ),
            (r#"{"choices":[{"index":0,"delta":{"content":" token"},"finish_reason":null}]}"#, Some(true)),
            (r#"{"choices":[{"delta":{"content":null}}],"usage":null}"#, Some(false)),
            (r#"{"choices":[]}"#, None),
        ] {
            assert_eq!(seen(payload), Some((expected, None, None)), "{payload}");
        }
        let last = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}],"usage":{"completion_tokens":7}}"#;
        assert_eq!(seen(last), Some((Some(false), Some(FinishReason::Length), Some(7))));
    }

    #[test]
    fn whatever_else_is_left_to_the_parser() {
        for payload in [
            r#"{"choices":[{"index":1,"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"\ud800"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":["a"]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"tool_calls":[]}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"reasoning_content":"a"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{},"stop_reason":"a"}]}"#,
            r#"{"choices":[{"index":0,"message":{"content":"a"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"}}],"error":{"message":"b"}}"#,
            r#"{"choices":[],"x_groq":{"usage":{}}}"#,
            r#"{"choices":[],"usage":{"completion_tokens":-1}}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"a"}]}"#,
            r#"{"object":"chat.completion.chunk"}"#,
        ] {
            assert_eq!(seen(payload), None, "{payload}");
        }
    }
}
