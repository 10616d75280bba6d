//! What an administrator changed: the word that caches and other gateways are told.

use crate::hash::KeyHash;
use crate::subject::Subject;

/// What is not any more what it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Changed {
    /// A key, by its hash.
    Key(KeyHash),
    /// A key took the place of another one: calls of both, and what they spent, count as the new one's.
    Replaced {
        /// The hash that went.
        old: KeyHash,
        /// The hash that came.
        new: KeyHash,
    },
    /// A team, by its id.
    Team(String),
    /// A user, by its id.
    User(String),
    /// An organisation, by its id.
    Organization(String),
    /// A customer, by its id.
    Customer(String),
    /// A tag, by its name.
    Tag(String),
    /// A budget row, by its id.
    Budget(String),
    /// A model, by the id of its deployment.
    Model(String),
    /// A setting of the store, by its name: a prompt, what the router or a guardrail is set to.
    Setting(String),
    /// What a subject has spent was corrected: counters in memory are wrong.
    Spent(Subject),
    /// Nobody knows what exactly.
    Everything,
}
