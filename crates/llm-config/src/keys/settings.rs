//! Settings that hold for the whole gateway: the server, the router, and LiteLLM's two settings sections.

use super::network::NETWORK;
use super::routing::{GROUP, MID_STREAM, RETRY_BUDGET, RETRY_POLICY, ROUTING_GROUP};
use super::{Key, Section, Shape, key};

pub(crate) static SERVER: Section = Section {
    name: "server",
    about: "Where and how the server listens.",
    keys: &[&[
        key(
            "data_directory",
            Shape::Text,
            "The folder of the database and the journal, of this gateway alone; `:memory:` keeps nothing. Default: `llm-server` in the user's data directory.",
        ),
        key(
            "host",
            Shape::Text,
            "Address to listen on. Default: loopback without a master key, all addresses with one.",
        ),
        key("port", Shape::Whole, "Port to listen on. Default 4000."),
        key("master_key", Shape::Secret, "The key that clients must show."),
        key("max_request_size_mb", Shape::Number, "The largest request body in MiB. Default 100."),
        key("json_logs", Shape::Bool, "Logs as JSON lines. Default: only when the output is no terminal."),
        key("verbose", Shape::Bool, "More logs."),
        key(
            "max_parallel_requests",
            Shape::Whole,
            "How many requests are served at a time; less important ones stop earlier. Default: no limit.",
        ),
        key("header_timeout", Shape::Seconds, "How long a client may take to send its headers. Default 30."),
        key("drain_timeout", Shape::Seconds, "How long running requests may take after a stop. Default 30."),
        key(
            "trusted_proxies",
            Shape::Whole,
            "How many proxies stand in front, each of which adds to `x-forwarded-for`. Default 0: the header is not looked at.",
        ),
        key(
            "ssl_certfile_path",
            Shape::Text,
            "A file with the certificate to show to clients and its intermediates (PEM): they then must speak TLS. It is \
             read again when it changes.",
        ),
        key("ssl_keyfile_path", Shape::Text, "A file with its private key (PEM)."),
        key("dashboard", Shape::Bool, "Whether `/ui` has the dashboard. Default true."),
        key(
            "dashboard_username",
            Shape::Text,
            "A name that an administrator may sign in to the dashboard with, beside keys. Default `admin`, where there is a password.",
        ),
        key("dashboard_password", Shape::Secret, "The password of that name. Default: the master key."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

pub(crate) static MEDIA: Section = Section {
    name: "media",
    about: "Pictures and files that requests point to by address, for vendors that take bytes only; and what vendors answer by \
            address, for clients that want bytes.",
    keys: &[&[
        key(
            "fetch",
            Shape::Bool,
            "Whether the gateway fetches them, from public addresses only. Default true.",
        ),
        key("max_size_mb", Shape::Number, "The largest file in MiB. Default 20."),
        key("fetch_timeout", Shape::Seconds, "How long fetching one may take. Default 10."),
        key("trusted_hosts", Shape::Texts, "Hosts that may be fetched from though they are not public."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

pub(crate) static RECORDINGS: Section = Section {
    name: "recordings",
    about: "Vendor traffic kept in files without credentials, and told again without a network.",
    keys: &[&[
        key(
            "mode",
            Shape::Choice(&["off", "record", "replay"]),
            "`record`: vendors answer, and each exchange is kept. `replay`: only what was kept answers. Default `off`.",
        ),
        key(
            "directory",
            Shape::Text,
            "Where the files are, relative to the working directory. Default `recordings`.",
        ),
        key("paced", Shape::Bool, "Whether what is told again takes the time that it took. Default false."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

/// How long each phase may take; for the router and for single deployments.
pub(super) const PHASES: &[Key] = &[
    key("timeout", Shape::Seconds, "How long an attempt may wait for the answer's head."),
    key(
        "stream_timeout",
        Shape::Seconds,
        "For streams: how long until the first content, and between chunks.",
    ),
    key("connect_timeout", Shape::Seconds, "How long until the connection stands. Default 5."),
    key("first_content_timeout", Shape::Seconds, "How long until a stream's first content. Default 600."),
    key("idle_timeout", Shape::Seconds, "The longest pause in a stream. Default 120."),
    key(
        "total_timeout",
        Shape::Seconds,
        "The whole call, all attempts. Default 600, or the longest of the others.",
    ),
];

static PROVIDER_BUDGET: Section = Section {
    name: "provider_budget_config",
    about: "What all deployments of a vendor may spend together.",
    keys: &[&[
        key("budget_limit", Shape::Dollars, "What they may spend at most in each `time_period`."),
        key("time_period", Shape::Period, "The window. Default: one without an end."),
        key("max_budget", Shape::Dollars, "As `budget_limit`, which wins."),
        key("budget_duration", Shape::Period, "As `time_period`, which wins."),
    ]],
    later: &[&["rpm_limit", "tpm_limit"]],
    moot: &[],
    notes: false,
};

const LIMITS: &[Key] = &[
    key(
        "default_max_parallel_requests",
        Shape::Whole,
        "`max_parallel_requests` of deployments that have none of their own.",
    ),
    key(
        "adaptive_concurrency",
        Shape::Bool,
        "`adaptive_concurrency` of deployments that do not say. Default false.",
    ),
    key(
        "provider_budget_config",
        Shape::Named(&PROVIDER_BUDGET),
        "What all deployments of a vendor may spend together, by the vendor's name.",
    ),
    key(
        "queue_timeout",
        Shape::Seconds,
        "How long a call waits for room when all deployments are full. Default 0: it is refused at once.",
    ),
    key("max_queue", Shape::Whole, "How many calls of a group wait at most. Default 100."),
    key(
        "default_priority",
        Shape::Whole,
        "The `priority` of calls that have none: the lower the more important. Default 0.",
    ),
];

/// How many failures of a kind are borne; names that LiteLLM has.
pub(super) static ALLOWED_FAILS: Section = Section {
    name: "allowed_fails_policy",
    about: "How many failures of a kind within a cooldown's length are borne; one more begins a cooldown, even of a deployment that is alone.",
    keys: &[&[
        key("AuthenticationErrorAllowedFails", Shape::Whole, "The vendor refuses the key."),
        key("NotFoundErrorAllowedFails", Shape::Whole, "The vendor does not know the model."),
        key("TimeoutErrorAllowedFails", Shape::Whole, "A deadline passed."),
        key("RateLimitErrorAllowedFails", Shape::Whole, "Too many requests or tokens."),
        key("InternalServerErrorAllowedFails", Shape::Whole, "The vendor failed, or the connection did."),
        key("BadGatewayErrorAllowedFails", Shape::Whole, "The vendor's own proxy failed. Default: as above."),
        key("ServiceUnavailableErrorAllowedFails", Shape::Whole, "The vendor has too much to do."),
    ]],
    later: &[],
    moot: &[
        ("BadRequestErrorAllowedFails", "a client's own mistake benches nothing, there as here"),
        ("ContentPolicyViolationErrorAllowedFails", "likewise"),
    ],
    notes: false,
};

/// When a deployment is left alone; for the router and for single deployments.
pub(super) const ALLOWED: &[Key] = &[
    key(
        "allowed_fails",
        Shape::Whole,
        "Failures within a cooldown's length that are borne; one more begins a cooldown. Default: see docs/routing.md.",
    ),
    key(
        "allowed_fails_policy",
        Shape::Section(&ALLOWED_FAILS),
        "The same for single kinds of failures, before `allowed_fails`.",
    ),
];

pub(crate) static ROUTER: Section = Section {
    name: "router_settings",
    about: "How deployments are picked, retried and replaced.",
    keys: &[
        &[
            key(
                "routing_strategy",
                Shape::Text,
                "`simple-shuffle` (default), `round_robin`, `random`, `first_available`, `least-busy`, `usage-based`, \
                 `latency-based` or `cost-based`; LiteLLM's names too.",
            ),
            key(
                "enable_tag_filtering",
                Shape::Bool,
                "Requests with tags go to deployments with such `tags`.",
            ),
            key(
                "tag_filtering_match_any",
                Shape::Bool,
                "One of a request's tags is enough (default); else a deployment must have all.",
            ),
            key(
                "enable_pre_call_checks",
                Shape::Bool,
                "Pass over deployments whose model cannot take the prompt's length or its kinds of content, or that \
                 do not stand in `allowed_model_region`, before a vendor is asked.",
            ),
            key(
                "optional_pre_call_checks",
                Shape::Texts,
                "`session_affinity`: a session stays with a deployment; `prompt_caching`: so does a conversation.",
            ),
            key("num_retries", Shape::Whole, "Attempts after the first, in each group. Default 2."),
            key("retry_policy", Shape::Section(&RETRY_POLICY), "The same, by what went wrong."),
            key("model_group_retry_policy", Shape::Named(&RETRY_POLICY), "The same for single groups."),
            key("retry_budget", Shape::Section(&RETRY_BUDGET), "How much of the traffic may be retries."),
            key(
                "retry_after",
                Shape::Seconds,
                "The shortest wait before the same deployment is tried again.",
            ),
            key(
                "fallbacks",
                Shape::Fallbacks,
                "Groups to try after a group failed: `[{group: [others]}]` or `[names]`.",
            ),
            key("context_window_fallbacks", Shape::Fallbacks, "The same, for prompts that are too long."),
            key("content_policy_fallbacks", Shape::Fallbacks, "The same, for what a content policy refused."),
            key("default_fallbacks", Shape::Texts, "Fallbacks of groups that have none of their own."),
            key("max_fallbacks", Shape::Whole, "The most fallback groups of one call. Default 5."),
            key(
                "fallback_on_unsupported_params",
                Shape::Bool,
                "Whether a request that a vendor refused as invalid or unsupported goes to a fallback. Default true.",
            ),
            MID_STREAM,
            key(
                "enable_mid_stream_fallback_continuation",
                Shape::Bool,
                "LiteLLM's way to say `mid_stream: continue`.",
            ),
            key("groups", Shape::Named(&GROUP), "What single groups say for themselves, by `model_name`."),
            key("routing_groups", Shape::Sections(&ROUTING_GROUP), "Strategies of single groups."),
            key(
                "model_group_alias",
                Shape::Aliases,
                "Other names: `{alias: group}` or `{alias: {model, hidden}}`.",
            ),
            key(
                "cooldown_time",
                Shape::Seconds,
                "How long a deployment that failed is left alone, where its vendor does not say. Default 5, doubled with each failed probe up to `max_cooldown_time`; 0 switches cooldowns off.",
            ),
            key(
                "max_cooldown_time",
                Shape::Seconds,
                "How long a cooldown grows at most. Default 20, or `cooldown_time`.",
            ),
            key("disable_cooldowns", Shape::Bool, "Never leave a deployment alone."),
            key(
                "redis_url",
                Shape::Secret,
                "The Redis through which several gateways share limits and cooldowns: `redis://` or, with TLS, `rediss://`. Or in parts:",
            ),
            key("redis_host", Shape::Text, "Its host."),
            key("redis_port", Shape::Text, "Its port. Default 6379."),
            key("redis_username", Shape::Text, "The user."),
            key("redis_password", Shape::Secret, "The password."),
            key("redis_db", Shape::Whole, "The number of the database. Default 0."),
            key("redis_ssl", Shape::Bool, "Whether the connection is encrypted."),
            key(
                "redis_prefix",
                Shape::Text,
                "What all keys begin with; gateways with the same one share. Default `llm`.",
            ),
            key(
                "redis_timeout",
                Shape::Seconds,
                "How long an answer may take until Redis counts as gone; limits and budgets of callers wait two seconds at least. Default 0.1.",
            ),
            key(
                "slow_start_time",
                Shape::Seconds,
                "How long the share of a deployment that is back grows. Default 10.",
            ),
        ],
        LIMITS,
        ALLOWED,
        PHASES,
    ],
    later: &[&[
        "alerting_config",
        "assistants_config",
        "cache_kwargs",
        "cache_responses",
        "caching_groups",
        "default_litellm_params",
        "ignore_invalid_deployments",
        "router_general_settings",
        "tag_routing_prefix",
    ]],
    moot: &[
        ("client_ttl", "clients of vendors are kept as long as their deployments"),
        ("debug_level", "the log says how much with `verbose` in `server`"),
        ("deployment_affinity_ttl_seconds", "affinity is computed, not stored, so that nothing runs out"),
        ("enable_health_check_routing", "what a health check finds always counts"),
        (
            "enable_weighted_failover",
            "a retry is always picked by weight among the deployments that are left",
        ),
        ("polling_interval", "nobody polls: a call that waits is woken"),
        ("routing_strategy_args", "strategies measure as docs/routing.md says"),
        ("set_verbose", "the log says how much with `verbose` in `server`"),
    ],
    notes: false,
};

/// How tokens are drawn when the client does not say.
pub(super) const SAMPLING: &[Key] = &[
    key("temperature", Shape::Number, "Randomness, when the client does not say."),
    key("top_p", Shape::Number, "Nucleus sampling, when the client does not say."),
    key("top_k", Shape::Whole, "Only the k likeliest tokens, when the client does not say."),
    key(
        "frequency_penalty",
        Shape::Number,
        "Penalty by how often a token came, when the client does not say.",
    ),
    key("presence_penalty", Shape::Number, "Penalty on tokens that came, when the client does not say."),
    key("seed", Shape::Whole, "Seed, when the client does not say."),
    key("stop", Shape::Texts, "Texts that end the answer, when the client does not say."),
    key("max_tokens", Shape::Whole, "The most answer tokens, when the client does not say."),
];

pub(crate) static DEFAULTS: Section = Section {
    name: "llm",
    about: "What holds for every deployment that does not say otherwise.",
    keys: &[
        &[key("default_model", Shape::Text, "As `default_model` at the top level, which wins.")],
        NETWORK,
        SAMPLING,
    ],
    later: &[],
    moot: &[],
    notes: false,
};
