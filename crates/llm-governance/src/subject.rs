//! Those whom limits and budgets are for.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What kind of subject it is. The order is the one in which a call is checked and held, so that calls of the same
/// subjects never wait for each other in a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole gateway.
    Global,
    /// An organisation.
    Organization,
    /// A team.
    Team,
    /// A user within a team; the id is `<team>:<user>`.
    TeamMember,
    /// A user.
    User,
    /// A virtual key; the id is its hash in hexadecimal.
    Key,
    /// A customer: an end user of whoever holds the key.
    Customer,
    /// A tag of requests.
    Tag,
}

impl Scope {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Global,
        Self::Organization,
        Self::Team,
        Self::TeamMember,
        Self::User,
        Self::Key,
        Self::Customer,
        Self::Tag,
    ];

    /// The name in stores, journals and headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Organization => "organization",
            Self::Team => "team",
            Self::TeamMember => "team_member",
            Self::User => "user",
            Self::Key => "key",
            Self::Customer => "customer",
            Self::Tag => "tag",
        }
    }

    /// The scope of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// The word that messages to clients begin with, as LiteLLM's clients know it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Global => "Proxy",
            Self::Organization => "Organization",
            Self::Team => "Team",
            Self::TeamMember => "Team member",
            Self::User => "User",
            Self::Key => "Key",
            Self::Customer => "End User",
            Self::Tag => "Tag",
        }
    }
}

/// One of those whom limits and budgets are for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of subject it is.
    pub scope: Scope,
    /// Its id; empty for the whole gateway.
    pub id: Arc<str>,
}

impl Subject {
    /// A subject by its id.
    pub fn new(scope: Scope, id: impl Into<Arc<str>>) -> Self {
        Self { scope, id: id.into() }
    }

    /// The whole gateway.
    pub fn global() -> Self {
        Self::new(Scope::Global, "")
    }

    /// A user within a team.
    pub fn member(team: &str, user: &str) -> Self {
        Self::new(Scope::TeamMember, format!("{team}:{user}"))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scope {
            Scope::Global => formatter.write_str("the gateway"),
            scope => write!(formatter, "{} {}", scope.name().replace('_', " "), self.id),
        }
    }
}
