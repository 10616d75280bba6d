//! Why an answer ended, in this format's words and in ours.

use llm_core::FinishReason;

/// What a vendor's `finish_reason` means. `ERROR` and `TIMEOUT` are no answers: see [`is_failure`].
pub(crate) fn read(reason: &str) -> FinishReason {
    match reason {
        "COMPLETE" => FinishReason::Stop,
        "STOP_SEQUENCE" => FinishReason::StopSequence(None),
        "MAX_TOKENS" => FinishReason::Length,
        "TOOL_CALL" => FinishReason::ToolCalls,
        "ERROR_LIMIT" => FinishReason::ContextExceeded,
        "ERROR_TOXIC" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// Whether a `finish_reason` says that the vendor failed in the middle.
pub(crate) fn is_failure(reason: &str) -> bool {
    matches!(reason, "ERROR" | "TIMEOUT")
}

/// The `finish_reason` for a client. Calls of tools count more than a vendor's "stop", and an answer that was cut
/// never looks complete.
pub(crate) fn write(reason: Option<&FinishReason>, calls_tools: bool) -> &'static str {
    match reason {
        Some(FinishReason::Length | FinishReason::ContextExceeded | FinishReason::Paused) => "MAX_TOKENS",
        Some(FinishReason::Error | FinishReason::ContentFilter) => "ERROR",
        _ if calls_tools => "TOOL_CALL",
        Some(FinishReason::StopSequence(_)) => "STOP_SEQUENCE",
        _ => "COMPLETE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_reasons_come_back() {
        for reason in ["COMPLETE", "STOP_SEQUENCE", "MAX_TOKENS"] {
            assert_eq!(write(Some(&read(reason)), false), reason);
        }
        assert_eq!(write(Some(&read("TOOL_CALL")), true), "TOOL_CALL");
        assert!(is_failure("ERROR") && is_failure("TIMEOUT") && !is_failure("COMPLETE"));
    }

    #[test]
    fn calls_of_tools_count_more_than_stop_and_a_cut_answer_never_looks_complete() {
        assert_eq!(write(Some(&FinishReason::Stop), true), "TOOL_CALL");
        assert_eq!(write(None, true), "TOOL_CALL");
        assert_eq!(write(Some(&FinishReason::Length), true), "MAX_TOKENS");
        assert_eq!(write(Some(&FinishReason::Error), false), "ERROR");
        assert_eq!(write(Some(&FinishReason::ToolCalls), false), "COMPLETE");
    }
}
