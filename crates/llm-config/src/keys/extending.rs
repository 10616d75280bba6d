//! Callbacks, hooks and prompts: what an operator adds to the life of a call.

use super::{Key, Section, Shape, key};

pub(crate) const FORMATS: &[&str] = &["json_array", "ndjson", "single"];
pub(crate) const FAILURES: &[&str] = &["refuse", "continue"];
pub(crate) const STREAMS: &[&str] = &["hold", "skip"];

/// What LiteLLM says of callbacks in `litellm_settings`.
pub(super) const LITELLM: &[Key] = &[
    key(
        "callbacks",
        Shape::Texts,
        "Who is told of each call: `file`, `generic_api`, `langfuse`, `otel`, `s3_v2`, or a name of `callback_settings`.",
    ),
    key("success_callback", Shape::Texts, "Who is told of calls that were answered."),
    key("failure_callback", Shape::Texts, "Who is told of calls that failed."),
    key(
        "turn_off_message_logging",
        Shape::Bool,
        "With false, callbacks are told what was asked and answered; with true none is, whatever `callback_settings` \
         says. Default: nobody is told, unless its own `message_logging` says so.",
    ),
    key(
        "redact_user_api_key_info",
        Shape::Bool,
        "Whether callbacks are not told who asked: no key, user, team, organisation or customer. Default false.",
    ),
    key(
        "forward_traceparent_to_llm_provider",
        Shape::Bool,
        "Whether vendors are told the trace that a request is part of (`traceparent`, `tracestate`). Default false.",
    ),
    key("s3_callback_params", Shape::Section(&OBJECTS), "Where `s3_v2` puts its objects."),
];

static OBJECTS: Section = Section {
    name: "s3_callback_params",
    about: "Where `s3_v2` puts its objects: one of lines of JSON for each batch of calls.",
    keys: &[&[
        key("s3_bucket_name", Shape::Text, "The bucket."),
        key("s3_region_name", Shape::Text, "Its region. Default: AWS_REGION."),
        key(
            "s3_endpoint_url",
            Shape::Text,
            "Another store's address; the bucket's name becomes part of the path.",
        ),
        key("s3_path", Shape::Text, "What the names of objects begin with."),
        key("s3_aws_access_key_id", Shape::Secret, "The key's id. Default: what this machine is given."),
        key("s3_aws_secret_access_key", Shape::Secret, "The key."),
        key("s3_aws_session_token", Shape::Secret, "What is shown beside temporary keys."),
    ]],
    later: &[&["s3_*"]],
    moot: &[],
    notes: false,
};

/// An entry of `callback_settings`, by the callback's name.
pub(crate) static CALLBACK: Section = Section {
    name: "callback_settings",
    about: "How one callback is told of calls.",
    keys: &[&[
        key(
            "callback_type",
            Shape::Text,
            "What a name of your own stands for: `generic_api`, `file`, `otel`.",
        ),
        key("endpoint", Shape::Secret, "The address, of `generic_api` and `otel`."),
        key("headers", Shape::TextMap, "Headers of each request."),
        key("event_types", Shape::Texts, "`llm_api_success`, `llm_api_failure`. Default: both."),
        key("log_format", Shape::Choice(FORMATS), "How `generic_api` gets calls. Default `json_array`."),
        key("message_logging", Shape::Bool, "Whether it is told what was asked and answered. Default false."),
        key("batch_size", Shape::Whole, "How many calls go together at most. Default 512."),
        key("flush_interval", Shape::Seconds, "How long a call waits for others at most. Default 5."),
        key("path", Shape::Text, "The file, of `file`. Default `calls.jsonl`."),
        key("max_size_mb", Shape::Number, "From this size on another file is begun, in MiB. Default 100."),
        key("keep", Shape::Whole, "How many older files are kept. Default 5."),
        key(
            "service_name",
            Shape::Text,
            "What the gateway is called in traces. Default: OTEL_SERVICE_NAME, `llm-server`.",
        ),
        key(
            "metrics",
            Shape::Bool,
            "Whether `otel` is told metrics too. Default: as OTEL_METRICS_EXPORTER says, else false.",
        ),
    ]],
    later: &[&["attributes", "exporter", "generic_api_*"]],
    moot: &[],
    notes: false,
};

/// An element of `hooks`.
pub(crate) static HOOK: Section = Section::of(
    "hooks",
    "Code of your own in the life of a call: an address that is asked, or a program that speaks lines of JSON.",
    &[&[
        key("name", Shape::Text, "Its name, for logs and errors."),
        key("url", Shape::Secret, "The address that is asked."),
        key("headers", Shape::TextMap, "Headers of each question."),
        key("command", Shape::Texts, "The program and its arguments; no shell reads them."),
        key("on", Shape::Texts, "When it is asked: `pre_call`, `post_call`. Default `pre_call`."),
        key("timeout", Shape::Seconds, "How long it may take. Default 5."),
        key(
            "on_failure",
            Shape::Choice(FAILURES),
            "What becomes of calls when it cannot be asked: `refuse`, or `continue` without it. Default `refuse`.",
        ),
        key(
            "streams",
            Shape::Choice(STREAMS),
            "Streamed answers at `post_call`: `hold` them back until they are complete, or `skip` them. Default `hold`.",
        ),
        key("max_parallel", Shape::Whole, "Questions that a program is asked at a time. Default 16."),
    ]],
);

/// An element of `prompts`.
pub(crate) static PROMPT: Section = Section::of(
    "prompts",
    "A prompt that requests name by `prompt_id`, with places for `prompt_variables`: `{{name}}`.",
    &[&[
        key("prompt_id", Shape::Text, "Its name. LiteLLM's ending `.v2` is the version."),
        key(
            "version",
            Shape::Whole,
            "Which one; requests get the newest unless they say `prompt_version`. Default 1.",
        ),
        key("messages", Shape::Sections(&MESSAGE), "Its messages; they stand before those of the request."),
        key("model", Shape::Text, "The model of requests that name none."),
        key("temperature", Shape::Number, "For requests that leave it open."),
        key("top_p", Shape::Number, "For requests that leave it open."),
        key("max_tokens", Shape::Whole, "For requests that leave it open."),
        key("litellm_params", Shape::Section(&LITELLM_PROMPT), "LiteLLM's form of the same."),
        key("prompt_info", Shape::Json, "LiteLLM's notes; nothing of them has an effect."),
    ]],
);

static MESSAGE: Section = Section::of(
    "messages",
    "A message of a prompt.",
    &[&[
        key("role", Shape::Text, "`system`, `developer`, `user` or `assistant`."),
        key("content", Shape::Text, "Its text, with `{{variables}}`."),
    ]],
);

static LITELLM_PROMPT: Section = Section {
    name: "litellm_params",
    about: "LiteLLM's form of a prompt.",
    keys: &[&[
        key("prompt_id", Shape::Text, "As beside `litellm_params`, which wins."),
        key("prompt_integration", Shape::Text, "`dotprompt`: the text stands in this file."),
        key(
            "dotprompt_content",
            Shape::Text,
            "The text: facts between `---` lines, then messages (`System: …`).",
        ),
        key("prompt_data", Shape::Json, "The same in parts: `{content, metadata}`, or by the prompt's id."),
    ]],
    later: &[&[
        "api_*",
        "ignore_*",
        "prompt_directory",
        "prompt_file",
        "*_config",
        "provider_*",
        "model_config",
    ]],
    moot: &[],
    notes: false,
};
