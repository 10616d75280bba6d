//! What names of members say about the texts below them, in all formats at once.

use crate::envelope::is_gateway_field;
use crate::guard::Place;

/// What is known of a member by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: a text like those around it.
    Nothing,
    /// Its texts belong somewhere.
    Place(Place),
    /// No text for people or models.
    NoText,
    /// Bytes in base64 or an address, unless it is a text.
    MayBeBytes,
    /// Who speaks.
    Role,
    /// What kind of object this is.
    Kind,
}

/// What is known of a member of an object whose texts belong to `place`. `is_top`: of the body itself.
pub(super) fn known(key: &str, place: Place, is_top: bool) -> Known {
    // Arguments and results are anybody's own objects: their names mean what their authors want.
    if matches!(place, Place::ToolArguments) {
        return Known::Nothing;
    }
    if is_top && let Some(known) = known_at_top(key) {
        return known;
    }
    match key {
        "role" => Known::Role,
        "type" | "object" => Known::Kind,
        "arguments" | "args" | "tool_input" => Known::Place(Place::ToolArguments),
        "input" if !is_top => Known::Place(Place::ToolArguments),
        "functionResponse" | "function_response" | "toolResult" | "tool_results" => {
            Known::Place(Place::ToolResult)
        }
        "output" if !is_top => Known::Place(Place::ToolResult),
        "thinking" | "reasoning" | "reasoning_content" | "reasoningContent" | "reasoning_details" => {
            Known::Place(Place::Reasoning)
        }
        "name" | "tool_name" => Known::Place(Place::ToolName),
        "data" | "bytes" | "b64_json" | "file_data" | "image_url" | "url" | "image" | "images" | "audio" => {
            Known::MayBeBytes
        }
        _ if NO_TEXT.binary_search(&key).is_ok() => Known::NoText,
        _ => Known::Nothing,
    }
}

fn known_at_top(key: &str) -> Option<Known> {
    match key {
        "system" | "systemInstruction" | "system_instruction" | "instructions" | "preamble" => {
            Some(Known::Place(Place::System))
        }
        "tools" | "functions" | "toolConfig" | "response_format" | "format" | "text" | "output_config" => {
            Some(Known::Place(Place::ToolDescription))
        }
        "usage" | "user" | "metadata" | "safety_identifier" | "prompt_cache_key" | "conversation" => {
            Some(Known::NoText)
        }
        _ => is_gateway_field(key).then_some(Known::NoText),
    }
}

/// Members that hold no text in any format; sorted.
const NO_TEXT: &[&str] = &[
    "cache_control",
    "call_id",
    "code",
    "created_at",
    "detail",
    "effort",
    "embedding",
    "embeddings",
    "encoding_format",
    "encrypted_content",
    "file_id",
    "finishReason",
    "finish_reason",
    "format",
    "id",
    "item_id",
    "keep_alive",
    "media_type",
    "mimeType",
    "mime_type",
    "model",
    "modelVersion",
    "model_version",
    "previous_response_id",
    "quality",
    "redactedContent",
    "responseId",
    "response_id",
    "service_tier",
    "signature",
    "size",
    "status",
    "stopReason",
    "stop_reason",
    "system_fingerprint",
    "thoughtSignature",
    "thought_signature",
    "toolUseId",
    "tool_call_id",
    "tool_choice",
    "tool_use_id",
    "truncation",
    "usage",
    "usageMetadata",
    "verbosity",
    "voice",
];

/// Where the texts of an object belong that says who speaks, or what it is.
pub(super) fn place_of(role: Option<&str>, kind: Option<&str>) -> Option<Place> {
    match kind {
        Some(
            "tool_result" | "function_call_output" | "custom_tool_call_output" | "web_search_tool_result",
        ) => {
            return Some(Place::ToolResult);
        }
        Some("thinking" | "reasoning" | "redacted_thinking") => return Some(Place::Reasoning),
        Some("custom_tool_call") => return Some(Place::ToolArguments),
        _ => {}
    }
    match role? {
        "system" | "developer" => Some(Place::System),
        "assistant" | "model" => Some(Place::Assistant),
        "tool" | "function" => Some(Place::ToolResult),
        "user" => Some(Place::User),
        _ => None,
    }
}

/// Whether a string is an address with its bytes in it, or base64 of more than a few words.
pub(super) fn is_bytes(raw: &str) -> bool {
    if raw.starts_with("data:") {
        return true;
    }
    let head = raw.as_bytes().get(..raw.len().min(4_096)).unwrap_or_default();
    let is_base64 =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    // A picture has hundreds of letters without a blank; a slash may be spelled with an escape.
    raw.len() >= 128 && head.iter().all(|byte| is_base64(byte) || *byte == b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(NO_TEXT.is_sorted());
    }
}
