//! A caller, with everybody behind it.

use std::num::NonZeroI64;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::account::Account;
use crate::callers::generations::Freshness;
use crate::entity::KeyKind;
use crate::hash::KeyHash;
use crate::subject::{Scope, SubjectId};
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

/// What an administrator remembers of a key.
pub type Metadata = Map<String, Value>;

/// A caller. Made once for a key and shared by all of its calls until something about it changes.
///
/// A gateway may know a million of them: what most of them do not have is boxed, and what they have in common with
/// others is read from their accounts.
#[derive(Debug, Default)]
pub struct Principal {
    /// Enough of the key to recognise it.
    pub key_name: Option<Box<str>>,
    /// What the key is for.
    pub kind: KeyKind,
    /// What it may do with the gateway.
    pub role: Role,
    /// It may change its team.
    pub team_admin: bool,
    /// It may change its organisation.
    pub organization_admin: bool,
    /// Everybody whose terms hold and whose budgets it spends from, in the order of [`crate::Scope`].
    pub accounts: Box<[Arc<Account>]>,
    /// After this moment it is refused; none is before the first microsecond of 1970.
    pub(crate) expires: Option<NonZeroI64>,
    pub(crate) seldom: Option<Box<Seldom>>,
    pub(crate) freshness: Freshness,
}

/// What most callers do not have.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    /// The key that came before this one, and until when it is good.
    pub(crate) replaced: Option<Box<(KeyHash, Timestamp)>>,
    pub(crate) metadata: Option<Box<Metadata>>,
    pub(crate) token: Option<Box<Token>>,
}

/// What a token of an identity provider says of a caller.
#[derive(Debug)]
pub(crate) struct Token {
    /// The hash of the token.
    pub(crate) hash: KeyHash,
    /// The customer that it names.
    pub(crate) customer: Option<String>,
    /// What it narrows.
    pub(crate) grants: Vec<Grant>,
    /// The same caller in other teams that the token names.
    pub(crate) choices: Vec<Arc<Principal>>,
}

/// What a token narrows, and by which of its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// What says so: a role, or scopes.
    pub(crate) by: String,
    /// Models; `None`: all.
    pub(crate) models: Option<Vec<String>>,
    /// Routes; `None`: all.
    pub(crate) routes: Option<Vec<String>>,
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

    /// The key; `None`: the master key, or a token of an identity provider.
    pub fn key(&self) -> Option<KeyHash> {
        let account = self.accounts.iter().rev().find(|account| account.subject.scope == Scope::Key)?;
        match account.subject.id {
            SubjectId::Key(hash) => Some(hash),
            SubjectId::Text(_) => None,
        }
    }

    /// After this it is refused.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires.map(|expires| Timestamp(expires.get()))
    }

    pub(crate) fn expire(&mut self, at: Option<Timestamp>) {
        self.expires = at.map(|at| NonZeroI64::new(at.0).unwrap_or(NonZeroI64::MIN));
    }

    pub(crate) fn seldom(&self) -> Option<&Seldom> {
        self.seldom.as_deref()
    }

    pub(crate) fn seldom_mut(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_default()
    }

    /// The token of an identity provider that it was shown as.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.seldom()?.token.as_deref()
    }

    /// What people call the key.
    pub fn key_alias(&self) -> Option<&str> {
        self.account(Scope::Key)?.alias.as_deref()
    }

    /// The id of its user.
    pub fn user_id(&self) -> Option<&str> {
        self.id(Scope::User)
    }

    /// The id of its team.
    pub fn team_id(&self) -> Option<&str> {
        self.id(Scope::Team)
    }

    /// What people call the team.
    pub fn team_alias(&self) -> Option<&str> {
        self.account(Scope::Team)?.alias.as_deref()
    }

    /// The id of its organisation.
    pub fn organization_id(&self) -> Option<&str> {
        self.id(Scope::Organization)
    }

    /// What people call the organisation.
    pub fn organization_alias(&self) -> Option<&str> {
        self.account(Scope::Organization)?.alias.as_deref()
    }

    /// The customer that a token of an identity provider names.
    pub fn customer(&self) -> Option<&str> {
        self.token()?.customer.as_deref()
    }

    /// Tags that every call has: those of everybody behind it.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().flat_map(|account| account.terms.tags.iter().map(String::as_str))
    }

    /// Guardrails that every call passes: those of everybody behind it.
    pub fn guardrails(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().flat_map(|account| account.terms.guardrails.iter().map(String::as_str))
    }

    /// The key's metadata.
    pub fn metadata(&self) -> &Metadata {
        static NONE: LazyLock<Metadata> = LazyLock::new(Metadata::new);
        self.seldom().and_then(|seldom| seldom.metadata.as_deref()).unwrap_or(&NONE)
    }

    /// The account of whoever of this kind is behind it.
    pub fn account(&self, scope: Scope) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|account| account.subject.scope == scope)
    }

    fn id(&self, scope: Scope) -> Option<&str> {
        self.account(scope).and_then(|account| account.subject.id.name())
    }

    /// The hash of what it is found by in memory.
    pub(crate) fn is_shown_as(&self, hash: &KeyHash) -> bool {
        let is_seldom = |seldom: &Seldom| {
            let replaced = seldom.replaced.as_ref().is_some_and(|replaced| replaced.0 == *hash);
            let token = seldom.token.as_ref().is_some_and(|token| token.hash == *hash);
            replaced || token
        };
        self.key() == Some(*hash) || self.seldom().is_some_and(is_seldom)
    }
}
