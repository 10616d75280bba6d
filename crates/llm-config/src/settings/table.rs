//! Each setting: its path, the keys of a file and the variables that may say it, and its default.

use crate::keys::Shape;

pub(super) struct Setting {
    /// `section.name` of what is read.
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    /// Paths in a file, the first one that is set wins.
    pub(super) files: &'static [&'static str],
    /// Variables, the first one that is set wins.
    pub(super) variables: &'static [&'static str],
    pub(super) default: Option<&'static str>,
}

const fn setting(
    path: &'static str,
    shape: Shape,
    files: &'static [&'static str],
    variables: &'static [&'static str],
    default: Option<&'static str>,
) -> Setting {
    Setting { path, shape, files, variables, default }
}

pub(super) static SETTINGS: &[Setting] = &[
    setting("server.host", Shape::Text, &["server.host"], &["LLM_HOST"], None),
    setting("server.port", Shape::Whole, &["server.port"], &["LLM_PORT", "PORT"], Some("4000")),
    setting(
        "server.master_key",
        Shape::Secret,
        &["server.master_key", "general_settings.master_key"],
        &["LLM_MASTER_KEY", "LITELLM_MASTER_KEY"],
        None,
    ),
    setting(
        "server.max_request_size_mb",
        Shape::Number,
        &["server.max_request_size_mb", "general_settings.max_request_size_mb"],
        &["LLM_MAX_REQUEST_SIZE_MB"],
        Some("100"),
    ),
    setting(
        "server.json_logs",
        Shape::Bool,
        &["server.json_logs", "litellm_settings.json_logs"],
        &["LLM_JSON_LOGS", "JSON_LOGS"],
        None,
    ),
    setting(
        "server.verbose",
        Shape::Bool,
        &["server.verbose", "litellm_settings.set_verbose"],
        &["LLM_VERBOSE"],
        Some("false"),
    ),
    setting(
        "server.header_timeout",
        Shape::Seconds,
        &["server.header_timeout"],
        &["LLM_HEADER_TIMEOUT"],
        Some("30"),
    ),
    setting("media.fetch", Shape::Bool, &["media.fetch"], &["LLM_MEDIA_FETCH"], Some("true")),
    setting(
        "media.max_size_mb",
        Shape::Number,
        &["media.max_size_mb"],
        &["LLM_MEDIA_MAX_SIZE_MB", "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB"],
        Some("20"),
    ),
    setting(
        "media.fetch_timeout",
        Shape::Seconds,
        &["media.fetch_timeout"],
        &["LLM_MEDIA_FETCH_TIMEOUT"],
        Some("10"),
    ),
    setting("recordings.mode", Shape::Text, &["recordings.mode"], &["LLM_RECORDINGS"], Some("off")),
    setting(
        "recordings.directory",
        Shape::Text,
        &["recordings.directory"],
        &["LLM_RECORDINGS_DIRECTORY"],
        Some("recordings"),
    ),
    setting("recordings.paced", Shape::Bool, &["recordings.paced"], &["LLM_RECORDINGS_PACED"], Some("false")),
    setting(
        "server.drain_timeout",
        Shape::Seconds,
        &["server.drain_timeout"],
        &["LLM_DRAIN_TIMEOUT"],
        Some("30"),
    ),
    setting(
        "router.routing_strategy",
        Shape::Text,
        &["router_settings.routing_strategy"],
        &["LLM_ROUTING_STRATEGY"],
        Some("simple-shuffle"),
    ),
    setting(
        "router.num_retries",
        Shape::Whole,
        &["router_settings.num_retries", "litellm_settings.num_retries"],
        &["LLM_NUM_RETRIES"],
        Some("2"),
    ),
    setting(
        "router.retry_after",
        Shape::Seconds,
        &["router_settings.retry_after"],
        &["LLM_RETRY_AFTER"],
        Some("0"),
    ),
    setting("router.max_fallbacks", Shape::Whole, &["router_settings.max_fallbacks"], &[], Some("5")),
    setting(
        "router.drop_params",
        Shape::Bool,
        &["litellm_settings.drop_params"],
        &["LLM_DROP_PARAMS"],
        Some("false"),
    ),
    setting(
        "router.timeout",
        Shape::Seconds,
        &["router_settings.timeout", "litellm_settings.request_timeout"],
        &["LLM_REQUEST_TIMEOUT", "REQUEST_TIMEOUT"],
        None,
    ),
    setting("router.stream_timeout", Shape::Seconds, &["router_settings.stream_timeout"], &[], None),
    setting("router.connect_timeout", Shape::Seconds, &["router_settings.connect_timeout"], &[], None),
    setting(
        "router.first_content_timeout",
        Shape::Seconds,
        &["router_settings.first_content_timeout"],
        &[],
        None,
    ),
    setting("router.idle_timeout", Shape::Seconds, &["router_settings.idle_timeout"], &[], None),
    setting("router.total_timeout", Shape::Seconds, &["router_settings.total_timeout"], &[], None),
];
