//! LiteLLM's `litellm_jwtauth`: which tokens are good, and what their claims mean.
//!
//! <https://docs.litellm.ai/docs/proxy/jwt_auth_reference> and <https://docs.litellm.ai/docs/proxy/token_auth>, read
//! 2026-11-21. Keys that are not here do not exist, and are refused by name.

use llm_core::Secret;
use serde::Deserialize;

use crate::principal::Role;

/// Which tokens are good, and what their claims mean.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenSettings {
    /// Where the keys of the identity provider are (`JWT_PUBLIC_KEY_URL`): a JWKS document, or the provider's metadata.
    pub public_key_urls: Vec<String>,
    /// Audiences that tokens may be for (`JWT_AUDIENCE`); empty: whatever they say.
    pub audience: Vec<String>,
    /// The issuer that tokens must be of (`JWT_ISSUER`); `None`: whatever they say.
    pub issuer: Option<String>,
    /// A secret that the identity provider signs with; `None`: tokens that are signed so are refused.
    pub hmac_secret: Option<Secret>,
    /// Identity providers, each with its own issuer, audience, keys and names of claims.
    pub issuers: Vec<IssuerSettings>,
    /// By how many seconds clocks may differ.
    pub leeway: u64,
    /// For how many seconds keys are not fetched again.
    pub public_key_ttl: f64,
    /// The user's id.
    pub user_id_jwt_field: Option<String>,
    /// The user's address.
    pub user_email_jwt_field: Option<String>,
    /// The user's roles.
    pub user_roles_jwt_field: Option<String>,
    /// The team's id.
    pub team_id_jwt_field: Option<String>,
    /// The ids of teams: the first one that may use a model pays for it.
    pub team_ids_jwt_field: Option<String>,
    /// The organisation's id.
    pub org_id_jwt_field: Option<String>,
    /// The customer's id.
    pub end_user_id_jwt_field: Option<String>,
    /// Roles, for `role_mappings` and `jwt_litellm_role_map`.
    pub roles_jwt_field: Option<String>,
    /// The id of a team or a user, as the role says.
    pub object_id_jwt_field: Option<String>,
    /// The scope of administrators.
    pub admin_jwt_scope: String,
    /// What an administrator by scope may use.
    pub admin_allowed_routes: Vec<String>,
    /// What a token that names a team and no user may use.
    pub team_allowed_routes: Vec<String>,
    /// The team of tokens that name none.
    pub team_id_default: Option<String>,
    /// A team that is not there is made.
    pub team_id_upsert: bool,
    /// A token whose team is not found is refused for models.
    pub enforce_team_based_model_access: bool,
    /// A user that is not there is made.
    pub user_id_upsert: bool,
    /// The only domain that users may have their address in.
    pub user_allowed_email_domain: Option<String>,
    /// Roles of the identity provider that make an internal user.
    pub user_allowed_roles: Vec<String>,
    /// What roles of the identity provider are here: a team, a user or an administrator.
    pub role_mappings: Vec<RoleMapping>,
    /// What roles of the identity provider make of a user; may have `*`.
    pub jwt_litellm_role_map: Vec<UserRoleMapping>,
    /// A token without any role that means something is refused.
    pub enforce_rbac: bool,
    /// What roles may use: LiteLLM's `general_settings.role_permissions`.
    pub role_permissions: Vec<RolePermissions>,
    /// What scopes may use.
    pub scope_mappings: Vec<ScopeMapping>,
    /// Models are for those whose scopes say so.
    pub enforce_scope_based_access: bool,
}

/// The names of claims; a dot leads into an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) user_id_jwt_field: Option<String>,
    pub(super) user_email_jwt_field: Option<String>,
    pub(super) user_roles_jwt_field: Option<String>,
    pub(super) team_id_jwt_field: Option<String>,
    pub(super) team_ids_jwt_field: Option<String>,
    pub(super) org_id_jwt_field: Option<String>,
    pub(super) end_user_id_jwt_field: Option<String>,
    pub(super) roles_jwt_field: Option<String>,
    pub(super) object_id_jwt_field: Option<String>,
}

/// An identity provider among several.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    /// Exactly the `iss` of its tokens.
    pub issuer: String,
    /// The audience that its tokens must be for.
    #[serde(default)]
    pub audience: Option<String>,
    /// Its tokens may be for anybody.
    #[serde(default)]
    pub disable_audience_validation: bool,
    /// Where its keys are; the default is what its metadata says.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// The user's id, where its claims have other names than all others'.
    #[serde(default)]
    pub user_id_jwt_field: Option<String>,
    /// The user's address.
    #[serde(default)]
    pub user_email_jwt_field: Option<String>,
    /// The user's roles.
    #[serde(default)]
    pub user_roles_jwt_field: Option<String>,
    /// The team's id.
    #[serde(default)]
    pub team_id_jwt_field: Option<String>,
    /// The ids of teams: the first one that may use a model pays for it.
    #[serde(default)]
    pub team_ids_jwt_field: Option<String>,
    /// The organisation's id.
    #[serde(default)]
    pub org_id_jwt_field: Option<String>,
    /// The customer's id.
    #[serde(default)]
    pub end_user_id_jwt_field: Option<String>,
    /// Roles, for `role_mappings` and `jwt_litellm_role_map`.
    #[serde(default)]
    pub roles_jwt_field: Option<String>,
    /// The id of a team or a user, as the role says.
    #[serde(default)]
    pub object_id_jwt_field: Option<String>,
}

/// What a role of the identity provider is here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleMapping {
    /// The role there.
    pub role: String,
    /// `proxy_admin`, `team` or `internal_user`.
    pub internal_role: Role,
}

/// What a role of the identity provider makes of a user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserRoleMapping {
    /// The role there; may have `*`.
    pub jwt_role: String,
    /// The role here.
    pub litellm_role: Role,
}

/// What a role may use.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolePermissions {
    /// The role here.
    pub role: Role,
    /// Models; `None`: all.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Routes; `None`: all.
    #[serde(default)]
    pub routes: Option<Vec<String>>,
}

/// What a scope may use.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeMapping {
    /// The scope.
    pub scope: String,
    /// Models; `None`: none.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Routes; `None`: all.
    #[serde(default)]
    pub routes: Option<Vec<String>>,
}

impl Default for TokenSettings {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            public_key_urls: Vec::new(),
            audience: Vec::new(),
            issuer: None,
            hmac_secret: None,
            issuers: Vec::new(),
            leeway: 60,
            public_key_ttl: 600.0,
            user_id_jwt_field: None,
            user_email_jwt_field: None,
            user_roles_jwt_field: None,
            team_id_jwt_field: None,
            team_ids_jwt_field: None,
            org_id_jwt_field: None,
            end_user_id_jwt_field: None,
            roles_jwt_field: None,
            object_id_jwt_field: None,
            admin_jwt_scope: "litellm_proxy_admin".to_owned(),
            admin_allowed_routes: words(&[
                "management_routes",
                "spend_tracking_routes",
                "global_spend_tracking_routes",
                "info_routes",
            ]),
            // LiteLLM's default are its `openai_routes`, which some SDKs of its clients do not use.
            team_allowed_routes: words(&["llm_api_routes", "info_routes"]),
            team_id_default: None,
            team_id_upsert: false,
            enforce_team_based_model_access: false,
            user_id_upsert: false,
            user_allowed_email_domain: None,
            user_allowed_roles: Vec::new(),
            role_mappings: Vec::new(),
            jwt_litellm_role_map: Vec::new(),
            enforce_rbac: false,
            role_permissions: Vec::new(),
            scope_mappings: Vec::new(),
            enforce_scope_based_access: false,
        }
    }
}

impl TokenSettings {
    /// The names of claims in the tokens of an issuer: its own ones before those of all.
    pub(super) fn fields(&self, issuer: Option<&IssuerSettings>) -> Fields {
        let name = |own: fn(&IssuerSettings) -> &Option<String>, all: &Option<String>| {
            issuer.and_then(|issuer| own(issuer).clone()).or_else(|| all.clone())
        };
        Fields {
            user_id_jwt_field: name(|one| &one.user_id_jwt_field, &self.user_id_jwt_field),
            user_email_jwt_field: name(|one| &one.user_email_jwt_field, &self.user_email_jwt_field),
            user_roles_jwt_field: name(|one| &one.user_roles_jwt_field, &self.user_roles_jwt_field),
            team_id_jwt_field: name(|one| &one.team_id_jwt_field, &self.team_id_jwt_field),
            team_ids_jwt_field: name(|one| &one.team_ids_jwt_field, &self.team_ids_jwt_field),
            org_id_jwt_field: name(|one| &one.org_id_jwt_field, &self.org_id_jwt_field),
            end_user_id_jwt_field: name(|one| &one.end_user_id_jwt_field, &self.end_user_id_jwt_field),
            roles_jwt_field: name(|one| &one.roles_jwt_field, &self.roles_jwt_field),
            object_id_jwt_field: name(|one| &one.object_id_jwt_field, &self.object_id_jwt_field),
        }
    }
}
