//! Why an answer ended, in this format's words and in ours.
//!
//! After <https://ai.google.dev/api/generate-content#FinishReason>.

use llm_core::FinishReason;

/// What a vendor's `finishReason` means; some clients of the API are answered with its numbers. Calls of tools end
/// with `STOP` as everything does: who reads an answer looks for the calls.
pub(crate) fn read(reason: &str) -> Option<FinishReason> {
    Some(match reason {
        "" | "0" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" | "1" => FinishReason::Stop,
        "MAX_TOKENS" | "2" => FinishReason::Length,
        "SAFETY"
        | "3"
        | "RECITATION"
        | "4"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => FinishReason::ContentFilter,
        "5" => FinishReason::Other("OTHER".to_owned()),
        other => FinishReason::Other(other.to_owned()),
    })
}

/// Reasons that clients of this format know beside those that have a word of ours.
const KNOWN: [&str; 9] = [
    "OTHER",
    "LANGUAGE",
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
    "NO_IMAGE",
    "IMAGE_OTHER",
];

/// The `finishReason` for a client. An answer that was cut never looks complete.
pub(crate) fn write(reason: Option<&FinishReason>) -> &str {
    match reason {
        Some(FinishReason::Length | FinishReason::ContextExceeded) => "MAX_TOKENS",
        Some(FinishReason::ContentFilter | FinishReason::Refusal) => "SAFETY",
        Some(FinishReason::Error) => "OTHER",
        Some(FinishReason::Other(word)) => KNOWN.iter().find(|known| *known == word).unwrap_or(&"OTHER"),
        _ => "STOP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_reasons_come_back() {
        for reason in ["STOP", "MAX_TOKENS", "SAFETY"].iter().chain(&KNOWN) {
            assert_eq!(write(read(reason).as_ref()), *reason);
        }
        assert_eq!(read("FINISH_REASON_UNSPECIFIED"), None);
        assert_eq!(read("2"), Some(FinishReason::Length));
    }

    #[test]
    fn reasons_of_others_have_a_word_too() {
        assert_eq!(write(Some(&FinishReason::ToolCalls)), "STOP");
        assert_eq!(write(Some(&FinishReason::Error)), "OTHER");
        assert_eq!(write(Some(&FinishReason::Other("weird".into()))), "OTHER");
    }
}
