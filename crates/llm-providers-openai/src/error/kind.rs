//! What kind of error a report is. The status alone misleads: bad keys come as 400, full context windows as 500.

use llm_core::ErrorKind;

use super::report::Report;

/// Judges by the vendor's code and type, then its words, then the status.
pub(super) fn kind(report: &Report, status: Option<u16>) -> ErrorKind {
    let words = Words::of(report);
    let status = status.unwrap_or(0);
    by_code(&words, status)
        .or_else(|| by_message(&words, status))
        .unwrap_or_else(|| by_status(report, &words, status))
}

/// The report in small letters.
struct Words {
    codes: [String; 3],
    message: String,
}

impl Words {
    fn of(report: &Report) -> Self {
        let lower = |word: &Option<String>| word.as_deref().unwrap_or_default().to_ascii_lowercase();
        Self {
            codes: [lower(&report.code), lower(&report.error_type), lower(&report.inner_code)],
            message: report.message.to_ascii_lowercase(),
        }
    }

    fn code(&self, names: &[&str]) -> bool {
        self.codes.iter().any(|code| names.contains(&code.as_str()))
    }

    fn says(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.message.contains(phrase))
    }
}

/// Codes and types that mean one thing whatever the status.
const CODES: &[(ErrorKind, &[&str])] = &[
    (
        ErrorKind::ContextLength,
        &[
            "context_length_exceeded",
            "exceed_context_size_error",
            "context_window_exceeded",
            "model_max_prompt_tokens_exceeded",
        ],
    ),
    (
        ErrorKind::ContentFilter,
        &[
            "content_filter",
            "content_policy_violation",
            "responsibleaipolicyviolation",
            "data_inspection_failed",
            "datainspectionfailed",
            "moderation_blocked",
            "content_moderation",
        ],
    ),
    (
        ErrorKind::QuotaExhausted,
        &[
            "insufficient_quota",
            "insufficient_balance",
            "insufficient_user_quota",
            "exceeded_current_quota_error",
            "billing_hard_limit_reached",
            "billing_not_active",
            "billing_error",
            "arrearage",
        ],
    ),
    (
        ErrorKind::UpstreamAuth,
        &[
            "invalid_api_key",
            "invalidapikey",
            "api_key_invalid",
            "authentication_error",
            "invalid_authentication_error",
            "incorrect_api_key_error",
            "unauthenticated",
            "unauthorized",
            "account_deactivated",
            "permission_error",
            "permission_denied",
            "permission_denied_error",
        ],
    ),
    (
        ErrorKind::UpstreamNotFound,
        &[
            "model_not_found",
            "model_not_found_error",
            "invalid_model",
            "deploymentnotfound",
            "modelnotfound",
            "resource_not_found_error",
        ],
    ),
    (
        ErrorKind::Overloaded,
        &[
            "overloaded_error",
            "overloaded",
            "engine_overloaded",
            "engine_overloaded_error",
            "service_unavailable",
            "unavailable",
            "no_capacity",
        ],
    ),
    (
        ErrorKind::RateLimited,
        &[
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limit_reached_error",
            "ratelimitreached",
            "rate_limited",
            "too_many_requests",
            "tokens_exceeded",
            "resource_exhausted",
            "throttling",
            "throttling.ratequota",
            "limit_requests",
            "limit_burst_rate",
        ],
    ),
    (
        ErrorKind::Unsupported,
        &[
            "unsupported_parameter",
            "unsupported_value",
            "unsupported_country_region_territory",
            "unsupported_model",
            "not_supported_error",
        ],
    ),
    (ErrorKind::Timeout, &["timeout", "request_timeout", "deadline_exceeded"]),
];

fn by_code(words: &Words, status: u16) -> Option<ErrorKind> {
    // A vendor sends 429 with a type that names its quota as well as a request limit.
    let quota_by_words =
        status == 429 && words.says(&["exceeded your current quota", "insufficient balance"]);
    if quota_by_words {
        return Some(ErrorKind::QuotaExhausted);
    }
    CODES.iter().find(|(_, names)| words.code(names)).map(|(kind, _)| *kind)
}

fn by_message(words: &Words, status: u16) -> Option<ErrorKind> {
    // A refusal for tokens in a minute speaks of too many tokens, too.
    if status == 429 {
        let overloaded = words.says(&["overloaded", "at capacity"]);
        return Some(if overloaded { ErrorKind::Overloaded } else { ErrorKind::RateLimited });
    }
    PHRASES.iter().find(|(_, phrases)| words.says(phrases)).map(|(kind, _)| *kind).or_else(|| {
        let missing =
            ["does not exist", "not found", "not a valid model", "is not supported", "not available"];
        let names_model = words.says(&["model"]) && words.says(&missing) && matches!(status, 400 | 404);
        (names_model
            && words.says(&["model `", "model '", "model \"", "model id", "model: ", "unknown model"]))
        .then_some(ErrorKind::UpstreamNotFound)
    })
}

/// Words of vendors that give no telling code.
const PHRASES: &[(ErrorKind, &[&str])] = &[
    (
        ErrorKind::ContextLength,
        &[
            "maximum context length",
            "max context length",
            "context length exceeded",
            "exceeds the context",
            "exceed context limit",
            "exceeds the available context",
            "context window",
            "prompt is too long",
            "prompt too long",
            "input is too long",
            "too large for model with",
            "maximum prompt length",
            "range of input length should be",
            "reduce the length of the messages",
        ],
    ),
    (
        ErrorKind::ContentFilter,
        &[
            "content management policy",
            "safety system",
            "content exists risk",
            "inappropriate content",
            "usage policies",
            "flagged by moderation",
            "input was flagged",
        ],
    ),
    (
        ErrorKind::QuotaExhausted,
        &[
            "insufficient balance",
            "insufficient credits",
            "credit balance is too low",
            "exceeded your current quota",
            "used all available credits",
            "requires more credits",
        ],
    ),
    (
        ErrorKind::UpstreamAuth,
        &[
            "incorrect api key",
            "invalid api key",
            "invalid api-key",
            "api key not valid",
            "api key is invalid",
            "no api key",
            "didn't provide an api key",
        ],
    ),
    (ErrorKind::UpstreamNotFound, &["is not a valid model id", "invalid model:", "unknown model"]),
];

fn by_status(report: &Report, words: &Words, status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::UpstreamAuth,
        402 => ErrorKind::QuotaExhausted,
        404 | 405 | 410 => ErrorKind::UpstreamNotFound,
        408 | 504 | 524 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        501 => ErrorKind::Unsupported,
        503 | 529 => ErrorKind::Overloaded,
        500..=599 if words.says(&["overloaded"]) => ErrorKind::Overloaded,
        500..=599 => ErrorKind::UpstreamFailure,
        400..=499 => ErrorKind::InvalidRequest,
        _ if !report.readable => ErrorKind::BadUpstreamAnswer,
        _ if words.code(&["invalid_request_error", "invalid_argument", "bad_request_error"]) => {
            ErrorKind::InvalidRequest
        }
        _ => ErrorKind::UpstreamFailure,
    }
}
