//! Why an answer ended, in this format's words and in ours.

use llm_core::FinishReason;

/// What a vendor's `stopReason` means.
pub(crate) fn read(reason: &str) -> FinishReason {
    match reason {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence(None),
        "max_tokens" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        "model_context_window_exceeded" => FinishReason::ContextExceeded,
        "malformed_model_output" | "malformed_tool_use" => FinishReason::Error,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// The `stopReason` for a client. Calls of tools count more than a vendor's "stop", and an answer that was cut never
/// looks complete.
pub(crate) fn write(reason: Option<&FinishReason>, calls_tools: bool) -> &'static str {
    match reason {
        Some(FinishReason::Length | FinishReason::Paused) => "max_tokens",
        Some(FinishReason::ContentFilter | FinishReason::Refusal) => "content_filtered",
        Some(FinishReason::ContextExceeded) => "model_context_window_exceeded",
        Some(FinishReason::Error) => "malformed_model_output",
        _ if calls_tools => "tool_use",
        Some(FinishReason::StopSequence(_)) => "stop_sequence",
        _ => "end_turn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_reasons_come_back() {
        for reason in [
            "end_turn",
            "stop_sequence",
            "max_tokens",
            "content_filtered",
            "model_context_window_exceeded",
            "malformed_model_output",
        ] {
            assert_eq!(write(Some(&read(reason)), false), reason);
        }
        assert_eq!(write(Some(&read("tool_use")), true), "tool_use");
        assert_eq!(write(Some(&read("guardrail_intervened")), false), "content_filtered");
    }

    #[test]
    fn calls_of_tools_count_more_than_stop() {
        assert_eq!(write(Some(&FinishReason::Stop), true), "tool_use");
        assert_eq!(write(None, true), "tool_use");
        assert_eq!(write(Some(&FinishReason::Length), true), "max_tokens");
        assert_eq!(write(Some(&FinishReason::ToolCalls), false), "end_turn");
    }
}
