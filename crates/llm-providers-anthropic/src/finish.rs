//! Why an answer ended, in this format's words and in ours.

use llm_core::FinishReason;

/// What a vendor's `stop_reason` means.
pub(crate) fn read(reason: &str, sequence: Option<String>) -> FinishReason {
    match reason {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence(sequence),
        "max_tokens" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Paused,
        "model_context_window_exceeded" => FinishReason::ContextExceeded,
        other => FinishReason::Other(other.to_owned()),
    }
}

/// What else of an answer decides its `stop_reason`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Content {
    /// It calls the client's tools.
    pub(crate) calls_tools: bool,
    /// The model declined in so many words.
    pub(crate) refuses: bool,
}

/// The `stop_reason` and `stop_sequence` for a client. Calls of tools count more than a vendor's "stop", and an
/// answer that was cut never looks complete.
pub(crate) fn write(reason: Option<&FinishReason>, content: Content) -> (&str, Option<&str>) {
    let complete = match content {
        Content { calls_tools: true, .. } => "tool_use",
        Content { refuses: true, .. } => "refusal",
        Content { .. } => "end_turn",
    };
    match reason {
        Some(FinishReason::StopSequence(sequence)) if !content.calls_tools => {
            ("stop_sequence", sequence.as_deref())
        }
        Some(FinishReason::Length | FinishReason::Error) => ("max_tokens", None),
        Some(FinishReason::ContentFilter | FinishReason::Refusal) => ("refusal", None),
        Some(FinishReason::Paused) => ("pause_turn", None),
        Some(FinishReason::ContextExceeded) => ("model_context_window_exceeded", None),
        // The one further reason that the documentation has (context compaction).
        Some(FinishReason::Other(other)) if other == "compaction" => ("compaction", None),
        _ => (complete, None),
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
            "refusal",
            "pause_turn",
            "model_context_window_exceeded",
            "compaction",
        ] {
            assert_eq!(write(Some(&read(reason, None)), Content::default()).0, reason);
        }
        let calls = Content { calls_tools: true, refuses: false };
        assert_eq!(write(Some(&read("tool_use", None)), calls).0, "tool_use");
    }

    #[test]
    fn calls_of_tools_count_more_than_stop() {
        let calls = Content { calls_tools: true, refuses: false };
        assert_eq!(write(Some(&FinishReason::Stop), calls).0, "tool_use");
        assert_eq!(write(None, calls).0, "tool_use");
        assert_eq!(write(Some(&FinishReason::Length), calls).0, "max_tokens");
        assert_eq!(write(Some(&FinishReason::ToolCalls), Content::default()).0, "end_turn");
    }

    #[test]
    fn a_cut_answer_never_looks_complete() {
        assert_eq!(write(Some(&FinishReason::Error), Content::default()).0, "max_tokens");
    }

    #[test]
    fn words_of_refusal_are_a_refusal() {
        let refuses = Content { calls_tools: false, refuses: true };
        assert_eq!(write(Some(&FinishReason::Stop), refuses).0, "refusal");
    }
}
