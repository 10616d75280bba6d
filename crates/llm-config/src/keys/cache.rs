//! Answers kept for requests that come again: LiteLLM's `cache` and `cache_params`.

use super::{Key, Section, Shape, key};

pub(crate) const MODES: &[&str] = &["default_on", "default_off"];
pub(crate) const QUANTIZATIONS: &[&str] = &["binary", "scalar", "product"];
pub(crate) const SCOPES: &[&str] = &["team", "key", "organization", "everybody"];

/// What `litellm_settings` say of it.
pub(super) const LITELLM: &[Key] = &[
    key("cache", Shape::Bool, "Keep answers for requests that come again (docs/caching.md). Default false."),
    key("cache_params", Shape::Section(&PARAMS), "Where they are kept, for whom and how long."),
];

pub(crate) static PARAMS: Section = Section {
    name: "cache_params",
    about: "Where answers are kept, for whom and how long.",
    keys: &[WHAT, WHERE, QDRANT, OBJECTS, MEANING],
    later: &[&[
        "azure_*",
        "gcp_*",
        "gcs_*",
        "qdrant_*",
        "redis_flush_size",
        "redis_semantic_cache_index_name",
        "redis_startup_nodes",
        "s3_*",
        "sentinel_*",
        "service_name",
        "ssl_*",
        "startup_nodes",
    ]],
    moot: &[("max_connections", "one connection carries all questions")],
    notes: false,
};

const WHAT: &[Key] = &[
    key(
        "mode",
        Shape::Choice(MODES),
        "`default_on` keeps every answer, `default_off` those of requests with `cache: {use-cache: true}`.",
    ),
    key("ttl", Shape::Seconds, "How long an answer is good. Default: until there is no room."),
    key("default_in_memory_ttl", Shape::Seconds, "As `ttl`, which wins, for answers in memory."),
    key("default_in_redis_ttl", Shape::Seconds, "As `ttl`, which wins, for answers in Redis, Qdrant and S3."),
    key("namespace", Shape::Text, "What the keys of answers begin with. A request may name another one."),
    key(
        "supported_call_types",
        Shape::Texts,
        "Kinds of calls, in LiteLLM's words: `acompletion` (chat, whatever API asks), `aembedding`, `arerank`. Default: \
         all of these.",
    ),
    key(
        "scope",
        Shape::Choice(SCOPES),
        "Whose answers a caller may be given: those of its `team` (a key without one: its own), of the `key` alone, of \
         its `organization`, or `everybody`'s. Default `team`.",
    ),
];

const WHERE: &[Key] = &[
    key(
        "type",
        Shape::Text,
        "`local` (memory), `disk` (a SQLite file) or `redis`; with `-semantic` behind it questions in other words are found, \
         too. Also `qdrant-semantic`, and `s3` without. Default `local`.",
    ),
    key(
        "max_size_mb",
        Shape::Number,
        "How large it may become: 128 in memory, 1024 on disk where nobody says.",
    ),
    key("disk_cache_dir", Shape::Text, "The folder of the file. Default: that of the data."),
    key("url", Shape::Secret, "`redis://` or `rediss://`; wins over the single settings."),
    key("host", Shape::Text, "The host of Redis. Without one, that of `router_settings` is asked."),
    key("port", Shape::Whole, "Its port. Default 6379."),
    key("username", Shape::Text, "Its user."),
    key("password", Shape::Secret, "Its password."),
    key("db", Shape::Whole, "The number of the database."),
    key("ssl", Shape::Bool, "Whether the connection is encrypted. Default false."),
    key(
        "socket_timeout",
        Shape::Seconds,
        "How long an answer of the store may take: calls wait for it. Default 0.1; for Qdrant and S3 2.",
    ),
];

const QDRANT: &[Key] = &[
    key("qdrant_api_base", Shape::Text, "The address of Qdrant. Default: QDRANT_API_BASE, QDRANT_URL."),
    key("qdrant_api_key", Shape::Secret, "Its API key. Default: QDRANT_API_KEY."),
    key("qdrant_collection_name", Shape::Text, "The collection; it is made where there is none."),
    key(
        "qdrant_quantization_config",
        Shape::Choice(QUANTIZATIONS),
        "How a collection that is made keeps vectors small: `binary`, `scalar` or `product`. Default `binary`.",
    ),
    key(
        "qdrant_semantic_cache_vector_size",
        Shape::Whole,
        "How many numbers a vector of a collection that is made has. Default: as many as the first one.",
    ),
];

const OBJECTS: &[Key] = &[
    key("s3_bucket_name", Shape::Text, "The bucket."),
    key("s3_region_name", Shape::Text, "Its region. Default: AWS_REGION."),
    key(
        "s3_endpoint_url",
        Shape::Text,
        "The address of a store that is asked as S3 is. Default: that of AWS in the region.",
    ),
    key("s3_path", Shape::Text, "What the names of objects begin with; `llm-answers/` comes behind it."),
    key("s3_aws_access_key_id", Shape::Secret, "The key's id. Default: what this machine is given."),
    key("s3_aws_secret_access_key", Shape::Secret, "The key."),
    key("s3_aws_session_token", Shape::Secret, "What is shown beside temporary keys."),
];

const MEANING: &[Key] = &[
    key(
        "similarity_threshold",
        Shape::Number,
        "How near two questions must be: the cosine between their vectors, from 0 to 1. Default 0.9.",
    ),
    key("embedding_model", Shape::Text, "The model of this gateway that makes vectors of questions."),
    key("redis_semantic_cache_embedding_model", Shape::Text, "As `embedding_model`, which wins."),
    key("valkey_semantic_cache_embedding_model", Shape::Text, "As `embedding_model`, which wins."),
    key("qdrant_semantic_cache_embedding_model", Shape::Text, "As `embedding_model`, which wins."),
];
