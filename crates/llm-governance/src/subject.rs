//! Those whom limits and budgets are for.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hash::KeyHash;

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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject {
    /// What kind of subject it is.
    pub scope: Scope,
    /// Its id; empty for the whole gateway.
    pub id: SubjectId,
}

/// The id of a subject. One that is the hash of a key is never text: of a million keys each would have 64 letters more.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectId {
    /// As people or other programs named it.
    Text(Arc<str>),
    /// The hash of a key; only keys have it.
    Key(KeyHash),
}

impl Subject {
    /// A subject by its id.
    pub fn new(scope: Scope, id: impl Into<Arc<str>> + AsRef<str>) -> Self {
        let hash = (scope == Scope::Key).then(|| KeyHash::parse_exact(id.as_ref())).flatten();
        Self { scope, id: hash.map_or_else(|| SubjectId::Text(id.into()), SubjectId::Key) }
    }

    /// A virtual key.
    pub fn key(hash: KeyHash) -> Self {
        Self { scope: Scope::Key, id: SubjectId::Key(hash) }
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

impl SubjectId {
    /// The id as it is written.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Key(hash) => Cow::Owned(hash.hex()),
        }
    }

    /// The same of everybody but keys, whose ids are hashes.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Key(_) => None,
        }
    }
}

impl PartialEq<str> for SubjectId {
    fn eq(&self, other: &str) -> bool {
        self.text() == other
    }
}

impl fmt::Display for SubjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => formatter.write_str(text),
            Self::Key(hash) => hash.fmt(formatter),
        }
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text(), formatter)
    }
}

impl Serialize for SubjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            scope: Scope,
            id: String,
        }
        let Written { scope, id } = Written::deserialize(deserializer)?;
        Ok(Self::new(scope, id))
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
