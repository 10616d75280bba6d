//! A caller, with everybody behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smallvec::SmallVec;

use crate::account::Account;
use crate::entity::KeyKind;
use crate::hash::KeyHash;
use crate::time::Timestamp;

/// What a user may do with the gateway: LiteLLM's `user_role`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    ProxyAdmin,
    /// See everything.
    ProxyAdminViewer,
    /// Everything within its organisations.
    OrgAdmin,
    /// Make keys for itself, see its own.
    #[default]
    InternalUser,
    /// See its own.
    InternalUserViewer,
    /// A team's key: the model APIs.
    Team,
    /// A customer: the model APIs.
    Customer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ProxyAdmin,
        Self::ProxyAdminViewer,
        Self::OrgAdmin,
        Self::InternalUser,
        Self::InternalUserViewer,
        Self::Team,
        Self::Customer,
    ];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProxyAdmin => "proxy_admin",
            Self::ProxyAdminViewer => "proxy_admin_viewer",
            Self::OrgAdmin => "org_admin",
            Self::InternalUser => "internal_user",
            Self::InternalUserViewer => "internal_user_viewer",
            Self::Team => "team",
            Self::Customer => "customer",
        }
    }

    /// The role of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A caller. Made once for a key and shared by all of its calls until something about it changes.
#[derive(Debug, Default)]
pub struct Principal {
    /// The key; `None`: the master key, or a token of an identity provider.
    pub key: Option<KeyHash>,
    /// Enough of the key to recognise it.
    pub key_name: Option<String>,
    /// What people call the key.
    pub key_alias: Option<String>,
    /// What the key is for.
    pub kind: KeyKind,
    /// Whose it is.
    pub user_id: Option<String>,
    /// That user's address.
    pub user_email: Option<String>,
    /// What it may do with the gateway.
    pub role: Role,
    /// Its team.
    pub team_id: Option<String>,
    /// What people call the team.
    pub team_alias: Option<String>,
    /// It may change its team.
    pub team_admin: bool,
    /// Its organisation.
    pub organization_id: Option<String>,
    /// What people call the organisation.
    pub organization_alias: Option<String>,
    /// After this it is refused.
    pub expires: Option<Timestamp>,
    /// Other names for models: the key's before the team's.
    pub aliases: BTreeMap<String, String>,
    /// Tags of every call.
    pub tags: Vec<String>,
    /// Guardrails of every call.
    pub guardrails: Vec<String>,
    /// The key's metadata.
    pub metadata: Map<String, Value>,
    /// Everybody whose terms hold and whose budgets it spends from, in the order of [`crate::Scope`].
    pub accounts: SmallVec<[Arc<Account>; 4]>,
}

impl Principal {
    /// The holder of the master key, or anyone where there is none.
    pub fn administrator(global: Option<Arc<Account>>) -> Self {
        Self { role: Role::ProxyAdmin, accounts: global.into_iter().collect(), ..Self::default() }
    }

    /// Whether it may do everything.
    pub fn is_admin(&self) -> bool {
        self.role == Role::ProxyAdmin
    }
}
