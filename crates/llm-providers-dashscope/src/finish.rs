//! Why an answer ended, in this format's words.

use llm_core::FinishReason;

/// What a vendor's `finish_reason` means. Until the end it is the text `null`.
pub(crate) fn read(reason: &str) -> Option<FinishReason> {
    Some(match reason {
        "" | "null" => return None,
        "stop" => FinishReason::Stop,
        "length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_null_is_no_reason() {
        assert_eq!((read("null"), read("")), (None, None));
        assert_eq!(read("tool_calls"), Some(FinishReason::ToolCalls));
        assert_eq!(read("pause"), Some(FinishReason::Other("pause".into())));
    }
}
