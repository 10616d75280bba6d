//! Virtual keys, as a store keeps them: never the key itself.

use serde::{Deserialize, Serialize};

use super::{Column, Entity};
use crate::hash::KeyHash;
use crate::subject::Scope;
use crate::terms::Terms;
use crate::time::Timestamp;

/// A key that the gateway gave out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VirtualKey {
    /// The hash of the key; the key itself is kept nowhere.
    pub hash: KeyHash,
    /// Enough of the key to recognise it: `sk-...abcd`.
    pub name: String,
    /// What people call it; unique where it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The team that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// The organisation that it belongs to without a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub kind: KeyKind,
    /// A program's key: nobody's, and not deleted with a user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service_account: bool,
    /// After this it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The key that came before it, and until when that one is still good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<(KeyHash, Timestamp)>,
    /// All keys that came before it, the latest last: their calls are its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<KeyHash>,
    /// What it may do.
    #[serde(default)]
    pub terms: Terms,
    /// The id of the user who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The id of the user who changed it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What a key is for: LiteLLM's `key_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Whatever its holder's role allows.
    #[default]
    Default,
    /// The model APIs alone.
    LlmApi,
    /// The management API alone.
    Management,
    /// Looking, not changing.
    ReadOnly,
}

impl Entity for VirtualKey {
    const TABLE: &'static str = "virtual_keys";
    const SCOPE: Option<Scope> = Some(Scope::Key);
    const COLUMNS: &'static [&'static str] = &[
        "alias",
        "name",
        "user_id",
        "team_id",
        "organization_id",
        "blocked",
        "expires",
        "replaced_hash",
        "created_by",
        "created_at",
        "updated_at",
    ];

    fn id(&self) -> String {
        self.hash.hex()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            (&self.alias).into(),
            self.name.as_str().into(),
            (&self.user_id).into(),
            (&self.team_id).into(),
            (&self.organization_id).into(),
            self.terms.blocked.into(),
            self.expires.into(),
            Column::Text(self.replaced.map(|(hash, _)| hash.hex())),
            (&self.created_by).into(),
            self.created_at.into(),
            self.updated_at.into(),
        ]
    }
}
