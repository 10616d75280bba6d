//! Why an answer ended, in this format's words and ours.

use std::sync::LazyLock;

use llm_core::FinishReason;
use memchr::memmem::Finder;

/// Reads a reason. Blank is none: vendors fill the field in every chunk.
pub(super) fn read(word: &str) -> Option<FinishReason> {
    Some(match word {
        "" | "null" => return None,
        "stop" | "eos" | "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence(None),
        "length" | "max_tokens" => FinishReason::Length,
        "model_length" | "context_length_exceeded" => FinishReason::ContextExceeded,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "sensitive" | "safety" => FinishReason::ContentFilter,
        "refusal" => FinishReason::Refusal,
        "error" | "network_error" | "insufficient_system_resource" => FinishReason::Error,
        other => FinishReason::Other(other.to_owned()),
    })
}

/// The reason of a choice: its word, and the stop text that was met.
pub(super) fn of_choice(word: Option<&str>, stop: Option<&str>) -> Option<FinishReason> {
    Some(match (stop, read(word?)?) {
        (Some(stop), FinishReason::Stop) => FinishReason::StopSequence(Some(stop.to_owned())),
        (_, reason) => reason,
    })
}

/// The reason of the first choice in the JSON text of all choices, by a search instead of a parse: inside of texts
/// the key's quotes are escaped, so only the key itself is found.
pub(super) fn first(choices: &[u8]) -> Option<FinishReason> {
    const KEY: &[u8] = b"\"finish_reason\"";
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(KEY));
    let at = FINDER.find(choices)? + KEY.len();
    let value = choices.get(at..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let word = value.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', word)?;
    read(std::str::from_utf8(word.get(..end)?).ok()?)
}

/// The word that clients know. A stop beside calls is shown as `tool_calls`: simple clients look at nothing else.
pub(crate) fn word(reason: &FinishReason, has_calls: bool, legacy: bool) -> &str {
    let calls = if legacy { "function_call" } else { "tool_calls" };
    match reason {
        FinishReason::Stop if has_calls => calls,
        FinishReason::Stop | FinishReason::StopSequence(_) | FinishReason::Paused => "stop",
        FinishReason::Length | FinishReason::ContextExceeded => "length",
        FinishReason::ToolCalls => calls,
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::Error => "error",
        FinishReason::Other(word) => word,
        _ => "stop",
    }
}
