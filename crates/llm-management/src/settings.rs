//! What an operator says of everything that is made: defaults, bounds, and who may make keys.

use std::collections::BTreeMap;

use llm_core::money::NanoDollars;
use llm_governance::Role;
use serde_json::{Map, Value};

/// What an operator says of everything that is made. The default says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Of keys.
    pub keys: NewKeys,
    /// Of users.
    pub users: NewUsers,
    /// Of teams.
    pub teams: NewTeams,
    /// No models are kept in the store: LiteLLM's `store_model_in_db: false`.
    pub no_models: bool,
}

/// What an operator says of new keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewKeys {
    /// Fields of `/key/generate` where the caller says nothing: LiteLLM's `default_key_generate_params`.
    pub defaults: Map<String, Value>,
    /// What no key may exceed: LiteLLM's `upperbound_key_generate_params`.
    pub upper_bounds: UpperBounds,
    /// Who may make keys of a team: `key_generation_settings.team_key_generation`.
    pub of_teams: KeyGeneration,
    /// Who may make keys of their own: `key_generation_settings.personal_key_generation`.
    pub personal: KeyGeneration,
}

/// What no key may exceed. A key that says nothing gets the bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpperBounds {
    /// What may be spent in a period.
    pub max_budget: Option<NanoDollars>,
    /// How long a period may be.
    pub budget_duration: Option<String>,
    /// How long a key may be good.
    pub duration: Option<String>,
    /// Calls at a time.
    pub max_parallel_requests: Option<u64>,
    /// Tokens a minute.
    pub tpm_limit: Option<u64>,
    /// Requests a minute.
    pub rpm_limit: Option<u64>,
}

/// Who may make a kind of keys, and what they must say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyGeneration {
    /// Roles of users who may; `None`: all that may make keys.
    pub allowed_user_roles: Option<Vec<Role>>,
    /// Roles within the team (`admin`, `user`) that may; `None`: all.
    pub allowed_team_member_roles: Option<Vec<String>>,
    /// Fields that must be there.
    pub required_params: Vec<String>,
}

/// What an operator says of new users.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewUsers {
    /// Fields of `/user/new` where the caller says nothing: LiteLLM's `default_internal_user_params`.
    pub defaults: Map<String, Value>,
}

/// What an operator says of new teams.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewTeams {
    /// Fields of `/team/new` where the caller says nothing: LiteLLM's `default_team_params`.
    pub defaults: Map<String, Value>,
    /// Teams that every user may join (`litellm.default_internal_user_params.available_teams`).
    pub available: Vec<String>,
    /// Fields of single teams where neither the caller nor [`Self::defaults`] says anything, by the team's id:
    /// LiteLLM's `default_team_settings`.
    pub of_team: BTreeMap<String, Map<String, Value>>,
}
