//! Sections about who may ask, what it may cost, and where that is kept.

use super::{Key, Section, Shape, key};

pub(crate) const MODES: &[&str] = &["strict", "clamp", "estimate"];
pub(crate) const UNPRICED: &[&str] = &["refuse", "free"];
pub(crate) const WINDOWS: &[&str] = &["sliding", "fixed"];
pub(crate) const DISCONNECT: &[&str] = &["cancel", "drain"];
pub(crate) const DURABILITY: &[&str] = &["process", "strict"];
pub(crate) const ARCHIVES: &[&str] = &["jsonl", "csv", "parquet"];
pub(crate) const WHEN_FULL: &[&str] = &["refuse", "serve"];

pub(crate) static GOVERNANCE: Section = Section::of(
    "governance",
    "Budgets and limits of the whole gateway, and what becomes of calls. Those of keys, teams and users are made with the management API.",
    &[&[
        key(
            "budget_mode",
            Shape::Choice(MODES),
            "What is held of a budget before a call. `strict`: the most that the call can cost, so that no budget is ever passed; `clamp`: the same, and the answer is made as short as what is left can pay; `estimate`: what such calls cost on average. Default `strict`.",
        ),
        key(
            "unpriced",
            Shape::Choice(UNPRICED),
            "What becomes of calls for a model without a price, where somebody has a budget for them: `refuse` or `free`. Default `refuse`.",
        ),
        key(
            "limit_windows",
            Shape::Choice(WINDOWS),
            "`sliding`: never more than the limit in any minute. `fixed`: LiteLLM's minutes, which begin with a request. Default `sliding`.",
        ),
        key("max_budget", Shape::Dollars, "What the whole gateway may spend in each `budget_duration`."),
        key("soft_budget", Shape::Dollars, "What it may spend before somebody is told."),
        key("budget_duration", Shape::Duration, "How long a period of the budget is. Default `1mo`."),
        key("rpm_limit", Shape::Whole, "Requests a minute of the whole gateway."),
        key("tpm_limit", Shape::Whole, "Tokens a minute of the whole gateway."),
        key(
            "default_max_tokens",
            Shape::Whole,
            "The most tokens of an answer whose request says none, where a budget must be held for it. Default: what the model can give.",
        ),
        key(
            "on_disconnect",
            Shape::Choice(DISCONNECT),
            "What becomes of an answer whose client went away: `cancel` tells the vendor to stop, and what was delivered is booked; `drain` reads it to its end for the vendor's own count. Default `cancel`.",
        ),
        key("drain_time", Shape::Seconds, "How long such an answer is read at most. Default 60."),
        key("drain_size_mb", Shape::Number, "How much of it is read at most, in MiB. Default 8."),
        key("drains", Shape::Whole, "How many are read at a time. Default 256."),
        key("cache_time", Shape::Seconds, "For how long a caller is not looked up again. Default 60."),
        key(
            "guesses_per_minute",
            Shape::Whole,
            "How many unknown keys an address may show in a minute; 0: as many as it likes. Default 60.",
        ),
        key(
            "fail_closed",
            Shape::Bool,
            "Whether callers with limits or budgets are refused while the Redis or PostgreSQL that gateways share cannot be asked. Default false: each gateway goes by what it last heard.",
        ),
    ]],
);

pub(crate) static DATABASE: Section = Section::of(
    "database",
    "Where keys, teams and what was spent are kept. Without an address it is a file in the data directory.",
    &[&[
        key(
            "url",
            Shape::Secret,
            "`postgres://…` for several gateways, `sqlite:path` for one, `sqlite::memory:` for none that outlasts it.",
        ),
        key("connections", Shape::Whole, "How many connections it may have at most. Default 10."),
        key("connect_timeout", Shape::Seconds, "How long a new connection may take. Default 5."),
        key(
            "share_limits",
            Shape::Bool,
            "Whether gateways that share a PostgreSQL and no Redis share limits and budgets through it: exact for all of them together, for a round trip to the database before each call of somebody with limits. Default true; with false each gateway counts for itself.",
        ),
        key(
            "salt_key",
            Shape::Secret,
            "What vendors' keys in the database are sealed with. Default: the master key. It can never be changed.",
        ),
    ]],
);

pub(crate) static LEDGER: Section = Section::of(
    "ledger",
    "The row that each call leaves. It goes to a journal in the data directory, and from there to the database.",
    &[&[
        key(
            "durability",
            Shape::Choice(DURABILITY),
            "When a row counts as written: `process` survives the end of the process, `strict` a power failure, and the end of each answer waits for the disk. Default `process`.",
        ),
        key(
            "max_size_mb",
            Shape::Number,
            "How long the journal may become while the database is gone. Default 1024.",
        ),
        key(
            "when_full",
            Shape::Choice(WHEN_FULL),
            "What becomes of calls when no row can be written: `refuse`, or `serve` without booking them. Default `refuse`.",
        ),
        key(
            "keep",
            Shape::Period,
            "How long rows are kept, a day at least. Default: for ever; sums by day always are.",
        ),
        key(
            "archive",
            Shape::Text,
            "A folder that rows go to which are not kept any longer: a file for each day. Default: they are deleted.",
        ),
        key(
            "archive_format",
            Shape::Choice(ARCHIVES),
            "What these files are: `jsonl`, `csv` or `parquet`. Default `jsonl`.",
        ),
    ]],
);

/// An entry of `user_header_mappings`.
pub(crate) static USER_HEADER: Section = Section::of(
    "user_header_mappings",
    "A header in which clients name whom a call is for.",
    &[&[
        key("header_name", Shape::Text, "The header."),
        key(
            "litellm_user_role",
            Shape::Text,
            "Whom it names: `customer` or `internal_user`. Default `customer`.",
        ),
    ]],
);

/// What LiteLLM says of all this in `general_settings`.
pub(super) const GENERAL: &[Key] = &[
    key("fail_closed_budget_enforcement", Shape::Bool, "As `fail_closed` in `governance`, which wins."),
    key("fail_closed_rate_limit_enforcement", Shape::Bool, "As `fail_closed` in `governance`, which wins."),
    key("database_url", Shape::Secret, "As `url` in `database`, which wins."),
    key("database_connection_pool_limit", Shape::Whole, "As `connections` in `database`, which wins."),
    key("database_connection_timeout", Shape::Seconds, "As `connect_timeout` in `database`, which wins."),
    key(
        "store_model_in_db",
        Shape::Bool,
        "Models may be added with the management API, and are kept in the database. Default true; with false those that \
         are there are not served.",
    ),
    key("max_budget", Shape::Dollars, "As in `governance`, which wins."),
    key("budget_duration", Shape::Duration, "As in `governance`, which wins."),
    key("allowed_ips", Shape::Texts, "Addresses and networks that may use the gateway. Default: all."),
    key(
        "use_x_forwarded_for",
        Shape::Bool,
        "A proxy stands in front that adds to `x-forwarded-for`: as `trusted_proxies: 1` in `server`, which wins.",
    ),
    key("public_routes", Shape::Texts, "Paths for which no key is needed."),
    key("admin_only_routes", Shape::Texts, "Paths for administrators alone."),
    key(
        "user_header_mappings",
        Shape::Sections(&USER_HEADER),
        "Headers in which clients name whom a call is for.",
    ),
    key("user_header_name", Shape::Text, "A header that names the customer: LiteLLM's older way."),
    key(
        "disable_spend_logs",
        Shape::Bool,
        "No rows of calls are kept; budgets then begin anew with the process.",
    ),
    key(
        "store_prompts_in_spend_logs",
        Shape::Bool,
        "What is asked and answered is kept in the database beside the rows of calls, and goes with them; not where \
         `turn_off_message_logging` is true. Default false.",
    ),
    key("maximum_spend_logs_retention_period", Shape::Period, "As `keep` in `ledger`, which wins."),
    key(
        "alerting",
        Shape::Texts,
        "Who is told when something is wrong: `slack` (at SLACK_WEBHOOK_URL), `webhook` (at WEBHOOK_URL). Default: nobody.",
    ),
    key(
        "alert_types",
        Shape::Texts,
        "What is told: `budget_alerts`, `llm_too_slow`, `failed_tracking_spend`, `db_exceptions`, `cooldown_deployment`. Default: all.",
    ),
    key("alerting_threshold", Shape::Seconds, "From when on an answer is slow. Default 300."),
    key(
        "alert_to_webhook_url",
        Shape::Json,
        "Addresses for single types, one or a list each, in the place of SLACK_WEBHOOK_URL.",
    ),
    key("user_api_key_cache_ttl", Shape::Seconds, "As `cache_time` in `governance`, which wins."),
    key(
        "user_api_key_cache_max_size",
        Shape::Whole,
        "How many callers are kept in memory, an eighth more at most. Default 500000. Read at the start.",
    ),
    key(
        "litellm_key_header_name",
        Shape::Text,
        "A header in which clients show their key, besides those of SDKs. It never goes to vendors.",
    ),
    key("enforced_params", Shape::Texts, "Fields that every request must have, as in keys."),
    key("enforce_user_param", Shape::Bool, "Every request must have `user`. Default false."),
];

/// What LiteLLM says of all this in `litellm_settings`.
pub(super) const LITELLM: &[Key] = &[
    key("max_budget", Shape::Dollars, "As in `governance`, which wins."),
    key("budget_duration", Shape::Duration, "As in `governance`, which wins."),
    key(
        "budget_exceeded_status_code",
        Shape::Whole,
        "The status of calls that a budget leaves no room for, from 400 to 599. Default 422.",
    ),
    key(
        "max_end_user_budget",
        Shape::Dollars,
        "What a customer may spend who has no budget of its own, ever.",
    ),
    key(
        "max_internal_user_budget",
        Shape::Dollars,
        "The budget of new users where their maker and `default_internal_user_params` say nothing.",
    ),
    key(
        "internal_user_budget_duration",
        Shape::Duration,
        "How long a period of that budget is. Default: it never ends.",
    ),
    key(
        "tag_budget_config",
        Shape::Json,
        "Budgets of tags that nobody made, by name: `{max_budget, budget_duration}`.",
    ),
    key(
        "extra_spend_tag_headers",
        Shape::Texts,
        "Headers that are tags of their calls, as `<header>: <value>`.",
    ),
    key("default_key_generate_params", Shape::Json, "Fields of new keys where their maker says nothing."),
    key("default_internal_user_params", Shape::Json, "Fields of new users where their maker says nothing."),
    key("default_team_params", Shape::Json, "Fields of new teams where their maker says nothing."),
    key("upperbound_key_generate_params", Shape::Section(&UPPER_BOUNDS), "What no key may exceed."),
    key("key_generation_settings", Shape::Section(&KEY_GENERATION), "Who may make keys."),
];

/// What no key may exceed.
pub(crate) static UPPER_BOUNDS: Section = Section::of(
    "upperbound_key_generate_params",
    "What no key may exceed; a key that says nothing gets the bound.",
    &[&[
        key("max_budget", Shape::Dollars, "What may be spent in a period."),
        key("budget_duration", Shape::Duration, "How long a period may be."),
        key("duration", Shape::Duration, "How long a key may be good."),
        key("max_parallel_requests", Shape::Whole, "Calls at a time."),
        key("tpm_limit", Shape::Whole, "Tokens a minute."),
        key("rpm_limit", Shape::Whole, "Requests a minute."),
    ]],
);

pub(crate) static KEY_GENERATION: Section = Section::of(
    "key_generation_settings",
    "Who may make keys, and what they must say.",
    &[&[
        key("team_key_generation", Shape::Section(&GENERATION), "Of keys of a team."),
        key("personal_key_generation", Shape::Section(&GENERATION), "Of keys of one's own."),
    ]],
);

pub(crate) static GENERATION: Section = Section::of(
    "key_generation",
    "Who may make such keys.",
    &[&[
        key("allowed_user_roles", Shape::Texts, "Roles of users who may. Default: all that may make keys."),
        key("allowed_team_member_roles", Shape::Texts, "Roles within the team that may. Default: all."),
        key("required_params", Shape::Texts, "Fields that must be there."),
    ]],
);
