//! Teams and their members, users, organisations and customers.

use serde::{Deserialize, Serialize};

use super::{Column, Entity};
use crate::principal::Role;
use crate::subject::Scope;
use crate::terms::Terms;
use crate::time::Timestamp;

/// A team: keys and users that share models, limits and budgets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Team {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub alias: Option<String>,
    /// The organisation that it belongs to.
    pub organization_id: Option<String>,
    /// Who is in it.
    #[serde(default)]
    pub members: Vec<Member>,
    /// The terms of members that have none of their own.
    #[serde(default)]
    pub member_terms: Terms,
    /// What all of it together may do.
    #[serde(default)]
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A user within a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The user's id.
    pub user_id: String,
    /// The address that it was invited by.
    pub user_email: Option<String>,
    /// What it may do with the team.
    pub role: MemberRole,
    /// What it may do and spend within the team, where that is its own.
    pub terms: Option<Terms>,
}

/// What a member may do with its team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Change it and its members, and make keys for it.
    Admin,
    /// Use it.
    #[default]
    User,
    /// See it; of organisations only.
    Viewer,
}

/// A person, or a program that stands for one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: String,
    /// Its address.
    pub email: Option<String>,
    /// What people call it.
    pub alias: Option<String>,
    /// What it may do with the gateway.
    pub role: Role,
    /// Its id at the identity provider.
    pub sso_user_id: Option<String>,
    /// The teams that it is in.
    #[serde(default)]
    pub teams: Vec<String>,
    /// The organisations that it is in.
    #[serde(default)]
    pub organizations: Vec<String>,
    /// What it may do and spend with its own keys.
    #[serde(default)]
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// An organisation: teams under one budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub alias: Option<String>,
    /// Who is in it, and as what.
    #[serde(default)]
    pub members: Vec<Member>,
    /// What all of it together may do.
    #[serde(default)]
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// An end user of whoever holds a key: the `user` of its requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// The name that requests give.
    pub id: String,
    /// What people call it.
    pub alias: Option<String>,
    /// The only region whose deployments may serve it.
    pub allowed_model_region: Option<String>,
    /// The model of its requests that name none.
    pub default_model: Option<String>,
    /// What it may do and spend.
    #[serde(default)]
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Entity for Team {
    const TABLE: &'static str = "teams";
    const SCOPE: Option<Scope> = Some(Scope::Team);
    const COLUMNS: &'static [&'static str] =
        &["alias", "organization_id", "blocked", "created_at", "updated_at"];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            (&self.alias).into(),
            (&self.organization_id).into(),
            self.terms.blocked.into(),
            self.created_at.into(),
            self.updated_at.into(),
        ]
    }
}

impl Entity for User {
    const TABLE: &'static str = "users";
    const SCOPE: Option<Scope> = Some(Scope::User);
    const COLUMNS: &'static [&'static str] =
        &["alias", "email", "role", "sso_user_id", "created_at", "updated_at"];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![
            (&self.alias).into(),
            (&self.email).into(),
            self.role.name().into(),
            (&self.sso_user_id).into(),
            self.created_at.into(),
            self.updated_at.into(),
        ]
    }
}

impl Entity for Organization {
    const TABLE: &'static str = "organizations";
    const SCOPE: Option<Scope> = Some(Scope::Organization);
    const COLUMNS: &'static [&'static str] = &["alias", "blocked", "created_at", "updated_at"];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![(&self.alias).into(), self.terms.blocked.into(), self.created_at.into(), self.updated_at.into()]
    }
}

impl Entity for Customer {
    const TABLE: &'static str = "customers";
    const SCOPE: Option<Scope> = Some(Scope::Customer);
    const COLUMNS: &'static [&'static str] = &["alias", "blocked", "created_at", "updated_at"];

    fn id(&self) -> String {
        self.id.clone()
    }

    fn columns(&self) -> Vec<Column> {
        vec![(&self.alias).into(), self.terms.blocked.into(), self.created_at.into(), self.updated_at.into()]
    }
}
