//! Which tokens of identity providers are good, and what their claims mean: LiteLLM's `litellm_jwtauth`.

use super::{Key, Section, Shape, key};

const ROLES: &[&str] = &[
    "proxy_admin",
    "proxy_admin_viewer",
    "org_admin",
    "internal_user",
    "internal_user_viewer",
    "team",
    "customer",
];
const MAPPED_ROLES: &[&str] = &["proxy_admin", "team", "internal_user"];

/// What `general_settings` say of tokens.
pub(super) const GENERAL: &[Key] = &[
    key("enable_jwt_auth", Shape::Bool, "Tokens of identity providers are as good as keys. Default false."),
    key("litellm_jwtauth", Shape::Section(&TOKENS), "Which tokens are good, and what their claims mean."),
    key("role_permissions", Shape::Sections(&ROLE_PERMISSIONS), "What roles that tokens name may use."),
];

/// The names of claims, of all tokens or of one issuer's. A dot leads into an object.
const CLAIMS: &[Key] = &[
    key("user_id_jwt_field", Shape::Text, "The claim that is the user's id; a dot leads into an object."),
    key("user_email_jwt_field", Shape::Text, "The claim that is the user's address."),
    key("user_roles_jwt_field", Shape::Text, "The claim that has the user's roles."),
    key("team_id_jwt_field", Shape::Text, "The claim that is the team's id."),
    key(
        "team_ids_jwt_field",
        Shape::Text,
        "The claim that has the ids of teams: the first one that may use a model pays for it.",
    ),
    key("org_id_jwt_field", Shape::Text, "The claim that is the organisation's id."),
    key("end_user_id_jwt_field", Shape::Text, "The claim that is the customer's id."),
    key(
        "roles_jwt_field",
        Shape::Text,
        "The claim that has roles, for `role_mappings` and `jwt_litellm_role_map`.",
    ),
    key(
        "object_id_jwt_field",
        Shape::Text,
        "The claim that is the id of a team or a user, as the role says.",
    ),
];

pub(crate) static TOKENS: Section = Section {
    name: "litellm_jwtauth",
    about: "Which tokens of identity providers are good, and what their claims mean.",
    keys: &[PROOF, CLAIMS, ALLOWANCES],
    later: &[],
    moot: &[],
    notes: false,
};

const PROOF: &[Key] = &[
    key(
        "public_key_urls",
        Shape::Texts,
        "Where the identity provider's keys are: JWKS documents, or its metadata. `JWT_PUBLIC_KEY_URL` wins.",
    ),
    key("audience", Shape::Texts, "Whom tokens may be for. `JWT_AUDIENCE` wins. Default: whatever they say."),
    key("issuer", Shape::Text, "Of whom tokens must be. `JWT_ISSUER` wins. Default: whatever they say."),
    key(
        "hmac_secret",
        Shape::Secret,
        "A secret that the identity provider signs with. Default: tokens that are signed so are refused.",
    ),
    key(
        "issuers",
        Shape::Sections(&ISSUER),
        "Several identity providers, each with its own audience, keys and claims.",
    ),
    key("leeway", Shape::Whole, "By how many seconds clocks may differ. Default 60."),
    key("public_key_ttl", Shape::Seconds, "For how long keys are not fetched again. Default 600."),
];

const ALLOWANCES: &[Key] = &[
    key("admin_jwt_scope", Shape::Text, "The scope of administrators. Default `litellm_proxy_admin`."),
    key("admin_allowed_routes", Shape::Texts, "What an administrator by scope may use. Default: to manage."),
    key(
        "team_allowed_routes",
        Shape::Texts,
        "What a token that names a team and no user may use. Default: the model APIs.",
    ),
    key("team_id_default", Shape::Text, "The team of tokens that name none."),
    key("team_id_upsert", Shape::Bool, "A team that is not there is made. Default false."),
    key(
        "enforce_team_based_model_access",
        Shape::Bool,
        "Models are for those whose token has a team. Default false.",
    ),
    key("user_id_upsert", Shape::Bool, "A user that is not there is made. Default false."),
    key("user_allowed_email_domain", Shape::Text, "The only domain that users may have their address in."),
    key("user_allowed_roles", Shape::Texts, "Roles of the identity provider that make an internal user."),
    key(
        "role_mappings",
        Shape::Sections(&ROLE_MAPPING),
        "What roles of the identity provider are here: a team, a user or an administrator.",
    ),
    key(
        "jwt_litellm_role_map",
        Shape::Sections(&USER_ROLE),
        "What roles of the identity provider make of a user.",
    ),
    key("enforce_rbac", Shape::Bool, "A token without any role that means something is refused."),
    key("scope_mappings", Shape::Sections(&SCOPE), "What scopes may use."),
    key(
        "enforce_scope_based_access",
        Shape::Bool,
        "Models are for those whose scopes say so. Default false.",
    ),
];

pub(crate) static ISSUER: Section = Section {
    name: "issuers",
    about: "An identity provider among several.",
    keys: &[
        &[
            key("issuer", Shape::Text, "Exactly the `iss` of its tokens."),
            key("audience", Shape::Text, "Whom its tokens must be for."),
            key("disable_audience_validation", Shape::Bool, "Its tokens may be for anybody. Default false."),
            key("jwks_url", Shape::Text, "Where its keys are. Default: where its metadata says."),
        ],
        CLAIMS,
    ],
    later: &[],
    moot: &[],
    notes: false,
};

pub(crate) static ROLE_MAPPING: Section = Section {
    name: "role_mappings",
    about: "What a role of the identity provider is here.",
    keys: &[&[
        key("role", Shape::Text, "The role there."),
        key("internal_role", Shape::Choice(MAPPED_ROLES), "`proxy_admin`, `team` or `internal_user`."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

pub(crate) static USER_ROLE: Section = Section {
    name: "jwt_litellm_role_map",
    about: "What a role of the identity provider makes of a user.",
    keys: &[&[
        key("jwt_role", Shape::Text, "The role there; may have `*`."),
        key("litellm_role", Shape::Choice(ROLES), "The role here."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

pub(crate) static ROLE_PERMISSIONS: Section = Section {
    name: "role_permissions",
    about: "What a role may use.",
    keys: &[&[
        key("role", Shape::Choice(ROLES), "The role here."),
        key("models", Shape::Texts, "Models. Default: all."),
        key("routes", Shape::Texts, "Routes. Default: all."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};

pub(crate) static SCOPE: Section = Section {
    name: "scope_mappings",
    about: "What a scope may use.",
    keys: &[&[
        key("scope", Shape::Text, "The scope."),
        key("models", Shape::Texts, "Models. Default: none."),
        key("routes", Shape::Texts, "Routes. Default: all."),
    ]],
    later: &[],
    moot: &[],
    notes: false,
};
