//! The `response` object for clients: what was asked, echoed; how it stands; what came out.

use std::time::{SystemTime, UNIX_EPOCH};

use llm_core::message::{Message, Role};
use llm_core::request::OutputFormat;
use llm_core::response::FinishReason;
use llm_core::{ChatRequest, Error, ErrorKind, Part, RawJson, RawObject, Usage};

use super::RESPONSES;
use super::items::stored;
use super::tools::{echo_tool, put_tool_choice};
use super::usage::put_usage;
use super::write::ObjectWriter;

/// How a response stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Status {
    /// It is on its way.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut, for this reason.
    Incomplete(String),
    /// It failed.
    Failed {
        /// One of the codes of this API.
        code: &'static str,
        /// What the client may read.
        message: String,
    },
}

impl Status {
    /// How an answer stands that ended for this reason. `refused`: it holds a refusal.
    pub(super) fn of(finish: Option<&FinishReason>, refused: bool) -> Self {
        match finish {
            Some(FinishReason::Length | FinishReason::ContextExceeded) => {
                Self::Incomplete("max_output_tokens".to_owned())
            }
            Some(FinishReason::ContentFilter) => Self::Incomplete("content_filter".to_owned()),
            // Declined without a word of refusal: this API has no other way to say it.
            Some(FinishReason::Refusal) if !refused => Self::Incomplete("content_filter".to_owned()),
            Some(FinishReason::Error) => Self::Failed {
                code: "server_error",
                message: "the vendor failed in the middle of the answer".to_owned(),
            },
            Some(FinishReason::Other(reason)) if reason == "max_messages" || reason == "steered" => {
                Self::Incomplete(reason.clone())
            }
            _ => Self::Completed,
        }
    }

    /// How an answer stands after an error.
    pub(super) fn failed(error: &Error) -> Self {
        Self::Failed { code: code(error), message: error.message().to_owned() }
    }

    /// The word for it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }
}

/// This API knows few codes.
pub(super) fn code(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::RateLimited | ErrorKind::QuotaExhausted => "rate_limit_exceeded",
        ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentFilter => "invalid_prompt",
        _ => "server_error",
    }
}

/// What is known of a response from its beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    /// Its id, as this API writes them.
    pub(super) id: String,
    /// What all ids of items in it end with.
    pub(super) suffix: String,
    /// The model.
    pub(super) model: String,
    /// When, in seconds since 1970.
    pub(super) created: u64,
    /// The tier that served.
    pub(super) service_tier: Option<String>,
    /// Members of a vendor of this format that are not modelled.
    pub(super) extras: RawObject,
}

impl Head {
    /// A head for an answer with the id that its vendor gave it.
    pub(super) fn new(vendor_id: &str, model: &str, created: Option<u64>) -> Self {
        let own = vendor_id.strip_prefix("resp_");
        let allowed = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_' || *letter == '-';
        let mut suffix: String = bare(own.unwrap_or(vendor_id)).chars().filter(allowed).take(48).collect();
        if suffix.is_empty() {
            suffix = created.unwrap_or_default().to_string();
        }
        let id = own.map_or_else(|| format!("resp_{suffix}"), |_| vendor_id.to_owned());
        Self { id, suffix, model: model.to_owned(), created: created.unwrap_or_else(now), ..Self::default() }
    }
}

/// For vendors that do not say when.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// An id without the word in front of it that says what it is the id of.
fn bare(id: &str) -> &str {
    match id.split_once(['_', '-']) {
        Some((word, rest)) if !rest.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()) => rest,
        _ => id,
    }
}

/// Writes the members of a `response`. `echo`: what [`echo`] wrote; `output`: the items, a JSON list.
pub(super) fn put_response(
    object: &mut ObjectWriter<'_>,
    head: &Head,
    status: &Status,
    echo: &[u8],
    output: &[u8],
    usage: &Usage,
) {
    object.put("id", &head.id);
    object.put("object", "response");
    object.put("created_at", &head.created);
    object.put("status", status.word());
    match status {
        Status::Failed { code, message } => {
            let mut error = object.object("error");
            error.put("code", code);
            error.put("message", message);
        }
        _ => object.put("error", &None::<()>),
    }
    match status {
        Status::Incomplete(reason) => object.object("incomplete_details").put("reason", reason),
        _ => object.put("incomplete_details", &None::<()>),
    }
    object.put("model", &head.model);
    object.put_json("output", output);
    object.put("service_tier", &head.service_tier);
    put_usage(object, usage);
    object.members_of(echo);
    object.members(&head.extras);
}

/// What the client asked, as every `response` repeats it: a JSON object.
pub(super) fn echo(request: &ChatRequest) -> Vec<u8> {
    let none = RawObject::default();
    let extras = match &request.extras {
        Some((origin, fields)) if *origin == RESPONSES => fields,
        _ => &none,
    };
    let mut out = Vec::new();
    let mut object = ObjectWriter::open(&mut out);
    object.put("background", &false);
    object.put("instructions", &request.messages.first().and_then(instructions));
    object.put("max_output_tokens", &request.max_output_tokens);
    object.put("max_tool_calls", &extras.get("max_tool_calls"));
    object.put("metadata", request.metadata.as_ref().unwrap_or(&none));
    object.put("parallel_tool_calls", &request.parallel_tool_calls.unwrap_or(true));
    object.put("previous_response_id", &previous(request));
    object.put("prompt_cache_key", &extras.get("prompt_cache_key"));
    {
        let options = request.reasoning.as_ref();
        let mut reasoning = object.object("reasoning");
        reasoning.put("effort", &options.and_then(|options| options.effort.as_deref()));
        reasoning.put("summary", &options.and_then(|options| options.summary.as_deref()));
    }
    object.put("safety_identifier", &extras.get("safety_identifier"));
    object.put(
        "store",
        &extras.get("store").unwrap_or(&RawJson::of(&false).unwrap_or_else(|_| RawJson::null())),
    );
    object.put("temperature", &request.sampling.temperature);
    put_text(&mut object, request);
    if !request.tool_choice.as_ref().is_some_and(|choice| put_tool_choice(&mut object, choice)) {
        object.put("tool_choice", "auto");
    }
    {
        let mut tools = object.array("tools");
        for tool in &request.tools {
            echo_tool(&mut tools, tool, true);
        }
    }
    object.put("top_logprobs", &request.sampling.top_logprobs.unwrap_or(0));
    object.put("top_p", &request.sampling.top_p);
    match extras.get("truncation") {
        Some(truncation) => object.put("truncation", truncation),
        None => object.put("truncation", "disabled"),
    }
    object.put("user", &request.user.as_ref().filter(|_| extras.get("safety_identifier").is_none()));
    drop(object);
    out
}

fn instructions(message: &Message) -> Option<String> {
    (message.role == Role::System && message.extras.is_none()).then(|| message.joined_text())
}

fn previous(request: &ChatRequest) -> Option<RawJson> {
    request.messages.iter().filter_map(stored).find_map(|fields| fields.get("previous_response_id").cloned())
}

fn put_text(object: &mut ObjectWriter<'_>, request: &ChatRequest) {
    let mut text = object.object("text");
    {
        let mut format = text.object("format");
        match &request.output {
            OutputFormat::JsonObject => format.put("type", "json_object"),
            OutputFormat::JsonSchema(schema) => {
                format.put("type", "json_schema");
                format.put("name", schema.name.as_deref().unwrap_or("answer"));
                format.put("description", &schema.description);
                format.put("schema", &schema.schema);
                format.put("strict", &schema.strict.unwrap_or(false));
            }
            _ => format.put("type", "text"),
        }
    }
    text.put("verbosity", request.verbosity.as_deref().unwrap_or("medium"));
}

/// Whether an answer holds a refusal.
pub(super) fn refused(parts: &[Part]) -> bool {
    parts.iter().any(|part| matches!(part, Part::Refusal(_)))
}
