//! The fields that routes take, in groups. What is read and not here stops the tests (`declared::check`).

use crate::declared::{Field, any, money, object, objects, switch, text, texts, whole, wholes};

type Fields = &'static [Field];

/// Models, limits and money, as everybody has them.
pub const TERMS: Fields = &[
    texts("models", "models that may be asked, by public name; a `*` at the end stands for any; none: all"),
    object("aliases", "names of models, and what they stand for"),
    money("max_budget", "what may be spent in a period, in dollars"),
    money("soft_budget", "what may be spent before somebody is told, in dollars"),
    text("budget_duration", "how long a period is: `24h`, `30d` (rolling), `1mo`, `daily` (calendar)"),
    text("budget_time_zone", "where calendar periods begin, as in `Europe/Berlin`"),
    objects("budget_limits", "several periods: each a `budget_duration` and a `max_budget`"),
    text("budget_id", "a budget made with `/budget/new`, in place of limits of its own"),
    object(
        "model_max_budget",
        "budgets of single models: `{\"gpt-4o\": {\"max_budget\": 5, \"budget_duration\": \"1d\"}}`",
    ),
    object("budget_fallbacks", "models that are asked in place of one whose budget is spent"),
    whole("rpm_limit", "requests a minute"),
    whole("tpm_limit", "tokens a minute"),
    whole("tpd_limit", "tokens a day"),
    whole("max_parallel_requests", "calls at a time"),
    wholes("model_rpm_limit", "requests a minute, by model"),
    wholes("model_tpm_limit", "tokens a minute, by model"),
    texts("allowed_routes", "paths that may be asked; none: all of its kind"),
    texts("allowed_ips", "addresses, or ranges of them, that may ask"),
    switch("blocked", "whether it is refused"),
    texts("tags", "tags that its calls have"),
    texts("guardrails", "guardrails that its calls pass"),
    texts("enforced_params", "fields that its requests must have"),
    object("permissions", "switches of its own"),
    object("metadata", "whatever its owner wants to remember"),
];

/// A key.
pub(crate) const KEY: Fields = &[
    text("key_alias", "what people call it"),
    text("user_id", "whose it is"),
    text("team_id", "the team that pays for it"),
    text("organization_id", "the organisation that pays for it"),
    text("duration", "how long it lives: `30d`; none: for ever"),
    text("key_type", "what it is for: `default`, `llm_api`, `management` or `read_only`"),
];

/// A key that is made.
pub(crate) const NEW_KEY: Fields = &[
    text("key", "the key itself; none: one is made up"),
    money("spend", "what it is to have spent already"),
];

/// A key that is changed.
pub(crate) const CHANGED_KEY: Fields = &[
    text("key", "the key, or its hash").needed(),
    money("spend", "what it is to have spent, from now on"),
    money("temp_budget_increase", "what it may spend besides its budget for a while"),
    text("temp_budget_expiry", "until when: a time, or how long from now"),
];

/// A key that takes the place of another one.
pub(crate) const NEXT_KEY: Fields = &[
    text("key", "the key, or its hash; none: the one of the path, or the one that asks"),
    text("new_key", "the new key itself; none: one is made up"),
    text("grace_period", "how long the old key goes on working: `24h`"),
    any("new_master_key", "refused: the master key stands in the configuration"),
    money("temp_budget_increase", "what it may spend besides its budget for a while"),
    text("temp_budget_expiry", "until when: a time, or how long from now"),
];

/// A key that is meant.
pub(crate) const ONE_KEY: Fields = &[text("key", "the key, or its hash").needed()];

/// The same where none means the one that asks.
pub(crate) const A_KEY: Fields = &[text("key", "the key, or its hash; none: the one that asks")];

/// A team.
pub(crate) const TEAM: Fields = &[
    text("team_alias", "what people call it"),
    text("organization_id", "the organisation that it belongs to"),
    object("model_aliases", "names of models, and what they stand for in this team"),
    texts("team_member_permissions", "what members may do with its keys: paths"),
    money("team_member_budget", "what each member may spend in a period, in dollars"),
    text("team_member_budget_duration", "how long that period is"),
    whole("team_member_rpm_limit", "requests of each member a minute"),
    whole("team_member_tpm_limit", "tokens of each member a minute"),
];

/// Members of a new team.
pub(crate) const FIRST_MEMBERS: Fields = &[
    text("team_id", "its id; none: one is made up"),
    objects("members_with_roles", "its members: `{\"user_id\", \"role\"}` each"),
    texts("members", "users who are its members"),
    texts("admins", "users who administrate it"),
];

/// A team that is meant.
pub(crate) const ONE_TEAM: Fields = &[text("team_id", "the team").needed()];

/// The same where it stands elsewhere, too.
pub(crate) const A_TEAM: Fields = &[text("team_id", "the team")];

/// A member that is meant.
pub(crate) const MEMBER: Fields =
    &[text("user_id", "the user"), text("user_email", "the user's address, in place of the id")];

/// What a member is.
pub(crate) const ROLE: Fields = &[text(
    "role",
    "what the member is: `admin` or `user` of a team, `org_admin`, `internal_user` or \
                  `internal_user_viewer` of an organisation",
)];

/// What a member may use within its team.
pub(crate) const WITHIN: Fields = &[
    money("max_budget_in_team", "what it may spend within the team, in dollars"),
    text("budget_duration", "how long a period of that is"),
    whole("rpm_limit", "its requests a minute within the team"),
    whole("tpm_limit", "its tokens a minute within the team"),
    texts("allowed_models", "models that it may ask within the team"),
    object("model_max_budget", "its budgets of single models within the team"),
];

/// A user.
pub(crate) const USER: Fields = &[
    text("user_id", "its id; none: one is made up"),
    text("user_email", "its address"),
    text("user_alias", "what people call it"),
    text(
        "user_role",
        "what it may do: `proxy_admin`, `proxy_admin_viewer`, `internal_user`, `internal_user_viewer` …",
    ),
    text("sso_user_id", "its id where it logs in"),
    texts("organizations", "organisations that it joins"),
    money("spend", "what it is to have spent already"),
];

/// A user that is made.
pub(crate) const NEW_USER: Fields = &[
    any("teams", "teams that it joins: ids, or `{\"team_id\", \"user_role\"}` each"),
    switch("auto_create_key", "whether it gets a key at once; it does unless this is `false`"),
    text("team_id", "the team of that key"),
    text("key_alias", "what people call that key"),
    text("duration", "how long that key lives"),
];

/// An organisation.
pub(crate) const ORGANIZATION: Fields = &[text("organization_alias", "what people call it")];

/// An organisation that is made.
pub(crate) const NEW_ORGANIZATION: Fields = &[
    text("organization_id", "its id; none: one is made up"),
    text("organization_alias", "what people call it").needed(),
];

/// An organisation that is meant.
pub(crate) const ONE_ORGANIZATION: Fields = &[text("organization_id", "the organisation").needed()];

/// A customer.
pub(crate) const CUSTOMER: Fields = &[
    text("user_id", "the customer, as requests name it (`user`)").needed(),
    text("alias", "what people call it"),
    text("default_model", "the model of its requests that name none"),
    text("allowed_model_region", "the region that its requests stay in: `eu` or `us`"),
];

/// A tag.
pub(crate) const TAG: Fields =
    &[text("name", "the tag, as requests have it").needed(), text("description", "what it is for")];

/// A model that is kept in the store.
pub(crate) const MODEL: Fields = &[
    text("model_name", "its public name"),
    object(
        "litellm_params",
        "the vendor, its model and credentials, as in `model_list` of the configuration",
    ),
    object("model_info", "what else is known of it: `id`, `team_id`, prices, …"),
];

/// Days, both included.
pub(crate) const DAYS: Fields = &[
    text("start_date", "the first day, or moment: `2026-11-01`"),
    text("end_date", "the last day, or moment"),
];

/// A page.
pub(crate) const PAGE: Fields =
    &[whole("page", "which page, from 1"), whole("page_size", "how many on a page")];

/// A page whose size has LiteLLM's other name.
pub(crate) const SIZED: Fields = &[whole("page", "which page, from 1"), whole("size", "how many on a page")];

/// The order of a list.
pub(crate) const SORT: Fields =
    &[text("sort_by", "a field of the answer"), text("sort_order", "`asc` or `desc`")];

/// A search.
pub(crate) const SEARCH: Fields = &[text("search", "part of a name or an id")];

/// What was spent.
pub(crate) const SPENT: Fields =
    &[money("min_spend", "at least so many dollars"), money("max_spend", "at most so many dollars")];

/// How many.
pub(crate) const LIMIT: Fields = &[whole("limit", "how many at most")];

/// Lists of teams.
pub(crate) const TEAMS: Fields = &[
    text("user_id", "teams of this user alone"),
    text("team_id", "this team alone"),
    text("team_alias", "teams of this name"),
    text("organization_id", "teams of this organisation alone"),
    text("status", "`active` or `blocked`"),
    text("search_team_id_match", "how `search` looks at ids: `exact` or `prefix`"),
];

/// Lists of keys.
pub(crate) const KEYS: Fields = &[
    text("user_id", "keys of this user"),
    text("team_id", "keys of this team"),
    text("organization_id", "keys of this organisation"),
    text("key_alias", "keys of this name"),
    text("key_hash", "the key of this hash"),
    text("status", "`active`, `expired` or `blocked`"),
    switch("return_full_object", "whether each key is an object, not its hash alone"),
    switch("include_team_keys", "keys of teams that the caller administrates, too"),
    switch("include_created_by_keys", "keys that the caller made for others, too"),
    switch("substring_matching", "whether a part of a name or an id suffices"),
];

/// Lists of users.
pub(crate) const USERS: Fields = &[
    text("role", "users of this role"),
    text("user_ids", "these users, with commas between"),
    text("sso_user_ids", "users of these ids where they log in, with commas between"),
    text("user_email", "part of an address"),
    text("team", "users of this team"),
    text("organization_ids", "users of these organisations, with commas between"),
];

/// Entries of the audit log.
pub(crate) const ENTRIES: Fields = &[
    text("changed_by", "who changed something"),
    text("changed_by_api_key", "with which key"),
    text("action", "`created`, `updated`, `deleted` …"),
    text("table_name", "what kind of thing, as in `teams` or `LiteLLM_TeamTable`"),
    text("object_id", "which thing"),
    text("object_key_hash", "which key"),
    text("object_team_id", "which team"),
];

/// Calls of the ledger.
pub(crate) const CALLS: Fields = &[
    text("api_key", "calls with this key, or the key of this hash"),
    text("key_alias", "calls with the key of this name"),
    text("user_id", "calls of this user"),
    text("team_id", "calls of this team"),
    text("end_user", "calls for this customer"),
    text("session_id", "calls of this conversation"),
    text("model", "calls that this model of a vendor answered"),
    text("model_id", "calls that this deployment answered"),
    text("model_group", "calls that asked for this public name"),
    text("status_filter", "`success` or `failure`"),
    text("cache_hit_filter", "`true` or `false`"),
];

/// One call.
pub(crate) const ONE_CALL: Fields = &[text("request_id", "this call alone")];

/// Filters of LiteLLM's that the ledger refuses.
pub(crate) const NO_FILTERS: Fields = &[
    text("error_code", "refused: the ledger is not searched by it"),
    text("error_message", "refused: the ledger is not searched by it"),
    text("span_type", "refused: the ledger is not searched by it"),
    text("used_client_oauth_token", "refused: the ledger is not searched by it"),
    text("session_cursor", "refused: the ledger is not searched by it"),
    text("group_by_session", "refused: the ledger is not searched by it"),
];

/// Days of anybody.
pub(crate) const OF_DAYS: Fields = &[
    text("api_key", "calls with this key, or the key of this hash"),
    text("model", "calls that asked for this public name"),
    text("breakdown", "`none`: the sums of days alone"),
];
