//! LiteLLM's names for sets of routes, and what is in them here.
//!
//! A pattern is a path, whose segments may be `{anything}`, or the begin of one before a `*`. What is prose in
//! <https://docs.litellm.ai/docs/proxy/access_control> (read 2026-11-21) is a table here.

use super::routes::{Route, matches};

const OPENAI: &[&str] = &[
    "/chat/completions",
    "/v1/chat/completions",
    "/completions",
    "/v1/completions",
    "/embeddings",
    "/v1/embeddings",
    "/engines/{model}/*",
    "/openai/deployments/{model}/*",
    "/openai/v1/*",
    "/images/*",
    "/v1/images/*",
    "/videos*",
    "/v1/videos*",
    "/audio/*",
    "/v1/audio/*",
    "/moderations",
    "/v1/moderations",
    "/batches*",
    "/v1/batches*",
    "/files*",
    "/v1/files*",
    "/fine_tuning/*",
    "/v1/fine_tuning/*",
    "/assistants*",
    "/v1/assistants*",
    "/threads*",
    "/v1/threads*",
    "/models",
    "/v1/models",
    "/models/*",
    "/v1/models/*",
    "/utils/token_counter",
    "/rerank",
    "/v1/rerank",
    "/v2/rerank",
    "/realtime*",
    "/v1/realtime*",
    "/responses",
    "/v1/responses",
    "/responses/*",
    "/v1/responses/*",
    "/vector_stores*",
    "/v1/vector_stores*",
    "/containers*",
    "/v1/containers*",
];

const ANTHROPIC: &[&str] =
    &["/messages", "/v1/messages", "/messages/*", "/v1/messages/*", "/v1/skills", "/v1/skills/*"];

const GOOGLE: &[&str] = &["/v1beta/*", "/models/*", "/v1/models/*", "/interactions*", "/v1/projects/*"];

/// Formats of other vendors that clients speak. What passes as it is has whatever path the configuration gives it: the
/// gateway knows it ([`Route::model_api`]).
const OTHERS: &[&str] = &[
    "/api/chat",
    "/api/embed",
    "/api/embeddings",
    "/api/generate",
    "/api/show",
    "/api/tags",
    "/model/{model}/converse",
    "/model/{model}/converse-stream",
    "/model/{model}/invoke",
    "/model/{model}/invoke-with-response-stream",
    "/v1/chat",
    "/v1/embed",
    "/v2/chat",
    "/v2/embed",
    "/v1/route/explain",
    "/v1/providers/status",
    "/mcp",
    "/mcp/*",
];

const INFO: &[&str] = &[
    "/key/info",
    "/v2/key/info",
    "/key/list",
    "/key/health",
    "/key/aliases",
    "/team/info",
    "/team/list",
    "/v2/team/list",
    "/team/available",
    "/organization/list",
    "/user/info",
    "/v2/user/info",
    "/model/info",
    "/v1/model/info",
    "/v2/model/info",
    "/model_group/info",
    "/models",
    "/v1/models",
    "/health",
    "/health/services",
];

const KEYS: &[&str] = &[
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/info",
    "/key/list",
    "/key/aliases",
    "/key/block",
    "/key/unblock",
    "/key/regenerate",
    "/key/{key}/regenerate",
    "/key/{key}/reset_spend",
    "/key/service-account/generate",
    "/key/bulk_update",
    "/team/key/bulk_update",
    "/v2/key/info",
];

const MANAGEMENT: &[&str] = &[
    "/key/*",
    "/v2/key/*",
    "/user/*",
    "/v2/user/*",
    "/team/*",
    "/v2/team/*",
    "/organization/*",
    "/customer/*",
    "/end_user/*",
    "/budget/*",
    "/tag/*",
    "/model/new",
    "/model/update",
    "/model/delete",
    "/model/info",
    "/model/{id}/update",
    "/v1/model/info",
    "/v2/model/info",
    "/model_group/info",
];

const SPEND: &[&str] = &[
    "/spend/*",
    "/key/spend/report",
    "/user/spend/report",
    "/team/spend/report",
    "/organization/spend/report",
    "/cost/estimate",
];

const GLOBAL_SPEND: &[&str] = &["/global/spend", "/global/spend/*", "/global/predict/spend/logs"];

const PUBLIC: &[&str] = &["/", "/health/liveliness", "/health/liveness", "/health/readiness", "/routes"];

/// What looks and asks for it with a body: a viewer may.
pub(super) const LOOKS: &[&str] =
    &["/v2/key/info", "/spend/calculate", "/cost/estimate", "/utils/token_counter", "/budget/info"];

/// What an internal user has besides what everybody may look at.
pub(super) const OF_USERS: &[&str] = &[
    "/global/activity",
    "/global/activity/model",
    "/global/activity/cache_hits",
    "/tag/daily/activity",
    "/tag/list",
    "/user/daily/activity",
    "/user/daily/activity/aggregated",
    "/team/daily/activity",
    "/team/daily/activity/aggregated",
];

/// What those may who administer a team: the handler looks which one it is.
pub(super) const OF_TEAM_ADMINS: &[&str] = &[
    "/team/update",
    "/team/member_add",
    "/team/member_delete",
    "/team/member_update",
    "/team/bulk_member_add",
    "/team/{team}/member/{user}/reset_spend",
    "/team/{team}/members/me",
    "/team/permissions_list",
    "/team/permissions_update",
    "/model/new",
    "/model/update",
    "/model/delete",
    "/model/{id}/update",
    "/user/list",
    "/organization/daily/activity",
];

/// What those may who administer an organisation, besides its teams, users and keys.
pub(super) const OF_ORGANIZATION_ADMINS: &[&str] = &[
    "/organization/info",
    "/organization/update",
    "/organization/delete",
    "/organization/member_add",
    "/organization/member_update",
    "/organization/member_delete",
    "/organization/daily/activity",
];

/// Whether a route is in the set of that name; `None` when there is no such set.
pub(super) fn holds(name: &str, route: &Route<'_>) -> Option<bool> {
    let sets: &[&[&str]] = match name {
        "llm_api_routes" => return Some(route.is_model_api()),
        "openai_routes" => &[OPENAI],
        "anthropic_routes" => &[ANTHROPIC],
        "google_routes" => &[GOOGLE],
        "info_routes" => &[INFO],
        "model_info_routes" => &[&["/model/info", "/v1/model/info"]],
        "key_management_routes" => &[KEYS],
        "management_routes" => &[MANAGEMENT],
        "spend_tracking_routes" => &[SPEND],
        "global_spend_tracking_routes" => &[GLOBAL_SPEND],
        "internal_user_routes" => &[OF_USERS, SPEND, KEYS],
        "internal_user_view_only_routes" => &[SPEND, &["/tag/daily/activity", "/tag/list"]],
        "self_managed_routes" => &[OF_TEAM_ADMINS],
        "public_routes" => &[PUBLIC],
        _ => return None,
    };
    Some(sets.iter().copied().flatten().any(|pattern| matches(pattern, route.path())))
}

/// Whether a path is one of the model APIs.
pub(super) fn is_model_api(path: &str) -> bool {
    [OPENAI, ANTHROPIC, GOOGLE, OTHERS].into_iter().flatten().any(|pattern| matches(pattern, path))
        || matches("/model/info", path)
        || matches("/v1/model/info", path)
}
